"""The invitation link: join with an account, or make one. The page is the same whoever was invited."""

from django.contrib import admin, messages
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from tenantpilot.console.http import sign_in_url
from tenantpilot.people.forms import TAKEN, NewAccountForm
from tenantpilot.people.words import person_name, reach_words
from tenantpilot.tenancy import invitations
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Invitation, User

BACKEND = "django.contrib.auth.backends.ModelBackend"


@sensitive_post_parameters()
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invitation, or use it. A link that was never given out, is used, withdrawn or too old: 404 alike."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    invitation = invitations.invitation_for(token)
    if invitation is None:
        raise Http404
    try:
        response = _answer(request, invitation, token)
    except invitations.InvitationGone:
        raise Http404 from None
    patch_vary_headers(response, ["Cookie"])
    response["Cache-Control"] = "no-store, private"
    return response


def _answer(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    if admin.site.has_permission(request):
        return _with_account(request, invitation, token)
    return _without_account(request, invitation, token)


def _with_account(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    user = request.user
    assert isinstance(user, User)
    if request.method != "POST":
        return _page(request, invitation, {"signedInAs": person_name(user)})
    try:
        workspace = invitations.invitation_accept(token=token, user=user)
    except invitations.AlreadyMember:
        problem = _("You belong to %(workspace)s already.") % {"workspace": invitation.workspace.name}
        return _page(request, invitation, {"signedInAs": person_name(user), "problem": problem}, status=409)
    messages.success(request, _("You joined %(workspace)s.") % {"workspace": workspace.name})
    return HttpResponseRedirect(reverse("admin:index"))


def _without_account(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    form = NewAccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = invitations.invitation_accept_new(
                token=token,
                username=form.cleaned_data["username"],
                full_name=form.cleaned_data["full_name"],
                password=form.cleaned_data["password1"],
            )
        except invitations.NameTaken:
            form.add_error("username", TAKEN)
        else:
            login(request, user, backend=BACKEND)
            return HttpResponseRedirect(reverse("admin:index"))
    context = {"form": form, "signInUrl": sign_in_url(request.path)}
    return _page(request, invitation, context, status=400 if form.errors else 200)


def _page(
    request: HttpRequest, invitation: Invitation, context: dict[str, object], *, status: int = 200
) -> HttpResponse:
    words = {"workspace": invitation.workspace.name}
    facts = {
        "title": _("Join %(workspace)s") % words,
        "workspace": invitation.workspace,
        "role": Role(invitation.role).label,
        "reach": reach_words(invitation),
        "expiresAt": invitation.expires_at,
    }
    return render(request, "people/join.html", {**facts, **context}, status=status)
