"""What the side bar offers: declared once, shown only when the page exists."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Entry:
    label: str | Promise
    url_name: str
    icon: str
    sections: tuple[str, ...]
    """Path prefixes below which this entry counts as the current section."""
    capability: str = ""
    """Codename; the entry is hidden from who holds it nowhere, since the page would answer 403."""


@dataclass(frozen=True, slots=True)
class Group:
    label: str | Promise
    entries: tuple[Entry, ...]


RUNS = Entry(_("Operations"), "operations", "activity", ("/admin/operations",))
HOME = Entry(_("Dashboard"), "dashboard", "grid", ())
TENANTS = Entry(_("Tenants"), "tenants", "building", ("/admin/tenants", "/admin/t/"))

# The paths of Django's own pages begin with the app's name.
RECORDS = (
    "/admin/records",
    "/admin/tenancy/",
    "/admin/providers/",
    "/admin/operations/operationrun/",
    "/admin/operations/runevent/",
    "/admin/operations/notification/",
    "/admin/audit/auditentry/",
)

GROUPS: tuple[Group, ...] = (
    Group(
        _("Overview"),
        (
            HOME,
            TENANTS,
            Entry(
                _("Provider connections"),
                "connections",
                "plug",
                ("/admin/provider-connections",),
            ),
            Entry(_("Onboarding"), "onboarding", "join", ("/admin/onboarding",), "onboard_tenants"),
        ),
    ),
    Group(
        _("Monitoring"),
        (RUNS,),
    ),
    Group(
        _("Access"),
        (
            Entry(_("People"), "people", "user", ("/admin/people",), "manage_members"),
            Entry(
                _("App registrations"),
                "app_registrations",
                "lock",
                ("/admin/app-registrations",),
                "onboard_tenants",
            ),
            Entry(_("Retention"), "workspace_retention", "clock", ("/admin/retention",), "manage_members"),
            Entry(_("Audit log"), "audit", "list", ("/admin/audit",), "view_audit"),
            Entry(_("Records"), "records", "columns", RECORDS, "manage_members"),
        ),
    ),
)


def home_url() -> str:
    """The root of all breadcrumbs: the dashboard."""
    return reverse(HOME.url_name)


def tenants_url() -> str:
    """Where a person goes on who came to a tenant that is not there."""
    return reverse(TENANTS.url_name)


def is_below_tenants(path: str) -> bool:
    """Whether the page at `path` is about one tenant, so that the tenants list stands above it."""
    below = path.startswith(("/admin/t/", "/admin/provider-connections/", "/admin/operations/"))
    return below and not path.startswith(RECORDS)


def add_tenant_url(held: Container[str]) -> str:
    """Where a tenant is brought in; empty for who holds the right in no workspace."""
    return reverse("onboarding") if "onboard_tenants" in held else ""


def runs_url() -> str:
    """Where a person looks up what became of a start whose answer was lost."""
    return reverse(RUNS.url_name)


def navigation(
    path: str, groups: Sequence[Group] = GROUPS, held: Container[str] = frozenset()
) -> list[dict[str, Any]]:
    """The side bar as plain data for the page at `path`, for a person who holds these capabilities somewhere.

    Each entry has `label`, `url`, `icon` and `current`: "page" on the entry's own page, "true" on a page
    below it, empty elsewhere (the values of `aria-current`).
    """
    shown = [
        (group.label, [entry for entry in group.entries if not entry.capability or entry.capability in held])
        for group in groups
    ]
    return [
        {"label": label, "entries": [_drawn(entry, path) for entry in entries]}
        for label, entries in shown
        if entries
    ]


def _drawn(entry: Entry, path: str) -> dict[str, Any]:
    url = reverse(entry.url_name)
    current = ""
    if path == url:
        current = "page"
    elif path.startswith(entry.sections) and (entry.sections is RECORDS or not path.startswith(RECORDS)):
        current = "true"
    return {"label": entry.label, "url": url, "icon": entry.icon, "current": current}
