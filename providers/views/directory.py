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
from providers.views.tabs import tabs
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import Page, keyset_page, link
from tenantpilot.console.states import BADGES
from tenantpilot.console.tables import table, table_data

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


GROUP_TABLE = table(
    "groups",
    ("group", gettext_lazy("Group")),
    ("kind", gettext_lazy("Kind")),
    ("observed", gettext_lazy("Last observed")),
)
ROLE_TABLE = table(
    "role-definitions",
    ("role", gettext_lazy("Role")),
    ("source", gettext_lazy("Source")),
    ("origin", gettext_lazy("Origin")),
    ("permissions", gettext_lazy("Permissions")),
    ("observed", gettext_lazy("Last observed")),
)


@page()
def group_list(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The groups of one selection."""
    target = visible_tenant(request, tenant)
    selection = chosen_selection(request)
    starts = start_buttons(
        target, Surface.TENANT, request.user.pk, only=GROUPS_SYNC, data={"selectionKey": selection}
    )
    collections, rows = wanted_groups(request, target)
    shown = keyset_page(rows, request.GET, KEY) if collections else Page([], {})
    clear = f"{request.path}{link(request.GET, q=None, presence=None)}"
    filters = filter_data(
        request, choices=[PRESENCE], search_label=_("Search name or object ID"), keep=["selection"]
    )
    context = {
        "tenant": _tenant(target),
        "tabs": tabs(target, "directory_groups"),
        "groups": [group_data(row, collections[0]["complete_at"]) for row in shown.rows],
        "observed": observed(collections, target),
        "quick": [
            {"label": each.label, "url": link(request.GET, selection=key), "current": key == selection}
            for key, each in SELECTIONS.items()
        ],
        "starts": starts,
        "table": table_data(request, GROUP_TABLE),
        "filters": filters | {"clearUrl": clear},
        "filtered": bool(search_text(request) or chosen(request, PRESENCE)),
        "clearUrl": clear,
        "pager": shown.pager,
        "exportUrl": _export_url("directory_groups_export", request, target),
    }
    return render(request, "providers/group_list.html", context)


@page()
def role_definition_list(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The role definitions of Entra and Intune."""
    target = visible_tenant(request, tenant)
    starts = start_buttons(target, Surface.TENANT, request.user.pk, only=ROLES_SYNC)
    collections, rows = wanted_roles(request, target)
    shown = keyset_page(rows, request.GET, KEY) if collections else Page([], {})
    filters = filter_data(request, choices=[SOURCE, ORIGIN, PRESENCE], search_label=_("Search name"))
    context = {
        "tenant": _tenant(target),
        "tabs": tabs(target, "directory_role_definitions"),
        "roleDefinitions": [role_data(row, collections[row["collection_id"]]) for row in shown.rows],
        "sources": [
            {
                "label": label,
                "observed": observed([row for row in collections.values() if row["kind"] == kind], target),
            }
            for kind, label in SOURCES
        ],
        "starts": starts,
        "table": table_data(request, ROLE_TABLE),
        "filters": filters,
        "filtered": bool(filters["active"]),
        "clearUrl": request.path,
        "pager": shown.pager,
        "exportUrl": _export_url("directory_role_definitions_export", request, target),
    }
    return render(request, "providers/role_definition_list.html", context)


def chosen_selection(request: SignedInRequest) -> str:
    """The selection of groups that the query names; the first one without a known name."""
    selection = request.GET.get("selection", "")
    return selection if selection in SELECTIONS else next(iter(SELECTIONS))


def wanted_groups(request: SignedInRequest, target: Target) -> tuple[list[Row], Any]:
    """The collection of the chosen selection (none or one), and its groups under the filters of the query."""
    selection = chosen_selection(request)
    collections = [
        row
        for row in collections_of(target.tenant.id)
        if row["kind"] == ObjectKind.GROUPS and row["selection_key"] == selection
    ]
    collection_id = collections[0]["id"] if collections else 0
    rows = group_rows(collection_id, search=search_text(request), presence=chosen(request, PRESENCE))
    return collections, rows


def wanted_roles(request: SignedInRequest, target: Target) -> tuple[dict[int, Row], Any]:
    """The tenant's collections of role definitions by id, and their roles under the filters of the query."""
    words = dict(SOURCES)
    collections = {row["id"]: row for row in collections_of(target.tenant.id) if row["kind"] in words}
    source = chosen(request, SOURCE)
    wanted = [pk for pk, row in collections.items() if not source or row["kind"] == source]
    rows = role_rows(
        wanted,
        search=search_text(request),
        presence=chosen(request, PRESENCE),
        origin=chosen(request, ORIGIN),
    )
    return collections, rows


def _export_url(name: str, request: SignedInRequest, target: Target) -> str:
    return f"{reverse(name, args=[target.tenant.slug])}{link(request.GET, size=None)}".removesuffix("?")


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


def group_data(row: Row, complete_at: datetime | None) -> dict[str, Any]:
    """What the list shows of a row of `group_rows`."""
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


def role_data(row: Row, collection: Row) -> dict[str, Any]:
    """What the list shows of a row of `role_rows`."""
    return _seen(row, collection["complete_at"]) | {
        "description": row["description"],
        "source": dict(SOURCES)[collection["kind"]],
        "builtIn": row["is_built_in"],
        "permissionCount": row["action_count"],
    }
