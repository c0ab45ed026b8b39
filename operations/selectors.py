"""Lists of runs under the reader's rights, each by the plan that fits the person.

Measured over 1,000,000 runs and 10,000 tenants, the wrong plan takes seconds: the newest runs of each tenant joined
laterally while the tenants are few, one correlated EXISTS per run above that, no rule at all for who sees everything.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils import timezone

from operations.choices import ACTIVE, ExecutionStatus
from operations.models import OperationRun
from tenantpilot.tenancy.capabilities import VIEW_WORKSPACE, Capability
from tenantpilot.tenancy.models import Tenant, User, Workspace, WorkspaceGroupObjectPermission
from tenantpilot.tenancy.names import shown_name
from tenantpilot.tenancy.permissions import CAPABILITIES_SQL, visible_to

FEW_TENANTS = 300
ACTIVE_STATE = "active"
MANY = 100

_NEEDED = (str(Capability.VIEW_TENANT), str(Capability.VIEW_RUN))

_BY_TENANT = """
SELECT r.id FROM unnest(%(tenants)s::bigint[]) AS t(id) CROSS JOIN LATERAL (
  SELECT r.id FROM operations_operationrun r WHERE r.tenant_id = t.id AND {where} ORDER BY r.id {order} LIMIT %(limit)s
) r ORDER BY r.id {order} LIMIT %(limit)s
"""
_BY_RUN = "SELECT r.id FROM operations_operationrun r WHERE {where} ORDER BY r.id {order} LIMIT %(limit)s"
_SEEN = """EXISTS (
  SELECT 1 FROM tenancy_tenant t WHERE t.id = r.tenant_id AND t.workspace_id = ANY(%(members)s) AND {rights}
)"""
_RIGHT = """(t.workspace_id = ANY(%({name})s) OR EXISTS (
  SELECT 1 FROM tenancy_tenantgroupobjectpermission g
  JOIN auth_permission p ON p.id = g.permission_id AND p.codename = '{name}'
  JOIN tenancy_user_groups ug ON ug.group_id = g.group_id AND ug.user_id = %(user)s
  WHERE g.content_object_id = t.id))"""
# Ids grow with time, so the day's first run is found from the newest backwards.
_SINCE = """r.created_at >= %(since)s AND r.id > coalesce((
  SELECT o.id FROM operations_operationrun o WHERE o.created_at < %(since)s ORDER BY o.id DESC LIMIT 1), 0)"""
_DAILY = """
SELECT (r.created_at AT TIME ZONE %(zone)s)::date, r.outcome, count(*) FROM operations_operationrun r
WHERE r.status = 'completed' AND {where} GROUP BY 1, 2
"""
_IN_FOUND = """r.tenant_id = ANY(ARRAY(SELECT f.id FROM tenancy_tenant f
  WHERE f.name ILIKE %(like)s OR f.primary_domain ILIKE %(like)s))"""
_IN_STATUS = "r.id = ANY(ARRAY(SELECT a.id FROM operations_operationrun a WHERE a.status IN ({statuses})))"

# What a row of a list shows: its name in the ORM, and in SQL.
_COLUMNS = {
    "id": "r.id",
    "operation_type": "r.operation_type",
    "status": "r.status",
    "outcome": "r.outcome",
    "progress": "r.progress",
    "reason_code": "r.reason_code",
    "reason_facts": "r.reason_facts",
    "created_at": "r.created_at",
    "started_at": "r.started_at",
    "completed_at": "r.completed_at",
    "tenant__slug": "t.slug",
    "tenant__name": "t.name",
    "tenant__workspace__name": "w.name",
    "connection__label": "c.label",
    "initiator_name": "coalesce(nullif(u.first_name, ''), u.username)",
}
_WITH_TENANT = """operations_operationrun r JOIN tenancy_tenant t ON t.id = r.tenant_id
  JOIN tenancy_workspace w ON w.id = t.workspace_id"""
_MAY_READ = f"%(needed)s::text[] <@ {CAPABILITIES_SQL}::text[]"
_POLLED = f"""
SELECT {{columns}}, {{newer}} FROM {_WITH_TENANT}
JOIN providers_providerconnection c ON c.id = r.connection_id LEFT JOIN tenancy_user u ON u.id = r.initiator_id
WHERE r.id = ANY(%(ids)s::bigint[]) AND {_MAY_READ} ORDER BY r.id DESC
"""  # noqa: S608  # constants only
_NEWER = f"""(SELECT count(*) FROM (
  SELECT 1 FROM {_WITH_TENANT} WHERE {{where}} AND %(workspace)s IN ('', w.slug) AND %(tenant)s IN ('', t.slug)
  AND {_MAY_READ} LIMIT %(many)s) more)"""  # noqa: S608  # constants only


@dataclass(frozen=True, slots=True)
class RunFilter:
    """What to list. `state` is an execution status, an outcome, or "active"; `since` bounds when runs were accepted.

    `search` is the number of a run, or part of a tenant's name or domain.
    """

    state: str = ""
    operation: str = ""
    workspace: str = ""
    tenant: str = ""
    since: datetime | None = None
    initiator_id: int | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose runs a person may read: these `tenants`, or (None) those that the `grants` by workspace and tenant say.

    `grants` maps each codename to the workspaces whose role carries it; `everything` needs no rule.
    """

    user_id: int
    tenants: tuple[int, ...] | None = None
    grants: dict[str, list[int]] | None = None
    everything: bool = False


