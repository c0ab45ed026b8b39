"""What several pages show: the state with its cause, and how true a list of observed things is."""

from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from operations import words
from providers.choices import ObjectKind
from providers.health import blockers_of, health_of, status_of
from providers.selectors import Target, target_for_connection, target_for_tenant
from tenantpilot.console.pages import SignedInRequest, require
from tenantpilot.core import reasons
from tenantpilot.tenancy.archive import TenantArchived
from tenantpilot.tenancy.capabilities import Capability

_TONES = {"down": "bad", "warn": "warn", "new": "info"}
_KINDS = {
    "directory_groups": {ObjectKind.GROUPS.value},
    "directory_role_definitions": {
        ObjectKind.ENTRA_ROLE_DEFINITIONS.value,
        ObjectKind.INTUNE_ROLE_DEFINITIONS.value,
    },
    "inventory": {ObjectKind.INVENTORY.value},
    "compliance": {ObjectKind.COMPLIANCE_DEVICES.value},
}


def visible_tenant(request: SignedInRequest, slug: str) -> Target:
    """The tenant with its default connection and the person's rights. Raises Http404 when it is not visible."""
    target = target_for_tenant(request.user.pk, slug)
    if target is None:
        raise Http404
    return target


def visible_connection(request: SignedInRequest, connection_id: int) -> Target:
    """The connection with its tenant and the person's rights. Raises Http404 when it is not visible."""
    target = target_for_connection(request.user.pk, connection_id)
    if target is None:
        raise Http404
    return target


def may_manage(target: Target) -> bool:
    """Say whether this person may change the tenant's connections, which nobody may while it is archived."""
    return Capability.MANAGE_CONNECTIONS in target.capabilities and target.tenant.archived_at is None


def require_manage(target: Target) -> None:
    """Raise PermissionDenied without the right to manage connections, TenantArchived (a 409) where none may change."""
    require(target.capabilities, Capability.MANAGE_CONNECTIONS)
    if target.tenant.archived_at is not None:
        raise TenantArchived(target.tenant.name, target.tenant.slug)


def status(target: Target) -> str:
    """The status of the target's connection: "connected", or the code of what blocks it."""
    return status_of(blockers_of(target.connection, archived=target.tenant.archived_at is not None))


def banner(target: Target, *, here: str) -> dict[str, Any] | None:
    """The state with its cause and mend; None while everything works. Steps that lead to this page are left out."""
    found = blockers_of(target.connection, archived=target.tenant.archived_at is not None)
    if not found:
        return None
    first = found[0]
    steps = words.steps(first.reason, first.facts, target)
    for step in steps:
        if step["href"] == here:
            step["href"] = ""
    return {
        "tone": _TONES[health_of(first.code)],
        "title": words.sentence(first.reason, first.facts, target),
        "nextSteps": [
            step for step in steps if step["href"] or step["actionType"].startswith(("ask", "wait"))
        ],
        "reasonCode": first.code,
    }


def observed(rows: list[dict[str, Any]], target: Target) -> dict[str, Any]:
    """How true the copy of a collection is (`rows`: none or one), as `providers/_observed.html` draws it."""
    if not rows:
        return {"lastAt": None, "completeAt": None, "complete": False}
    row = rows[0]
    why = reasons.get(row["reason_code"]) if row["reason_code"] else None
    return {
        "lastAt": row["attempted_at"],
        "completeAt": row["complete_at"],
        "complete": why is None,
        "reason": words.sentence(why, row["reason_facts"], target) if why else "",
    }


def directory_links(slug: str, collections: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The data pages of a tenant with what is known of each: count, age, and whether the last read was whole."""
    labels = {
        "inventory": _("Inventory"),
        "compliance": _("Devices and compliance"),
        "directory_groups": _("Groups"),
        "directory_role_definitions": _("Role definitions"),
    }
    return [_link(slug, name, label, collections) for name, label in labels.items()]


def _link(slug: str, name: str, label: str, collections: list[dict[str, Any]]) -> dict[str, Any]:
    mine = [row for row in collections if row["kind"] in _KINDS[name]]
    if name == "directory_groups":
        # Selections overlap: the largest one stands for the page.
        mine = sorted(mine, key=lambda row: row["object_count"])[-1:]
    dates = [row["complete_at"] for row in mine if row["complete_at"]]
    return {
        "label": label,
        "url": reverse(name, args=[slug]),
        "count": sum(row["object_count"] for row in mine),
        "observedAt": min(dates, default=None),
        "incomplete": any(row["reason_code"] for row in mine),
    }
