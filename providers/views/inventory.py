"""What is in a tenant: per type what is there and how far that can be trusted, and what changed over time."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from operations.buttons import start_buttons
from operations.choices import Surface
from providers.catalogue import Area, ObjectType
from providers.inventory import lists
from providers.inventory.types import INVENTORY_TYPES
from providers.selectors import Target
from providers.views import change_picture
from providers.views.inventory_changes import change_data
from providers.views.parts import observed, visible_tenant
from providers.views.tabs import tabs
from tenantpilot.console.pages import SignedInRequest, page

SYNC = "inventory.sync"
RECENT = 8


@page()
def inventory(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Every object type of the tenant, and the changes of a month."""
    target = visible_tenant(request, tenant)
    found = lists.collections_of(target.tenant.id)
    types = [_type(target, kind, found.get(kind.key)) for kind in INVENTORY_TYPES]
    since = lists.month_before(timezone.localtime(), change_picture.DAYS)
    days = lists.days_of(target.tenant.id, since)
    recent = lists.change_rows(target.tenant.id).order_by("-observed_at", "-id")[:RECENT]
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "inventory"),
        "starts": start_buttons(target, Surface.TENANT, request.user.pk, only=SYNC),
        "areas": _areas(types),
        "never": not found,
        "unread": [each for each in types if each["reason"]],
        "last": lists.last_read(target.tenant.id),
        "picture": change_picture.picture(days, timezone.localdate()) if found else None,
        "changes": [change_data(target, row) for row in recent],
        "changesUrl": reverse("inventory_changes", args=[target.tenant.slug]),
        "groups": [
            {"label": label, "url": objects_url(target, group=group), "count": _count(found, group)}
            for group, label in group_labels().items()
        ],
    }
    return render(request, "providers/inventory.html", context)


def tenant_data(target: Target) -> dict[str, str]:
    """The tenant as pages about one name it."""
    return {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])}


def group_labels() -> dict[str, str]:
    """The lists of the inventory, in the order shown."""
    return {
        lists.POLICY_GROUP: _("Policies and settings"),
        lists.APP_GROUP: _("Apps"),
        lists.DEVICE_GROUP: _("Devices"),
    }


def objects_url(target: Target, **query: str) -> str:
    """The list of objects under these filters."""
    return f"{reverse('inventory_objects', args=[target.tenant.slug])}?{urlencode(query)}"


def _count(found: dict[str, dict[str, Any]], group: str) -> int:
    return sum(row["object_count"] for key, row in found.items() if lists.group_of(key) == group)


def _type(target: Target, kind: ObjectType, row: dict[str, Any] | None) -> dict[str, Any]:
    """One type: what its last complete read found, and why there is no newer one."""
    data: dict[str, Any] = {"label": kind.label, "area": kind.area, "reason": ""}
    if row is None:
        return data | {"observed": None}
    known = observed([row], target)
    unfinished = row["attempted_at"] and not row["reason_code"] and row["complete_at"] != row["attempted_at"]
    reason = known.get("reason", "") or (_("The last read did not reach its end.") if unfinished else "")
    changes = reverse("inventory_changes", args=[target.tenant.slug])
    return data | {
        "observed": known["completeAt"],
        "attemptedAt": known["lastAt"],
        "reason": reason,
        "count": row["object_count"],
        "url": objects_url(target, group=lists.group_of(kind.key), type=kind.key),
        "found": [
            {
                "kind": name,
                "count": row[f"{name}_count"],
                "url": f"{changes}?{urlencode({'type': kind.key, 'kind': name})}",
            }
            for name in ("new", "changed", "gone")
        ],
    }


def _areas(types: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"label": area.label, "types": [each for each in types if each["area"] is area]} for area in Area]
