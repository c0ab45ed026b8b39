"""Lists at size: 1,000,000 runs, 10,000 tenants, 1,000,000 audit entries; people with few, many and all tenants.

``python -m bench.lists [runs] [tenants]``. Each page is asked in process, as a signed-in person; SQL is the time of its
statements, all of them together. The same pages are asked over 10,000 runs first: the ratio is what size costs.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench.common import machine, p, servers
from bench.permissions import _fill, _sync

FEW_RUNS = 10_000
TIMES = 25
SQL_GOAL, PAGE_GOAL, RATIO_GOAL = 25, 100, 1.3
PAGES = {
    "runs, newest": "/admin/operations",
    "runs, page 2": "/admin/operations?after=W05PV10",
    "runs, failed": "/admin/operations?state=failed",
    "runs, running": "/admin/operations?state=active",
    "runs, of one tenant": "/admin/operations?tenant=TENANT",
    "tenants": "/admin/tenants",
    "tenants, no access": "/admin/tenants?health=down",
    "tenants, search": "/admin/tenants?q=Tenant+042",
    "audit": "/admin/audit",
    "audit, of one act": "/admin/audit?action=member.disabled",
}

_CONNECTIONS = """
WITH app AS (
  INSERT INTO providers_appregistration (workspace_id, name, cloud, client_id, purpose, credential_kind,
    credential_encrypted, certificate_pem, credential_version, created_at)
  SELECT id, 'Bench', 'global', gen_random_uuid(), 'read', 'secret', 'x', '', 0, now() FROM tenancy_workspace
  WHERE slug = 'bench' RETURNING id)
INSERT INTO providers_providerconnection (tenant_id, app_registration_id, provider, label, is_default, enabled,
  credential_state, consent_state, consent_version, granted_permissions, service_plans, checked_at, verified_at,
  fault_code, fault_facts, facts_fence, created_at)
SELECT t.id, app.id, 'microsoft', 'Bench', true, true, 'valid',
  CASE WHEN t.id %% 20 = 0 THEN 'revoked' ELSE 'granted' END, 0, '{}', '{}', now(), now(), '', '{}', 0, now()
FROM tenancy_tenant t, app
"""
# Some tenants run far more than others, and one run in fifty failed.
_RUNS = """
INSERT INTO operations_operationrun (tenant_id, connection_id, operation_type, op_key, identity, scope_key, params,
  origin, status, outcome, attempt, initiator_id, created_at, started_at, completed_at)
SELECT c.tenant_id, c.id, CASE WHEN n %% 3 = 0 THEN 'provider.connection.check' ELSE 'directory.groups.sync' END,
  md5(n::text), '{}', 'connection:' || c.id, '{}', 'console', 'completed',
  CASE WHEN n %% 50 = 0 THEN 'failed' ELSE 'succeeded' END, 1, NULL, at, at, at
FROM generate_series(%(start)s::bigint, %(end)s::bigint) n
CROSS JOIN LATERAL (SELECT now() - (%(end)s::bigint - n) * interval '20 seconds' AS at) times
JOIN LATERAL (SELECT floor(power(random(), 2) * %(tenants)s::int)::int + n * 0 AS place) spread ON true
JOIN bench_places b ON b.place = spread.place
JOIN providers_providerconnection c ON c.id = b.connection_id
"""
_AUDIT = """
INSERT INTO audit_auditentry (at, workspace_id, tenant_id, actor_id, action, surface, ip, request_id, object_kind,
  object_id, object_label, before, after, reason_code, facts)
SELECT now() - (%(count)s::bigint - n) * interval '10 seconds', t.workspace_id, t.id, NULL,
  CASE WHEN n %% 1000 = 0 THEN 'member.disabled' ELSE 'start.blocked' END, 'console', '10.0.0.1', '', 'connection',
  '1', 'Bench', '{}', '{}', 'provider.consent_revoked', '{}'
