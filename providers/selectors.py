"""What a start is aimed at: a tenant, the connection asked for, and the reader's rights, in one statement.

Three guardian checks and their prefetches cost 6 statements; a test holds this one to guardian's answer.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from providers.readiness import ConnectionFacts
from tenantpilot.tenancy.permissions import CAPABILITIES_SQL, is_visible

MAX_ID = 2**63 - 1

_FACT_COLUMNS = (
    "c.id, c.label, c.provider, c.enabled, c.app_registration_id, a.credential_encrypted <> '' AS has_credential, "
    "a.credential_expires_at, c.credential_state, c.consent_state, c.granted_permissions, c.permissions_observed_at, "
    "c.service_plans, c.service_plans_observed_at, c.checked_at, c.verified_at, c.fault_code, c.fault_facts, "
    "c.throttled_until"
)
_TENANT_COLUMNS = "t.id, t.slug, t.name, t.entra_tenant_id, t.archived_at, t.workspace_id, w.name"
_FROM_TENANT = "FROM tenancy_tenant t JOIN tenancy_workspace w ON w.id = t.workspace_id"
_JOIN_APP = "LEFT JOIN providers_appregistration a ON a.id = c.app_registration_id"

_BY_TENANT = f"""
SELECT {_TENANT_COLUMNS}, {CAPABILITIES_SQL}, {_FACT_COLUMNS} {_FROM_TENANT}
LEFT JOIN providers_providerconnection c ON c.tenant_id = t.id
  AND CASE WHEN %(connection)s::bigint IS NULL THEN c.is_default ELSE c.id = %(connection)s::bigint END
  AND c.removed_at IS NULL
{_JOIN_APP} WHERE t.slug = %(slug)s AND t.deleting_at IS NULL LIMIT 1
"""  # constants only
_OF_RUN = f"""
SELECT {_TENANT_COLUMNS}, {CAPABILITIES_SQL}, {_FACT_COLUMNS} {_FROM_TENANT}
JOIN providers_providerconnection c ON c.tenant_id = t.id {_JOIN_APP} WHERE c.id = %(connection)s
"""  # constants only
_BY_CONNECTION = f"{_OF_RUN} AND c.removed_at IS NULL AND t.deleting_at IS NULL"


@dataclass(frozen=True, slots=True)
class TenantRef:
    id: int
    slug: str
    name: str
    entra_tenant_id: UUID
    archived_at: datetime | None
    workspace_id: int
    workspace: str


@dataclass(frozen=True, slots=True)
class Target:
    """A tenant, the connection asked for (none if it can't be resolved), and what the reader may do there."""

    tenant: TenantRef
    connection: ConnectionFacts | None
    capabilities: frozenset[str]


def target_for_tenant(user_id: int, slug: str, connection_id: int | None = None) -> Target | None:
    """Return the target for a tenant's slug, or None when this person can't see it, or it is being deleted.

    Without ``connection_id`` the tenant's default connection is taken, disabled or not; an id of another tenant, of a
    removed connection or out of range resolves to no connection.
    """
    if connection_id is not None and not 0 < connection_id <= MAX_ID:
        connection_id = 0
    return _visible(_one(_BY_TENANT, {"user": user_id, "slug": slug, "connection": connection_id}))


def target_for_connection(user_id: int, connection_id: int) -> Target | None:
    """Return the target for a connection, or None when this person can't see its tenant, or it was removed."""
    if not 0 < connection_id <= MAX_ID:
        return None
    return _visible(_one(_BY_CONNECTION, {"user": user_id, "connection": connection_id}))


def target_for_system(connection_id: int) -> Target | None:
    """Return the target of a run's work, whatever became of its connection meanwhile: no rights, only facts."""
    return _one(_OF_RUN, {"user": None, "connection": connection_id})


def target_of_tenant_for_system(slug: str) -> Target | None:
    """Return a tenant and its default connection for a start by the system."""
    return _one(_BY_TENANT, {"user": None, "slug": slug, "connection": None})


def _visible(target: Target | None) -> Target | None:
    return target if target is not None and is_visible(target.capabilities) else None


def _one(sql: str, params: Mapping[str, Any]) -> Target | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    if row is None:
        return None
    tenant, capabilities, facts = TenantRef(*row[:7]), frozenset(row[7]), row[8:]
    return Target(tenant, _facts(facts) if facts[0] is not None else None, capabilities)


def _facts(row: tuple[Any, ...]) -> ConnectionFacts:
    values = dict(zip(ConnectionFacts.__slots__, row, strict=True))
    for name in ("granted_permissions", "service_plans"):
        values[name] = frozenset(values[name])
    values["fault_facts"] = json.loads(values["fault_facts"])
    return ConnectionFacts(**values)
