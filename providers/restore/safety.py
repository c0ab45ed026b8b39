"""The safety backup: exactly the objects that are about to be touched, as they are now, taken by the same run."""

from collections.abc import Mapping, Sequence

from providers import catalogue
from providers.backups import store
from providers.backups.store import Fenced, NewItem, TypeResult
from providers.choices import BackupKind
from providers.models import Backup, RestoreRun
from providers.objects.reader import ReadObject


def take(
    restore: RestoreRun,
    touched: Mapping[str, Sequence[ReadObject]],
    *,
    run_id: int,
    connection_id: int,
    fenced: Fenced,
) -> Backup:
    """Keep the touched objects before the first of them is written over. Undo is planned from this backup."""
    kinds = [catalogue.get(key) for key in touched]
    writing = store.begin(
        tenant_id=restore.tenant_id,
        connection_id=connection_id,
        run_id=run_id,
        kinds=kinds,
        kind=BackupKind.SAFETY,
        created_by=restore.created_by_id,
        fenced=fenced,
    )
    for kind in kinds:
        reads = touched[kind.key]
        writing.add(kind, [_item(read) for read in reads])
        writing.type_ended(kind, TypeResult(objects=len(reads)))
    return writing.complete()


def _item(read: ReadObject) -> NewItem:
    listed = read.listed
    return NewItem(listed.id, listed.name, listed.odata_type, listed.marker, read.content)
