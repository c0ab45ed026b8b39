"""The objects of a tenant's inventory: lists of policies, apps and devices, and each object with its history."""

from datetime import datetime
from typing import Any, cast

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.backups.lists import history_rows
from providers.compliance.shapes import STATES as COMPLIANCE
from providers.inventory import lists
from providers.inventory.types import find, label_of
from providers.selectors import Target
from providers.views.directory import KEY, PRESENCE
from providers.views.inventory import group_labels, objects_url, tenant_data
from providers.views.inventory_changes import event_data, type_choice
from providers.views.inventory_words import (
    PLATFORMS,
    STATES,
    fact_word,
    platform_word,
    state_word,
    value_word,
)
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.audit.exports import record_export
from tenantpilot.console.exports import csv_response
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import Page, keyset_page, link
from tenantpilot.console.states import badge_for
from tenantpilot.console.tables import table, table_data

BATCH = 500
HISTORY = 100
PLATFORM = Choice("platform", gettext_lazy("Platform"), list(PLATFORMS.items()), gettext_lazy("Any platform"))
ASSIGNED = Choice(
    "assigned",
    gettext_lazy("Assigned"),
    [("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No")), ("unknown", gettext_lazy("Not listed"))],
    gettext_lazy("Assigned or not"),
)
POLICY_STATE = Choice(
    "state",
    gettext_lazy("Policy state"),
    [(value, word) for value, word in STATES.items() if value not in COMPLIANCE],
    gettext_lazy("Any policy state"),
)
DEVICE_STATE = Choice(
    "state", gettext_lazy("Compliance"), list(COMPLIANCE.items()), gettext_lazy("Any compliance")
)
TABLE = table(
    "inventory",
    ("name", gettext_lazy("Name")),
    ("type", gettext_lazy("Type")),
    ("platform", gettext_lazy("Platform")),
    ("state", gettext_lazy("State")),
    ("assigned", gettext_lazy("Assigned")),
    ("user", gettext_lazy("User")),
    ("changed", gettext_lazy("Last changed")),
    ("observed", gettext_lazy("Last observed")),
)
_WITHOUT = {
    lists.POLICY_GROUP: ("user",),
    lists.APP_GROUP: ("user",),
    lists.DEVICE_GROUP: ("type", "assigned", "changed"),
}


@page()
def inventory_objects(request: SignedInRequest, tenant: str) -> HttpResponse:
    """One list: policies, apps or devices."""
    target = visible_tenant(request, tenant)
    group = chosen_group(request)
    collections, rows = wanted_objects(request, target)
    shown = keyset_page(rows, request.GET, KEY) if collections else Page([], {})
    search = (
        _("Search name, user or serial number") if group == lists.DEVICE_GROUP else _("Search name or ID")
    )
    filters = filter_data(request, choices=choices_of(group), search_label=search, keep=["group"])
    clear = objects_url(target, group=group)
    export = reverse("inventory_export", args=[target.tenant.slug])
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "inventory"),
        "inventoryUrl": reverse("inventory", args=[target.tenant.slug]),
        "title": group_labels()[group],
        "objects": [object_data(target, row, collections) for row in shown.rows],
        "observedAt": min(
            (row["complete_at"] for row in collections.values() if row["complete_at"]), default=None
        ),
        "unread": sum(1 for row in collections.values() if row["reason_code"]),
        "quick": [
            {"label": label, "url": objects_url(target, group=name), "current": name == group}
            for name, label in group_labels().items()
        ],
        "table": table_data(request, TABLE, without=_WITHOUT[group]),
        "filters": filters | {"clearUrl": clear},
        "filtered": bool(filters["active"]),
        "clearUrl": clear,
        "pager": shown.pager,
        "exportUrl": f"{export}{link(request.GET, size=None)}".removesuffix("?"),
    }
    return render(request, "providers/inventory_objects.html", context)


