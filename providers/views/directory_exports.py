"""Groups and role definitions of a tenant as CSV: the current view, all of its pages."""

from collections.abc import Iterator
from typing import Any, cast

from django.http import HttpResponse
from django.utils.translation import gettext as _

from providers.selectors import Target
from providers.views.directory import (
    KEY,
    ORIGIN,
    PRESENCE,
    SOURCE,
    chosen_selection,
    group_data,
    role_data,
    wanted_groups,
    wanted_roles,
)
from providers.views.parts import visible_tenant
from tenantpilot.audit.exports import record_export
from tenantpilot.console.exports import csv_response
from tenantpilot.console.filters import chosen, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.states import badge_for

BATCH = 500


@page()
def group_export(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The groups of one selection."""
    target = visible_tenant(request, tenant)
    collections, rows = wanted_groups(request, target)
    complete_at = collections[0]["complete_at"] if collections else None
    wanted = {"selection": chosen_selection(request), "presence": chosen(request, PRESENCE)}
    _record(request, target, "groups", wanted)
    header = [
        _("Group"), _("Kind"), _("Description"), _("Object ID"), _("State"), _("Last observed"), _("Gone"),
    ]  # fmt: skip
    lines = (_group(group_data(row, complete_at)) for row in _all(rows))
    return cast(HttpResponse, csv_response(f"groups-{target.tenant.slug}", header, lines))


@page()
def role_definition_export(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The role definitions of Entra and Intune."""
    target = visible_tenant(request, tenant)
    collections, rows = wanted_roles(request, target)
    wanted = {choice.name: chosen(request, choice) for choice in (SOURCE, ORIGIN, PRESENCE)}
    _record(request, target, "role definitions", wanted)
    header = [
        _("Role"), _("Source"), _("Origin"), _("Permissions"), _("Description"), _("State"), _("Last observed"),
        _("Gone"),
    ]  # fmt: skip
    lines = (_role(role_data(row, collections[row["collection_id"]])) for row in _all(rows))
    return cast(HttpResponse, csv_response(f"role-definitions-{target.tenant.slug}", header, lines))


def _record(request: SignedInRequest, target: Target, name: str, wanted: dict[str, str]) -> None:
    filters = {**wanted, "search": search_text(request), "tenant": target.tenant.slug}
    record_export(name, actor_id=request.user.pk, workspace_ids=[target.tenant.workspace_id], filters=filters)


def _all(rows: Any) -> Iterator[dict[str, Any]]:
    return iter(rows.order_by(*KEY).iterator(chunk_size=BATCH))


def _group(data: dict[str, Any]) -> list[Any]:
    return [data["name"], data["kind"], data["description"], data["objectId"], *_seen(data)]


def _role(data: dict[str, Any]) -> list[Any]:
    origin = _("Built-in") if data["builtIn"] else _("Custom")
    return [data["name"], data["source"], origin, data["permissionCount"], data["description"], *_seen(data)]


def _seen(data: dict[str, Any]) -> list[Any]:
    return [badge_for("presence", data["presence"]).word, data["observedAt"], data["goneAt"]]
