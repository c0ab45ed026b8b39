"""Which devices of a tenant are out of compliance, and is it getting better."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations import words
from operations.buttons import start_buttons
from operations.choices import Surface
from providers.compliance import lists
from providers.compliance.shapes import POLICY_COUNTS, STATES
from providers.inventory.lists import month_before
from providers.selectors import Target
from providers.views import compliance_picture
from providers.views.compliance_devices import device_data
from providers.views.inventory import tenant_data
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.states import badge_for
from tenantpilot.core import reasons

SNAPSHOT = "compliance.snapshot"
LONGEST = 8
# Microsoft counts two more states than a device can have.
_SUMMARY_WORDS = {
    **STATES,
    "notApplicable": gettext_lazy("Not applicable"),
    "remediated": gettext_lazy("Remediated"),
}


@page()
def compliance(request: SignedInRequest, tenant: str) -> HttpResponse:
    """The latest counts, the trend of a month, and the devices that are out for longest."""
    target = visible_tenant(request, tenant)
    last = lists.latest(target.tenant.id)
    collection = lists.collection_of(target.tenant.id)
    since = month_before(timezone.localtime(), compliance_picture.DAYS)
    found = lists.trend(target.tenant.id, since) if last else {}
    longest = lists.longest_out(collection["id"], LONGEST) if collection else []
    devices_url = reverse("compliance_devices", args=[target.tenant.slug])
    context: dict[str, Any] = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "compliance"),
        "starts": start_buttons(target, Surface.TENANT, request.user.pk, only=SNAPSHOT),
        "never": last is None,
        "devices": part_data(target, last, "devices"),
        "summary": part_data(target, last, "summary"),
        "policies": part_data(target, last, "policies"),
        "policiesUrl": reverse("compliance_policies", args=[target.tenant.slug]),
        "devicesUrl": devices_url,
        "outUrl": f"{devices_url}?{urlencode({'state': lists.OUT, 'presence': 'present'})}",
        "picture": compliance_picture.picture(found, timezone.localdate()) if last else None,
        "longest": [device_data(target, row) for row in longest],
    }
    context |= _counts(context["devices"], context["summary"], devices_url)
    return render(request, "providers/compliance.html", context)


@page()
def compliance_policies(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Microsoft's overview of each compliance policy, the one that most devices fail first."""
    target = visible_tenant(request, tenant)
    part = part_data(target, lists.latest(target.tenant.id), "policies")
    found = [_policy(target, policy) for policy in part.get("value") or []]
    found.sort(key=lambda policy: (-policy["counts"].get("failed", 0), policy["name"].lower()))
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "compliance"),
        "complianceUrl": reverse("compliance", args=[target.tenant.slug]),
        "part": part,
        "policies": found,
        "columns": list(POLICY_COUNTS),
    }
    return render(request, "providers/compliance_policies.html", context)


def part_data(target: Target, last: dict[str, Any] | None, name: str) -> dict[str, Any]:
    """One part of the last snapshot; where it was not observed, why, and what an earlier snapshot says of it."""
    if last is None:
        return {}
    part = last[name]
    if "code" not in part:
        return {"at": parse_datetime(part["at"]), "value": part[lists.KEYS[name]]}
    why = reasons.get(part["code"])
    data: dict[str, Any] = {
        "failedAt": parse_datetime(part["at"]),
        "reason": words.sentence(why, part["facts"], target),
    }
    earlier = lists.latest_with(target.tenant.id, name)
    if earlier is not None:
        found = earlier[name]
        data |= {"at": parse_datetime(found["at"]), "value": found[lists.KEYS[name]]}
    return data


def _counts(devices: dict[str, Any], summary: dict[str, Any], url: str) -> dict[str, Any]:
    """Our count as tiles, and beside it Microsoft's, with whether the two agree."""
    ours, theirs = devices.get("value") or {}, summary.get("value") or {}
    tiles = [
        {"state": state, "label": badge_for("compliance", state).word, "tone": badge_for("compliance", state).tone,
         "icon": badge_for("compliance", state).icon, "count": ours.get(state, 0),
         "url": f"{url}?{urlencode({'state': state, 'presence': 'present'})}"}
        for state in STATES if ours.get(state) or state in ("compliant", "noncompliant")
    ]  # fmt: skip
    rows = [
        {
            "label": label,
            "ours": ours.get(state, 0) if state in STATES else None,
            "theirs": theirs.get(state, 0),
        }
        for state, label in _SUMMARY_WORDS.items()
        if ours.get(state) or theirs.get(state)
    ]
    differs = any(row["ours"] is not None and row["ours"] != row["theirs"] for row in rows)
    return {"tiles": tiles if ours else [], "comparison": rows, "differs": bool(ours and theirs and differs)}


def _policy(target: Target, policy: dict[str, Any]) -> dict[str, Any]:
    counts = policy.get("counts", {})
    data = {
        "name": policy["name"] or _("(no name)"),
        "type": policy["type"],
        "url": reverse(
            "inventory_object", args=[target.tenant.slug, "deviceCompliancePolicies", policy["id"]]
        ),
        "counts": counts,
        "cells": [counts.get(name) for name in POLICY_COUNTS],
        "updatedAt": parse_datetime(policy.get("updated") or ""),
    }
    if "code" in policy:
        data["reason"] = words.sentence(reasons.get(policy["code"]), {}, target)
    return data
