"""Inviting somebody: the link is shown once, on the answer to the click, and is kept nowhere."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.people.forms import CHOSEN, InviteForm
from tenantpilot.people.scope import chosen_workspace, invitation_of
from tenantpilot.people.words import crumbs, out_of_reach
from tenantpilot.tenancy import invitations
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Invitation, Tenant, Workspace
from tenantpilot.tenancy.people import OutOfReach
from tenantpilot.tenancy.permissions import visible_to


@page("GET", "POST")
def invite(request: SignedInRequest) -> HttpResponse:
    """Invite somebody into the workspace. The answer is the same whether or not they have an account."""
    workspace = chosen_workspace(request)
    tenants = visible_to(Tenant.objects.filter(workspace=workspace, archived_at=None), request.user)
    data = request.POST if request.method == "POST" else None
    form = InviteForm(
        data, initial={"role": Role.READONLY, "reach": CHOSEN}, tenants=tenants.order_by("name", "id")
    )
    if request.method == "POST" and form.is_valid():
        try:
            made, token = invitations.invitation_create(
                workspace=workspace,
                addressee=form.cleaned_data["addressee"],
                role=Role(form.cleaned_data["role"]),
                all_tenants=form.all_tenants(),
                tenants=form.chosen_tenants(),
                actor=request.user,
            )
        except OutOfReach:
            form.add_error("reach", out_of_reach())
        else:
            return _link_page(request, workspace, made, token)
    context = {
        "title": _("Add person"),
        "form": form,
        "workspace": workspace,
        "crumbs": crumbs(workspace),
        "cancelUrl": f"{reverse('people')}?workspace={workspace.slug}",
    }
    return render(request, "people/invite.html", context, status=400 if form.errors else 200)


@page("POST")
def renew(request: SignedInRequest, invitation: int) -> HttpResponse:
    """Make a new link; the old one stops working."""
    found = invitation_of(request, invitation)
    try:
        token = invitations.invitation_renew(invitation=found, actor=request.user)
    except invitations.InvitationGone:
        raise Http404 from None
    except OutOfReach:
        messages.error(request, out_of_reach())
        return HttpResponseRedirect(f"{reverse('people')}?workspace={found.workspace.slug}")
    found.refresh_from_db()
    return _link_page(request, found.workspace, found, token)


@page("GET", "POST")
def withdraw(request: SignedInRequest, invitation: int) -> HttpResponse:
    """Ask, then make the link useless."""
    found = invitation_of(request, invitation)
    back = f"{reverse('people')}?workspace={found.workspace.slug}"
    if request.method == "POST":
        try:
            invitations.invitation_revoke(invitation=found, actor=request.user)
        except invitations.InvitationGone:
            raise Http404 from None
        messages.success(request, _("The invitation of %(name)s is withdrawn.") % {"name": found.addressee})
        return HttpResponseRedirect(back)
    if not invitations.open_invitations(found.workspace_id).filter(pk=found.pk).exists():
        raise Http404
    context = {
        "title": found.addressee,
        "message": _("The link of this invitation stops working."),
        "crumbs": crumbs(found.workspace),
        "postUrl": request.path,
        "confirmLabel": _("Withdraw invitation"),
        "keepLabel": _("Keep invitation"),
        "keepUrl": back,
    }
    return render(request, "ui/confirm.html", context)


def _link_page(
    request: SignedInRequest, workspace: Workspace, invitation: Invitation, token: str
) -> HttpResponse:
    path = reverse("join", args=[token])
    context = {
        "title": _("Invitation of %(name)s") % {"name": invitation.addressee},
        "crumbs": crumbs(workspace),
        "workspace": workspace,
        "role": Role(invitation.role).label,
        "link": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else request.build_absolute_uri(path),
        "expiresAt": invitation.expires_at,
        "backUrl": f"{reverse('people')}?workspace={workspace.slug}",
    }
    return render(request, "people/invitation_link.html", context)
