"""`python -m providers.sandbox.ctl`: change and inspect a sandbox that is running."""

import argparse
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from providers.sandbox.ctl_objects import add_object_commands

DEFAULT_URL = "http://127.0.0.1:8400"
Arguments = argparse.Namespace


def call(url: str, command: str, arguments: dict[str, Any]) -> Any:
    """The result of one command; raises SystemExit with the sandbox's own words when it refuses."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise SystemExit(f"The address of the sandbox must be http or https: {url}")
    request = urllib.request.Request(  # noqa: S310
        f"{url.rstrip('/')}/_sandbox/api/{command}",
        json.dumps(arguments).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.load(answer)["result"]
    except urllib.error.HTTPError as refused:
        raise SystemExit(json.load(refused)["error"]) from None
    except urllib.error.URLError as failed:
        raise SystemExit(f"No sandbox answers at {url}: {failed.reason}") from None


def tenants_table(tenants: list[dict[str, Any]]) -> str:
    lines = []
    for facts in tenants:
        notes = [] if facts["reachable"] else ["unreachable"]
        if not facts["consented"]:
            notes.append("no consent")
        elif facts["missing"]:
            notes.append(f"not granted: {', '.join(facts['missing'])}")
        lines.append(f"{facts['tenant']:<12}{facts['groups']:>8,} groups  {'; '.join(notes) or 'fine'}")
    return "\n".join(lines)


def log_table(given: Arguments) -> str:
    entries = call(given.url, "log", {"tenant": given.tenant, "limit": given.limit})
    counts = call(given.url, "counts", {"tenant": given.tenant})
    lines = [f"{entry['status'] or 'cut':>4} {entry['method']:<6} {entry['path']}" for entry in entries]
    total = ", ".join(f"{status}: {number}" for status, number in counts.items())
    return "\n".join([*lines, f"answers by status: {total or 'none'}"])


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m providers.sandbox.ctl", description=__doc__)
    found.add_argument("--url", default=os.environ.get("GRAPH_SANDBOX_URL", DEFAULT_URL))
    commands = found.add_subparsers(dest="command", required=True, metavar="command")

    def command(
        name: str, words: str, *names: str, run: Callable[[Arguments], Any]
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=words)
        for argument in names:
            made.add_argument(argument)
        made.set_defaults(run=run)
        return made

    def send(name: str, *names: str) -> Callable[[Arguments], Any]:
        return lambda given: call(given.url, name, {item: getattr(given, item) for item in names})

    command(
        "tenants",
        "list tenants and their state",
        run=lambda given: tenants_table(call(given.url, "tenants", {})),
    )
    command("tenant", "all facts of one tenant", "tenant", run=send("tenant", "tenant"))
    command("count", "number of groups", "tenant", run=send("count", "tenant"))
    command("consent", "grant what the app registered", "tenant", run=send("consent", "tenant"))
    for name, words in (
        ("grant", "grant application permissions, or the profile read or restore"),
        ("revoke", "take permissions or all consent back"),
    ):
        made = command(name, words, "tenant", run=send(name, "tenant", "permissions"))
        made.add_argument("permissions", nargs="+" if name == "grant" else "*")
    register = command(
        "register", "add permissions to the set that the app registers", "tenant",
        run=send("register", "tenant", "client_id", "permissions"),
    )  # fmt: skip
    register.add_argument("permissions", nargs="+")
    register.add_argument("--client-id", dest="client_id")
    certificate = command(
        "add-certificate", "upload a certificate (PEM file) to an app registration", "tenant", "file",
        run=lambda given: call(
            given.url, "add_certificate",
            {"tenant": given.tenant, "client_id": given.client_id,
             "certificate_pem": Path(given.file).read_text(encoding="ascii")},
        ),
    )  # fmt: skip
    certificate.add_argument("--client-id", dest="client_id")
    command("reach", "make a tenant reachable", "tenant", run=send("reach", "tenant"))
    unreach = command("unreach", "make a tenant unreachable", "tenant", run=send("unreach", "tenant", "mode"))
    unreach.add_argument("--mode", choices=("close", "hang"), default="close")
    command("add-secret", "add a client secret and print it", "tenant", run=send("add_secret", "tenant"))
    command("replace-secret", "replace all client secrets", "tenant", run=send("replace_secret", "tenant"))
    command("expire-secrets", "let the client secrets expire", "tenant", run=send("expire_secrets", "tenant"))
    command("add-group", "create a group", "tenant", "name", run=send("add_group", "tenant", "name"))
    command(
        "rename-group", "rename a group", "tenant", "group", "name",
        run=send("rename_group", "tenant", "group", "name"),
    )  # fmt: skip
    command("delete-group", "delete a group", "tenant", "group", run=send("delete_group", "tenant", "group"))
    throttle = command(
        "throttle", "set a limit in resource units", "tenant",
        run=send("throttle", "tenant", "units", "window_s", "retry_after"),
    )  # fmt: skip
    throttle.add_argument("units", type=int)
    throttle.add_argument("--window", dest="window_s", type=float, default=10.0)
    throttle.add_argument(
        "--retry-after", choices=("seconds", "fraction", "zero", "missing"), default="seconds"
    )
    command(
        "set", "change a switch; the value is JSON", "tenant", "name", "value",
        run=lambda given: call(
            given.url, "set", {"tenant": given.tenant, "name": given.name, "value": json.loads(given.value)}
        ),
    )  # fmt: skip
    command("reset-deltas", "let delta links answer 410", "tenant", run=send("reset_deltas", "tenant"))
    command("expire-tokens", "let access tokens be expired", "tenant", run=send("expire_tokens", "tenant"))
    command(
        "fault", "add a failure script, as JSON", "script",
        run=lambda given: call(given.url, "fault", json.loads(given.script)),
    )  # fmt: skip
    command("faults", "list failure scripts", run=send("faults"))
    command("clear-faults", "remove failure scripts", run=send("clear_faults"))
    add_object_commands(command, call)
    log = command("log", "recent requests and answers by status", run=log_table)
    log.add_argument("tenant", nargs="?")
    log.add_argument("--limit", type=int, default=20)
    reset = command("reset", "back to the start", run=send("reset", "tenant"))
    reset.add_argument("tenant", nargs="?")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    given = parser().parse_args(arguments)
    try:
        result = given.run(given)
    except json.JSONDecodeError as error:
        raise SystemExit(f"That is not JSON: {error}") from None
    if result is not None:
        print(result if isinstance(result, str) else json.dumps(result, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
