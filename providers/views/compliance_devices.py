"""The devices of a tenant with their compliance and since when: list, file, and each device's history."""

from typing import Any, cast

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations import words
from providers.compliance import lists
from providers.compliance.failing import BOUND
from providers.compliance.shapes import OUT_OF_COMPLIANCE, STATES
from providers.inventory.lists import changes_of
from providers.inventory.types import MANAGED_DEVICES
from providers.selectors import Target
from providers.views.directory import KEY, PRESENCE
from providers.views.inventory import tenant_data
from providers.views.inventory_changes import event_data
from providers.views.inventory_objects import PLATFORM
from providers.views.inventory_words import platform_word, value_word
from providers.views.parts import observed, visible_tenant
from providers.views.tabs import tabs
from tenantpilot.audit.exports import record_export
from tenantpilot.console.exports import csv_response
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import Page, keyset_page, link
from tenantpilot.console.states import badge_for
from tenantpilot.console.tables import table, table_data
from tenantpilot.core import reasons

BATCH = 500
HISTORY = 100
STATE = Choice(
    "state",
    gettext_lazy("Compliance"),
    [(lists.OUT, gettext_lazy("Out of compliance")), *STATES.items()],
    gettext_lazy("Any compliance"),
)
CHOICES = [STATE, PLATFORM, PRESENCE]
TABLE = table(
    "compliance-devices",
    ("device", gettext_lazy("Device")),
    ("state", gettext_lazy("Compliance")),
    ("since", gettext_lazy("Since")),
    ("platform", gettext_lazy("Platform")),
    ("user", gettext_lazy("User")),
    ("checked_in", gettext_lazy("Last check-in")),
)


@page()
def compliance_devices(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The devices under the filters of the query."""
    target = visible_tenant(request, tenant)
    collection, rows = _wanted(request, target)
    shown = keyset_page(rows, request.GET, KEY) if collection else Page([], {})
    filters = filter_data(request, choices=CHOICES, search_label=_("Search name, user or serial number"))
    export = reverse("compliance_export", args=[target.tenant.slug])
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "compliance"),
        "complianceUrl": reverse("compliance", args=[target.tenant.slug]),
        "devices": [device_data(target, row) for row in shown.rows],
        "observed": observed([collection] if collection else [], target),
        "table": table_data(request, TABLE),
        "filters": filters,
        "filtered": bool(filters["active"]),
        "clearUrl": request.path,
        "pager": shown.pager,
        "exportUrl": f"{export}{link(request.GET, size=None)}".removesuffix("?"),
    }
    return render(request, "providers/compliance_devices.html", context)


@page()
def compliance_export(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The devices as CSV: the current view, all of its pages."""
    target = visible_tenant(request, tenant)
    _collection, rows = _wanted(request, target)
    filters = {choice.name: chosen(request, choice) for choice in CHOICES}
    filters |= {"search": search_text(request), "tenant": target.tenant.slug}
    record_export(
        "device compliance",
        actor_id=request.user.pk,
        workspace_ids=[target.tenant.workspace_id],
        filters=filters,
    )
    header = [
        _("Device"), _("Compliance"), _("Since"), _("Since at least"), _("Grace period ends"), _("Platform"),
        _("OS version"), _("Ownership"), _("User"), _("Model"), _("Serial number"), _("Encrypted"), _("Last check-in"),
        _("Device ID"), _("Presence"), _("Gone"),
    ]  # fmt: skip
    lines = (_line(device_data(target, row)) for row in rows.order_by(*KEY).iterator(BATCH))
    return cast(HttpResponse, csv_response(f"compliance-{target.tenant.slug}", header, lines))


@page()
def compliance_device(request: SignedInRequest, tenant: str, device: str) -> HttpResponse:
    """One device: its state, since when, and the states before."""
    target = visible_tenant(request, tenant)
    collection = lists.collection_of(target.tenant.id)
    row = lists.device_row(collection["id"], device) if collection else None
    if collection is None or row is None:
        raise Http404
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "compliance"),
        "complianceUrl": reverse("compliance", args=[target.tenant.slug]),
        "devicesUrl": reverse("compliance_devices", args=[target.tenant.slug]),
        "device": device_data(target, row),
        "policies": _policies(target, row),
        "inventoryUrl": reverse("inventory_object", args=[target.tenant.slug, MANAGED_DEVICES.key, device]),
        "history": [event_data(target, each) for each in changes_of(collection["id"], device, HISTORY)],
        "observedAt": collection["complete_at"] if row["gone_at"] is None else row["observed_at"],
    }
    return render(request, "providers/compliance_device.html", context)


