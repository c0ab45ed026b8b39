"""Execution of a restore beside its bare requests: the same ones in the same order on one connection, with new ids put
in, and with nothing noted, compared or verified.

python -m bench.restore [--objects 60] [--delays 0,50] [--rounds 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from bench.backup import _sandbox as sandbox
from bench.common import machine, servers
from bench.groups_sync import _peak_megabytes as peak_megabytes

TYPES = ("configurationPolicies", "deviceConfigurations", "deviceCompliancePolicies")
JSON = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=60, help="of each of three types")
    parser.add_argument("--delays", default="0,50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["restore", "bare"])
    options = parser.parse_args()
    if options.child:
        {"restore": _restore, "bare": _bare}[options.child]()
        return
    with servers():
        for delay in options.delays.split(","):
            _measure(options.objects, int(delay), options.rounds)


def _measure(objects: int, delay: int, rounds: int) -> None:
    results: dict[str, list[dict[str, float]]] = {"restore": [], "bare": []}
    for _ in range(rounds):
        # A restore makes new objects under new ids, so each round has a tenant of its own.
        with sandbox(delay) as address, tempfile.NamedTemporaryFile(suffix=".jsonl") as tape:
            environment = os.environ | {
                "BENCH_TENANT": json.dumps(_tenant(address, objects)),
                "BENCH_TAPE": tape.name,
                "BENCH_SANDBOX": address,
                "GRAPH_HOST_MAP": f"https://login.microsoftonline.com={address},https://graph.microsoft.com={address}",
            }
            for name, found in results.items():
                found.append(_run(name, environment))
    base = statistics.median(each["seconds"] for each in results["bare"])
    sent = results["restore"][0]
    print(
        f"\n{objects * len(TYPES)} objects created and assigned, {delay} ms ({machine()}, {rounds} rounds, medians)"
    )
    print(
        f"{sent['requests']:.0f} requests, {sent['writes']:.0f} of them writes; {sent['parts']:.0f} inside batches"
    )
    for name, words in (("bare", "bare requests"), ("restore", "restore.execute")):
        seconds = statistics.median(each["seconds"] for each in results[name])
        memory = statistics.median(each["megabytes"] for each in results[name])
        print(f"{words:24}{seconds:8.2f} s{memory:8.0f} MB peak{seconds / base:8.2f}")


def _run(child: str, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.restore", "--child", child]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _control(address: str, command: str, **arguments: Any) -> Any:
    answer = httpx.post(f"{address}/_sandbox/api/{command}", json=arguments, timeout=120).raise_for_status()
    return answer.json()["result"]


def _tenant(address: str, objects: int) -> dict[str, Any]:
    from providers.sandbox.data import permission_profile

    app = _control(address, "add_app", permissions=permission_profile("restore"))
    there = _control(
        address, "add_tenant", tenant="bench", client_id=app["client_id"], groups=40, policies=1,
        policy_counts=dict.fromkeys(TYPES, objects), throttle_intune=False,
    )  # fmt: skip
    return {"id": there["tenant_id"], **app}


def _wipe(address: str) -> None:
    for key in TYPES:
        _control(address, "wipe", tenant="bench", kind=key)


def _restore() -> None:
    import uuid

    import django

    django.setup()
    from operations import broker
    from providers.graph.throttle import LIMITS, ServiceLimits
    from providers.graph.transport import Transport
    from providers.sandbox.data import permission_profile
    from tenantpilot.tenancy.capabilities import Role
    from tests import factories
    from tests.providers.conftest import Live
    from tests.providers.restoring import back_up, draft, execute, preview

    # At the provider's own limit of 100 writes in 20 s a restore takes as long as that allows.
    LIMITS.update(dict.fromkeys(LIMITS, ServiceLimits(window=1, initial=10_000, highest=10_000)))  # type: ignore[attr-defined]
    broker.publish = lambda *_: True
    tenant, address = json.loads(os.environ["BENCH_TENANT"]), os.environ["BENCH_SANDBOX"]
    name = f"bench-{uuid.uuid4().hex[:8]}"
    workspace = factories.make_workspace(name)
    owner = factories.make_member(workspace, Role.OWNER, username=name)
    row = factories.make_tenant(workspace, name, entra_tenant_id=tenant["id"])
    app = factories.make_app(workspace, owner, secret=tenant["client_secret"], client_id=tenant["client_id"])
    connection = factories.make_connection(row, owner, app=app)
    connection.granted_permissions = permission_profile("restore")
    connection.save(update_fields=["granted_permissions"])
    live = Live(None, "bench", row, connection, owner, "", "")  # type: ignore[arg-type]  # the sandbox is elsewhere
    backup = back_up(live, *TYPES)
    _wipe(address)
    made = draft(live, backup, state_as_backed_up=True)
    preview(live, made)
    tape: list[dict[str, Any]] = []
    send = Transport.send

    def taped(self: Transport, method: str, url: str, **more: Any) -> Any:
        reply = send(self, method, url, **more)
        if "graph.microsoft.com" in url:
            content = (more.get("content") or b"").decode()
            answer = json.loads(reply.content) if reply.status == 201 and reply.content else {}
            tape.append({"method": method, "url": url, "content": content, "made": answer.get("id", "")})
        return reply

    Transport.send = taped  # type: ignore[method-assign]
    began = time.perf_counter()
    run = execute(live, made)
    seconds = time.perf_counter() - began
    assert run.outcome == "succeeded", (run.outcome, run.reason_code, run.failures)
    Path(os.environ["BENCH_TAPE"]).write_text("\n".join(map(json.dumps, tape)))
    batches = [each for each in tape if each["url"].endswith("$batch")]
    figures = {
        "seconds": seconds,
        "megabytes": peak_megabytes(),
        "requests": len(tape),
        "writes": sum(each["method"] != "GET" for each in tape) - len(batches),
        "parts": sum(len(json.loads(each["content"])["requests"]) for each in batches),
    }
    print(json.dumps(figures))


def _bare() -> None:
    address, tenant = os.environ["BENCH_SANDBOX"], json.loads(os.environ["BENCH_TENANT"])
    tape = [json.loads(line) for line in Path(os.environ["BENCH_TAPE"]).read_text().splitlines()]
    _wipe(address)
    form = {
        "grant_type": "client_credentials",
        "client_id": tenant["client_id"],
        "client_secret": tenant["client_secret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    ids: dict[str, str] = {}
    with httpx.Client(trust_env=False, timeout=60) as http:
        began = time.perf_counter()
        token = http.post(f"{address}/{tenant['id']}/oauth2/v2.0/token", data=form).json()["access_token"]
        headers = JSON | {"Authorization": f"Bearer {token}"}
        for each in tape:
            url = each["url"].replace("https://graph.microsoft.com", address)
            answer = http.request(
                each["method"], _new(url, ids), headers=headers, content=_new(each["content"], ids)
            ).raise_for_status()
            if each["made"]:
                ids[each["made"]] = answer.json()["id"]
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}))


def _new(text: str, ids: dict[str, str]) -> str:
    """The text with the id of the object that it is about: the one made last."""
    for old in list(ids)[-1:]:
        text = text.replace(old, ids[old])
    return text


if __name__ == "__main__":
    main()
