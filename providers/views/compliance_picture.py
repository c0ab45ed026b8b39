"""Devices out of compliance over a month, as a line. Days without a snapshot break it: a gap is no zero."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.compliance.shapes import OUT_OF_COMPLIANCE

DAYS = 30
HEIGHT, STEP = 120, 18
TICKS = (0, 10, 19, 29)


def picture(found: Mapping[date, Mapping[str, int]], today: date) -> dict[str, Any]:
    """Return lines, ticks and sentence for the month up to `today`; `found` has the days that were observed."""
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    values = [out_of(found[day]) if day in found else None for day in days]
    known = [value for value in values if value is not None]
    most = max(known, default=0)
    points = [
        None if value is None else (place * STEP + STEP // 2, HEIGHT - HEIGHT * value / (most or 1))
        for place, value in enumerate(values)
    ]
    lines = list(_unbroken(points))
    return {
        "sentence": sentence(known),
        "lines": [" ".join(f"{x},{y:.1f}" for x, y in line) for line in lines if len(line) > 1],
        "dots": [{"x": line[0][0], "y": f"{line[0][1]:.1f}"} for line in lines if len(line) == 1],
        "last": _last(points, values),
        "most": most,
        "observed": bool(known),
        "width": DAYS * STEP,
        "days": [
            {
                "label": date_format(day, "MONTH_DAY_FORMAT"),
                "date": day.isoformat(),
                "at": place * STEP + STEP // 2,
                "tick": place in TICKS,
                # The first and the last label stay inside the picture.
                "anchor": {TICKS[0]: "start", TICKS[-1]: "end"}.get(place, "middle"),
                "out": value,
                "total": sum(found[day].values()) if day in found else None,
            }
            for place, (day, value) in enumerate(zip(days, values, strict=True))
        ],
    }


def out_of(states: Mapping[str, int]) -> int:
    """How many of the counted devices are out of compliance."""
    return sum(states.get(state, 0) for state in OUT_OF_COMPLIANCE)


def sentence(known: list[int]) -> str:
    """Say what the line shows: the finding, not the drawing."""
    if not known:
        return _("No device was observed in 30 days.")
    if len(known) == 1:
        return ngettext(
            "%(n)d device is out of compliance; one day was observed.",
            "%(n)d devices are out of compliance; one day was observed.",
            known[0],
        ) % {"n": known[0]}
    values = {"first": known[0], "last": known[-1], "peak": max(known)}
    if known[-1] == known[0]:
        return _("Devices out of compliance stay at %(last)d; peak %(peak)d in 30 days.") % values
    if known[-1] > known[0]:
        return (
            _("Devices out of compliance rose from %(first)d to %(last)d; peak %(peak)d in 30 days.") % values
        )
    return _("Devices out of compliance fell from %(first)d to %(last)d; peak %(peak)d in 30 days.") % values


def _unbroken(points: list[tuple[int, float] | None]) -> Iterator[list[tuple[int, float]]]:
    """The runs of days that follow each other."""
    line: list[tuple[int, float]] = []
    for point in [*points, None]:
        if point is not None:
            line.append(point)
        elif line:
            yield line
            line = []


def _last(points: list[tuple[int, float] | None], values: list[int | None]) -> dict[str, Any] | None:
    found = [(point, value) for point, value in zip(points, values, strict=True) if point is not None]
    if not found:
        return None
    (x, y), value = found[-1]
    # The number stands above its dot, below it where there is no room.
    return {"x": x, "y": f"{y:.1f}", "value": value, "text": f"{y + 18 if y < 14 else y - 8:.1f}"}