def _policies(target: Target, row: dict[str, Any]) -> dict[str, Any] | None:
    """Which policies a device fails that is out of compliance, as far as they were observed; else None."""
    if row["gone_at"] is not None or row["state"] not in OUT_OF_COMPLIANCE:
        return None
    found = lists.policies_of(row["id"])
    if found is None:
        return {"bound": BOUND}
    data: dict[str, Any] = {"at": found["observed_at"]}
    if found["reason_code"]:
        why = reasons.get(found["reason_code"])
        data |= {
            "failedAt": found["attempted_at"],
            "reason": words.sentence(why, found["reason_facts"], target),
        }
    if found["failing"]:
        last = lists.latest_with(target.tenant.id, "policies")
        known = {each["id"] for each in last["policies"]["policies"]} if last else set()
        data["rows"] = [_failed(target, each, known) for each in found["failing"]]
    return data


def _failed(target: Target, policy: dict[str, Any], known: set[str]) -> dict[str, Any]:
    its_id, kind = policy["policy"], "deviceCompliancePolicies"
    return {
        "name": policy["name"] or _("(no name)"),
        "url": reverse("inventory_object", args=[target.tenant.slug, kind, its_id])
        if its_id in known
        else "",
        "state": policy["state"],
        "since": parse_datetime(policy["since"]),
        "sinceKnown": policy["sinceKnown"],
    }


def device_data(target: Target, row: dict[str, Any]) -> dict[str, Any]:
    """What pages show of a row of `device_rows`."""
    return {
        "name": row["display_name"] or _("(no name)"),
        "url": reverse("compliance_device", args=[target.tenant.slug, row["object_id"]]),
        "objectId": row["object_id"],
        "state": row["state"],
        "since": row["state_since"],
        "sinceKnown": row["since_known"],
        "graceUntil": row["grace_until"] if row["state"] == "inGracePeriod" else None,
        "platform": platform_word(row["platform"]),
        "osVersion": row["os_version"],
        "owner": value_word("owner", row["owner"]),
        "user": row["user_name"],
        "model": row["model"],
        "serial": row["serial"],
        "encrypted": value_word("encrypted", row["encrypted"]),
        "reportedAt": row["reported_at"],
        "firstObservedAt": row["first_observed_at"],
        "presence": "gone" if row["gone_at"] else "present",
        "goneAt": row["gone_at"],
    }


def _wanted(request: SignedInRequest, target: Target) -> tuple[dict[str, Any] | None, Any]:
    collection = lists.collection_of(target.tenant.id)
    wanted = {choice.name: chosen(request, choice) for choice in CHOICES}
    rows = lists.device_rows(collection["id"] if collection else 0, search=search_text(request), **wanted)
    return collection, rows


def _line(data: dict[str, Any]) -> list[Any]:
    since_known = data["sinceKnown"]
    return [
        data["name"], badge_for("compliance", data["state"]).word, data["since"] if since_known else None,
        None if since_known else data["since"], data["graceUntil"], data["platform"], data["osVersion"],
        data["owner"], data["user"], data["model"], data["serial"], data["encrypted"], data["reportedAt"],
        data["objectId"], badge_for("presence", data["presence"]).word, data["goneAt"],
    ]  # fmt: skip
