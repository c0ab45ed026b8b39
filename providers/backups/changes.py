"""What a backup found changed: each type against the last backup in which that type was complete."""

from typing import Any

from django.db import connection

from providers.choices import BackupKind
from providers.models import Backup

_MOST = 200
_COUNTS = """
SELECT count(*) FILTER (WHERE was.id IS NULL),
  count(*) FILTER (WHERE was.version_id <> now.version_id AND was.complete AND now.complete),
  count(*) FILTER (WHERE now.id IS NULL)
FROM (SELECT * FROM providers_backupitem WHERE backup_id = %(was)s AND object_type = %(type)s) was
FULL JOIN (SELECT * FROM providers_backupitem WHERE backup_id = %(now)s AND object_type = %(type)s) now
  ON now.object_id = was.object_id
"""


def since_earlier(backup: Backup) -> dict[str, dict[str, Any]]:
    """By type: since which backup, and how many objects are new, changed and gone. A type read in part says nothing."""
    earlier = Backup.objects.filter(
        tenant=backup.tenant_id, kind=BackupKind.BACKUP, completed_at__isnull=False, id__lt=backup.pk
    )
    results = list(earlier.order_by("-id").values_list("id", "results")[:_MOST])
    counts = {}
    for key, found in backup.results.items():
        if backup.kind != BackupKind.BACKUP or found.get("code"):
            continue
        was = next((pk for pk, known in results if known.get(key, {}).get("complete")), None)
        if was is not None:
            counts[key] = _counted(was, backup.pk, key)
    return counts


def _counted(was: int, now: int, key: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, {"was": was, "now": now, "type": key})
        new, changed, gone = cursor.fetchone()
    return {"since": was, "new": new, "changed": changed, "gone": gone}
