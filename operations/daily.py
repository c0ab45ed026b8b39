"""Two weeks of ended runs as stacked bars: succeeded, partly failed, failed, from the bottom."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from operations.choices import RunOutcome

DAYS = 14
HEIGHT, STEP, BAR = 120, 28, 20
STACK = (RunOutcome.SUCCEEDED, RunOutcome.PARTIALLY_SUCCEEDED, RunOutcome.FAILED)


def picture(rows: Iterable[tuple[date, str, int]], today: date) -> dict[str, Any]:
    """Return bars, ticks and sentence for the two weeks up to `today`, days without runs included."""
    found = {(day, outcome): count for day, outcome, count in rows}
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    stacks = [[found.get((day, outcome.value), 0) for outcome in STACK] for day in days]
    most = max(sum(stack) for stack in stacks)
    sums = [sum(stack[place] for stack in stacks) for place in range(len(STACK))]
    return {
        "sentence": sentence(sums),
        "days": [
            _day(place, day, stack, most) for place, (day, stack) in enumerate(zip(days, stacks, strict=True))
        ],
        "most": most,
        "width": DAYS * STEP,
        "height": HEIGHT,
        "labels": [outcome.label for outcome in STACK],
        "legend": [
            {"outcome": outcome.value, "label": outcome.label, "count": count}
            for outcome, count in zip(STACK, sums, strict=True)
        ],
    }


def sentence(sums: list[int]) -> str:
    """Say what the bars show."""
    total, partly, failed = sum(sums), sums[1], sums[2]
    if not total:
        return _("No run has ended in 14 days.")
    if not partly and not failed:
        return ngettext("%(n)d run in 14 days, succeeded.", "All %(n)d runs in 14 days succeeded.", total) % {
            "n": total
        }
    values = {"n": total, "failed": failed, "partly": partly}
    return (
        ngettext(
            "%(failed)d of %(n)d run failed and %(partly)d partly failed in 14 days.",
            "%(failed)d of %(n)d runs failed and %(partly)d partly failed in 14 days.",
            total,
        )
        % values
    )


def _day(place: int, day: date, stack: list[int], most: int) -> dict[str, Any]:
    parts, bottom = [], float(HEIGHT)
    for outcome, count in zip(STACK, stack, strict=True):
        if not count:
            continue
        # One failed run must be seen among a thousand.
        height = max(3.0, HEIGHT * count / most)
        bottom -= height
        # The gap of one pixel tells the parts apart without their colours.
        parts.append({"outcome": outcome.value, "y": f"{max(bottom, 0):.1f}", "height": f"{height - 1:.1f}"})
    return {
        "label": date_format(day, "MONTH_DAY_FORMAT"),
        "date": day.isoformat(),
        "x": place * STEP + (STEP - BAR) // 2,
        # The last label ends where the picture does.
        "at": DAYS * STEP if place == DAYS - 1 else place * STEP + STEP // 2,
        "anchor": "end" if place == DAYS - 1 else "middle",
        "tick": place % 4 == 1,
        "parts": parts,
        "counts": stack,
    }