def reach_of(user: User, wanted: RunFilter, *, many: bool = False) -> Reach:
    """Find out what this person may read of what is wanted, and so which plan fits.

    `many` saves a statement where it is known that the person sees more than a few tenants.
    """
    if many:
        return _reach_of_many(user, wanted)
    seen = visible_to(Tenant.objects.all(), user, capability=Capability.VIEW_RUN)
    if wanted.workspace:
        seen = seen.filter(workspace__slug=wanted.workspace)
    if wanted.tenant:
        seen = seen.filter(slug=wanted.tenant)
    if wanted.search and not _run_number(wanted.search):
        seen = seen.filter(Q(name__icontains=wanted.search) | Q(primary_domain__icontains=wanted.search))
    tenants = tuple(seen.values_list("id", flat=True)[: FEW_TENANTS + 1])
    if wanted.tenant or len(tenants) <= FEW_TENANTS:
        return Reach(user.pk, tenants)
    return _reach_of_many(user, wanted)


def _reach_of_many(user: User, wanted: RunFilter) -> Reach:
    grants = _workspace_grants(user, wanted.workspace)
    covered = set(grants[VIEW_WORKSPACE]).intersection(*(grants[name] for name in _NEEDED))
    everything = not wanted.workspace and not Workspace.objects.exclude(pk__in=covered).exists()
    return Reach(user.pk, None, grants, everything)


def run_ids(
    reach: Reach, wanted: RunFilter, *, limit: int, before: int | None = None, after: int | None = None
) -> list[int]:
    """Ids of the newest runs (below `before`), or of the oldest ones above `after`, oldest first."""
    where, params = _conditions(wanted)
    if before is not None:
        where.append("r.id < %(before)s")
    if after is not None:
        where.append("r.id > %(after)s")
    laterally = reach.tenants is not None and not _starts_narrow(wanted)
    if not laterally:
        where += _rules(reach, params)
    sql = (_BY_TENANT if laterally else _BY_RUN).format(
        where=" AND ".join(where) or "true", order="DESC" if after is None else "ASC"
    )
    params |= {"limit": limit, "before": before, "after": after, "tenants": list(reach.tenants or ())}
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return [row[0] for row in cursor.fetchall()]


def daily_counts(reach: Reach, wanted: RunFilter) -> list[tuple[date, str, int]]:
    """How many ended runs of each outcome were accepted on each local day since `wanted.since`."""
    where, params = _conditions(wanted)
    where += _rules(reach, params)
    params |= {"tenants": list(reach.tenants or ()), "zone": timezone.get_current_timezone_name()}
    with connection.cursor() as cursor:
        cursor.execute(_DAILY.format(where=" AND ".join(where) or "true"), params)
        return cursor.fetchall()


def run_rows(ids: list[int]) -> list[dict[str, Any]]:
    """What a list shows of these runs, newest first. The ids come from `run_ids`, which asked for the rights."""
    return list(_columns(OperationRun.objects.filter(pk__in=ids)).order_by("-id"))


