"""What was seen to change in a tenant, newest first."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.choices import ChangeKind
from providers.inventory import lists
from providers.inventory.types import INVENTORY_TYPES, find, label_of
from providers.selectors import Target
from providers.views.inventory_words import change_lines
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.console.filters import Choice, filter_data
from tenantpilot.console.filters import chosen as chosen_option
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import Page, cut, page_size, read_cursor
from tenantpilot.tenancy.capabilities import Capability

KEY = ("at", "id")
KIND = Choice(
    "kind",
    gettext_lazy("Change"),
    [(value, label) for value, label in ChangeKind.choices],
    gettext_lazy("Any change"),
)


def type_choice(keys: list[str] | None = None) -> Choice:
    """The filter by object type: all of them, or these."""
    options = [(kind.key, str(kind.label)) for kind in INVENTORY_TYPES if keys is None or kind.key in keys]
    return Choice("type", _("Type"), sorted(options, key=lambda option: option[1]), _("All types"))


@page()
def inventory_changes(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Every change that is kept, of one type or of all."""
    target = visible_tenant(request, tenant)
    types = type_choice()
    rows = lists.change_rows(
        target.tenant.id, kind=chosen_option(request, KIND), object_type=chosen_option(request, types)
    )
    shown = _newest_first(request, rows)
    filters = filter_data(request, choices=[types, KIND])
    context = {
        "tenant": {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])},
        "tabs": tabs(target, "inventory"),
        "inventoryUrl": reverse("inventory", args=[target.tenant.slug]),
        "changes": [change_data(target, row) for row in shown.rows],
        "filters": filters,
        "filtered": bool(filters["active"]),
        "clearUrl": request.path,
        "pager": shown.pager,
    }
    return render(request, "providers/inventory_changes.html", context)


def change_data(target: Target, row: dict[str, Any]) -> dict[str, Any]:
    """What a list shows of a row of `change_rows`."""
    kind = find(row["object_type"])
    return {
        "name": row["name"] or _("(no name)"),
        "url": reverse("inventory_object", args=[target.tenant.slug, row["object_type"], row["object_id"]]),
        "type": str(kind.singular) if kind else label_of(row["object_type"]),
        "kind": row["kind"],
        "at": row["observed_at"],
        "lines": change_lines(row["changes"]),
    }


def event_data(target: Target, row: dict[str, Any]) -> dict[str, Any]:
    """What an object's own page shows of one of its changes."""
    linked = row["run_id"] and Capability.VIEW_RUN in target.capabilities
    return {
        "kind": row["kind"],
        "at": row["observed_at"],
        "lines": change_lines(row["changes"]),
        "runUrl": reverse("run", args=[row["run_id"]]) if linked else "",
        "runId": row["run_id"],
    }


def _newest_first(request: SignedInRequest, rows: Any) -> Page:
    """One page by keyset, newest first."""
    cursor, size = read_cursor(request.GET, (str, int)), page_size(request.GET)
    found = _read(rows, cursor, size)
    if cursor and not found:
        cursor, found = None, _read(rows, None, size)
    return cut(found, cursor, size, request.GET, KEY)


def _read(rows: Any, cursor: Any, size: int) -> list[dict[str, Any]]:
    backwards = cursor is not None and cursor.backwards
    if cursor is not None:
        try:
            at, pk = datetime.fromisoformat(cursor.values[0]), cursor.values[1]
        except ValueError:
            return []
        side = "gt" if backwards else "lt"
        rows = rows.filter(
            Q(**{f"observed_at__{side}e": at}), Q(**{f"observed_at__{side}": at}) | Q(**{f"id__{side}": pk})
        )
    order = ("observed_at", "id") if backwards else ("-observed_at", "-id")
    return [row | {"at": row["observed_at"].isoformat()} for row in rows.order_by(*order)[: size + 1]]
