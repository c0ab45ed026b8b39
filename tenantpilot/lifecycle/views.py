"""Pages of a tenant's later life: archive, bring back, delete; and removing a connection."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django_htmx.http import HTMX_STOP_POLLING

from operations.phrases import verb_of
from providers.models import ProviderConnection
from providers.selectors import Target
from providers.services import ConnectionRemoved
from providers.views.parts import require_manage, visible_connection, visible_tenant
from tenantpilot.console.errors import problem_response
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.lifecycle import archive, connections, erase
from tenantpilot.lifecycle.forms import DeleteForm
from tenantpilot.lifecycle.shown import leaving
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.choices import TenantState
from tenantpilot.tenancy.models import Tenant


@page("GET", "POST")
def tenant_archive(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Say what archiving does on GET; archive on POST."""
    target = visible_tenant(request, tenant)
    require(target.capabilities, Capability.MANAGE_TENANT)
    back = reverse("tenant", args=[tenant])
    if request.method == "POST":
        if not archive.archive(_row(target), request.user):
            messages.info(request, _("%(tenant)s is archived already.") % {"tenant": target.tenant.name})
        return HttpResponseRedirect(back)
    if target.tenant.archived_at is not None:
        return HttpResponseRedirect(back)
    return render(request, "ui/confirm.html", _archive_question(target, back))


@page()
def tenant_archive_status(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The part that is polled while the tenant is being archived; 286 stops it, and buttons around are drawn anew."""
    shown = leaving(visible_tenant(request, tenant))
    goes_on = shown is not None and "poll" in shown
    context = {"leaving": shown, "polled": True}
    response = render(
        request, "lifecycle/_leaving.html", context, status=200 if goes_on else HTMX_STOP_POLLING
    )
    if not goes_on:
        response["HX-Trigger"] = "tp:run-ended"
    return response


@page("POST")
def tenant_bring_back(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Take an archived tenant into use again, and say what it needs next."""
    target = visible_tenant(request, tenant)
    require(target.capabilities, Capability.MANAGE_TENANT)
    words = {"tenant": target.tenant.name}
    if archive.bring_back(_row(target), request.user):
        messages.success(request, _("%(tenant)s is back. Enable its connections next.") % words)
    else:
        messages.info(request, _("%(tenant)s is in use.") % words)
    return HttpResponseRedirect(reverse("tenant", args=[tenant]))


@page("GET", "POST")
def tenant_delete(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Ask for the tenant's name; delete what is kept of it on POST. Owners only, and only what is archived."""
    target = visible_tenant(request, tenant)
    require(target.capabilities, Capability.DELETE_TENANT)
    row = _row(target)
    if row.state is not TenantState.ARCHIVED:
        return _not_archived(request, target)
    form = DeleteForm(request.POST if request.method == "POST" else None, tenant=row.name)
    if request.method == "POST" and form.is_valid():
        if not erase.delete(row, request.user):
            return _not_archived(request, target)
        messages.success(request, _("%(tenant)s is being deleted.") % {"tenant": row.name})
        return HttpResponseRedirect(reverse("tenants"))
    back = reverse("tenant", args=[tenant])
    context = {"tenant": {"name": row.name, "url": back}, "form": form, "keepUntil": row.keep_until}
    return render(request, "lifecycle/delete.html", context, status=400 if form.errors else 200)


@page("GET", "POST")
def connection_remove(request: SignedInRequest, connection: int) -> HttpResponse:
    """Say what removing does on GET; remove the connection on POST, unless a run is active on it."""
    target = visible_connection(request, connection)
    require_manage(target)
    row = ProviderConnection.objects.select_related("tenant").get(pk=connection)
    if request.method != "POST":
        return render(request, "ui/confirm.html", _remove_question(target, row))
    try:
        connections.remove(row, request.user)
    except ConnectionRemoved:
        raise Http404 from None
    except connections.ConnectionBusy as busy:
        step = {"label": _("View run"), "href": reverse("run", args=[busy.run_id])}
        detail = _("%(verb)s is using this connection. Stop it first.") % {
            "verb": verb_of(busy.operation_type)
        }
        title = _("%(connection)s is busy") % {"connection": row.label}
        return problem_response(request, 409, "connection_busy", title, [step], detail=detail)
    messages.success(request, _("%(connection)s is removed.") % {"connection": row.label})
    return HttpResponseRedirect(reverse("tenant", args=[target.tenant.slug]))


def _row(target: Target) -> Tenant:
    return Tenant.objects.get(pk=target.tenant.id)


def _archive_question(target: Target, back: str) -> dict[str, Any]:
    name, active = target.tenant.name, archive.active_runs(target.tenant.id).count()
    day = date_format(archive.keep_until(timezone.now()), "DATE_FORMAT")
    lines = [
        _("Its own credentials are wiped, and its connections disabled."),
        _("Its data is kept until %(day)s, then deleted.") % {"day": day},
        _("Until then it can be brought back."),
    ]
    if active:
        stops = ngettext("%(n)d run is stopped first.", "%(n)d runs are stopped first.", active)
        lines.insert(0, stops % {"n": active})
    return {
        "title": name,
        "message": _("This ends all work on %(tenant)s.") % {"tenant": name},
        "lines": lines,
        "crumbs": [{"label": name, "url": back}],
        "postUrl": reverse("tenant_archive", args=[target.tenant.slug]),
        "confirmLabel": _("Archive tenant"),
        "keepLabel": _("Keep in use"),
        "keepUrl": back,
    }


def _remove_question(target: Target, row: ProviderConnection) -> dict[str, Any]:
    tenant = reverse("tenant", args=[target.tenant.slug])
    back = reverse("connection", args=[row.pk])
    lines = [_("Its runs stay in the history. Nothing changes at the provider.")]
    if row.is_default:
        lines.append(_("It is the default: choose another one, or starts find none."))
    return {
        "title": row.label,
        "message": _("This takes %(connection)s out of use for good.") % {"connection": row.label},
        "lines": lines,
        "crumbs": [{"label": target.tenant.name, "url": tenant}, {"label": row.label, "url": back}],
        "postUrl": reverse("connection_remove", args=[row.pk]),
        "confirmLabel": _("Remove connection"),
        "keepLabel": _("Keep connection"),
        "keepUrl": back,
    }


def _not_archived(request: SignedInRequest, target: Target) -> HttpResponse:
    title = _("%(tenant)s is not archived") % {"tenant": target.tenant.name}
    step = {"label": _("Open tenant"), "href": reverse("tenant", args=[target.tenant.slug])}
    detail = _("Archive it first. Only an archived tenant is deleted.")
    return problem_response(request, 409, "tenant_not_archived", title, [step], detail=detail)
