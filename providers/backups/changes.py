"""What a backup found changed: each type against the last backup in which that type was complete."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Subquery, Value, When

from providers.choices import BackupKind, ChangeKind
from providers.models import Backup, BackupItem

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


def earlier_backups(results: Mapping[str, Mapping[str, Any]]) -> dict[int, list[str]]:
    """The types that were compared, by the backup that they were compared with. Retention may have removed that one."""
    found = defaultdict(list)
    for key, result in results.items():
        if "since" in result:
            found[result["since"]].append(key)
    kept = Backup.objects.filter(pk__in=found).values_list("pk", flat=True)
    return {pk: found[pk] for pk in kept}


def changed_items(
    backup_id: int, earlier: Mapping[int, list[str]], *, object_type: str = "", change: str = ""
) -> Any:
    """The objects behind the counts of ``since_earlier``: ``change``, and ``was``, the item of the earlier backup.

    A row that is gone is the earlier backup's item itself.
    """
    same = BackupItem.objects.filter(object_type=OuterRef("object_type"), object_id=OuterRef("object_id"))
    compared, was_in = Q(pk__in=[]), Q(pk__in=[])
    for pk, types in earlier.items():
        compared |= Q(backup=backup_id, object_type__in=types)
        was_in |= Q(backup=pk, object_type__in=types)
    found = BackupItem.objects.filter(compared | was_in).annotate(
        was=Subquery(same.filter(was_in).values("id")[:1]),
        was_version=Subquery(same.filter(was_in).values("version")[:1]),
        was_backup=Subquery(same.filter(was_in).values("backup")[:1]),
        was_complete=Subquery(same.filter(was_in).values("complete")[:1]),
        there=Exists(same.filter(backup=backup_id)),
    )
    differs = Q(backup=backup_id, complete=True, was_complete=True) & ~Q(version=F("was_version"))
    kinds = Case(
        When(Q(backup=backup_id, was=None), then=Value(ChangeKind.NEW.value)),
        When(differs, then=Value(ChangeKind.CHANGED.value)),
        When(there=False, then=Value(ChangeKind.GONE.value)),
        output_field=CharField(),
    )
    rows = found.annotate(change=kinds).exclude(change=None)
    if object_type:
        rows = rows.filter(object_type=object_type)
    if change:
        rows = rows.filter(change=change)
    return rows.values("id", "backup_id", "object_type", "object_id", "name", "change", "was", "was_backup")