FROM generate_series(1, %(count)s::bigint) n
JOIN bench_places b ON b.place = (n * 7919) %% %(tenants)s::int JOIN tenancy_tenant t ON t.id = b.tenant_id
"""


def main(runs: int, tenants: int) -> None:
    with servers():
        from tenantpilot.tenancy.models import User

        chosen = _fill(tenants, 20)
        _sync()
        _sql(_CONNECTIONS)
        _sql(
            "CREATE TABLE bench_places AS SELECT (row_number() OVER (ORDER BY tenant_id) - 1)::int AS place,"
            " tenant_id, id AS connection_id FROM providers_providerconnection"
        )
        _sql("CREATE UNIQUE INDEX ON bench_places (place)")
        persons = {name: User.objects.get(pk=pk) for name, pk in sorted(chosen.items())}
        _grow(1, FEW_RUNS, tenants)
        small = _all(persons)
        _grow(FEW_RUNS + 1, runs, tenants)
        _show(small, _all(persons), runs, tenants)


def _grow(start: int, end: int, tenants: int) -> None:
    began = time.perf_counter()
    # The rules and the chain cost a row each what they cost a start; they are not what is measured here.
    with _replica():
        _sql(_RUNS, {"start": start, "end": end, "tenants": tenants})
        _sql(_AUDIT, {"count": end - start + 1, "tenants": tenants})
    _sql("VACUUM ANALYZE")
    print(f"{end:,} runs and audit entries written, {time.perf_counter() - began:.0f} s", flush=True)


@contextmanager
def _replica() -> Iterator[None]:
    _sql("SET session_replication_role = replica")
    yield
    _sql("SET session_replication_role = DEFAULT")


def _sql(statement: str, params: dict[str, Any] | None = None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(statement if params is not None else statement.replace("%%", "%"), params)
        cursor.execute("SET statement_timeout = 5000")


Figures = dict[tuple[str, str], tuple[list[float], list[float]]]


def _all(persons: dict[str, Any]) -> Figures:
    figures: Figures = {}
    for person, user in persons.items():
        client, values = _client(user), _values(user)
        for page, url in PAGES.items():
            for key, value in values.items():
                url = url.replace(key, value)
            figures[person, page] = _ask(client, url)
    return figures


def _client(user: Any) -> Any:
    from django.test import Client

    client = Client()
    client.force_login(user)
    return client


def _values(user: Any) -> dict[str, str]:
    """A place some pages down, and a tenant of this person."""
    from operations import selectors
    from tenantpilot.console.paging import _write
    from tenantpilot.tenancy.models import Tenant
    from tenantpilot.tenancy.permissions import visible_to

    reach = selectors.reach_of(user, selectors.RunFilter())
    ids = selectors.run_ids(reach, selectors.RunFilter(), limit=51)
    tenant = visible_to(Tenant.objects.all(), user).order_by("id").first()
    return {
        "W05PV10": _write({"id": ids[-1] if ids else 1}, ("id",)),
        "TENANT": tenant.slug if tenant else "",
    }


def _ask(client: Any, url: str) -> tuple[list[float], list[float]]:
    """How long page and SQL took, in milliseconds, each time; the first three warm up."""
    from django.db import connection

    pages, statements, spent = [], [], [0.0]

    def timed(execute: Any, *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            spent[0] += time.perf_counter() - began

    for turn in range(TIMES + 3):
        spent[0] = 0.0
        began = time.perf_counter()
        with connection.execute_wrapper(timed):
            answer = client.get(url)
        took = time.perf_counter() - began
        if answer.status_code == 403:
            return [], []
        assert answer.status_code == 200, (url, answer.status_code)
        if turn >= 3:
            pages.append(took * 1000)
            statements.append(spent[0] * 1000)
    return pages, statements


def _show(small: Figures, large: Figures, runs: int, tenants: int) -> None:
    print(f"\nLists over {runs:,} runs and audit entries, {tenants:,} tenants ({machine()})")
    print(f"{'page':24}{'who sees':>16}{'SQL p50':>9}{'p95':>8}{'page p50':>10}{'p95':>8}{'growth':>8}")
    missed = []
    for (person, page), (pages, statements) in large.items():
        if not pages:
            continue
        growth = statistics.median(pages) / statistics.median(small[person, page][0])
        line = (
            f"{page:24}{person:>16}{statistics.median(statements):9.1f}{p(statements, 95):8.1f}"
            f"{statistics.median(pages):10.1f}{p(pages, 95):8.1f}{growth:8.2f}"
        )
        print(line)
        if p(statements, 95) > SQL_GOAL or p(pages, 95) > PAGE_GOAL or growth > RATIO_GOAL:
            missed.append(f"{page}, {person}")
    print(
        f"goals: SQL p95 {SQL_GOAL} ms, page p95 {PAGE_GOAL} ms, growth {RATIO_GOAL}; missed: {missed or 'none'}"
    )


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    main(*(numbers + [1_000_000, 10_000][len(numbers) :]))
