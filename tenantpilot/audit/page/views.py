"""Who did what, from where, and what was refused."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenantpilot.audit.exports import record_export
from tenantpilot.audit.page import words
from tenantpilot.audit.page.selectors import NEWEST, Place, Reach, Row, Wanted, reach_of, rows_at
from tenantpilot.console.exports import csv_response
from tenantpilot.console.filters import MAX_SEARCH, Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import SIZES, link, page_size, size_links
from tenantpilot.console.tables import table, table_data
from tenantpilot.tenancy.capabilities import Capability, least_role_with
from tenantpilot.tenancy.models import Tenant, Workspace
from tenantpilot.tenancy.permissions import workspaces_visible_to

EXPORT_BATCH = 1000
TABLE = table(
    "audit",
    ("act", gettext_lazy("Act")),
    ("person", gettext_lazy("Person")),
    ("tenant", gettext_lazy("Tenant")),
    ("from", gettext_lazy("From")),
    ("when", gettext_lazy("When")),
)
DATE_FILTERS = ("since", "until")
FILTERS = ("q", "action", "workspace", "person", "tenant", *DATE_FILTERS)
_PLACE = re.compile(r"(\d{1,19})\.(\d{1,19})\Z", re.ASCII)


@page()
def audit_list(request: SignedInRequest) -> HttpResponse:
    """Acts, blocked starts and starts of runs on the tenants whose log this person may read."""
    choices = _choices(request)
    reach, wanted = _reach(request, choices), _wanted(request, choices)
    shown, pager = _page(request, reach, wanted)
    filters = _filters(request, choices)
    context = {
        "entries": [_entry(row) for row in shown],
        "table": table_data(request, TABLE),
        "filters": filters,
        "filtered": bool(filters["active"]),
        "clearUrl": request.path,
        "pager": pager,
        "exportUrl": reverse("audit_export") + link(request.GET),
    }
    return render(request, "audit/log.html", context)


@page()
def audit_export(request: SignedInRequest) -> HttpResponse:
    """The same list with all its pages as CSV; the export is written to the log before the first line leaves."""
    choices = _choices(request)
    reach, wanted = _reach(request, choices), _wanted(request, choices)
    filters = {name: _text(request, name) for name in FILTERS}
    record_export("audit log", actor_id=request.user.pk, workspace_ids=_workspaces_of(reach), filters=filters)
    header = [
        _("Time"), _("Person"), _("Act"), _("Action"), _("Thing"), _("Workspace"), _("Tenant"), _("Address"),
        _("Surface"), _("Reason code"), _("Reason"), _("Before"), _("After"), _("Facts"), _("Request"),
    ]  # fmt: skip
    return cast(HttpResponse, csv_response("audit", header, (_line(row) for row in _all(reach, wanted))))


def _reach(request: SignedInRequest, choices: Sequence[Choice]) -> Reach:
    reach = reach_of(request.user, chosen(request, choices[1]))
    if not reach.tenants and not reach.workspaces:
        role = least_role_with(Capability.VIEW_AUDIT).label
        raise PermissionDenied(_("You need %(role)s to read the audit log.") % {"role": role})
    return reach


def _choices(request: SignedInRequest) -> list[Choice]:
    actions = sorted(((code, str(label)) for code, label in words.ACTIONS.items()), key=lambda pair: pair[1])
    workspaces = list(workspaces_visible_to(request.user).order_by("name").values_list("slug", "name"))
    return [
        Choice("action", _("Act"), actions, _("Any act")),
        Choice("workspace", _("Workspace"), workspaces, _("All workspaces")),
    ]


def _wanted(request: SignedInRequest, choices: Sequence[Choice]) -> Wanted:
    since, until = (_day(request, name) for name in DATE_FILTERS)
    return Wanted(
        action=chosen(request, choices[0]),
        person=_text(request, "person"),
        tenant=_text(request, "tenant"),
        workspace=chosen(request, choices[1]),
        since=_midnight(since) if since else None,
        until=_midnight(until + timedelta(days=1)) if until else None,
        search=search_text(request),
    )


def _page(request: SignedInRequest, reach: Reach, wanted: Wanted) -> tuple[list[Row], dict[str, Any]]:
    place, size = _place(request), page_size(request.GET)
    if place.backwards:
        found = rows_at(reach, wanted, place, size + 1)
        if len(found) > size:
            shown = found[:size]
            top, bottom = Place.above(shown, place), place
            return shown[::-1], _pager(request, size, top=top, bottom=bottom)
        place = Place()
    found = rows_at(reach, wanted, place, size + 1)
    shown = found[:size]
    first = (place.entry, place.run) == (NEWEST, NEWEST)
    more = len(found) > size
    pager = _pager(
        request, len(shown), top=None if first else place, bottom=Place.before(shown, place) if more else None
    )
    return shown, pager


def _pager(
    request: SignedInRequest, shown: int, *, top: Place | None, bottom: Place | None
) -> dict[str, Any]:
    pager: dict[str, Any] = {}
    if shown >= SIZES[0] or top:
        pager["sizes"] = size_links(request.GET)
    if top:
        pager["backUrl"] = link(request.GET, before=f"{top.entry}.{top.run}")
    if bottom:
        pager["nextUrl"] = link(request.GET, after=f"{bottom.entry}.{bottom.run}")
    return pager


def _place(request: SignedInRequest) -> Place:
    for name in ("after", "before"):
        if found := _PLACE.match(request.GET.get(name, "")):
            entry, run = (min(int(part), NEWEST) for part in found.groups())
            return Place(entry, run, backwards=name == "before")
    return Place()


def _all(reach: Reach, wanted: Wanted) -> Iterator[Row]:
    place = Place()
    while rows := rows_at(reach, wanted, place, EXPORT_BATCH):
        yield from rows
        place = Place.before(rows, place)


def _workspaces_of(reach: Reach) -> list[int]:
    through_tenants = Tenant.objects.filter(id__in=reach.tenants).values("workspace_id")
    found = Workspace.objects.filter(id__in=through_tenants) | Workspace.objects.filter(
        id__in=reach.workspaces
    )
    return list(found.order_by("id").values_list("id", flat=True))


def _filters(request: SignedInRequest, choices: Sequence[Choice]) -> dict[str, Any]:
    data = filter_data(request, choices=choices, search_label=_("Search name, tenant or reason code"))
    labels = {"person": _("Person"), "tenant": _("Tenant"), "since": _("From"), "until": _("To")}
    for name, label in labels.items():
        value = _text(request, name)
        if name in DATE_FILTERS:
            day = _day(request, name)
            value = day.isoformat() if day else ""
        kind = "date" if name in DATE_FILTERS else "text"
        data["fields"].append({"name": name, "label": label, "value": value, "type": kind})
        if value:
            chip = {"label": f"{label}: {value}", "removeUrl": link(request.GET, **{name: None})}
            data["active"].append(chip)
    return data


def _text(request: SignedInRequest, name: str) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:MAX_SEARCH]


def _day(request: SignedInRequest, name: str) -> date | None:
    try:
        day = parse_date(request.GET.get(name, ""))
    except ValueError:
        return None
    return day if day and 1970 <= day.year <= 9000 else None


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _entry(row: Row) -> dict[str, Any]:
    slug = row["tenant__slug"]
    return {
        "at": row["at"],
        "person": _person(row),
        "act": words.act(row),
        "thing": words.thing(row),
        "refused": row["action"] == words.BLOCKED,
        "reason": words.reason(row),
        "reasonCode": row["reason_code"],
        "tenant": {"name": row["tenant__name"], "url": reverse("tenant", args=[slug])} if slug else None,
        "ip": row["ip"] or "",
        "surface": row["surface"],
        "details": words.details(row),
    }


def _person(row: Row) -> str:
    """Nobody is signed in when a sign-in fails; what else has no person did TenantPilot itself."""
    if row["actor__username"]:
        return str(row["actor__username"])
    return "" if row["action"] == words.SIGN_IN_FAILED else "TenantPilot"


def _line(row: Row) -> list[Any]:
    return [
        row["at"], _person(row), words.act(row), row["action"], words.thing(row)["label"],
        row["workspace__name"], row["tenant__name"], row["ip"], row["surface"], row["reason_code"], words.reason(row),
        *(json.dumps(row[part], ensure_ascii=False) if row[part] else "" for part in ("before", "after", "facts")),
        row["request_id"],
    ]  # fmt: skip
