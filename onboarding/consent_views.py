"""Admin consent: the link for the customer's administrator, and what happens when they come back."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import links
from onboarding.answers import start_check
from onboarding.link_views import returned
from onboarding.words import answer_words
from providers import consent, services
from providers.consent import Answer
from providers.models import ProviderConnection
from providers.selectors import Target
from providers.views.grants import asked_grants, missing_grants
from providers.views.parts import require_manage, visible_connection
from tenantpilot.console.pages import SignedInRequest, page


@page()
def connection_consent(request: SignedInRequest, connection: int) -> HttpResponse:
    """Who must consent and to what, with the link to open or to send."""
    target = visible_connection(request, connection)
    require_manage(target)
    return render(request, "onboarding/consent.html", _page(request, target))


def consent_return(request: HttpRequest) -> HttpResponse:
    """Where the provider sends people back to: says what it answered (GET), or records it and checks (POST).

    The customer's administrator, who has no account here, gets a page that names nobody.
    """
    if request.method == "GET":
        asked = links.by_state(request.GET.get("state", ""))
        if asked is not None:
            return returned(request, asked)
    if not admin.site.has_permission(request) and request.method == "GET":
        state = consent.read_state(request.GET.get("state", ""))
        if state is not None:
            granted = not request.GET.get("error") and request.GET.get("admin_consent", "").lower() == "true"
            return _stranger_page(request, granted=granted)
    return _returned(request)


@page("GET", "POST")
def _returned(request: SignedInRequest) -> HttpResponse:
    signed = (request.POST if request.method == "POST" else request.GET).get("state", "")
    state = consent.read_state(signed)
    if state is None or state.user_id != request.user.pk:
        return _refused(request)
    target = visible_connection(request, state.connection_id)
    require_manage(target)
    if request.method == "POST":
        return _record_and_check(request, target)
    return _answered(request, target, signed)


def _answered(request: SignedInRequest, target: Target, signed: str) -> HttpResponse:
    answer = consent.read_answer(request.GET, target.tenant.entra_tenant_id)
    if answer is Answer.GRANTED:
        context = _about(target) | {
            "title": _("Consent was granted"),
            "message": _("Microsoft says that consent was granted."),
            "details": _("A connection check confirms it."),
            "postUrl": reverse("consent_return"),
            "fields": [{"name": "state", "value": signed}],
            "actionLabel": _("Check connection"),
        }
        return render(request, "onboarding/consent_return.html", context)
    context = _page(request, target) | {"problem": answer_words(answer)}
    return render(request, "onboarding/consent.html", context)


def _record_and_check(request: SignedInRequest, target: Target) -> HttpResponse:
    assert target.connection is not None
    connection = ProviderConnection.objects.select_related("tenant").get(pk=target.connection.id)
    services.consent_record(connection=connection, actor=request.user)
    start_check(request, target.connection.id)
    return HttpResponseRedirect(reverse("connection", args=[connection.pk]))


def _refused(request: SignedInRequest) -> HttpResponse:
    context = {
        "title": _("Consent"),
        "message": _("This link is not yours, or it is too old."),
        "details": _("Nothing was changed. Open the connection and grant consent from there."),
        "backUrl": reverse("connections"),
        "backLabel": _("Open provider connections"),
    }
    return render(request, "onboarding/consent_return.html", context, status=400)


def _stranger_page(request: HttpRequest, *, granted: bool) -> HttpResponse:
    context = {
        "title": _("Consent was granted") if granted else _("Consent was not granted"),
        "message": _("You can close this page. Tell your service provider that you are done.")
        if granted
        else _("You can close this page. Nothing was changed."),
    }
    response = render(request, "onboarding/consent_return.html", context)
    response["Cache-Control"] = "no-store, private"
    return response


def _page(request: SignedInRequest, target: Target) -> dict[str, Any]:
    assert target.connection is not None
    row = ProviderConnection.objects.select_related("app_registration").only(
        "id", "app_registration__cloud", "app_registration__client_id", "app_registration__purpose"
    )
    app = row.get(pk=target.connection.id).app_registration
    known = target.connection.permissions_observed_at is not None
    missing = {each["name"] for each in missing_grants(target.connection)} if known else set()
    return _about(target) | {
        "title": _("Grant consent"),
        "consentUrl": consent.consent_url(
            request,
            cloud=app.cloud,
            entra_tenant_id=target.tenant.entra_tenant_id,
            client_id=app.client_id,
            connection_id=target.connection.id,
        ),
        "permissions": [each | {"missing": each["name"] in missing} for each in asked_grants(app.purpose)],
        "redirectUri": consent.return_url(request),
        "cancelUrl": reverse("connection", args=[target.connection.id]),
    }


def _about(target: Target) -> dict[str, Any]:
    if target.connection is None:
        raise Http404
    tenant = {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])}
    label, url = target.connection.label, reverse("connection", args=[target.connection.id])
    crumbs = [{"label": tenant["name"], "url": tenant["url"]}, {"label": label, "url": url}]
    return {"tenant": tenant, "crumbs": crumbs, "backUrl": url, "backLabel": _("Open connection")}
