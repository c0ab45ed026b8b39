"""Who sees and may do what. guardian keeps the grants; these two queries read them, and a test holds both alike."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django.contrib.auth.models import Permission
from django.db import models
from django.db.models import Q, QuerySet, Subquery, Value

from tenantpilot.tenancy.capabilities import VIEW_WORKSPACE, Capability
from tenantpilot.tenancy.models import (
    Tenant,
    TenantGroupObjectPermission,
    User,
    Workspace,
    WorkspaceGroupObjectPermission,
)

M = TypeVar("M", bound=models.Model)

# Rights of one person on one tenant, as an SQL array; %(user)s is the person, t the tenant's row.
CAPABILITIES_SQL = """
ARRAY(
  SELECT p.codename FROM tenancy_workspacegroupobjectpermission g
  JOIN auth_permission p ON p.id = g.permission_id
  JOIN tenancy_user_groups ug ON ug.group_id = g.group_id
  WHERE g.content_object_id = t.workspace_id AND ug.user_id = %(user)s
  UNION
  SELECT p.codename FROM tenancy_tenantgroupobjectpermission g
  JOIN auth_permission p ON p.id = g.permission_id
  JOIN tenancy_user_groups ug ON ug.group_id = g.group_id
  WHERE g.content_object_id = t.id AND ug.user_id = %(user)s
)
"""


def is_visible(codenames: frozenset[str]) -> bool:
    """Say whether these rights show the tenant: workspace and tenant entitlement are both needed."""
    return {VIEW_WORKSPACE, Capability.VIEW_TENANT} <= codenames


def _groups_of(user: User) -> QuerySet[Any, Any]:
    # Straight from the table in between: joining the groups themselves costs a person with 9,000 of them a third more.
    through: Any = User.groups.through
    return through.objects.filter(user_id=user.pk).values("group_id")


def _workspaces_with(user: User, codename: str) -> QuerySet[WorkspaceGroupObjectPermission, int]:
    return WorkspaceGroupObjectPermission.objects.filter(
        group__in=_groups_of(user), permission__codename=codename
    ).values_list("content_object_id", flat=True)


def _tenant_permission(codename: str) -> Subquery:
    # One value instead of a join: by the codename alone PostgreSQL prepares for several permissions, and then reads the
    # grants of a person with 9,000 of them in twice the time.
    tenants = {
        "content_type__app_label": Tenant._meta.app_label,
        "content_type__model": Tenant._meta.model_name,
    }
    return Subquery(Permission.objects.filter(codename=codename, **tenants).order_by().values("id")[:1])


def workspaces_visible_to(user: User) -> QuerySet[Workspace]:
    """Return the workspaces that the person belongs to."""
    return Workspace.objects.filter(id__in=_workspaces_with(user, VIEW_WORKSPACE))


def workspaces_with(user: User, capability: str) -> QuerySet[Workspace]:
    """Return the workspaces on which an active person holds a workspace capability. Superusers get no shortcut."""
    if not user.is_authenticated or not user.is_active:
        return Workspace.objects.none()
    return Workspace.objects.filter(id__in=_workspaces_with(user, capability))


def visible_to(
    queryset: QuerySet[M], user: User, *, capability: str = Capability.VIEW_TENANT, path: str = ""
) -> QuerySet[M]:
    """Return the rows whose tenant the person sees and holds ``capability`` on, filtered in SQL.

    ``path`` leads from the model to its tenant ("" for tenants themselves, "tenant" for what belongs to one).
    Superusers get no shortcut.
    """
    if not user.is_authenticated or not user.is_active:
        return queryset.none()
    prefix = f"{path}__" if path else ""
    for needed in {str(Capability.VIEW_TENANT), str(capability)}:
        granted = TenantGroupObjectPermission.objects.filter(
            group__in=_groups_of(user), permission=_tenant_permission(needed)
        ).values_list("content_object_id", flat=True)
        queryset = queryset.filter(
            Q(**{f"{prefix}workspace_id__in": _workspaces_with(user, needed)})
            | Q(**{f"{path or 'id'}__in": granted})
        )
    return queryset.filter(**{f"{prefix}workspace_id__in": _workspaces_with(user, VIEW_WORKSPACE)})


@dataclass(frozen=True, slots=True)
class Granted:
    """The grants of one person that count on a tenant, by where they come from."""

    by_workspace: frozenset[str]
    by_tenant: frozenset[str]

    @property
    def capabilities(self) -> frozenset[str]:
        """The rights; empty when the tenant is not visible."""
        together = self.by_workspace | self.by_tenant
        return together if is_visible(together) else frozenset()


def granted_on(user: User, tenant: Tenant) -> Granted:
    """Return the grants of an active person on ``tenant`` and its workspace (one statement)."""
    if not user.is_authenticated or not user.is_active:
        return Granted(frozenset(), frozenset())
    groups = _groups_of(user)
    on_workspace = WorkspaceGroupObjectPermission.objects.filter(
        group__in=groups, content_object_id=tenant.workspace_id
    ).values_list(Value("workspace"), "permission__codename")
    on_tenant = TenantGroupObjectPermission.objects.filter(
        group__in=groups, content_object_id=tenant.pk
    ).values_list(Value("tenant"), "permission__codename")
    rows = list(on_workspace.union(on_tenant))
    return Granted(
        frozenset(codename for origin, codename in rows if origin == "workspace"),
        frozenset(codename for origin, codename in rows if origin == "tenant"),
    )


def capabilities_on(user: User, tenant: Tenant) -> frozenset[str]:
    """Return the rights of an active person on ``tenant`` (one statement); empty when it is not visible."""
    return granted_on(user, tenant).capabilities
