"""Which workspace or member a page is about: 404 unless the reader belongs there, 403 unless they manage people."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext as _

from tenantpilot.console.pages import SignedInRequest
from tenantpilot.tenancy.capabilities import WorkspaceCapability, least_role_with
from tenantpilot.tenancy.models import Invitation, Membership, User, Workspace
from tenantpilot.tenancy.permissions import workspaces_visible_to, workspaces_with

MANAGE = WorkspaceCapability.MANAGE_MEMBERS


def managed_workspaces(user: User) -> QuerySet[Workspace]:
    """The workspaces whose people this person manages, by name."""
    return workspaces_with(user, MANAGE).order_by("name", "id")


def chosen_workspace(request: SignedInRequest) -> Workspace:
    """The workspace that the query names; without a name the first one whose people the reader manages."""
    slug = request.GET.get("workspace", "")
    if slug:
        found = workspaces_visible_to(request.user).filter(slug=slug.replace("\x00", "")).first()
        return _managed(request, found)
    first = managed_workspaces(request.user).first()
    if first is None:
        raise _refusal()
    return first


def switch(request: SignedInRequest, workspace: Workspace) -> list[dict[str, Any]]:
    """Links to the same page of the reader's other workspaces; none while there is only one."""
    known = list(managed_workspaces(request.user).values_list("slug", "name"))
    if len(known) < 2:
        return []
    return [
        {"label": name, "url": f"{request.path}?workspace={slug}", "current": slug == workspace.slug}
        for slug, name in known
    ]


def member_of(request: SignedInRequest, member: int) -> Membership:
    """The member with this id, with person and workspace."""
    found = Membership.objects.select_related("user", "workspace").filter(pk=member).first()
    if found is None:
        raise Http404
    visible = workspaces_visible_to(request.user).filter(pk=found.workspace_id).first()
    _managed(request, visible)
    return found


def invitation_of(request: SignedInRequest, invitation: int) -> Invitation:
    """The invitation with this id, usable or not."""
    found = Invitation.objects.select_related("workspace").filter(pk=invitation).first()
    if found is None:
        raise Http404
    visible = workspaces_visible_to(request.user).filter(pk=found.workspace_id).first()
    _managed(request, visible)
    return found


def _managed(request: SignedInRequest, workspace: Workspace | None) -> Workspace:
    if workspace is None:
        raise Http404
    if not workspaces_with(request.user, MANAGE).filter(pk=workspace.pk).exists():
        raise _refusal()
    return workspace


def _refusal() -> PermissionDenied:
    return PermissionDenied(
        _("You need %(role)s in this workspace.") % {"role": least_role_with(MANAGE).label}
    )
