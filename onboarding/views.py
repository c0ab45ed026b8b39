"""Forms of a connection: add it, give it a new credential, correct the tenant's ID."""

from typing import Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.forms import Form
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from onboarding import forms
from onboarding.app_scope import require_all
from operations.phrases import verb_of
from providers import services
from providers.choices import CredentialKind
from providers.models import AppRegistration, ProviderConnection
from providers.selectors import Target
from providers.views.parts import require_manage, visible_connection, visible_tenant
from tenantpilot.console.http import own_path
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.lifecycle import directory
from tenantpilot.tenancy.models import Tenant

OWN = "own"
CERTIFICATE, SECRET = CredentialKind.CERTIFICATE.value, CredentialKind.SECRET.value


@page("GET", "POST")
def connection_add(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Connect a tenant through an app registration of the workspace, or through one that it brings."""
    target = visible_tenant(request, tenant)
    require_manage(target)
    shared = forms.available_apps(target.tenant.id, target.tenant.workspace_id).exists()
    own = request.GET.get("app") == OWN or not shared
    form = _own_form(request) if own else _shared_form(request, target)
    if request.method == "POST" and form.is_valid():
        connection = _connect(request, target, form)
        if connection is not None:
            messages.success(
                request, _("%(connection)s is added. Check it next.") % {"connection": connection.label}
            )
            return HttpResponseRedirect(reverse("connection", args=[connection.pk]))
    context = {
        "title": _("Add connection"),
        "intro": _("Connect %(tenant)s through an app registration.") % {"tenant": target.tenant.name},
        "crumbs": [_tenant_crumb(target)],
        "submitLabel": _("Add connection"),
        "cancelUrl": reverse("tenant", args=[tenant]),
        "alternatives": _ways(request, own=own, shared=shared),
    }
    return _form_page(request, form, context)


@page("GET", "POST")
def connection_secret(request: SignedInRequest, connection: int) -> HttpResponse:
    """Replace the credential of the connection's app registration; it is never shown again."""
    target = visible_connection(request, connection)
    require_manage(target)
    app = _app_of(connection)
    require_all(request.user, app)
    kind = _kind(request, default=app.credential_kind)
    form = forms.CREDENTIAL_FORMS[kind](request.POST if request.method == "POST" else None)
    back = own_path(request, request.GET.get("next", "")) or reverse("connection", args=[connection])
    if request.method == "POST" and form.is_valid():
        services.credential_replace(app_registration=app, actor=request.user, **form.credential())
        messages.success(request, _("The credential is replaced. Check the connection next."))
        return HttpResponseRedirect(back)
    others = app.connections.filter(removed_at=None).count() - 1
    context = {
        "title": _("Replace secret") if app.credential_set_at else _("Set secret"),
        "intro": _("Every connection of this app registration wants a check afterwards."),
        "facts": [
            {"label": _("App registration"), "value": app.name},
            {"label": _("Client ID"), "value": str(app.client_id)},
            {"label": _("Other connections that use it"), "value": others},
        ],
        "crumbs": [_tenant_crumb(target), {"label": _label(target), "url": back}],
        "submitLabel": _("Replace secret") if app.credential_set_at else _("Set secret"),
        "cancelUrl": back,
        "alternatives": [_other_kind(kind)],
    }
    return _form_page(request, form, context)


@page("GET", "POST")
def tenant_edit(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Correct the Entra tenant ID."""
    target = visible_tenant(request, tenant)
    require_manage(target)
    row = Tenant.objects.get(pk=target.tenant.id)
    before = {"entra_tenant_id": str(row.entra_tenant_id)}
    form = forms.TenantIdForm(request.POST if request.method == "POST" else None, initial=before, tenant=row)
    back = own_path(request, request.GET.get("next", "")) or reverse("tenant", args=[tenant])
    if request.method == "POST" and form.is_valid() and _change_id(request, row, form):
        return HttpResponseRedirect(back)
    context = {
        "title": _("Edit tenant ID"),
        "intro": _("Connections want a check after the ID changes."),
        "facts": [{"label": _("Domain"), "value": row.primary_domain}],
        "crumbs": [_tenant_crumb(target)],
        "submitLabel": _("Save tenant ID"),
        "cancelUrl": back,
    }
    return _form_page(request, form, context)


def _form_page(request: SignedInRequest, form: Form, context: dict[str, Any]) -> HttpResponse:
    status = 400 if form.errors else 200
    return render(request, "onboarding/connection_form.html", {"form": form, **context}, status=status)


def _own_form(request: SignedInRequest) -> Any:
    data = request.POST if request.method == "POST" else None
    return forms.APP_FORMS[_kind(request)](data, initial={"purpose": request.GET.get("purpose", "")})


def _shared_form(request: SignedInRequest, target: Target) -> forms.SharedAppForm:
    data = request.POST if request.method == "POST" else None
    return forms.SharedAppForm(data, tenant_id=target.tenant.id, workspace_id=target.tenant.workspace_id)


def _connect(request: SignedInRequest, target: Target, form: Any) -> ProviderConnection | None:
    tenant = Tenant.objects.select_related("workspace").get(pk=target.tenant.id)
    try:
        with transaction.atomic():
            app = form.cleaned_data.get("app_registration") or _bring(request, tenant, form)
            label = form.cleaned_data.get("label") or app.name
            return services.connection_create(
                tenant=tenant, app_registration=app, label=label, actor=request.user
            )
    except IntegrityError:
        form.add_error(None, _("This tenant is connected through this app registration already."))
        return None


def _bring(request: SignedInRequest, tenant: Tenant, form: Any) -> AppRegistration:
    app = services.app_registration_create(
        workspace=tenant.workspace,
        tenant=tenant,
        name=form.cleaned_data["name"],
        client_id=form.cleaned_data["client_id"],
        cloud=form.cleaned_data["cloud"],
        purpose=form.cleaned_data["purpose"],
        actor=request.user,
    )
    services.credential_replace(app_registration=app, actor=request.user, **form.credential())
    return app


def _change_id(request: SignedInRequest, tenant: Tenant, form: forms.TenantIdForm) -> bool:
    wanted = form.cleaned_data["entra_tenant_id"]
    if wanted == str(tenant.entra_tenant_id):
        return True
    try:
        directory.change(tenant, wanted, request.user)
    except directory.TenantBusy as busy:
        form.add_error("entra_tenant_id", _busy_words(busy))
        return False
    except IntegrityError:
        # Another request took the ID after the form had looked.
        form.add_error("entra_tenant_id", forms.taken())
        return False
    messages.success(request, _("The tenant ID is saved. Check the connection next."))
    return True


def _busy_words(busy: directory.TenantBusy) -> SafeString:
    words = _("%(verb)s is at work on this tenant. Stop it or wait for it.") % {
        "verb": verb_of(busy.operation_type)
    }
    url = reverse("run", args=[busy.run_id])
    return format_html('{} <a href="{}">{}</a>', words, url, _("View run"))


def _app_of(connection_id: int) -> AppRegistration:
    apps = AppRegistration.objects.defer("credential_encrypted", "certificate_pem")
    return apps.get(connections=connection_id)


def _kind(request: SignedInRequest, default: str = SECRET) -> str:
    wanted = request.GET.get("kind", default)
    return wanted if wanted in forms.CREDENTIAL_FORMS else default


def _ways(request: SignedInRequest, *, own: bool, shared: bool) -> list[dict[str, str]]:
    """The other ways to fill in this page, as links: each is a page of its own and needs no script."""
    if not own:
        return [{"label": _("Bring your own app registration"), "url": f"?app={OWN}"}]
    kind = _other_kind(_kind(request))
    ways = [{"label": kind["label"], "url": f"?app={OWN}&kind={kind['kind']}"}]
    if shared:
        ways.append({"label": _("Use an app registration of the workspace"), "url": request.path})
    return ways


def _other_kind(kind: str) -> dict[str, str]:
    if kind == CERTIFICATE:
        return {"label": _("Use a client secret"), "url": f"?kind={SECRET}", "kind": SECRET}
    return {"label": _("Use a certificate"), "url": f"?kind={CERTIFICATE}", "kind": CERTIFICATE}


def _tenant_crumb(target: Target) -> dict[str, str]:
    return {"label": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])}


def _label(target: Target) -> str:
    return target.connection.label if target.connection else ""
