"""The page for the customer's administrator, who has no account here, and the way back from the provider."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from onboarding import connect
from onboarding.choices import StepName
from onboarding.links import by_token, is_usable
from onboarding.models import ConsentRequest
from onboarding.pages import consent_url
from onboarding.selectors import find_session
from onboarding.words import answer_words, session_url
from providers.consent import Answer, read_answer
from providers.views.grants import asked_grants
from tenantpilot.tenancy.models import User


def consent_link(request: HttpRequest, token: str) -> HttpResponse:
    """Who asks for what and why, and on to the provider. A link that was revoked, is too old or none of ours: 404."""
    if request.method not in {"GET", "HEAD"}:
        return HttpResponseNotAllowed(["GET", "HEAD"])
    asked = by_token(token)
    if asked is None:
        raise Http404
    connection = asked.connection
    workspace = asked.session.workspace.name
    context = {
        "title": _("%(workspace)s asks for access") % {"workspace": workspace},
        "workspace": workspace,
        "domain": connection.tenant.primary_domain,
        "entraTenantId": str(connection.tenant.entra_tenant_id),
        "app": {
            "name": connection.app_registration.name,
            "clientId": str(connection.app_registration.client_id),
        },
        "permissions": asked_grants(connection.app_registration.purpose),
        "expiresAt": asked.expires_at,
        "granted": asked.answer == Answer.GRANTED,
        "consentUrl": consent_url(request, asked),
    }
    return _kept_from_caches(render(request, "onboarding/consent_link.html", context))


def returned(request: HttpRequest, asked: ConsentRequest) -> HttpResponse:
    """Take the provider's answer to a request, and lead back to the wizard or tell a stranger what to do.

    This GET writes, as a sign-in's does: the protocol delivers its answer so, and the nonce ties it to the request.
    """
    if not is_usable(asked):
        return _stranger(request, asked, None)
    answer = read_answer(request.GET, asked.connection.tenant.entra_tenant_id)
    user = request.user if admin.site.has_permission(request) and isinstance(request.user, User) else None
    connect.answered(asked, answer, user)
    seen = find_session(user, asked.session_id) if user is not None else None
    if seen is not None and seen.may:
        return HttpResponseRedirect(session_url(asked.session_id, StepName.CONNECT))
    return _stranger(request, asked, answer)


def _stranger(request: HttpRequest, asked: ConsentRequest, answer: Answer | None) -> HttpResponse:
    words = {"workspace": asked.session.workspace.name}
    context: dict[str, Any] = {"asked": asked}
    if answer is None:
        context |= {
            "title": _("This link is too old"),
            "message": _("Nothing was changed. Ask %(workspace)s for a new link.") % words,
        }
    elif answer is Answer.GRANTED:
        context |= {
            "title": _("Consent was granted"),
            "message": _("You are done and can close this page. %(workspace)s sees it by itself.") % words,
        }
    else:
        context |= {
            "title": _("Consent was not granted"),
            "message": answer_words(answer),
            "details": _("Nothing was changed. You can try again."),
            "backUrl": consent_url(request, asked),
            "backLabel": _("Try again"),
        }
    status = 400 if answer is None else 200
    return _kept_from_caches(render(request, "onboarding/consent_return.html", context, status=status))


def _kept_from_caches(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store, private"
    # The address is the secret: no page that is opened from here learns of it.
    response["Referrer-Policy"] = "no-referrer"
    return response
