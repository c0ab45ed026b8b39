"""Times and spans in words: one unit, with the exact time in reach."""

from datetime import UTC, datetime

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Moment = datetime | str | None

MINUTE, HOUR, DAY = 60, 3600, 86400
MONTH, YEAR = 30 * DAY, 365 * DAY


def moment(value: Moment) -> datetime | None:
    """Read a time as the views and the serializers give it: a datetime or ISO 8601 text. None if there is none."""
    if not value:
        return None
    read = parse_datetime(value) if isinstance(value, str) else value
    if read is None:
        return None
    return read if timezone.is_aware(read) else read.replace(tzinfo=UTC)


def one_unit(at: datetime, now: datetime) -> str:
    """Say how far `at` lies from `now` in one unit: "now", "2 days ago", "in 12 days"."""
    seconds = (at - now).total_seconds()
    distance = abs(seconds)
    if distance < MINUTE:
        return _("now")
    # What ends "in 12 days" still does so a moment later; what is past rounds down.
    count = _nearest if seconds > 0 else _whole
    if distance < HOUR:
        n = count(distance, MINUTE)
        span = ngettext("%(n)d minute", "%(n)d minutes", n)
    elif distance < DAY:
        n = count(distance, HOUR)
        span = ngettext("%(n)d hour", "%(n)d hours", n)
    elif distance < 3 * MONTH:
        n = count(distance, DAY)
        span = ngettext("%(n)d day", "%(n)d days", n)
    elif distance < 2 * YEAR:
        n = count(distance, MONTH)
        span = ngettext("%(n)d month", "%(n)d months", n)
    else:
        n = count(distance, YEAR)
        span = ngettext("%(n)d year", "%(n)d years", n)
    return (_("in %(span)s") if seconds > 0 else _("%(span)s ago")) % {"span": span % {"n": n}}


def _whole(distance: float, unit: int) -> int:
    return int(distance // unit)


def _nearest(distance: float, unit: int) -> int:
    return round(distance / unit)


def exact(at: datetime) -> str:
    """The local time with its zone, to the second."""
    local = timezone.localtime(at)
    return f"{date_format(local, 'DATE_FORMAT')}, {local:%H:%M:%S} {local.tzname()}"


def seconds_text(value: float | str | None) -> str:
    """Say a length of time given in seconds: "48 s", "3 min 20 s", "2 h 5 min"; "–" for none."""
    if value is None or value == "":
        return "–"
    total = max(0, round(float(value)))
    if total < MINUTE:
        return _("%(s)d s") % {"s": total}
    if total < HOUR:
        minutes, seconds = divmod(total, MINUTE)
        words = _("%(m)d min %(s)d s") if seconds else _("%(m)d min")
        return words % {"m": minutes, "s": seconds}
    hours, rest = divmod(total, HOUR)
    words = _("%(h)d h %(m)d min") if rest >= MINUTE else _("%(h)d h")
    return words % {"h": hours, "m": rest // MINUTE}
