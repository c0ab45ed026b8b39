"""Inventory sync of a large tenant beside "download the same pages with httpx and COPY them", with peak memory.

python -m bench.inventory [--policies 5000] [--apps 5000] [--devices 50000] [--rounds 3]

Each is a process of its own; the second sync finds everything as it was.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import uuid
from typing import Any

from bench.common import machine, servers
from bench.groups_sync import _peak_megabytes, _sandbox

POLICIES, APPS, DEVICES = "deviceConfigurations", "mobileApps", "managedDevices"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=5_000)
    parser.add_argument("--apps", type=int, default=5_000)
    parser.add_argument("--devices", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=["sync", "copy"])
    options = parser.parse_args()
    if options.child:
        print(
            json.dumps((_sync if options.child == "sync" else _copy)(json.loads(os.environ["BENCH_TENANT"])))
        )
        return
    with servers(), _sandbox(10) as address:
        _measure(address, options)


def _measure(address: str, options: argparse.Namespace) -> None:
    tenant = _tenant(address, options)
    environment = os.environ | {
        "BENCH_TENANT": json.dumps(tenant),
        "GRAPH_HOST_MAP": f"https://login.microsoftonline.com={address},https://graph.microsoft.com={address}",
    }
    _run("copy", environment)  # the first reader makes the sandbox build its objects
    found: dict[str, list[dict[str, float]]] = {"copy": [], "sync": []}
    for _ in range(options.rounds):
        for name, results in found.items():
            results.append(_run(name, environment))
    base = statistics.median(each["seconds"] for each in found["copy"])
    sizes = f"{options.policies:,} policies, {options.apps:,} apps, {options.devices:,} devices"
    print(f"\n{sizes} ({machine()}, {options.rounds} rounds, medians)")
    for name, key, words in (
        ("copy", "seconds", "httpx pages + COPY"),
        ("sync", "seconds", "first inventory sync"),
        ("sync", "again", "sync of the same again"),
    ):
        seconds = statistics.median(each[key] for each in found[name])
        memory = statistics.median(each["megabytes"] for each in found[name])
        print(f"{words:24}{seconds:8.2f} s{memory:8.0f} MB peak{seconds / base:8.2f}")


def _tenant(address: str, options: argparse.Namespace) -> dict[str, Any]:
    """A tenant in the sandbox with an app that may read it."""
    import httpx

    def ask(command: str, **arguments: Any) -> Any:
        answer = httpx.post(f"{address}/_sandbox/api/{command}", json=arguments, timeout=60)
        return answer.raise_for_status().json()["result"]

    app = ask("add_app")
    counts = {POLICIES: options.policies, APPS: options.apps}
    sizes = {"policies": 0, "policy_counts": counts, "devices": options.devices, "groups": 10}
    there = ask("add_tenant", tenant="bench", client_id=app["client_id"], **sizes)
    keys = {"address": address, "tenant_id": there["tenant_id"]}
    return keys | {name: app[name] for name in ("client_id", "client_secret")}


def _run(child: str, environment: dict[str, str]) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.inventory", "--child", child]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def _sync(tenant: dict[str, Any]) -> dict[str, float]:
    import django

    django.setup()
    from operations import broker, execution
    from operations.models import OperationRun
    from tenantpilot.tenancy.capabilities import Role
    from tests import factories

    name = f"bench-{uuid.uuid4().hex[:8]}"
    workspace = factories.make_workspace(name)
    owner = factories.make_member(workspace, Role.OWNER, username=name)
    row = factories.make_tenant(workspace, name, entra_tenant_id=tenant["tenant_id"])
    app = factories.make_app(workspace, owner, secret=tenant["client_secret"], client_id=tenant["client_id"])
    factories.make_connection(row, owner, app=app)
    broker.publish = lambda *_: True

    def timed() -> float:
        began = time.perf_counter()
        outcome = factories.start("inventory.sync", row, owner)
        assert outcome.run is not None, outcome
        execution.execute(outcome.run.id)
        run = OperationRun.objects.get(pk=outcome.run.id)
        assert run.outcome == "succeeded", (run.outcome, run.reason_code, run.failures)
        return time.perf_counter() - began

    return {"seconds": timed(), "again": timed(), "megabytes": _peak_megabytes()}


def _copy(tenant: dict[str, Any]) -> dict[str, float]:
    import django
    import httpx
    import orjson
    import psycopg

    django.setup()
    from providers.catalogue import AssignmentsRead
    from providers.inventory.types import INVENTORY_TYPES

    address, began = tenant["address"], time.perf_counter()
    form = {
        "grant_type": "client_credentials",
        "client_id": tenant["client_id"],
        "client_secret": tenant["client_secret"],
        "scope": "https://graph.microsoft.com/.default",
    }
    with (
        httpx.Client(trust_env=False, timeout=120) as http,
        psycopg.connect(os.environ["DATABASE_URL"]) as database,
    ):
        answer = http.post(f"{address}/{tenant['tenant_id']}/oauth2/v2.0/token", data=form)
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        database.execute("CREATE TEMP TABLE copied (type text, id text, name text, listed jsonb)")
        with database.cursor().copy("COPY copied FROM STDIN") as copy:
            for kind in INVENTORY_TYPES:
                query = kind.listing.options()
                if not (kind.assignments and kind.assignments.read is AssignmentsRead.LIST):
                    query.pop("$expand", None)
                link: str | None = str(httpx.URL(f"{address}/{kind.version}{kind.path}", params=query))
                while link:
                    page = orjson.loads(http.get(link).raise_for_status().content)
                    for item in page["value"]:
                        copy.write_row(
                            (kind.key, item["id"], item.get(kind.name), orjson.dumps(item).decode())
                        )
                    link = page.get("@odata.nextLink")
    return {"seconds": time.perf_counter() - began, "megabytes": _peak_megabytes()}


if __name__ == "__main__":
    main()
