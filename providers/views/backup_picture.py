"""How much each of the last backups found changed: bars for a picture, and the sentence that says what it shows."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from providers.choices import BackupKind
from providers.models import Backup
from providers.views.change_picture import STACK, STEP, bar_at, legend, parts_of

MOST = 30


def changes_over_time(tenant_id: int) -> dict[str, Any] | None:
    """Bars of new, changed and gone objects, oldest first; None before there are two backups to compare."""
    rows = Backup.objects.filter(tenant=tenant_id, kind=BackupKind.BACKUP, completed_at__isnull=False)
    newest: Any = rows.order_by("-id").values("id", "created_at", "results")[:MOST]
    counted = [(row, _counts(row["results"])) for row in list(newest)[::-1] if _compared(row["results"])]
    if len(counted) < 2:
        return None
    totals = [sum(counts) for _row, counts in counted]
    # The newest stands at the right edge, as a day does in the pictures of a month.
    first, most = MOST - len(counted), max(totals)
    return {
        "bars": [_bar(first + place, row, counts, most) for place, (row, counts) in enumerate(counted)],
        "width": MOST * STEP,
        "most": most,
        "sentence": _sentence(totals),
        "legend": legend([sum(each) for each in zip(*(counts for _row, counts in counted), strict=True)]),
    }


def _sentence(totals: list[int]) -> str:
    if not any(totals):
        return _("The last %(count)s backups found no change.") % {"count": len(totals)}
    words = ngettext(
        "The last backup found %(last)s change; the most in %(count)s backups were %(most)s.",
        "The last backup found %(last)s changes; the most in %(count)s backups were %(most)s.",
        totals[-1],
    )
    return words % {"last": totals[-1], "count": len(totals), "most": max(totals)}


def _compared(results: dict[str, Any]) -> bool:
    return any("since" in found for found in results.values())


def _counts(results: dict[str, Any]) -> list[int]:
    return [sum(found.get(kind.value, 0) for found in results.values()) for kind in STACK]


def _bar(place: int, row: dict[str, Any], counts: list[int], most: int) -> dict[str, Any]:
    return {
        "x": bar_at(place),
        "parts": parts_of(counts, most),
        "at": row["created_at"],
        "id": row["id"],
        **{kind.value: count for kind, count in zip(STACK, counts, strict=True)},
    }
