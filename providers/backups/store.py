"""Writing a backup: begun, filled type by type, ended once. And reading back what an item holds.

A backup that is running belongs to one run; a later attempt of that run goes on with the types that are not complete
yet. Every write goes through ``fenced``, a transaction that a worker which lost its run does not get.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from providers.backups import changes, rows
from providers.backups.sealing import content_in, sealed
from providers.catalogue import ObjectType, Ref
from providers.choices import BackupKind, BackupState
from providers.models import Backup, BackupItem, BackupReference, ContentVersion, LiveVersion
from providers.objects.canonical import canonical, dumps, hash_of
from providers.objects.lookups import REF_OF, Looked, references_in
from providers.objects.masking import VALUE_WRITE_ONLY, Flag, flags_of

Fenced = Callable[[], AbstractContextManager[None]]
_LONGEST_NAME = 1024

# An object of another type with the same id is none of the reference's; policies are of any type.
_KNOWN_HERE = """
UPDATE providers_backupreference r SET name = i.name, facts = '{"here": true}'
FROM providers_backupitem i
WHERE r.backup_id = %(backup)s AND i.backup_id = r.backup_id AND i.object_id = r.object_id
  AND (r.kind = %(policy)s
    OR (i.object_type, r.kind) IN (SELECT * FROM unnest(%(types)s::text[], %(kinds)s::text[])))
"""


@dataclass(frozen=True, slots=True)
class NewItem:
    """An object to be kept. ``content`` is what was read, in any form; ``incomplete_parts`` what could not be.

    ``write_only`` are the ways to secrets that Graph never gave, where the content no longer tells.
    """

    object_id: str
    name: str
    odata_type: str
    marker: str
    content: Mapping[str, Any]
    incomplete_parts: Sequence[Mapping[str, Any]] = ()
    write_only: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """An object with everything made that needs neither the database nor the objects beside it."""

    row: BackupItem
    content_hash: str
    written: bytes
    references: frozenset[tuple[Ref, str]]


@dataclass(slots=True)
class TypeResult:
    """How the read of one type ended. ``code``: why it was not read to its end; empty when it was."""

    objects: int = 0
    incomplete: int = 0
    code: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    # When it was observed, if that was not just now.
    observed_at: str = ""

    @property
    def complete(self) -> bool:
        return not self.code and not self.incomplete

    def as_data(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "objects": self.objects,
            "incomplete": self.incomplete,
            "complete": self.complete,
            "observedAt": self.observed_at or timezone.now().isoformat(),
        }
        return data | ({"code": self.code, "facts": self.facts} if self.code else {})


@dataclass
class Writing:
    """A backup that is being written."""

    backup: Backup
    fenced: Fenced

    @property
    def complete_types(self) -> frozenset[str]:
        """The types that an earlier attempt of the same run has completed."""
        return frozenset(key for key, found in self.backup.results.items() if found["complete"])

    def restart(self, kind: ObjectType) -> None:
        """Forget what an earlier attempt wrote of this type."""
        with self.fenced():
            BackupItem.objects.filter(backup=self.backup, object_type=kind.key).delete()
            if self.backup.results.pop(kind.key, None) is not None:
                self.backup.save(update_fields=["results"])

    def add(self, kind: ObjectType, items: Sequence[NewItem]) -> None:
        """Keep these objects; content that the tenant's backups already hold is not stored again."""
        self.keep([self.prepare(kind, item) for item in items])

    def prepare(self, kind: ObjectType, item: NewItem) -> Prepared:
        """Return an object ready to be kept: half of the work, for whoever has to wait for the next one anyway."""
        form = canonical(kind, item.content)
        written = dumps(form)
        return Prepared(
            self._row(kind, item), hash_of(kind, written), written, frozenset(references_in(kind, form))
        )

    def keep(self, items: Sequence[Prepared]) -> None:
        """Keep objects that are prepared, as ``add`` does."""
        if not items:
            return
        written = {item.content_hash: item.written for item in items}
        fresh = self._sealed_new(written)
        with self.fenced():
            ids = rows.versions_kept(self.backup.tenant_id, fresh, written)
            # What was stored a moment ago may have gone with the last backup that held it.
            gone = {key: clear for key, clear in written.items() if key not in ids}
            if gone:
                ids |= rows.versions_kept(self.backup.tenant_id, _sealed(gone), gone)
            for item in items:
                item.row.version_id = ids[item.content_hash]
            rows.items_kept([item.row for item in items])
            rows.references_kept(self.backup.pk, {found for item in items for found in item.references})

    def type_ended(self, kind: ObjectType, result: TypeResult) -> None:
        """Note how the read of a type ended."""
        self.backup.results[kind.key] = result.as_data()
        with self.fenced():
            self.backup.save(update_fields=["results"])

    def unresolved(self) -> list[tuple[Ref, str]]:
        """The ids of which it is not known yet what they lead to; objects of this very backup need no look-up."""
        with self.fenced():
            self._name_what_is_here()
            unknown = BackupReference.objects.filter(backup=self.backup, name="", facts={})
            return [(Ref(kind), key) for kind, key in unknown.values_list("kind", "object_id")]

    def resolve(self, looked: Iterable[Looked]) -> None:
        """Note what ids lead to, or that nothing was found."""
        known = [
            BackupReference(
                backup=self.backup,
                kind=each.kind.value,
                object_id=each.id,
                name=each.name[:_LONGEST_NAME],
                facts=_facts(each),
            )
            for each in looked
        ]
        with self.fenced():
            BackupReference.objects.bulk_create(
                known,
                update_conflicts=True,
                unique_fields=["backup", "kind", "object_id"],
                update_fields=["name", "facts"],
            )

    def complete(self) -> Backup:
        """End the backup: from here on it never changes."""
        backup = self.backup
        with self.fenced():
            self._name_what_is_here()
            counts = changes.since_earlier(backup)
            for key, found in backup.results.items():
                backup.results[key] = found | counts.get(key, {})
            backup.state = _state_of(backup)
            backup.object_count = BackupItem.objects.filter(backup=backup).count()
            backup.completed_at = timezone.now()
            backup.save(update_fields=["results", "state", "object_count", "completed_at"])
        return backup

    def stop(self) -> None:
        """End the backup where it stands: what was completed may still be used."""
        self.backup.object_count = BackupItem.objects.filter(backup=self.backup).count()
        self.backup.state = BackupState.STOPPED
        self.backup.completed_at = timezone.now()
        self.backup.save(update_fields=["state", "object_count", "completed_at"])

    def _row(self, kind: ObjectType, item: NewItem) -> BackupItem:
        parts = [dict(part) for part in item.incomplete_parts]
        told = [Flag(VALUE_WRITE_ONLY, way) for way in item.write_only]
        return BackupItem(
            backup=self.backup,
            tenant_id=self.backup.tenant_id,
            object_type=kind.key,
            object_id=item.object_id,
            name=item.name[:_LONGEST_NAME],
            odata_type=item.odata_type,
            complete=not parts,
            incomplete_parts=parts,
            flags=[flag.as_data() for flag in dict.fromkeys([*flags_of(kind, item.content), *told])],
            marker=item.marker,
        )

    def _sealed_new(self, written: Mapping[str, bytes]) -> dict[str, tuple[bytes, int]]:
        """What is not stored yet, ready to be. Compressing and encrypting need no transaction."""
        stored = ContentVersion.objects.filter(tenant=self.backup.tenant_id, content_hash__in=list(written))
        known = set(stored.values_list("content_hash", flat=True))
        return _sealed({key: clear for key, clear in written.items() if key not in known})

    def _name_what_is_here(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                _KNOWN_HERE,
                {
                    "backup": self.backup.pk,
                    "policy": Ref.POLICY.value,
                    "types": list(REF_OF),
                    "kinds": [ref.value for ref in REF_OF.values()],
                },
            )


