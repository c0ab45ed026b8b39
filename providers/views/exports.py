"""The lists of tenants and connections as CSV: the current view, all of its pages, written down in the audit log."""

from collections.abc import Iterator
from typing import Any, cast

from django.http import HttpResponse
from django.utils.translation import gettext as _

from providers.lists import connection_rows, tenant_rows, workspaces_of
from providers.views.connections import listed_connection
from providers.views.tenants import HEALTH, LIFE, chosen_letter, listed_tenant, workspace_choice
from tenantpilot.audit.exports import record_export
from tenantpilot.console.exports import csv_response
from tenantpilot.console.filters import chosen, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.states import badge_for
from tenantpilot.tenancy.permissions import workspaces_visible_to

BATCH = 500


@page()
def tenant_export(request: SignedInRequest) -> HttpResponse:
    """Every tenant of the current view."""
    wanted = _wanted(request) | {"begins": chosen_letter(request), "life": chosen(request, LIFE)}
    rows = tenant_rows(request.user, **wanted).order_by("name", "id")
    header = [
        _("Tenant"), _("Domain"), _("Workspace"), _("Health"), _("Reason"), _("Connection"), _("Last sync"),
    ]  # fmt: skip
    _record(request, "tenants", wanted)
    return cast(HttpResponse, csv_response("tenants", header, (_tenant(row) for row in _all(rows))))


@page()
def connection_export(request: SignedInRequest) -> HttpResponse:
    """Every provider connection of the current view."""
    wanted = _wanted(request)
    rows: Any = connection_rows(request.user, **wanted)
    rows = rows.order_by("tenant_name", "id")
    header = [_("Connection"), _("Tenant"), _("Status"), _("Credential ends"), _("Last check")]
    _record(request, "provider-connections", wanted)
    return cast(
        HttpResponse, csv_response("provider-connections", header, (_connection(row) for row in _all(rows)))
    )


def _wanted(request: SignedInRequest) -> dict[str, str]:
    in_workspace = workspace_choice(workspaces_of(request.user))
    return {
        "workspace": chosen(request, in_workspace),
        "search": search_text(request),
        "health": chosen(request, HEALTH),
    }


def _record(request: SignedInRequest, name: str, wanted: dict[str, str]) -> None:
    workspaces = workspaces_visible_to(request.user)
    if wanted["workspace"]:
        workspaces = workspaces.filter(slug=wanted["workspace"])
    ids = list(workspaces.order_by("id").values_list("id", flat=True))
    record_export(name, actor_id=request.user.pk, workspace_ids=ids, filters=wanted)


def _all(rows: Any) -> Iterator[dict[str, Any]]:
    return iter(rows.iterator(chunk_size=BATCH))


def _tenant(row: dict[str, Any]) -> list[Any]:
    data = listed_tenant(row)
    return [
        data["name"],
        data["domain"],
        data["workspace"]["name"],
        badge_for("tenant_state", data["life"]).word
        if "life" in data
        else badge_for("tenant", data["health"]).word,
        data.get("reason", ""),
        data["connection"]["label"] if "connection" in data else "",
        data["lastSyncAt"],
    ]


def _connection(row: dict[str, Any]) -> list[Any]:
    data = listed_connection(row)
    return [
        data["label"],
        data["tenant"]["name"],
        badge_for("connection", data["status"]).word,
        data.get("credential", {}).get("expiresAt"),
        data["lastCheckAt"],
    ]
