"""Policy backup beside the critical path of its bare requests: replayed by as many threads, each batch once the list
that it reads from has answered, and with nothing done about the answers.

python -m bench.backup [--cases 200x4,500x10] [--delays 0,50] [--rounds 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.common import machine, servers
from bench.groups_sync import _peak_megabytes as peak_megabytes

TYPES = (
    "configurationPolicies", "deviceConfigurations", "deviceManagementScripts", "conditionalAccessPolicies",
    "deviceCompliancePolicies", "deviceHealthScripts", "groupPolicyConfigurations", "mobileAppConfigurations",
    "deviceShellScripts", "termsAndConditions",
)  # fmt: skip
JSON = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="200x4,500x10")
    parser.add_argument("--delays", default="0,50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["backup", "bare"])
    options = parser.parse_args()
    if options.child:
        {"backup": _backup, "bare": _bare}[options.child]()
        return
    with servers():
        for case in options.cases.split(","):
            objects, types = map(int, case.split("x"))
            for delay in options.delays.split(","):
                _measure(objects, types, int(delay), options.rounds)


def _measure(objects: int, types: int, delay: int, rounds: int) -> None:
    results: dict[str, list[dict[str, float]]] = {"bare": [], "backup": []}
    with _sandbox(delay) as address, tempfile.NamedTemporaryFile(suffix=".jsonl") as tape:
        tenant = _tenant(address, objects, types)
        environment = os.environ | {
            "BENCH_TENANT": json.dumps(tenant),
            "BENCH_TAPE": tape.name,
            "BENCH_SANDBOX": address,
            "GRAPH_HOST_MAP": f"https://login.microsoftonline.com={address},https://graph.microsoft.com={address}",
        }
        _run("backup", environment)  # makes the sandbox build its objects, and records the requests
        for _ in range(rounds):
            for name in ("backup", "bare"):
                results[name].append(_run(name, environment))
    base = statistics.median(each["seconds"] for each in results["bare"])
    sent = results["backup"][0]
    print(f"\n{objects} objects of each of {types} types, {delay} ms ({machine()}, {rounds} rounds, medians)")
    print(f"{sent['requests']:.0f} requests, {sent['parts']:.0f} requests inside batches")
    for name, words in (("bare", "bare requests"), ("backup", "policy backup")):
        seconds = statistics.median(each["seconds"] for each in results[name])
        memory = statistics.median(each["megabytes"] for each in results[name])
        print(f"{words:24}{seconds:8.2f} s{memory:8.0f} MB peak{seconds / base:8.2f}")


def _run(child: str, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.backup", "--child", child]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _sandbox(delay: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "providers.sandbox", "--port", "0", "--state", state, "--scenario", "blank",
                   "--delay-ms", str(delay)]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield "http" + line.split("http", 1)[1].split()[0].rstrip("./")
        finally:
            process.terminate()
            process.wait()


def _tenant(address: str, objects: int, types: int) -> dict[str, Any]:
    def control(command: str, **arguments: Any) -> Any:
        answer = httpx.post(
            f"{address}/_sandbox/api/{command}", json=arguments, timeout=60
        ).raise_for_status()
        return answer.json()["result"]

    app = control("add_app")
    counts = dict.fromkeys(TYPES[:types], objects)
    there = control(
        "add_tenant", tenant="bench", client_id=app["client_id"], groups=40, policies=1, policy_counts=counts,
        throttle_intune=False,
    )  # fmt: skip
    return {"id": there["tenant_id"], "types": list(counts), "objects": objects * types, **app}


def _backup() -> None:
    import uuid
    from functools import partial

    import django

    django.setup()
    from operations import broker, execution
    from operations.models import OperationRun
    from providers import sessions
    from providers.graph.throttle import RateBudget
    from providers.graph.transport import Transport
    from tenantpilot.tenancy.capabilities import Role
    from tests import factories
    from tests.providers.backups import WIDE

    # At the provider's own limits a backup takes as long as those allow, whatever the client does.
    sessions.RateBudget = partial(RateBudget, limits=WIDE)  # type: ignore[misc, assignment]
    tenant = json.loads(os.environ["BENCH_TENANT"])
    name = f"bench-{uuid.uuid4().hex[:8]}"
    workspace = factories.make_workspace(name)
    owner = factories.make_member(workspace, Role.OWNER, username=name)
    row = factories.make_tenant(workspace, name, entra_tenant_id=tenant["id"])
    app = factories.make_app(workspace, owner, secret=tenant["client_secret"], client_id=tenant["client_id"])
    factories.make_connection(row, owner, app=app)
    broker.publish = lambda *_: True
    tape: list[dict[str, Any]] = []
    send = Transport.send

    def taped(self: Transport, method: str, url: str, **more: Any) -> Any:
        if "graph.microsoft.com" in url:
            tape.append({"method": method, "url": url, "content": (more.get("content") or b"").decode()})
        return send(self, method, url, **more)

    Transport.send = taped  # type: ignore[method-assign]
    began = time.perf_counter()
    outcome = factories.start("policy.backup", row, owner, objectTypes=tenant["types"])
    assert outcome.run is not None, outcome
    execution.execute(outcome.run.id)
    seconds = time.perf_counter() - began
    run = OperationRun.objects.get(pk=outcome.run.id)
    assert run.outcome == "succeeded", (run.outcome, run.reason_code, run.failures)
    assert sum(run.counts.values()) >= tenant["objects"], run.counts
    Path(os.environ["BENCH_TAPE"]).write_text("\n".join(map(json.dumps, tape)))
    parts = sum(len(json.loads(each["content"])["requests"]) for each in tape if each["content"])
    figures = {"seconds": seconds, "megabytes": peak_megabytes(), "requests": len(tape), "parts": parts}
    print(json.dumps(figures))


@dataclass
class _Chain:
    """The pages of one list, and the batches that read what is in it."""

    pages: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)


def _chains(tape: list[dict[str, Any]]) -> dict[str, _Chain]:
    """The recorded requests by the path of their list; batches that belong to none stand under the empty path."""
    chains: dict[str, _Chain] = {}
    for each in tape:
        if each["method"] == "GET":
            path = each["url"].partition("?")[0].partition("graph.microsoft.com/")[2].partition("/")[2]
            chains.setdefault(path, _Chain()).pages.append(each)
    for each in tape:
        if each["method"] == "POST":
            inside = json.loads(each["content"])["requests"][0]["url"].lstrip("/")
            path = next((path for path in chains if path and inside.startswith(f"{path}/")), "")
            chains.setdefault(path, _Chain()).batches.append(each)
    return chains


def _bare() -> None:
    from providers.objects.pipeline import LISTS, WORKERS

    address, tenant = os.environ["BENCH_SANDBOX"], json.loads(os.environ["BENCH_TENANT"])
    tape = [json.loads(line) for line in Path(os.environ["BENCH_TAPE"]).read_text().splitlines()]
    form = {
        "grant_type": "client_credentials",
        "client_id": tenant["client_id"],
        "client_secret": tenant["client_secret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    chains = _chains(tape)
    with httpx.Client(trust_env=False, timeout=60) as http:
        began = time.perf_counter()
        token = http.post(f"{address}/{tenant['id']}/oauth2/v2.0/token", data=form).json()["access_token"]
        headers = JSON | {"Authorization": f"Bearer {token}"}

        def ask(each: dict[str, Any]) -> None:
            url = each["url"].replace("https://graph.microsoft.com", address)
            http.request(each["method"], url, headers=headers, content=each["content"]).raise_for_status()

        with ThreadPoolExecutor(LISTS) as lists, ThreadPoolExecutor(WORKERS) as batches:

            def follow(chain: _Chain) -> list[Any]:
                for each in chain.pages:
                    ask(each)
                return [batches.submit(ask, each) for each in chain.batches]

            for listed in [lists.submit(follow, chain) for path, chain in chains.items() if path]:
                for done in listed.result():
                    done.result()
        # What ids lead to is known last.
        for each in chains[""].batches if "" in chains else ():
            ask(each)
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}))


if __name__ == "__main__":
    main()
