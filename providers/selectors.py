"""What a start is aimed at: a tenant, the connection asked for, and the reader's rights, in one statement.

Three guardian checks and their prefetches cost 6 statements; a test holds this one to guardian's answer.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from providers.choices import Purpose
from providers.readiness import Blocker, ConnectionFacts, Needs, blockers, missing_permissions
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
_BY_TENANTS = f"""
SELECT {_TENANT_COLUMNS}, {CAPABILITIES_SQL}, {_FACT_COLUMNS} {_FROM_TENANT}
LEFT JOIN providers_providerconnection c ON c.tenant_id = t.id AND c.is_default AND c.removed_at IS NULL
{_JOIN_APP} WHERE t.slug = ANY(%(slugs)s) AND t.deleting_at IS NULL
"""  # constants only
_OF_RUN = f"""
SELECT {_TENANT_COLUMNS}, {CAPABILITIES_SQL}, {_FACT_COLUMNS} {_FROM_TENANT}
JOIN providers_providerconnection c ON c.tenant_id = t.id {_JOIN_APP} WHERE c.id = %(connection)s
"""  # constants only
_EACH = f"""
SELECT {_TENANT_COLUMNS}, {CAPABILITIES_SQL}, {_FACT_COLUMNS}, a.purpose, c.is_default {_FROM_TENANT}
JOIN providers_providerconnection c ON c.tenant_id = t.id AND c.removed_at IS NULL
{_JOIN_APP} WHERE t.slug = %(slug)s AND t.deleting_at IS NULL ORDER BY c.id
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


def targets_for_tenants(user_id: int, slugs: Sequence[str]) -> list[Target]:
    """Return what ``target_for_tenant`` returns for each of the slugs, in their order; without what is not visible."""
    with connection.cursor() as cursor:
        cursor.execute(_BY_TENANTS, {"user": user_id, "slugs": list(slugs)})
        found = {row[1]: _visible(_target(row)) for row in cursor.fetchall()}
    return [target for slug in dict.fromkeys(slugs) if (target := found.get(slug))]


def target_for_connection(user_id: int, connection_id: int) -> Target | None:
    """Return the target for a connection, or None when this person can't see its tenant, or it was removed."""
    if not 0 < connection_id <= MAX_ID:
        return None
    return _visible(_one(_BY_CONNECTION, {"user": user_id, "connection": connection_id}))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A connection of a tenant as a target, and what keeps it from the work that it was looked at for."""

    target: Target
    purpose: str
    is_default: bool
    blockers: tuple[Blocker, ...]


def connections_for(user_id: int, slug: str, needs: Needs, *, purpose: str = Purpose.READ) -> list[Candidate]:
    """Return the tenant's connections as this person sees them, best first, for work with these needs.

    Ready ones come first, then those whose app registration has the ``purpose``, those with the permissions, and the
    default; so the first one is the one to take, or the one whose own reason to show. Empty when there is none, or
    nothing visible. One statement; the gate asks all of it again.
    """
    with connection.cursor() as cursor:
        cursor.execute(_EACH, {"user": user_id, "slug": slug})
        rows = cursor.fetchall()
    found = [
        Candidate(target, row[-2], row[-1], _blockers(target, needs))
        for row in rows
        if (target := _visible(_target(row[:-2])))
    ]
    return sorted(found, key=lambda each: _rank(each, needs, purpose))


def _blockers(target: Target, needs: Needs) -> tuple[Blocker, ...]:
    archived, max_age = target.tenant.archived_at is not None, timedelta(days=settings.FACTS_MAX_AGE_DAYS)
    return tuple(blockers(target.connection, needs, archived=archived, now=timezone.now(), max_age=max_age))


def _rank(each: Candidate, needs: Needs, purpose: str) -> tuple[bool, ...]:
    facts = each.target.connection
    lacking = facts is None or bool(missing_permissions(needs, facts.granted_permissions))
    return bool(each.blockers), each.purpose != purpose, lacking, not each.is_default


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
    return None if row is None else _target(row)


def _target(row: tuple[Any, ...]) -> Target:
    tenant, capabilities, facts = TenantRef(*row[:7]), frozenset(row[7]), row[8:]
    return Target(tenant, _facts(facts) if facts[0] is not None else None, capabilities)


def _facts(row: tuple[Any, ...]) -> ConnectionFacts:
    values = dict(zip(ConnectionFacts.__slots__, row, strict=True))
    for name in ("granted_permissions", "service_plans"):
        values[name] = frozenset(values[name])
    values["fault_facts"] = json.loads(values["fault_facts"])
    return ConnectionFacts(**values)
