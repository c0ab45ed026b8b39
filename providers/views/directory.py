"""Groups and role definitions of a tenant as they were last observed."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations.buttons import start_buttons
from operations.choices import Surface
from providers.choices import ObjectKind
from providers.directory_lists import GONE, PRESENT, collections_of, group_rows, role_rows
from providers.operation_types.directory_groups_sync import SELECTIONS
from providers.selectors import Target
from providers.views.parts import observed, visible_tenant
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import Page, keyset_page, link
from tenantpilot.console.states import BADGES

GROUPS_SYNC = "directory.groups.sync"
ROLES_SYNC = "directory.role_definitions.sync"
KEY = ("display_name", "id")
PRESENCE = Choice(
    "presence",
    gettext_lazy("State"),
    [(value, BADGES["presence"][value].word) for value in (PRESENT, GONE)],
    gettext_lazy("Present and gone"),
)
ORIGIN = Choice(
    "origin",
    gettext_lazy("Origin"),
    [("built_in", gettext_lazy("Built-in")), ("custom", gettext_lazy("Custom"))],
    gettext_lazy("Any origin"),
)
SOURCES: list[tuple[str, str | Promise]] = [
    (ObjectKind.ENTRA_ROLE_DEFINITIONS.value, gettext_lazy("Entra")),
    (ObjectKind.INTUNE_ROLE_DEFINITIONS.value, gettext_lazy("Intune")),
]
SOURCE = Choice("source", gettext_lazy("Source"), SOURCES, gettext_lazy("Any source"))
Row = dict[str, Any]


@page()
def group_list(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The groups of one selection."""
    target = visible_tenant(request, tenant)
    selection = request.GET.get("selection", "")
    selection = selection if selection in SELECTIONS else next(iter(SELECTIONS))
    starts = start_buttons(
        target, Surface.TENANT, request.user.pk, only=GROUPS_SYNC, data={"selectionKey": selection}
    )
    collections = [
        row
        for row in collections_of(target.tenant.id)
        if row["kind"] == ObjectKind.GROUPS and row["selection_key"] == selection
    ]
    search, presence = search_text(request), chosen(request, PRESENCE)
    shown = Page([], {})
    if collections:
        rows = group_rows(collections[0]["id"], search=search, presence=presence)
        shown = keyset_page(rows, request.GET, KEY)
    clear = f"{request.path}{link(request.GET, q=None, presence=None)}"
    filters = filter_data(
        request, choices=[PRESENCE], search_label=_("Search name or object ID"), keep=["selection"]
    )
    context = {
        "tenant": _tenant(target),
        "groups": [_group(row, collections[0]["complete_at"]) for row in shown.rows],
        "observed": observed(collections, target),
        "quick": [
            {"label": each.label, "url": link(request.GET, selection=key), "current": key == selection}
            for key, each in SELECTIONS.items()
        ],
        "starts": starts,
        "filters": filters | {"clearUrl": clear},
        "filtered": bool(search or presence),
        "clearUrl": clear,
        "pager": shown.pager,
    }
    return render(request, "providers/group_list.html", context)


@page()
def role_definition_list(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The role definitions of Entra and Intune."""
    target = visible_tenant(request, tenant)
    starts = start_buttons(target, Surface.TENANT, request.user.pk, only=ROLES_SYNC)
    words = dict(SOURCES)
    collections = {row["id"]: row for row in collections_of(target.tenant.id) if row["kind"] in words}
    search, presence, origin, source = (
        search_text(request),
        chosen(request, PRESENCE),
        chosen(request, ORIGIN),
        chosen(request, SOURCE),
    )
    wanted = [pk for pk, row in collections.items() if not source or row["kind"] == source]
    rows = role_rows(wanted, search=search, presence=presence, origin=origin)
    shown = keyset_page(rows, request.GET, KEY) if wanted else Page([], {})
    context = {
        "tenant": _tenant(target),
        "roleDefinitions": [_role(row, collections[row["collection_id"]]) for row in shown.rows],
        "sources": [
            {
                "label": label,
                "observed": observed([row for row in collections.values() if row["kind"] == kind], target),
            }
            for kind, label in SOURCES
        ],
        "starts": starts,
        "filters": filter_data(request, choices=[SOURCE, ORIGIN, PRESENCE], search_label=_("Search name")),
        "filtered": bool(search or presence or origin or source),
        "clearUrl": request.path,
        "pager": shown.pager,
    }
    return render(request, "providers/role_definition_list.html", context)


def _tenant(target: Target) -> dict[str, str]:
    return {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])}


def _seen(row: Row, complete_at: datetime | None) -> dict[str, Any]:
    # A complete read confirms every row that it did not find gone, without touching those that had not changed.
    confirmed = complete_at if complete_at and row["gone_at"] is None else row["observed_at"]
    return {
        "name": row["display_name"] or _("(no name)"),
        "presence": GONE if row["gone_at"] else PRESENT,
        "observedAt": max(row["observed_at"], confirmed),
        "goneAt": row["gone_at"],
    }


def _group(row: Row, complete_at: datetime | None) -> dict[str, Any]:
    return _seen(row, complete_at) | {
        "kind": _kind(row),
        "description": row["description"],
        "objectId": row["object_id"],
    }


def _kind(row: Row) -> str:
    """The kinds of https://learn.microsoft.com/graph/api/resources/groups-overview#group-types."""
    if "Unified" in row["group_types"]:
        return _("Microsoft 365")
    if row["mail_enabled"]:
        return _("Mail-enabled security") if row["security_enabled"] else _("Distribution")
    if row["security_enabled"]:
        return _("Security")
    return _("Other")


def _role(row: Row, collection: Row) -> dict[str, Any]:
    return _seen(row, collection["complete_at"]) | {
        "description": row["description"],
        "source": dict(SOURCES)[collection["kind"]],
        "builtIn": row["is_built_in"],
        "permissionCount": row["action_count"],
    }
