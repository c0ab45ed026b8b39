"""Who sees and may do what. guardian keeps the grants; these two queries read them, and a test holds both alike."""

from typing import TypeVar

from django.db import models
from django.db.models import F, Q, QuerySet

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


def _workspaces_with(user: User, codename: str) -> QuerySet[WorkspaceGroupObjectPermission, int]:
    return WorkspaceGroupObjectPermission.objects.filter(
        group__in=user.groups.values("id"), permission__codename=codename
    ).values_list("content_object_id", flat=True)


def workspaces_visible_to(user: User) -> QuerySet[Workspace]:
    """Return the workspaces that the person belongs to."""
    return Workspace.objects.filter(id__in=_workspaces_with(user, VIEW_WORKSPACE))


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
            group__in=user.groups.values("id"), permission__codename=needed
        ).values_list("content_object_id", flat=True)
        queryset = queryset.filter(
            Q(**{f"{prefix}workspace_id__in": _workspaces_with(user, needed)})
            | Q(**{f"{path or 'id'}__in": granted})
        )
    return queryset.filter(**{f"{prefix}workspace_id__in": _workspaces_with(user, VIEW_WORKSPACE)})


def capabilities_on(user: User, tenant: Tenant) -> frozenset[str]:
    """Return the rights of an active person on ``tenant`` (one statement); empty when it is not visible."""
    if not user.is_authenticated or not user.is_active:
        return frozenset()
    groups = user.groups.values("id")
    on_workspace = WorkspaceGroupObjectPermission.objects.filter(
        group__in=groups, content_object_id=tenant.workspace_id
    ).annotate(codename=F("permission__codename"))
    on_tenant = TenantGroupObjectPermission.objects.filter(
        group__in=groups, content_object_id=tenant.pk
    ).annotate(codename=F("permission__codename"))
    codenames = frozenset(
        on_workspace.values_list("codename", flat=True).union(on_tenant.values_list("codename", flat=True))
    )
    return codenames if is_visible(codenames) else frozenset()
