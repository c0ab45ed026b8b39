"""Notices of one person: what the bell counts, what the list shows, and what each of them may still see.

A notice about a tenant that its person lost is neither counted, listed nor mailed.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.utils import timezone

from operations.models import Notification, NotificationSettings
from tenantpilot.tenancy.capabilities import ROLE_CAPABILITIES, WORKSPACE_CAPABILITIES, Role
from tenantpilot.tenancy.models import User
from tenantpilot.tenancy.permissions import CAPABILITIES_SQL

MOST_COUNTED = 99

# Whether {user} manages the app registration "a": on its workspace, or on a tenant that is reached through it.
MANAGES_SQL = """(
  EXISTS (SELECT 1 FROM tenancy_workspacegroupobjectpermission g
    JOIN auth_permission p ON p.id = g.permission_id AND p.codename = 'view_workspace'
    JOIN tenancy_user_groups ug ON ug.group_id = g.group_id AND ug.user_id = {user}
    WHERE g.content_object_id = a.workspace_id)
  AND (EXISTS (SELECT 1 FROM tenancy_workspacegroupobjectpermission g
    JOIN auth_permission p ON p.id = g.permission_id AND p.codename = 'manage_connections'
    JOIN tenancy_user_groups ug ON ug.group_id = g.group_id AND ug.user_id = {user}
    WHERE g.content_object_id = a.workspace_id)
  OR EXISTS (SELECT 1 FROM tenancy_tenantgroupobjectpermission g
    JOIN auth_permission p ON p.id = g.permission_id AND p.codename = 'manage_connections'
    JOIN tenancy_user_groups ug ON ug.group_id = g.group_id AND ug.user_id = {user}
    WHERE g.content_object_id = a.tenant_id OR g.content_object_id IN (
      SELECT c.tenant_id FROM providers_providerconnection c WHERE c.app_registration_id = a.id))))"""


def manages_tenant_sql(user: str) -> str:
    """Whether ``user`` may archive the tenant "t" and bring it back."""
    capabilities = CAPABILITIES_SQL.replace("%(user)s", user)
    return f"'{{view_workspace,view_tenant,manage_tenant}}'::text[] <@ {capabilities}::text[]"


# Whoever lost a tenant reads nothing about it any more; nor does anybody of a deletion that was called off.
_FROM = f"""
FROM operations_notification n
LEFT JOIN operations_operationrun r ON r.id = n.run_id
LEFT JOIN tenancy_tenant t ON t.id = coalesce(r.tenant_id, n.tenant_id)
LEFT JOIN tenancy_workspace w ON w.id = t.workspace_id
LEFT JOIN providers_providerconnection c ON c.id = r.connection_id
LEFT JOIN providers_appregistration a ON a.id = n.app_registration_id
WHERE n.recipient_id = %(user)s AND CASE WHEN n.run_id IS NOT NULL
  THEN '{{view_workspace,view_tenant,view_run}}'::text[] <@ {CAPABILITIES_SQL}::text[]
  WHEN n.tenant_id IS NOT NULL
  THEN t.keep_until = n.expires_at AND {manages_tenant_sql("%(user)s")}
  ELSE {MANAGES_SQL.format(user="%(user)s")} END
"""
_COLUMNS = (
    "id", "created_at", "read_at", "kind", "days_left", "expires_at", "run_id", "operation_type", "outcome",
    "reason_code", "reason_facts", "tenant__name", "tenant__slug", "tenant__workspace__name", "connection__label",
    "app_name", "app_connection_id",
)  # fmt: skip
_SELECT = f"""
SELECT n.id, n.created_at, n.read_at, n.kind, n.days_left, n.expires_at, n.run_id, r.operation_type, r.outcome,
  r.reason_code, to_jsonb(r.reason_facts), t.name, t.slug, w.name, c.label, a.name,
  (SELECT min(ac.id) FROM providers_providerconnection ac WHERE ac.app_registration_id = a.id)
{_FROM} AND (%(only)s::bigint IS NULL OR n.id = %(only)s::bigint)
  AND (%(unread)s::bool IS NOT TRUE OR n.read_at IS NULL) {{place}} LIMIT %(limit)s
"""  # noqa: S608  # constants only
_BELOW = "AND (%(before)s::bigint IS NULL OR n.id < %(before)s::bigint) ORDER BY n.id DESC"
_ABOVE = "AND n.id > %(after)s::bigint ORDER BY n.id"
# The roles decide what the side bar offers; the pages themselves ask for the grants.
_BAR = f"""
SELECT (SELECT count(*) FROM (SELECT 1 {_FROM} AND n.read_at IS NULL LIMIT {MOST_COUNTED + 1}) unread),
  ARRAY(SELECT role FROM tenancy_membership WHERE user_id = %(user)s AND disabled_at IS NULL),
  ARRAY(SELECT DISTINCT role FROM tenancy_tenantentitlement WHERE user_id = %(user)s)
"""  # noqa: S608  # constants only


@dataclass(frozen=True, slots=True)
class Bar:
    """What the shell shows of a person on every page: unread notices, capabilities held somewhere, workspaces."""

    unread: int = 0
    held: frozenset[str] = frozenset()
    workspaces: int = 0

    @property
    def unread_text(self) -> str:
        return f"{MOST_COUNTED}+" if self.unread > MOST_COUNTED else str(self.unread)


def bar_of(user: User | AnonymousUser) -> Bar:
    """Return what the shell shows of this person (one statement)."""
    if not user.is_authenticated:
        return Bar()
    with connection.cursor() as cursor:
        cursor.execute(_BAR, {"user": user.pk})
        unread, member, entitled = cursor.fetchone()
    held: set[str] = set()
    for role in {*member, *entitled}:
        held |= ROLE_CAPABILITIES[Role(role)]
    for role in member:
        held |= WORKSPACE_CAPABILITIES[Role(role)]
    return Bar(unread, frozenset(str(capability) for capability in held), len(member))


def notices_of(
    user_id: int,
    *,
    only: int | None = None,
    unread: bool = False,
    before: int | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return the person's notices as far as they may still be seen, or ``only`` that one.

    Newest first and below ``before``; or those above ``after``, oldest first.
    """
    place = _ABOVE if after is not None else _BELOW
    params = {
        "user": user_id, "only": only, "unread": unread, "before": before, "after": after, "limit": limit
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SELECT.replace("{place}", place), params)
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return [row | {"reason_facts": _facts(row["reason_facts"])} for row in rows]


def mark_read(user: User, *, upto: int | None = None, only: int | None = None) -> int:
    """Mark one notice of this person as read, or all up to the one the page showed. Return how many."""
    mine = Notification.objects.filter(recipient=user, read_at=None)
    mine = mine.filter(pk=only) if only is not None else mine.filter(pk__lte=upto or 0)
    return mine.update(read_at=timezone.now())


def by_email(user: User) -> bool:
    """Whether this person wants notices as e-mail too."""
    return NotificationSettings.objects.filter(user=user).exclude(email_since=None).exists()


def set_by_email(user: User, *, wanted: bool) -> None:
    """Turn e-mail on, from the next notice on, or off."""
    since: datetime | None = timezone.now() if wanted else None
    settings, created = NotificationSettings.objects.get_or_create(user=user, defaults={"email_since": since})
    if not created and (settings.email_since is not None) != wanted:
        settings.email_since = since
        settings.save(update_fields=["email_since"])


def _facts(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else value or {}
