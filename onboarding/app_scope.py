"""Whose app registrations a page is about: 404 outside the workspace, 403 for who may not manage them there."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from providers.models import AppRegistration, ProviderConnection
from providers.selectors import MAX_ID
from tenantpilot.tenancy.capabilities import Capability, WorkspaceCapability, least_role_with
from tenantpilot.tenancy.models import User, Workspace
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to, workspaces_with

MANAGE = WorkspaceCapability.ONBOARD_TENANTS
Row = dict[str, Any]


def managed_workspaces(user: User) -> QuerySet[Workspace]:
    """The workspaces whose app registrations this person manages, by name."""
    return workspaces_with(user, MANAGE).order_by("name", "id")


def apps_of(workspaces: list[Workspace]) -> QuerySet[Any, Row]:
    """The shared app registrations of these workspaces, without their credentials."""
    mine = AppRegistration.objects.filter(pk=OuterRef("pk"))
    apps = AppRegistration.objects.filter(workspace__in=workspaces, tenant=None)
    rows: QuerySet[Any, Any] = apps.annotate(
        used=Count("connections", filter=Q(connections__removed_at=None)),
        has_credential=Exists(mine.exclude(credential_encrypted="")),
    )
    return rows.values(
        "id", "name", "purpose", "workspace__name", "used", "has_credential", "credential_expires_at"
    )


def app_for(user: User, app_id: int) -> AppRegistration:
    """The shared app registration with this id, without its credential. Raises Http404, PermissionDenied."""
    if not 0 < app_id <= MAX_ID:
        raise Http404
    rows = AppRegistration.objects.filter(pk=app_id, tenant=None, workspace__in=workspaces_visible_to(user))
    found = rows.select_related("workspace").defer("credential_encrypted", "certificate_pem").first()
    if found is None:
        raise Http404
    if not workspaces_with(user, MANAGE).filter(pk=found.workspace_id).exists():
        raise refusal()
    return found


def require_all(user: User, app: AppRegistration) -> None:
    """A shared app reaches other tenants: its credential is for who manages every one of them."""
    used = ProviderConnection.objects.filter(app_registration=app, removed_at=None)
    mine = visible_to(used, user, capability=Capability.MANAGE_CONNECTIONS, path="tenant")
    if used.exclude(pk__in=mine.values("pk")).exists():
        raise PermissionDenied(_("You need Manager on every tenant that uses this app registration."))


def seen_connections(user: User, app: AppRegistration) -> tuple[list[dict[str, Any]], int]:
    """The connections through it that the person sees, and how many there are beside them."""
    used = ProviderConnection.objects.filter(app_registration=app, removed_at=None)
    mine = visible_to(used, user, path="tenant").order_by("tenant__name", "id")
    rows = mine.values("id", "label", "tenant__name", "tenant__slug")
    seen = [
        {
            "label": row["tenant__name"],
            "url": reverse("connection", args=[row["id"]]),
            "note": row["label"],
        }
        for row in rows[:200]
    ]
    return seen, used.count() - len(seen)


def refusal() -> PermissionDenied:
    """Who may not manage them is told which role may."""
    role = least_role_with(MANAGE).label
    return PermissionDenied(_("You need %(role)s in this workspace.") % {"role": role})