def begin(
    *,
    tenant_id: int,
    connection_id: int | None,
    run_id: int | None,
    kinds: Sequence[ObjectType],
    created_by: int | None = None,
    kind: BackupKind = BackupKind.BACKUP,
    fenced: Fenced = transaction.atomic,
    source: Mapping[str, Any] | None = None,
) -> Writing:
    """Begin a backup, or go on with the one that an earlier attempt of the same run began."""
    with fenced():
        found = Backup.objects.filter(run_id=run_id, kind=kind).first() if run_id is not None else None
        backup = found or Backup.objects.create(
            tenant_id=tenant_id,
            connection_id=connection_id,
            run_id=run_id,
            kind=kind,
            created_by_id=created_by,
            object_types=[each.key for each in kinds],
            source=dict(source or {}),
        )
    return Writing(backup, fenced)


def keep_live(
    item: BackupItem,
    kind: ObjectType,
    content: Mapping[str, Any] | None,
    incomplete_parts: Sequence[Mapping[str, Any]],
    *,
    run_id: int,
    fenced: Fenced,
) -> None:
    """Keep what the tenant holds now beside an item; no content means that the object is gone there."""
    with fenced():
        version = None
        if content is not None:
            written = dumps(canonical(kind, content))
            version, _made = ContentVersion.objects.get_or_create(
                tenant_id=item.tenant_id,
                content_hash=hash_of(kind, written),
                defaults={"content": sealed(written), "size": len(written)},
            )
        LiveVersion.objects.update_or_create(
            run_id=run_id,
            defaults={
                "tenant_id": item.tenant_id,
                "item": item,
                "version": version,
                "incomplete_parts": [dict(part) for part in incomplete_parts],
                "observed_at": timezone.now(),
            },
        )


def content_of(item: BackupItem) -> dict[str, Any]:
    """Return the canonical content of an item, secrets included. Raises ValueError when no key opens it."""
    return content_in(item.version.content)


def _sealed(written: Mapping[str, bytes]) -> dict[str, tuple[bytes, int]]:
    """Contents by hash as they are stored, with their size in clear."""
    return {key: (sealed(clear), len(clear)) for key, clear in written.items()}


def _state_of(backup: Backup) -> BackupState:
    results = [backup.results.get(key) for key in backup.object_types]
    if all(found is not None and found["complete"] for found in results):
        return BackupState.COMPLETE
    read = any(found is not None and not found.get("code") for found in results)
    return (
        BackupState.PARTIAL
        if read or BackupItem.objects.filter(backup=backup).exists()
        else BackupState.FAILED
    )


def _facts(looked: Looked) -> dict[str, Any]:
    if looked.error is not None:
        return {"reason": looked.error.reason_code, "missing": looked.error.status == 404}
    return {
        key: value
        for key, value in looked.item.items()
        if value is not None and not key.startswith("@odata.c")
    }
