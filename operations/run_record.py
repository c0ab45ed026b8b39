"""One run as its page shows it, in one statement: the row, its history, and what the reader may do."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from tenantpilot.tenancy.capabilities import VIEW_WORKSPACE, Capability
from tenantpilot.tenancy.permissions import CAPABILITIES_SQL, is_visible

# One statement, for this is polled every two seconds while a run is watched.
_FIND = f"""
SELECT r.id, r.operation_type, r.status, r.outcome, r.attempt, r.surface, r.origin, r.params, r.scope_key,
  r.directory_key, r.chain_id, r.reason_code, r.reason_facts, r.progress, r.counts, r.failures, r.cost, r.diagnostics,
  r.created_at, r.started_at, r.completed_at, r.not_before, r.lease_until, r.cancel_requested_at, r.claimed_by, r.fence,
  r.connection_id, c.label, c.provider, t.slug, t.name, w.name,
  coalesce(nullif(u.first_name, ''), u.username, ''), {CAPABILITIES_SQL}, (
    SELECT coalesce(jsonb_agg(jsonb_build_object('at', e.at, 'kind', e.kind, 'code', e.code, 'data', e.data,
      'actor', coalesce(nullif(a.first_name, ''), a.username, '')) ORDER BY e.seq), '[]')
    FROM operations_runevent e LEFT JOIN tenancy_user a ON a.id = e.actor_id WHERE e.run_id = r.id
  ), now(), r.chain_id IS NOT NULL AND EXISTS (
    SELECT 1 FROM operations_chainstep s WHERE s.chain_id = r.chain_id AND s.status = 'pending'
  ), c.removed_at IS NOT NULL, t.deleting_at IS NOT NULL
FROM operations_operationrun r
JOIN tenancy_tenant t ON t.id = r.tenant_id
JOIN tenancy_workspace w ON w.id = t.workspace_id
JOIN providers_providerconnection c ON c.id = r.connection_id
LEFT JOIN tenancy_user u ON u.id = r.initiator_id
WHERE r.id = %(run)s
"""  # noqa: S608  # constants only
# What stays of the rights on a tenant that is deleted: to read what the audit keeps of it.
_OF_THE_GONE = frozenset(
    {VIEW_WORKSPACE, Capability.VIEW_TENANT, Capability.VIEW_RUN, Capability.VIEW_DIAGNOSTICS}
)
_JSON = ("params", "reason_facts", "progress", "counts", "failures", "cost", "diagnostics", "events")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that this reader sees. ``asked_at`` is the database's clock, to which every age is taken."""

    id: int
    operation_type: str
    status: str
    outcome: str | None
    attempt: int
    surface: str
    origin: str
    params: dict[str, Any]
    scope_key: str
    directory_key: str | None
    chain_id: int | None
    reason_code: str
    reason_facts: dict[str, Any]
    progress: dict[str, Any]
    counts: dict[str, Any]
    failures: list[dict[str, Any]]
    cost: dict[str, Any]
    diagnostics: list[dict[str, Any]]
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    not_before: datetime
    lease_until: datetime | None
    cancel_requested_at: datetime | None
    claimed_by: str
    fence: int | None
    connection_id: int
    connection_label: str
    provider: str
    tenant_slug: str
    tenant: str
    workspace: str
    initiator: str
    capabilities: frozenset[str]
    events: list[dict[str, Any]]
    asked_at: datetime
    chain_waits: bool  # steps of its chain wait behind it
    connection_removed: bool
    tenant_gone: bool


def find(user_id: int, run_id: int) -> RunRecord | None:
    """Return the run, or None when there is none or this person can't see its tenant."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {"user": user_id, "run": run_id})
        row = cursor.fetchone()
    if row is None:
        return None
    values = dict(zip(RunRecord.__slots__, row, strict=True))
    values["capabilities"] = frozenset(values["capabilities"])
    for name in _JSON:
        value = values[name]
        values[name] = json.loads(value) if isinstance(value, str) else value
    if values["tenant_gone"]:
        values["capabilities"] &= _OF_THE_GONE
    record = RunRecord(**values)
    return record if is_visible(record.capabilities) else None
