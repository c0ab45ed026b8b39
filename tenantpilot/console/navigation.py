"""What the side bar offers: declared once, shown only when the page exists."""

from collections.abc import Sequence
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


@dataclass(frozen=True, slots=True)
class Group:
    label: str | Promise
    entries: tuple[Entry, ...]


RUNS = Entry(_("Operations"), "operations", "activity", ("/admin/operations",))
HOME = Entry(_("Tenants"), "tenants", "building", ("/admin/tenants", "/admin/t/"))

GROUPS: tuple[Group, ...] = (
    Group(
        _("Overview"),
        (
            HOME,
            Entry(
                _("Provider connections"),
                "connections",
                "plug",
                ("/admin/provider-connections",),
            ),
        ),
    ),
    Group(
        _("Monitoring"),
        (RUNS,),
    ),
)


def home_url() -> str:
    """The root of all breadcrumbs: the tenants list."""
    return reverse(HOME.url_name)


def runs_url() -> str:
    """Where a person looks up what became of a start whose answer was lost."""
    return reverse(RUNS.url_name)


def navigation(path: str, groups: Sequence[Group] = GROUPS) -> list[dict[str, Any]]:
    """The side bar as plain data for the page at `path`.

    Each entry has `label`, `url`, `icon` and `current`: "page" on the entry's own page, "true" on a page
    below it, empty elsewhere (the values of `aria-current`).
    """
    return [
        {"label": group.label, "entries": [_drawn(entry, path) for entry in group.entries]}
        for group in groups
    ]


def _drawn(entry: Entry, path: str) -> dict[str, Any]:
    url = reverse(entry.url_name)
    current = ""
    if path == url:
        current = "page"
    elif path.startswith(entry.sections):
        current = "true"
    return {"label": entry.label, "url": url, "icon": entry.icon, "current": current}
