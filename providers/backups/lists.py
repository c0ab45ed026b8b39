"""Backups and what they hold, as plain rows."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from providers.choices import BackupKind
from providers.models import Backup, BackupItem, BackupReference, LiveVersion
from tenantpilot.tenancy.names import shown_name

Row = dict[str, Any]
_ITEM = (
    "id",
    "backup_id",
    "object_type",
    "object_id",
    "name",
    "odata_type",
    "complete",
    "incomplete_parts",
    "flags",
    "marker",
    "version_id",
)


def backup_rows(tenant_id: int, *, kind: str = "", state: str = "") -> Any:
    """The tenant's backups."""
    rows = Backup.objects.filter(tenant=tenant_id)
    if kind:
        rows = rows.filter(kind=kind)
    if state:
        rows = rows.filter(state=state)
    return rows.annotate(by=shown_name("created_by")).values(
        "id", "kind", "state", "created_at", "completed_at", "object_types", "results", "object_count",
        "run_id", "by", "source",
    )  # fmt: skip


def backup_of(tenant_id: int, pk: int) -> Row | None:
    """One backup of the tenant; None when it has no such backup."""
    return backup_rows(tenant_id).filter(pk=pk).first()


def item_rows(
    backup_id: int, *, search: str = "", object_type: str = "", state: str = ""
) -> QuerySet[BackupItem, Row]:
    """What a backup holds; ``state`` is "complete", "incomplete" or "flagged"."""
    rows = BackupItem.objects.filter(backup=backup_id)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(object_id=search))
    if object_type:
        rows = rows.filter(object_type=object_type)
    if state == "flagged":
        rows = rows.exclude(flags=[])
    elif state:
        rows = rows.filter(complete=state == "complete")
    return rows.values(*_ITEM)


def item_of(tenant_id: int, pk: int) -> BackupItem | None:
    """An item of one of the tenant's backups, its content still sealed, with ``compared``; None when there is none."""
    rows = BackupItem.objects.select_related("version", "backup__created_by").annotate(
        compared=Exists(LiveVersion.objects.filter(item=OuterRef("pk")))
    )
    return rows.filter(tenant=tenant_id, pk=pk).first()


def history_rows(tenant_id: int, object_type: str, object_id: str) -> QuerySet[BackupItem, Row]:
    """An object in every backup that holds it."""
    rows = BackupItem.objects.filter(tenant=tenant_id, object_type=object_type, object_id=object_id)
    return rows.annotate(
        at=F("backup__created_at"), kind=F("backup__kind"), by=shown_name("backup__created_by")
    ).values(*_ITEM, "at", "kind", "by")


def earlier_version(item: BackupItem) -> Row | None:
    """The newest item of the same object, in an earlier backup, that holds something else."""
    rows = history_rows(item.tenant_id, item.object_type, item.object_id)
    return rows.filter(backup__lt=item.backup_id).exclude(version=item.version_id).order_by("-backup").first()


def last_observed(tenant_id: int, before: int, object_types: Iterable[str]) -> dict[str, Row]:
    """The last backup before this one in which each of these types was read completely."""
    wanted = set(object_types)
    found: dict[str, Row] = {}
    rows = backup_rows(tenant_id).filter(kind=BackupKind.BACKUP, id__lt=before).order_by("-id")
    for row in rows.iterator(chunk_size=20):
        for key in wanted - found.keys():
            if row["results"].get(key, {}).get("complete"):
                found[key] = row
        if wanted == found.keys():
            break
    return found


def names_in(backup_id: int, ids: Iterable[str]) -> dict[str, Row]:
    """What these ids led to when the backup was made, by id."""
    rows = BackupReference.objects.filter(backup=backup_id, object_id__in=list(ids))
    return {row["object_id"]: dict(row) for row in rows.values("object_id", "kind", "name", "facts")}


def newest_live(item_id: int) -> LiveVersion | None:
    """What the tenant held when the item was last compared with it."""
    return LiveVersion.objects.select_related("version").filter(item=item_id).order_by("-id").first()
