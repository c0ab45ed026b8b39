"""What an inventory run leaves behind beside the objects: which types it read, and what it found in all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from providers.choices import ObjectKind
from providers.models import DirectoryCollection
from providers.retention import forget_changes

_NOTE = """
INSERT INTO providers_inventoryread AS r
  (tenant_id, run_id, ended_at, requested_count, read_count, object_count, new_count, changed_count, gone_count)
SELECT %(tenant)s, %(run)s, now(), %(requested)s, count(*), sum(object_count), sum(new_count), sum(changed_count),
  sum(gone_count)
FROM providers_directorycollection
WHERE tenant_id = %(tenant)s AND kind = %(kind)s AND complete_at >= %(since)s
HAVING count(*) > 0
ON CONFLICT (run_id) DO UPDATE SET ended_at = EXCLUDED.ended_at, read_count = EXCLUDED.read_count,
  object_count = EXCLUDED.object_count, new_count = EXCLUDED.new_count, changed_count = EXCLUDED.changed_count,
  gone_count = EXCLUDED.gone_count
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What the last complete read of one type found."""

    objects: int
    new: int
    changed: int
    gone: int


def read_since(tenant_id: int, moment: datetime) -> Mapping[str, Found]:
    """Return the object types of which a complete read began after ``moment``, with what it found."""
    rows = DirectoryCollection.objects.filter(
        tenant=tenant_id, kind=ObjectKind.INVENTORY, complete_at__gte=moment
    ).values_list("selection_key", "object_count", "new_count", "changed_count", "gone_count")
    return {key: Found(*counts) for key, *counts in rows}


def note_read(*, tenant_id: int, run_id: int, since: datetime, requested: int) -> None:
    """Write, or write again, what the run has read so far; nothing while that is nothing. Call it inside the fence.

    Changes that are older than they are kept are let go of.
    """
    forget_changes(tenant_id)
    with connection.cursor() as cursor:
        cursor.execute(
            _NOTE,
            {
                "tenant": tenant_id,
                "run": run_id,
                "kind": ObjectKind.INVENTORY.value,
                "since": since,
                "requested": requested,
            },
        )
