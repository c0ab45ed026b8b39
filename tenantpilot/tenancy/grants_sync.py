"""Groups, their permissions and who is in them, made anew from memberships, entitlements and the roles of this code.

Set statements throughout: 10,000 tenants with 40,000 groups take seconds, not minutes. Runs after every migration, so
that a release that changes what a role may do takes effect for everybody at once, and as ``manage.py grants_sync``.
"""

from dataclasses import dataclass

from django.apps import apps
from django.contrib.auth.management import create_permissions
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from tenantpilot.tenancy.capabilities import ROLE_CAPABILITIES, WORKSPACE_CAPABILITIES, Role

# Two sync runs, or a sync and a migration on another host, take turns.
_LOCK = 7_211_305

# Who should be in which group. A disabled membership is in none, and neither are its entitlements.
_WANTED_MEMBERS = """
CREATE TEMP TABLE wanted_members ON COMMIT DROP AS
SELECT user_id, 'workspace:' || workspace_id || ':role:' || role AS name
  FROM tenancy_membership WHERE disabled_at IS NULL
UNION ALL
SELECT user_id, 'workspace:' || workspace_id || ':all:' || role
  FROM tenancy_membership WHERE disabled_at IS NULL AND all_tenants
UNION ALL
SELECT e.user_id, 'tenant:' || e.tenant_id || ':' || e.role
  FROM tenancy_tenantentitlement e JOIN tenancy_tenant t ON t.id = e.tenant_id
  LEFT JOIN tenancy_membership m ON m.workspace_id = t.workspace_id AND m.user_id = e.user_id
 WHERE m.disabled_at IS NULL
"""
_ROLES = """
CREATE TEMP TABLE role_grants ON COMMIT DROP AS
SELECT r.kind, r.role, p.id AS permission_id
  FROM unnest(%s::text[], %s::text[], %s::text[]) AS r(kind, role, codename)
  JOIN django_content_type c ON c.app_label = 'tenancy'
   AND c.model = CASE WHEN r.kind = 'tenant' THEN 'tenant' ELSE 'workspace' END
  JOIN auth_permission p ON p.content_type_id = c.id AND p.codename = r.codename
"""
_GROUPS = (
    "INSERT INTO auth_group (name) SELECT DISTINCT name FROM wanted_members ON CONFLICT (name) DO NOTHING"
)
# What each group of ours should carry; one whose workspace or tenant is gone, or of an older naming, carries nothing.
_WANTED_GRANTS = {
    "tenancy_workspacegroupobjectpermission": """
CREATE TEMP TABLE wanted_workspace ON COMMIT DROP AS
SELECT g.id AS group_id, w.id AS content_object_id, r.permission_id
  FROM auth_group g
  JOIN tenancy_workspace w ON w.id::text = split_part(g.name, ':', 2)
  JOIN role_grants r ON r.kind = split_part(g.name, ':', 3) AND r.role = split_part(g.name, ':', 4)
 WHERE g.name LIKE 'workspace:%%'
""",
    "tenancy_tenantgroupobjectpermission": """
CREATE TEMP TABLE wanted_tenant ON COMMIT DROP AS
SELECT g.id AS group_id, t.id AS content_object_id, r.permission_id
  FROM auth_group g
  JOIN tenancy_tenant t ON t.id::text = split_part(g.name, ':', 2)
  JOIN role_grants r ON r.kind = 'tenant' AND r.role = split_part(g.name, ':', 3)
 WHERE g.name LIKE 'tenant:%%'
""",
}
_DROP_GRANTS = """
DELETE FROM {table} have WHERE NOT EXISTS (SELECT 1 FROM {wanted} want WHERE want.group_id = have.group_id
   AND want.content_object_id = have.content_object_id AND want.permission_id = have.permission_id)
"""
_ADD_GRANTS = """
INSERT INTO {table} (group_id, content_object_id, permission_id)
SELECT group_id, content_object_id, permission_id FROM {wanted} ON CONFLICT DO NOTHING
"""
_DROP_MEMBERS = """
DELETE FROM tenancy_user_groups ug USING auth_group g
 WHERE g.id = ug.group_id AND (g.name LIKE 'workspace:%%' OR g.name LIKE 'tenant:%%')
   AND NOT EXISTS (SELECT 1 FROM wanted_members want WHERE want.user_id = ug.user_id AND want.name = g.name)
"""
_ADD_MEMBERS = """
INSERT INTO tenancy_user_groups (user_id, group_id)
SELECT DISTINCT want.user_id, g.id FROM wanted_members want JOIN auth_group g ON g.name = want.name
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Synced:
    """How many rows a sync changed; all zero when everything was as it should be."""

    groups: int
    grants_added: int
    grants_removed: int
    members_added: int
    members_removed: int


@transaction.atomic
def sync() -> Synced:
    """Bring every group, grant and group membership in line. Repeating it changes nothing."""
    with connection.cursor() as cursor:
        # Of all tenants at once: the limit for pages is none for this.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # Nobody changes a role in between, or the change would be undone.
        cursor.execute("LOCK TABLE tenancy_membership, tenancy_tenantentitlement IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(_WANTED_MEMBERS)
        cursor.execute("ANALYZE wanted_members")
        cursor.execute(_ROLES, _role_columns())
        groups = _rows(cursor, _GROUPS)
        removed = added = 0
        for table, wanted in _WANTED_GRANTS.items():
            cursor.execute(wanted, [])
            names = {"table": table, "wanted": wanted.split()[3]}
            removed += _rows(cursor, _DROP_GRANTS.format(**names))
            added += _rows(cursor, _ADD_GRANTS.format(**names))
        synced = Synced(groups, added, removed, _rows(cursor, _ADD_MEMBERS), _rows(cursor, _DROP_MEMBERS))
        for name in ("wanted_members", "role_grants", "wanted_workspace", "wanted_tenant"):
            cursor.execute(f"DROP TABLE {name}")
    _remove_leftovers()
    return synced


def sync_after_migrate(**signal: object) -> None:
    """Receiver of post_migrate. Permissions come first: this app's turn is before django.contrib.auth's."""
    create_permissions(apps.get_app_config("tenancy"), verbosity=0)
    if "tenancy_invitation" in connection.introspection.table_names():
        sync()


def _rows(cursor: CursorWrapper, sql: str) -> int:
    cursor.execute(sql, [])
    return cursor.rowcount


def _role_columns() -> list[list[str]]:
    rows: list[tuple[str, str, str]] = []
    for role in Role:
        rows += [(kind, role, name) for kind in ("tenant", "all") for name in ROLE_CAPABILITIES[role]]
        rows += [("role", role, name) for name in WORKSPACE_CAPABILITIES[role]]
    return [[str(row[place]) for row in rows] for place in range(3)]


def _remove_leftovers() -> None:
    """Groups that carry nothing and hold nobody: of a tenant that is gone, or of an older naming."""
    ours = Group.objects.filter(name__regex=r"^(workspace|tenant):")
    ours.filter(user=None, workspace_grants=None, tenant_grants=None).delete()
