"""Whose rows a person sees as records: those of workspaces whose people they manage, and there what they see anyway.

Two answers a row, so that a row out of sight is a 404 and one in sight without the right is a 403.
"""

from typing import Any

from django.db.models import Q, QuerySet

from tenantpilot.tenancy.capabilities import Capability, WorkspaceCapability
from tenantpilot.tenancy.models import Tenant, User, Workspace
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to, workspaces_with

Rows = QuerySet[Any]
NEEDED = WorkspaceCapability.MANAGE_MEMBERS
"""Who may open the records of a workspace: its owners."""


def owned_workspaces(user: User) -> QuerySet[Workspace]:
    """The workspaces whose records this person may open."""
    return workspaces_with(user, NEEDED) & workspaces_visible_to(user)


def of_tenant(rows: Rows, user: User, path: str, *, capability: str = Capability.VIEW_TENANT) -> Rows:
    """Rows that belong to a tenant that the person sees; `path` leads there, empty for tenants themselves."""
    return visible_to(rows, user, path=path, capability=capability)


def of_workspace(rows: Rows, user: User, path: str, tenant: str = "") -> Rows:
    """Rows that belong to a workspace of the person; those that also name a `tenant` want it to be visible."""
    rows = rows.filter(**{f"{path}__in" if path else "pk__in": workspaces_visible_to(user).values("pk")})
    if not tenant:
        return rows
    seen = visible_to(Tenant.objects.all(), user).values("pk")
    return rows.filter(Q(**{f"{tenant}__isnull": True}) | Q(**{f"{tenant}__in": seen}))


def owned(rows: Rows, user: User, workspace: str) -> Rows:
    """Those of the rows whose records this person may open; `workspace` leads to the workspace."""
    return rows.filter(**{f"{workspace}__in" if workspace else "pk__in": owned_workspaces(user).values("pk")})
