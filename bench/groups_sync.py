"""Groups sync beside "download the pages with httpx and COPY them", each in a process of its own, with peak memory.

python -m bench.groups_sync [--sizes 10000,100000,200000] [--rounds 3]
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.common import machine, servers

TENANT = "proseware"
DEMO = Path(__file__).parent.parent / "tenantpilot" / "quickstart" / "demo_data.json"
SELECT = (
    "id,displayName,description,groupTypes,mailEnabled,securityEnabled,membershipRule,isAssignableToRole,"
    "onPremisesSyncEnabled,createdDateTime"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="10000,100000,200000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["sync", "copy"])
    options = parser.parse_args()
    if options.child:
        _child(options.child)
        return
    with servers():
        for size in options.sizes.split(","):
            _measure(int(size), options.rounds)


def _measure(size: int, rounds: int) -> None:
    results: dict[str, list[dict[str, float]]] = {"copy": [], "sync": []}
    with _sandbox(size) as address:
        environment = os.environ | {
            "BENCH_SANDBOX": address,
            "GRAPH_HOST_MAP": f"https://login.microsoftonline.com={address},https://graph.microsoft.com={address}",
        }
        _run("copy", environment)  # the first reader makes the sandbox build its pages
        for _ in range(rounds):
            for name, found in results.items():
                found.append(_run(name, environment))
    base = statistics.median(each["seconds"] for each in results["copy"])
    print(f"\n{size:,} groups ({machine()}, {rounds} rounds, medians)")
    for name, words in (("copy", "httpx pages + COPY"), ("sync", "groups sync")):
        seconds = statistics.median(each["seconds"] for each in results[name])
        memory = statistics.median(each["megabytes"] for each in results[name])
        print(f"{words:24}{seconds:8.2f} s{memory:8.0f} MB peak{seconds / base:8.2f}")


def _run(child: str, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.groups_sync", "--child", child]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def _sandbox(size: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as state:
        command = [sys.executable, "-m", "providers.sandbox", "--port", "0", "--state", state, "--scenario", "demo",
                   "--scale", f"{TENANT}={size}"]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield "http" + line.split("http", 1)[1].split()[0].rstrip("./")
        finally:
            process.terminate()
            process.wait()


def _child(name: str) -> None:
    demo = json.loads(DEMO.read_text())
    tenant = next(each for each in demo["tenants"] if each["slug"] == TENANT)
    app = next(each for each in demo["app_registrations"] if each["key"] == tenant["app_registration"])
    work = _sync(tenant, app) if name == "sync" else _copy(tenant, app)
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "megabytes": _peak_megabytes()}))


def _peak_megabytes() -> float:
    """Return the peak of this program alone; getrusage would count the parent's at the fork."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024


def _sync(tenant: dict[str, Any], app: dict[str, Any]) -> Any:
    import uuid

    import django

    django.setup()
    from django.db import connection

    from operations import broker, execution
    from operations.models import OperationRun
    from providers.models import DirectoryGroup
    from tenantpilot.tenancy.capabilities import Role
    from tests import factories

    workspace = factories.make_workspace(f"bench-{uuid.uuid4().hex[:8]}")
    owner = factories.make_member(workspace, Role.OWNER, username=f"bench-{uuid.uuid4().hex[:8]}")
    row = factories.make_tenant(
        workspace, f"bench-{uuid.uuid4().hex[:8]}", entra_tenant_id=tenant["entra_tenant_id"]
    )
    registration = factories.make_app(
        workspace, owner, secret=app["client_secret"], client_id=app["client_id"]
    )
    factories.make_connection(row, owner, app=registration)
    broker.publish = lambda *_: True

    def work() -> None:
        outcome = factories.start("directory.groups.sync", row, owner)
        assert outcome.run is not None, outcome
        execution.execute(outcome.run.id)
        run = OperationRun.objects.get(pk=outcome.run.id)
        assert run.outcome == "succeeded", (run.outcome, run.reason_code, run.reason_facts)
        assert DirectoryGroup.objects.filter(collection__tenant=row).exists()
        connection.close()

    return work


def _copy(tenant: dict[str, Any], app: dict[str, Any]) -> Any:
    import httpx
    import orjson
    import psycopg

    address = os.environ["BENCH_SANDBOX"]
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "scope": "https://graph.microsoft.com/.default",
    }

    def work() -> None:
        with (
            httpx.Client(trust_env=False, timeout=60) as http,
            psycopg.connect(os.environ["DATABASE_URL"]) as database,
        ):
            answer = http.post(f"{address}/{tenant['entra_tenant_id']}/oauth2/v2.0/token", data=form)
            http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            http.headers["Accept-Encoding"] = "gzip"
            database.execute(
                "CREATE TEMP TABLE copied (id text, name text, description text, types text[], mail bool,"
                " security bool, rule text, assignable bool, synced bool, created timestamptz)"
            )
            link: str | None = f"{address}/v1.0/groups/delta?$select={SELECT}"
            with database.cursor().copy("COPY copied FROM STDIN") as copy:
                while link:
                    page = orjson.loads(http.get(link).raise_for_status().content)
                    for group in page["value"]:
                        copy.write_row([group.get(name) for name in SELECT.split(",")])
                    link = page.get("@odata.nextLink")

    return work


if __name__ == "__main__":
    main()
