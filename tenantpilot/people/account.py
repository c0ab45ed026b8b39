"""One's own account: the password, and where one is signed in."""

from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.db import transaction
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters

from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.people.forms import OwnPasswordForm
from tenantpilot.tenancy import account, sessions


@sensitive_post_parameters()
@page("GET", "POST")
def password(request: SignedInRequest) -> HttpResponse:
    """Change one's own password; every other session ends."""
    form = OwnPasswordForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        _change_password(request, form)
        messages.success(request, _("Your password is changed. Other sessions are ended."))
        return HttpResponseRedirect(reverse("account_password"))
    context = {"title": _("Change password"), "form": form}
    return render(request, "people/password.html", context, status=400 if form.errors else 200)


@page()
def sessions_page(request: SignedInRequest) -> HttpResponse:
    """Where one is signed in."""
    rows = [
        {
            "browser": session.browser or _("Unknown browser"),
            "startedAt": session.started_at,
            "endsAt": session.ends_at,  # type: ignore[attr-defined]  # annotated
            "current": session.session_key == request.session.session_key,
            "endUrl": reverse("account_session_end", args=[session.pk]),
        }
        for session in sessions.sessions_of(request.user)
    ]
    return render(request, "people/sessions.html", {"title": _("Sessions"), "sessions": rows})


@page("POST")
def session_end(request: SignedInRequest, session: int) -> HttpResponse:
    """End one of one's own sessions."""
    found = sessions.sessions_of(request.user).filter(pk=session).first()
    if found is None:
        raise Http404
    account.session_end(user=request.user, session=found)
    messages.success(request, _("The session is ended."))
    return HttpResponseRedirect(reverse("account_sessions"))


@page("POST")
def sessions_end_others(request: SignedInRequest) -> HttpResponse:
    """End every session but the one at hand."""
    ended = account.sessions_end_others(user=request.user, keep=request.session.session_key or "")
    words = ngettext("%(n)d other session is ended.", "%(n)d other sessions are ended.", ended) % {"n": ended}
    messages.success(request, words)
    return HttpResponseRedirect(reverse("account_sessions"))


def session_state(request: HttpRequest) -> HttpResponse:
    """For `session.js`: how long the session lasts (GET), and that it last anew (POST, with the CSRF token).

    The token is in the answer, since signing in again in another tab makes a new one and forms that were open keep
    what was typed in them.
    """
    if request.method not in {"GET", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    if not admin.site.has_permission(request):
        return JsonResponse({"left": 0}, status=401, headers={"Cache-Control": "no-store, private"})
    if request.method == "POST":
        sessions.renew(request.session)
    data = {
        "left": sessions.seconds_left(request.session),
        "person": request.user.pk,
        "csrfToken": get_token(request),
    }
    return JsonResponse(data, headers={"Cache-Control": "no-store, private"})


def _change_password(request: SignedInRequest, form: OwnPasswordForm) -> None:
    with transaction.atomic():
        user = form.save()
        before = request.session.session_key
        update_session_auth_hash(request, user)
        sessions.session_moved(old_key=before, new_key=request.session.session_key)
        account.password_changed(user=request.user, keep=request.session.session_key or "")