def recent_rows(
    user: User, *, tenant_id: int, connection_id: int | None = None, limit: int = 5
) -> list[dict[str, Any]]:
    """The last runs of a tenant, or of one of its connections, as far as this person may read runs."""
    runs = visible_to(OperationRun.objects.all(), user, capability=Capability.VIEW_RUN, path="tenant")
    runs = runs.filter(tenant=tenant_id)
    if connection_id is not None:
        runs = runs.filter(connection=connection_id)
    return list(_columns(runs).order_by("-id")[:limit])


def polled_rows(user: User, ids: list[int], newest: int | None, wanted: RunFilter) -> list[dict[str, Any]]:
    """The rows of a live list in one statement; each carries in `newer` how many more runs there are, up to 100.

    Asked every few seconds by every open list, hence as text: building it by the ORM costs more than running it.
    """
    where, params = _conditions(wanted)
    params |= {
        "user": user.pk,
        "ids": ids,
        "newest": newest,
        "needed": [VIEW_WORKSPACE, *_NEEDED],
        "many": MANY,
    }
    params |= {"tenant": wanted.tenant, "workspace": wanted.workspace}
    # The id bounds the count to what came in since the page was drawn.
    newer = _NEWER.format(where=" AND ".join(["r.id > %(newest)s", *where])) if newest is not None else "0"
    with connection.cursor() as cursor:
        cursor.execute(_POLLED.format(columns=", ".join(_COLUMNS.values()), newer=newer), params)
        rows = [dict(zip((*_COLUMNS, "newer"), row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        row |= {name: json.loads(row[name]) for name in ("progress", "reason_facts")}
    return rows


def _columns(runs: QuerySet[OperationRun]) -> QuerySet[Any, Any]:
    name = shown_name("initiator")
    return runs.annotate(initiator_name=name).values(*_COLUMNS)


def _starts_narrow(wanted: RunFilter) -> bool:
    """Active runs and a person's own ones are few and have indexes of their own."""
    return wanted.initiator_id is not None or wanted.state in {ACTIVE_STATE, *ACTIVE}


def _conditions(wanted: RunFilter) -> tuple[list[str], dict[str, Any]]:
    where: list[str] = []
    params: dict[str, Any] = {
        "state": wanted.state,
        "operation": wanted.operation,
        "since": wanted.since,
        "initiator": wanted.initiator_id,
    }
    if wanted.state in {ACTIVE_STATE, *ACTIVE}:
        statuses = ACTIVE if wanted.state == ACTIVE_STATE else (ExecutionStatus(wanted.state),)
        where.append(_IN_STATUS.format(statuses=", ".join(f"'{status.value}'" for status in statuses)))
    elif wanted.state:
        where.append("r.outcome = %(state)s")
    if wanted.operation:
        where.append("r.operation_type = %(operation)s")
    if wanted.since is not None:
        where.append(_SINCE)
    if wanted.initiator_id is not None:
        where.append("r.initiator_id = %(initiator)s")
    if number := _run_number(wanted.search):
        where.append("r.id = %(number)s")
        params["number"] = number
    elif wanted.search:
        where.append(_IN_FOUND)
        params["like"] = f"%{_escaped(wanted.search)}%"
    return where, params


def _run_number(text: str) -> int:
    """The run that a search names by its number; 0 for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in text)


def _rules(reach: Reach, params: dict[str, Any]) -> list[str]:
    if reach.everything:
        return []
    if reach.tenants is not None:
        return ["r.tenant_id = ANY(%(tenants)s::bigint[])"]
    grants = reach.grants or {}
    params |= {
        "user": reach.user_id,
        "members": grants[VIEW_WORKSPACE],
        **{name: grants[name] for name in _NEEDED},
    }
    return [_SEEN.format(rights=" AND ".join(_RIGHT.format(name=name) for name in _NEEDED))]


def _workspace_grants(user: User, workspace: str) -> dict[str, list[int]]:
    names = (VIEW_WORKSPACE, *_NEEDED)
    grants: dict[str, list[int]] = {name: [] for name in names}
    rows = WorkspaceGroupObjectPermission.objects.filter(
        group__in=user.groups.values("id"), permission__codename__in=names
    )
    if workspace:
        rows = rows.filter(content_object__slug=workspace)
    for codename, workspace_id in rows.values_list("permission__codename", "content_object_id"):
        grants[codename].append(workspace_id)
    return grants
