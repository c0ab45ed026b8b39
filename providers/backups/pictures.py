"""How much each of the last backups found changed: bars for a picture, and the sentence that says what it shows."""

from collections import defaultdict
from typing import Any

from django.utils.translation import gettext as _

from providers.choices import BackupKind
from providers.models import Backup

MOST = 30
HEIGHT, STEP, BAR = 64, 18, 12


def changes_over_time(tenant_id: int) -> dict[str, Any] | None:
    """Bars of new, changed and gone objects, oldest first; None before there are two backups to compare."""
    rows = Backup.objects.filter(tenant=tenant_id, kind=BackupKind.BACKUP, completed_at__isnull=False)
    newest: Any = rows.order_by("-id").values("id", "created_at", "results")[:MOST]
    found: list[dict[str, Any]] = list(newest)[::-1]
    counted = [(row, _counts(row["results"])) for row in found if _compared(row["results"])]
    if len(counted) < 2:
        return None
    most = max(max(sum(counts.values()) for _row, counts in counted), 1)
    bars = [_bar(place, row, counts, most) for place, (row, counts) in enumerate(counted)]
    last = bars[-1]
    sentence = _("The last backup found %(last)s changes; the most in %(count)s backups were %(most)s.")
    return {
        "bars": bars,
        "width": len(bars) * STEP,
        "height": HEIGHT,
        "sentence": sentence % {"last": last["total"], "count": len(bars), "most": most if any(
            bar["total"] for bar in bars) else 0},
    }  # fmt: skip


def _compared(results: dict[str, Any]) -> bool:
    return any("since" in found for found in results.values())


def _counts(results: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int, {"new": 0, "changed": 0, "gone": 0})
    for found in results.values():
        for name in ("new", "changed", "gone"):
            counts[name] += found.get(name, 0)
    return dict(counts)


def _bar(place: int, row: dict[str, Any], counts: dict[str, int], most: int) -> dict[str, Any]:
    pieces, bottom = [], float(HEIGHT)
    for name in ("new", "changed", "gone"):
        tall = round(counts[name] / most * HEIGHT, 1)
        bottom -= tall
        if tall:
            pieces.append({"kind": name, "y": round(bottom, 1), "height": tall})
    return {
        "x": place * STEP,
        "width": BAR,
        "pieces": pieces,
        "at": row["created_at"],
        "id": row["id"],
        "total": sum(counts.values()),
        **counts,
    }
