"""The audit log under the reader's rights: entries and starts of runs, each newest first by its own id.

The two are read side by side and merged by time; a place in the list is a place in both. So a page costs two index
scans, however long the log is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from operations import registry
from operations.models import OperationRun, RunEvent
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import Tenant, User
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to, workspaces_with

FEW_TENANTS = 300
MAX_MATCHES = 200
NEWEST = 2**63 - 1

_LATERAL = """
SELECT r.id FROM unnest(%(tenants)s::bigint[]) AS t(id) CROSS JOIN LATERAL (
  SELECT r.id FROM operations_operationrun r WHERE r.tenant_id = t.id AND {where} ORDER BY r.id {order} LIMIT %(limit)s
) r ORDER BY r.id {order} LIMIT %(limit)s
"""
_SCAN = """
SELECT r.id FROM operations_operationrun r WHERE r.tenant_id = ANY(%(tenants)s::bigint[]) AND {where}
ORDER BY r.id {order} LIMIT %(limit)s
"""
_MINE = """(audit_auditentry.tenant_id = ANY(%s::bigint[])
  OR (audit_auditentry.tenant_id IS NULL AND audit_auditentry.workspace_id = ANY(%s::bigint[])))"""
START = "run.started"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose log a person reads: of these tenants, and of these workspaces what belongs to no single tenant."""

    tenants: tuple[int, ...]
    workspaces: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to list. ``action`` is an entry's code or START; ``since`` is included and ``until`` is not."""

    action: str = ""
    person: str = ""
    tenant: str = ""
    workspace: str = ""
    since: datetime | None = None
    until: datetime | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place between rows: ids below these are older. ``backwards`` asks for what is newer."""

    entry: int = NEWEST
    run: int = NEWEST
    backwards: bool = False

    @classmethod
    def before(cls, rows: list[Row], place: "Place") -> "Place":
        """The place below these rows, which were read down from ``place``."""
        return cls(min(_ids(rows, "entry"), default=place.entry), min(_ids(rows, "run"), default=place.run))

    @classmethod
    def above(cls, rows: list[Row], place: "Place") -> "Place":
        """The place on top of these rows, which were read up from ``place``."""
        entry = max(_ids(rows, "entry"), default=place.entry - 1) + 1
        return cls(entry, max(_ids(rows, "run"), default=place.run - 1) + 1)


def reach_of(user: User, workspace: str = "") -> Reach:
    """Find out whose log this person reads; both parts are empty for who may read none."""
    tenants = visible_to(Tenant.objects.all(), user, capability=Capability.VIEW_AUDIT)
    workspaces = workspaces_with(user, Capability.VIEW_AUDIT) & workspaces_visible_to(user)
    if workspace:
        tenants, workspaces = tenants.filter(workspace__slug=workspace), workspaces.filter(slug=workspace)
    return Reach(tuple(tenants.values_list("id", flat=True)), tuple(workspaces.values_list("id", flat=True)))


def rows_at(reach: Reach, wanted: Wanted, place: Place, limit: int) -> list[Row]:
    """Up to ``limit`` rows below ``place``, newest first; or, for a backwards place, those above it, oldest first."""
    people = _people(wanted.person) if wanted.person else None
    entries = _entries(reach, wanted, people, place, limit)
    runs = _runs(_run_ids(reach, wanted, people, place, limit))
    merged: list[Row] = []
    while (entries or runs) and len(merged) < limit:
        merged.append(_next(entries, runs, backwards=place.backwards))
    return merged


def _next(entries: list[Row], runs: list[Row], *, backwards: bool) -> Row:
    if not entries or not runs:
        return (entries or runs).pop(0)
    entry_first = entries[0]["at"] <= runs[0]["at"] if backwards else entries[0]["at"] >= runs[0]["at"]
    return (entries if entry_first else runs).pop(0)


def _ids(rows: list[Row], source: str) -> list[int]:
    return [row["id"] for row in rows if row["source"] == source]


def _people(text: str) -> list[int]:
    named = Q(username__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
    return list(User.objects.filter(named).order_by("id").values_list("id", flat=True)[:MAX_MATCHES])


def _entries(reach: Reach, wanted: Wanted, people: list[int] | None, place: Place, limit: int) -> list[Row]:
    if wanted.action == START:
        return []
    # Thousands of ids are one array here, and as many parameters in the ORM's IN.
    entries = AuditEntry.objects.filter(
        RawSQL(_MINE, [list(reach.tenants), list(reach.workspaces)], BooleanField())  # noqa: S611  # constant SQL
    )
    if place.backwards:
        entries = entries.filter(id__gte=place.entry).order_by("id")
    else:
        entries = entries.filter(id__lt=place.entry).order_by("-id")
    if wanted.action:
        entries = entries.filter(action=wanted.action)
    if wanted.tenant:
        entries = entries.filter(Q(tenant__slug=wanted.tenant) | Q(tenant__name__icontains=wanted.tenant))
    if people is not None:
        entries = entries.filter(actor__in=people)
    if wanted.since:
        entries = entries.filter(at__gte=wanted.since)
    if wanted.until:
        entries = entries.filter(at__lt=wanted.until)
    return _entry_rows(_searched(entries, wanted.search)[:limit])


def _searched(entries: QuerySet[AuditEntry], text: str) -> QuerySet[AuditEntry]:
    if not text:
        return entries
    return entries.filter(
        Q(object_label__icontains=text)
        | Q(reason_code__icontains=text)
        | Q(action__icontains=text)
        | Q(tenant__name__icontains=text)
        | Q(actor__in=_people(text))
        | Q(request_id=text)
    )


def _entry_rows(entries: QuerySet[AuditEntry]) -> list[Row]:
    found = entries.values(
        "id", "at", "action", "surface", "ip", "request_id", "object_kind", "object_id", "object_label", "before",
        "after", "reason_code", "facts", "actor__username", "tenant__name", "tenant__slug", "workspace__name",
    )  # fmt: skip
    rows: list[Row] = [{"source": "entry", **row} for row in found]
    shown = _connections_shown(rows)
    return [row | {"has_page": row["object_kind"] == "run" or row["object_id"] in shown} for row in rows]


def _connections_shown(rows: list[Row]) -> set[str]:
    """Keys of the connections that still have a page: those that were neither removed nor went with their tenant."""
    named = [row["object_id"] for row in rows if row["object_kind"] == "connection"]
    keys = [int(key) for key in named if key.isascii() and key.isdigit()]
    if not keys:
        return set()
    kept = ProviderConnection.objects.filter(pk__in=keys, removed_at=None, tenant__deleting_at=None)
    return {str(key) for key in kept.values_list("pk", flat=True)}


def _run_ids(reach: Reach, wanted: Wanted, people: list[int] | None, place: Place, limit: int) -> list[int]:
    if wanted.action not in {"", START} or not reach.tenants:
        return []
    tenants = list(reach.tenants)
    if wanted.tenant:
        named = Tenant.objects.filter(
            Q(slug=wanted.tenant) | Q(name__icontains=wanted.tenant), id__in=tenants
        )
        tenants = list(named.values_list("id", flat=True))
    where = ["r.id >= %(place)s" if place.backwards else "r.id < %(place)s"]
    params: dict[str, Any] = {
        "tenants": tenants,
        "limit": limit,
        "place": place.run,
        "since": wanted.since,
        "until": wanted.until,
    }
    if people is not None:
        where.append("r.initiator_id = ANY(%(people)s::bigint[])")
        params["people"] = people
    if wanted.since:
        where.append("r.created_at >= %(since)s")
    if wanted.until:
        where.append("r.created_at < %(until)s")
    if wanted.search:
        where.append(_search_runs(wanted.search, params))
    sql = (_LATERAL if len(tenants) <= FEW_TENANTS else _SCAN).format(
        where=" AND ".join(where), order="ASC" if place.backwards else "DESC"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [row[0] for row in cursor.fetchall()]


def _search_runs(text: str, params: dict[str, Any]) -> str:
    tenants = Tenant.objects.filter(name__icontains=text).order_by("id")
    params["found_tenants"] = list(tenants.values_list("id", flat=True)[:MAX_MATCHES])
    params["found_people"] = _people(text)
    params["found_types"] = [
        kind.name for kind in registry.all_types() if text.lower() in str(kind.verb).lower()
    ]
    params["found_id"] = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else -1
    return """(r.tenant_id = ANY(%(found_tenants)s::bigint[]) OR r.initiator_id = ANY(%(found_people)s::bigint[])
      OR r.operation_type = ANY(%(found_types)s::text[]) OR r.id = %(found_id)s)"""


def _runs(ids: list[int]) -> list[Row]:
    if not ids:
        return []
    first_events = dict(RunEvent.objects.filter(run__in=ids, seq=1).values_list("run_id", "data"))
    runs = OperationRun.objects.filter(pk__in=ids).values(
        "id", "created_at", "operation_type", "origin", "surface", "retry_of_id", "connection__label", "params",
        "initiator__username", "tenant__name", "tenant__slug", "tenant__workspace__name",
    )  # fmt: skip
    rows = {run["id"]: _run_row(dict(run), first_events.get(run["id"], {})) for run in runs}
    return [rows[run_id] for run_id in ids]


def _run_row(run: Row, facts: dict[str, Any]) -> Row:
    facts = {**facts, "operation": run["operation_type"], "origin": run["origin"]}
    if run["retry_of_id"]:
        facts["retry_of"] = run["retry_of_id"]
    return {
        "source": "run",
        "id": run["id"],
        "at": run["created_at"],
        "action": START,
        "surface": run["surface"],
        "ip": facts.pop("ip", None),
        "request_id": facts.pop("request_id", ""),
        "object_kind": "run",
        "object_id": str(run["id"]),
        "has_page": True,
        "object_label": "",
        "before": {},
        "after": {},
        "reason_code": "",
        "facts": facts,
        "actor__username": run["initiator__username"],
        "tenant__name": run["tenant__name"],
        "tenant__slug": run["tenant__slug"],
        "workspace__name": run["tenant__workspace__name"],
    }
