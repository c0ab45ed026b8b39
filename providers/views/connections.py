"""Provider connections: the list, one of them with its facts, and the acts that need no form."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations.buttons import start_buttons
from operations.choices import Surface
from operations.views_list import recent_context
from providers import services
from providers.choices import Cloud
from providers.health import blockers_of, facts_in, status_of
from providers.lists import connection_rows, workspaces_of
from providers.models import ProviderConnection
from providers.permissions import PURPOSES
from providers.selectors import Target
from providers.views.grants import missing_grants
from providers.views.parts import banner, may_manage, require_manage, status, visible_connection
from providers.views.tenants import HEALTH, workspace_choice
from tenantpilot.console.filters import chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page, link
from tenantpilot.console.tables import table, table_data

SOON, VERY_SOON = timedelta(days=30), timedelta(days=7)
TABLE = table(
    "provider-connections",
    ("connection", gettext_lazy("Connection")),
    ("tenant", gettext_lazy("Tenant")),
    ("status", gettext_lazy("Status")),
    ("credential", gettext_lazy("Credential ends")),
    ("check", gettext_lazy("Last check")),
)


@page()
def connection_list(request: SignedInRequest) -> HttpResponse:
    """Every provider connection of the tenants that the person sees."""
    in_workspace = workspace_choice(workspaces_of(request.user))
    health, workspace = chosen(request, HEALTH), chosen(request, in_workspace)
    search = search_text(request)
    rows = connection_rows(request.user, workspace=workspace, search=search, health=health)
    shown = keyset_page(rows, request.GET, ("tenant_name", "id"))
    filters = filter_data(
        request, choices=[HEALTH, in_workspace], search_label=_("Search connection or tenant")
    )
    context = {
        "connections": [listed_connection(row) for row in shown.rows],
        "table": table_data(request, TABLE),
        "filters": filters,
        "filtered": bool(filters["active"]),
        "clearUrl": request.path,
        "pager": shown.pager,
        "exportUrl": f"{reverse('connections_export')}{link(request.GET, size=None)}".removesuffix("?"),
    }
    return render(request, "providers/connection_list.html", context)


@page()
def connection_detail(request: SignedInRequest, connection: int) -> HttpResponse:
    """Does this connection work, and what can be started with it."""
    target = visible_connection(request, connection)
    context = {
        "state": status(target),
        "banner": banner(target, here=request.path),
        "starts": start_buttons(target, Surface.CONNECTION, request.user.pk),
        **_facts(request, target),
    }
    return render(request, "providers/connection_detail.html", context)


@page("POST")
def connection_enable(request: SignedInRequest, connection: int) -> HttpResponse:
    """Let operations use the connection again."""
    return _act(request, connection, _("%(connection)s is enabled."), _enable)


@page("GET", "POST")
def connection_disable(request: SignedInRequest, connection: int) -> HttpResponse:
    """Ask on GET; keep operations from using the connection on POST."""
    if request.method == "POST":
        return _act(request, connection, _("%(connection)s is disabled."), _disable)
    target = visible_connection(request, connection)
    require_manage(target)
    label = target.connection.label if target.connection else ""
    back = reverse("connection", args=[connection])
    context = {
        "title": label,
        "message": _("This keeps every operation from using the connection."),
        "details": _("Runs that have begun go on. Nothing changes at the provider."),
        "crumbs": [
            {"label": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])},
            {"label": label, "url": back},
        ],
        "postUrl": request.path,
        "confirmLabel": _("Disable connection"),
        "keepLabel": _("Keep enabled"),
        "keepUrl": back,
    }
    return render(request, "ui/confirm.html", context)


@page("POST")
def connection_default(request: SignedInRequest, connection: int) -> HttpResponse:
    """Make this the connection that starts of its tenant take when none is named."""
    return _act(
        request, connection, _("%(connection)s is the default now."), services.connection_make_default
    )


def _act(request: SignedInRequest, pk: int, done: str, act: Callable[..., None]) -> HttpResponse:
    target = visible_connection(request, pk)
    require_manage(target)
    connection = ProviderConnection.objects.select_related("tenant").get(pk=pk)
    try:
        act(connection=connection, actor=request.user)
    except services.ConnectionRemoved:
        raise Http404 from None
    messages.success(request, done % {"connection": connection.label})
    return HttpResponseRedirect(reverse("connection", args=[pk]))


def _enable(*, connection: ProviderConnection, actor: Any) -> None:
    services.connection_enable(connection=connection, enabled=True, actor=actor)


def _disable(*, connection: ProviderConnection, actor: Any) -> None:
    services.connection_enable(connection=connection, enabled=False, actor=actor)


def _facts(request: SignedInRequest, target: Target) -> dict[str, Any]:
    assert target.connection is not None
    row = (
        ProviderConnection.objects.select_related("app_registration")
        .defer("app_registration__credential_encrypted", "app_registration__certificate_pem")
        .get(pk=target.connection.id)
    )
    app, manages = row.app_registration, may_manage(target)
    known = row.permissions_observed_at is not None
    granted = [{"name": name, "why": _purpose(name)} for name in sorted(row.granted_permissions)]
    return {
        "connection": {
            "label": row.label,
            "isDefault": row.is_default,
            "tenant": {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])},
            "appRegistration": {
                "name": app.name,
                "clientId": str(app.client_id),
                "shared": app.tenant_id is None,
                "purpose": app.get_purpose_display(),
            },
            "lastCheckAt": row.checked_at,
        },
        "credential": {
            "kind": app.get_credential_kind_display(),
            "setAt": app.credential_set_at,
            **expiry(app.credential_expires_at),
            "replaceUrl": reverse("connection_secret", args=[row.pk]) if manages else "",
        },
        "permissions": {
            "granted": granted,
            "missing": missing_grants(target.connection) if known else [],
            "observedAt": row.permissions_observed_at,
        },
        "facts": _lines(row),
        "manage": _manage(row) if manages else [],
        "removeUrl": reverse("connection_remove", args=[row.pk]) if manages else "",
        **recent_context(request, target, row.pk),
    }


def expiry(at: Any) -> dict[str, Any]:
    """When a credential ends and how it looks: amber under 30 days, red under 7."""
    left = at - timezone.now() if at else SOON
    tone = "bad" if left < VERY_SOON else "warn" if left < SOON else "mute"
    return {"expiresAt": at, "tone": tone}


def _purpose(name: str) -> list[str]:
    return [str(PURPOSES[name])] if name in PURPOSES else []


def _lines(row: ProviderConnection) -> list[dict[str, Any]]:
    app = row.app_registration
    lines = [
        {"label": _("Consent"), "value": row.get_consent_state_display(), "at": row.consent_observed_at},
        {
            "label": _("Credential"),
            "value": row.get_credential_state_display(),
            "at": row.credential_observed_at,
        },
    ]
    if app.cloud != Cloud.GLOBAL:
        lines.append({"label": _("Cloud"), "value": app.get_cloud_display()})
    if not row.is_default:
        lines.append({"label": _("Default of this tenant"), "value": _("No")})
    return lines


def _manage(row: ProviderConnection) -> list[dict[str, Any]]:
    def at(name: str) -> str:
        return reverse(name, args=[row.pk])

    acts: list[dict[str, Any]] = [
        {"label": _("Grant consent"), "href": at("connection_consent"), "kind": "link"}
    ]
    if not row.is_default:
        acts.append({"label": _("Make default"), "href": at("connection_default"), "kind": "post"})
    if row.enabled:
        return [
            *acts,
            {"label": _("Disable connection"), "href": at("connection_disable"), "kind": "disable"},
        ]
    enable = {
        "label": _("Enable connection"),
        "href": at("connection_enable"),
        "kind": "post",
        "primary": True,
    }
    return [enable, *acts]


def listed_connection(row: dict[str, Any]) -> dict[str, Any]:
    """What the list shows of a row of `connection_rows`."""
    facts = facts_in(row)
    assert facts is not None
    data: dict[str, Any] = {
        "label": row["label"],
        "url": reverse("connection", args=[row["id"]]),
        "tenant": {"name": row["tenant_name"], "url": reverse("tenant", args=[row["tenant_slug"]])},
        "status": status_of(blockers_of(facts)),
        "lastCheckAt": facts.checked_at,
    }
    if facts.has_credential:
        data["credential"] = expiry(facts.credential_expires_at)
    return data