@page()
def inventory_export(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The list as CSV: the current view, all of its pages."""
    target = visible_tenant(request, tenant)
    group = chosen_group(request)
    collections, rows = wanted_objects(request, target)
    filters = {choice.name: chosen(request, choice) for choice in choices_of(group)}
    filters |= {"group": group, "search": search_text(request), "tenant": target.tenant.slug}
    record_export(
        "inventory", actor_id=request.user.pk, workspace_ids=[target.tenant.workspace_id], filters=filters
    )
    header = [
        _("Name"), _("Type"), _("Type at Microsoft"), _("Object ID"), _("Platform"), _("State"), _("Assigned"),
        _("User"), _("Serial number"), _("OS version"), _("Scope tags"), _("Version marker"), _("Description"),
        _("Last check-in"), _("Presence"), _("First observed"), _("Last observed"), _("Gone"),
    ]  # fmt: skip
    lines = (_line(object_data(target, row, collections)) for row in rows.order_by(*KEY).iterator(BATCH))
    return cast(HttpResponse, csv_response(f"inventory-{group}-{target.tenant.slug}", header, lines))


@page()
def inventory_object(request: SignedInRequest, tenant: str, object_type: str, object_id: str) -> HttpResponse:
    """One object: what was last seen of it, and everything that was seen to change."""
    target = visible_tenant(request, tenant)
    collection = lists.collections_of(target.tenant.id).get(object_type)
    row = lists.object_row(collection["id"], object_id) if collection else None
    if collection is None or row is None:
        raise Http404
    data = object_data(target, row, {collection["id"]: collection})
    history = lists.changes_of(collection["id"], object_id, HISTORY)
    kind = find(object_type)
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "inventory"),
        "inventoryUrl": reverse("inventory", args=[target.tenant.slug]),
        "object": data,
        "type": str(kind.singular) if kind else object_type,
        "list": {
            "label": label_of(object_type),
            "url": objects_url(target, group=lists.group_of(object_type), type=object_type),
        },
        "facts": _facts(row),
        "history": [event_data(target, each) for each in history],
        "firstObservedAt": row["first_observed_at"],
        "versions": _versions(target, object_type, object_id),
    }
    return render(request, "providers/inventory_object.html", context)


def chosen_group(request: SignedInRequest) -> str:
    """The list that the query names; that of policies without a known name."""
    group = request.GET.get("group", "")
    return group if group in group_labels() else lists.POLICY_GROUP


def choices_of(group: str) -> list[Choice]:
    """The filters of a list."""
    if group == lists.DEVICE_GROUP:
        return [PLATFORM, DEVICE_STATE, PRESENCE]
    return [type_choice(lists.types_in(group)), PLATFORM, POLICY_STATE, ASSIGNED, PRESENCE]


def wanted_objects(request: SignedInRequest, target: Target) -> tuple[dict[int, dict[str, Any]], Any]:
    """The tenant's collections of the chosen list by id, and their objects under the filters of the query."""
    group = chosen_group(request)
    wanted = {choice.name: chosen(request, choice) for choice in choices_of(group)}
    only = wanted.pop("type", "")
    found = lists.collections_of(target.tenant.id)
    collections = {
        row["id"]: row for key, row in found.items() if lists.group_of(key) == group and only in ("", key)
    }
    return collections, lists.object_rows(collections, search=search_text(request), **wanted)


def object_data(
    target: Target, row: dict[str, Any], collections: dict[int, dict[str, Any]]
) -> dict[str, Any]:
    """What lists show of a row of `object_rows`."""
    collection = collections[row["collection_id"]]
    key = collection["selection_key"]
    # A complete read confirms every row that it did not find gone, without touching those that had not changed.
    complete_at = collection["complete_at"] if row["gone_at"] is None else None
    return {
        "name": row["display_name"] or _("(no name)"),
        "url": reverse("inventory_object", args=[target.tenant.slug, key, row["object_id"]]),
        "objectId": row["object_id"],
        "type": label_of(key),
        "odataType": row["odata_type"],
        "description": row["description"],
        "platform": platform_word(row["platform"]),
        "state": state_word(row["state"]),
        "assigned": value_word("assigned", row["assigned"]),
        "summary": row["summary"],
        "marker": row["marker"],
        "changedAt": _date(row["marker"]),
        "reportedAt": row["reported_at"],
        "presence": "gone" if row["gone_at"] else "present",
        "firstObservedAt": row["first_observed_at"],
        "observedAt": max(filter(None, (row["observed_at"], complete_at))),
        "goneAt": row["gone_at"],
    }


def _versions(target: Target, object_type: str, object_id: str) -> dict[str, Any] | None:
    """Where the object stands in backups; None while it does not."""
    count = history_rows(target.tenant.id, object_type, object_id).count()
    if not count:
        return None
    return {
        "count": count,
        "url": reverse("backup_object", args=[target.tenant.slug, object_type, object_id]),
    }


def _date(marker: str) -> datetime | None:
    """The marker as a time; None for a version or a hash."""
    try:
        return datetime.fromisoformat(marker) if "T" in marker else None
    except ValueError:
        return None


def _facts(row: dict[str, Any]) -> list[dict[str, str]]:
    values = {name: row[name] for name in ("platform", "state", "assigned")}
    values = {"type": row["odata_type"], **values, "marker": row["marker"], **row["summary"]}
    words = [{"label": fact_word(name), "value": value_word(name, value)} for name, value in values.items()]
    return [each for each in words if each["value"]]


def _line(data: dict[str, Any]) -> list[Any]:
    summary = data["summary"]
    return [
        data["name"], data["type"], data["odataType"], data["objectId"], data["platform"], data["state"],
        data["assigned"], summary.get("user", ""), summary.get("serial", ""), summary.get("os_version", ""),
        value_word("scope_tags", summary.get("scope_tags")), data["marker"], data["description"], data["reportedAt"],
        badge_for("presence", data["presence"]).word, data["firstObservedAt"], data["observedAt"], data["goneAt"],
    ]  # fmt: skip
