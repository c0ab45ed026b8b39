"""The map of all tenants: one square each, or above 400 one bar for each first letter."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.lists import OTHER_LETTERS
from tenantpilot.console.states import BADGES
from tenantpilot.dashboard.selectors import Counts, Row, ordered, total

MOST_SQUARES = 400
HEALTHS = ("down", "warn", "new", "ok")
"""What needs a look comes first."""
BAR_WIDTH = 160


def sentence(counts: Counter[str]) -> str:
    """Say what the map shows."""
    every = counts.total()
    if not every:
        return _("There are no tenants.")
    bad, warn = counts["down"], counts["warn"]
    if not bad and not warn and counts["ok"] == every:
        return ngettext("%(n)d tenant, healthy.", "All %(n)d tenants are healthy.", every) % {"n": every}
    parts = [
        ngettext("%(n)d of %(all)d tenant is healthy", "%(n)d of %(all)d tenants are healthy", every)
        % {"n": counts["ok"], "all": every}
    ]
    if warn:
        parts.append(ngettext("%(n)d needs attention", "%(n)d need attention", warn) % {"n": warn})
    if bad:
        parts.append(ngettext("%(n)d has no access", "%(n)d have no access", bad) % {"n": bad})
    if counts["new"]:
        n = counts["new"]
        parts.append(ngettext("%(n)d is not verified", "%(n)d are not verified", n) % {"n": n})
    return _("%(list)s.") % {"list": ", ".join(parts)}


def legend(counts: Counter[str]) -> list[dict[str, Any]]:
    """The kinds of health that occur, with their words and counts."""
    return [
        {"health": health, "word": _word(health), "count": counts[health]}
        for health in HEALTHS
        if counts[health]
    ]


def squares(rows: list[Row]) -> list[dict[str, Any]]:
    """One square for each tenant, in the order of the rows."""
    return [
        {
            "name": row["name"],
            "url": reverse("tenant", args=[row["slug"]]),
            "health": row["health"],
            "word": _word(row["health"]),
        }
        for row in rows
    ]


def bars(counts: Counts, workspace: str = "") -> list[dict[str, Any]]:
    """One bar for each letter, as long as it has tenants, cut by health."""
    most = max((found.total() for found in counts.values()), default=0)
    return [_bar(letter, counts[letter], most, workspace) for letter in ordered(counts)]


def is_grouped(counts: Counts) -> bool:
    """Whether there are too many tenants for a square each."""
    return total(counts).total() > MOST_SQUARES


def _bar(letter: str, found: Counter[str], most: int, workspace: str) -> dict[str, Any]:
    place, segments = 0.0, []
    for health in HEALTHS:
        if not found[health]:
            continue
        # A single tenant without access must be seen among a thousand.
        width = max(3.0, BAR_WIDTH * found[health] / most)
        segments.append({"health": health, "x": f"{place:.1f}", "width": f"{width - 1:.1f}"})
        place += width
    query = {"begins": letter} | ({"workspace": workspace} if workspace else {})
    return {
        "letter": _("Other") if letter == OTHER_LETTERS else letter,
        "url": f"{reverse('tenants')}?{urlencode(query)}",
        "segments": segments,
        "width": f"{max(place, 1):.0f}",
        "count": found.total(),
        "counts": [{"health": health, "count": found[health], "word": _word(health)} for health in HEALTHS],
    }


def _word(health: str) -> str:
    return str(BADGES["tenant"][health].word)
