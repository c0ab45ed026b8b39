"""The app registrations that a workspace shares: which there are, what they should hold, until when they work."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import forms
from onboarding.app_scope import app_for, apps_of, managed_workspaces, refusal, require_all, seen_connections
from providers import consent, services
from providers.choices import CredentialKind, Purpose
from providers.permissions import purposes_for
from providers.views.connections import expiry
from providers.views.grants import asked_grants
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page
from tenantpilot.tenancy.models import Workspace

CERTIFICATE, SECRET = CredentialKind.CERTIFICATE.value, CredentialKind.SECRET.value


@page()
def app_registrations(request: SignedInRequest) -> HttpResponse:
    """The shared app registrations of every workspace whose app registrations the person manages."""
    workspaces = list(managed_workspaces(request.user))
    if not workspaces:
        raise refusal()
    shown = keyset_page(apps_of(workspaces), request.GET, ("name", "id"))
    context = {
        "apps": [_listed(row) for row in shown.rows],
        "showWorkspace": len(workspaces) > 1,
        "addUrl": reverse("app_registration_add"),
        "pager": shown.pager,
    }
    return render(request, "onboarding/app_list.html", context)


@page()
def app_registration(request: SignedInRequest, app: int) -> HttpResponse:
    """One of them: what it should hold, until when its credential works, which connections use it."""
    found = app_for(request.user, app)
    seen, others = seen_connections(request.user, found)
    permissions = list(purposes_for(found.purpose))
    context = {
        "title": found.name,
        "app": {
            "clientId": str(found.client_id),
            "cloud": found.get_cloud_display(),
            "purpose": found.get_purpose_display(),
            "workspace": found.workspace.name,
        },
        "credential": {
            "kind": found.get_credential_kind_display(),
            "setAt": found.credential_set_at,
            **expiry(found.credential_expires_at),
            "replaceUrl": reverse("app_registration_credential", args=[found.pk]),
        },
        "permissions": asked_grants(found.purpose),
        "permissionList": "\n".join(permissions),
        "redirectUri": consent.return_url(request),
        "connections": seen,
        "others": others,
        "crumbs": [_crumb()],
    }
    return render(request, "onboarding/app_detail.html", context)


@page("GET", "POST")
def app_registration_add(request: SignedInRequest) -> HttpResponse:
    """Register an application that the tenants of a workspace share, with its credential."""
    workspaces = list(managed_workspaces(request.user))
    if not workspaces:
        raise refusal()
    workspace = _chosen(request, workspaces)
    kind = _kind(request)
    form = forms.APP_FORMS[kind](
        request.POST if request.method == "POST" else None, initial={"purpose": _purpose(request)}
    )
    if request.method == "POST" and form.is_valid():
        added = services.app_registration_create(
            workspace=workspace,
            tenant=None,
            actor=request.user,
            **{name: form.cleaned_data[name] for name in ("name", "client_id", "cloud", "purpose")},
        )
        services.credential_replace(app_registration=added, actor=request.user, **form.credential())
        messages.success(request, _("%(name)s is added.") % {"name": added.name})
        return HttpResponseRedirect(reverse("app_registration", args=[added.pk]))
    context = {
        "title": _("Add app registration"),
        "intro": _("Register a multi-tenant application at the provider first."),
        "facts": [{"label": _("Workspace"), "value": workspace.name}],
        "crumbs": [_crumb()],
        "submitLabel": _("Add app registration"),
        "cancelUrl": reverse("app_registrations"),
        "alternatives": _ways(request, kind, workspace, workspaces),
        "guide": {
            "permissions": asked_grants(_purpose(request)),
            "permissionList": "\n".join(purposes_for(_purpose(request))),
            "redirectUri": consent.return_url(request),
        },
    }
    return _form_page(request, form, context)


@page("GET", "POST")
def app_registration_credential(request: SignedInRequest, app: int) -> HttpResponse:
    """Replace the credential; every connection that uses it wants a check afterwards."""
    found = app_for(request.user, app)
    require_all(request.user, found)
    kind = _kind(request, found.credential_kind)
    form = forms.CREDENTIAL_FORMS[kind](request.POST if request.method == "POST" else None)
    back = reverse("app_registration", args=[found.pk])
    if request.method == "POST" and form.is_valid():
        services.credential_replace(app_registration=found, actor=request.user, **form.credential())
        messages.success(request, _("The credential is replaced. Check the connections next."))
        return HttpResponseRedirect(back)
    seen, others = seen_connections(request.user, found)
    other = SECRET if kind == CERTIFICATE else CERTIFICATE
    label = _("Use a client secret") if other == SECRET else _("Use a certificate")
    context = {
        "title": _("Replace secret") if found.credential_set_at else _("Set secret"),
        "intro": _("Every connection of this app registration wants a check afterwards."),
        "facts": [
            {"label": _("App registration"), "value": found.name},
            {"label": _("Client ID"), "value": str(found.client_id)},
            {"label": _("Connections that use it"), "value": len(seen) + others},
        ],
        "crumbs": [_crumb(), {"label": found.name, "url": back}],
        "submitLabel": _("Replace secret") if found.credential_set_at else _("Set secret"),
        "cancelUrl": back,
        "alternatives": [{"label": label, "url": f"?kind={other}"}],
    }
    return _form_page(request, form, context)


def _listed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "url": reverse("app_registration", args=[row["id"]]),
        "purpose": Purpose(row["purpose"]).label,
        "workspace": row["workspace__name"],
        "connections": row["used"],
        "credential": expiry(row["credential_expires_at"]) if row["has_credential"] else None,
    }


def _chosen(request: SignedInRequest, workspaces: list[Workspace]) -> Workspace:
    slug = request.GET.get("workspace", "")
    found = next((one for one in workspaces if one.slug == slug), None) if slug else workspaces[0]
    if found is None:
        raise Http404
    return found


def _kind(request: SignedInRequest, default: str = SECRET) -> str:
    wanted = request.GET.get("kind", default)
    return wanted if wanted in forms.CREDENTIAL_FORMS else default


def _purpose(request: SignedInRequest) -> str:
    wanted = request.GET.get("purpose", Purpose.READ)
    return wanted if wanted in Purpose.values else Purpose.READ


def _ways(
    request: SignedInRequest, kind: str, workspace: Workspace, workspaces: list[Workspace]
) -> list[dict[str, str]]:
    other = SECRET if kind == CERTIFICATE else CERTIFICATE
    label = _("Use a client secret") if other == SECRET else _("Use a certificate")
    ways = [{"label": label, "url": f"?kind={other}&workspace={workspace.slug}"}]
    ways += [
        {"label": _("For %(workspace)s") % {"workspace": one.name}, "url": f"?workspace={one.slug}"}
        for one in workspaces
        if one != workspace
    ]
    return ways


def _form_page(request: SignedInRequest, form: Any, context: dict[str, Any]) -> HttpResponse:
    status = 400 if form.errors else 200
    return render(request, "onboarding/connection_form.html", {"form": form, **context}, status=status)


def _crumb() -> dict[str, str]:
    return {"label": _("App registrations"), "url": reverse("app_registrations")}
