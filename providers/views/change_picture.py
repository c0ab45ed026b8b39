"""A month of changes as stacked bars per day: new, changed, gone, from the bottom. A day without a read has no bar."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from providers.choices import ChangeKind

DAYS = 30
HEIGHT, STEP, BAR = 120, 18, 12
STACK = (ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.GONE)


def picture(found: Mapping[date, Mapping[str, Any]], today: date) -> dict[str, Any]:
    """Return bars, ticks and sentence for the month up to `today`; `found` has the days that were read."""
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    stacks = {day: [int(found[day][kind.value]) for kind in STACK] for day in days if day in found}
    most = max((sum(stack) for stack in stacks.values()), default=0)
    sums = [sum(stack[place] for stack in stacks.values()) for place in range(len(STACK))]
    return {
        "sentence": sentence(sums, len(stacks)),
        "days": [_day(place, day, stacks.get(day), most) for place, day in enumerate(days)],
        "most": most,
        "width": DAYS * STEP,
        "height": HEIGHT,
        "labels": [kind.label for kind in STACK],
        "legend": legend(sums),
    }


def sentence(sums: list[int], read_days: int) -> str:
    """Say what the bars show, and of how many days nothing is known."""
    if not read_days:
        return _("Nothing was read in 30 days.")
    values = {"new": sums[0], "changed": sums[1], "gone": sums[2], "days": read_days}
    if not any(sums):
        return _("No change was seen in 30 days (days with a read: %(days)d).") % values
    words = _("%(new)d new, %(changed)d changed, %(gone)d gone in 30 days (days with a read: %(days)d).")
    return words % values


def legend(sums: Sequence[int]) -> list[dict[str, Any]]:
    """Say what each colour is, and how much of it the bars show in all."""
    return [
        {"kind": kind.value, "label": kind.label, "count": count}
        for kind, count in zip(STACK, sums, strict=True)
    ]


def parts_of(stack: Sequence[int], most: int) -> list[dict[str, str]]:
    """Return one bar as pieces from the bottom; ``most`` fills the height."""
    parts, bottom = [], float(HEIGHT)
    for kind, count in zip(STACK, stack, strict=True):
        if not count:
            continue
        # One change must be seen among a thousand.
        height = max(3.0, HEIGHT * count / most)
        bottom -= height
        parts.append({"kind": kind.value, "y": f"{max(bottom, 0):.1f}", "height": f"{height - 1:.1f}"})
    return parts


def bar_at(place: int) -> int:
    """Return where the bar of a place begins."""
    return place * STEP + (STEP - BAR) // 2


def _day(place: int, day: date, stack: list[int] | None, most: int) -> dict[str, Any]:
    return {
        "label": date_format(day, "MONTH_DAY_FORMAT"),
        "date": day.isoformat(),
        "x": bar_at(place),
        "at": DAYS * STEP if place == DAYS - 1 else place * STEP + STEP // 2,
        "anchor": "end" if place == DAYS - 1 else "middle",
        "tick": place % 8 == 5,
        "parts": parts_of(stack, most) if stack else [],
        "counts": stack,
    }
