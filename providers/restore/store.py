"""Restore runs, readings and plans as rows."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
from django.utils import timezone

from providers.backups.sealing import opened, sealed
from providers.backups.store import content_of
from providers.catalogue import Protection
from providers.choices import MappingChoice, RestoreAction, RestoreKind
from providers.models import (
    BackupItem,
    BackupReference,
    RestorePlan,
    RestorePlanItem,
    RestoreResult,
    RestoreRun,
    RestoreStep,
    TargetMapping,
)
from providers.objects.masking import Flag
from providers.restore.matching import Live
from providers.restore.model import Decision, Draft, Note, Options, Planned, Reading, RefKey, Source
from providers.restore.plan import plan_hash

KEPT = ("update", "create", "assignments", "state_as_backed_up")
"""The options that a person chooses."""

LIFE = timedelta(minutes=30)
"""How long a plan is good, from the reading that it rests on."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan is frozen from, beside the reading."""

    sources: list[Source]
    options: Options
    same_tenant: bool
    decisions: dict[RefKey, Decision]
    names: dict[RefKey, str]
    known_ids: dict[str, str]
    backup_ids: frozenset[tuple[str, str]]


def basis_of(restore: RestoreRun) -> Basis:
    """Everything that was backed up and chosen for this restore run."""
    backup = restore.backup
    items = BackupItem.objects.filter(backup=backup)
    return Basis(
        sources=sources_of(restore),
        options=options_of(restore),
        same_tenant=same_tenant(restore),
        decisions=decisions_of(restore),
        names=names_of(restore),
        known_ids=known_ids(restore),
        backup_ids=frozenset(items.values_list("object_type", "object_id")),
    )


def same_tenant(restore: RestoreRun) -> bool:
    """Whether ids of the backup mean the same objects: one directory may be a tenant of two workspaces."""
    source = restore.backup.tenant
    origin = restore.backup.source.get("entraTenantId") or str(source.entra_tenant_id)
    return bool(origin == str(restore.tenant.entra_tenant_id))


def options_of(restore: RestoreRun) -> Options:
    known: dict[str, Any] = {name: restore.options[name] for name in KEPT if name in restore.options}
    return Options(**known, guarded=restore.kind != RestoreKind.UNDO)


def sources_of(restore: RestoreRun) -> list[Source]:
    """The chosen objects with their content."""
    rows = restore.selections.select_related("item__version").order_by(
        "item__object_type", "item__name", "item_id"
    )
    entered: dict[int, dict[str, int]] = {}
    for item, place, number in restore.secrets.values_list("item_id", "place", "pk"):
        entered.setdefault(item, {})[place] = number
    return [_source(row.item, row.choice, entered.get(row.item_id, {})) for row in rows]


def place_key(way: str) -> str:
    """The short name of the way to a secret, for a column and a form's field."""
    return hashlib.sha256(way.encode()).hexdigest()[:32]


def _source(item: BackupItem, choice: str, entered: Mapping[str, int]) -> Source:
    content = content_of(item)
    content.setdefault("object", {}).setdefault("id", item.object_id)
    return Source(
        type=item.object_type,
        id=item.object_id,
        name=item.name,
        content=content,
        item_id=item.pk,
        incomplete=()
        if item.complete
        else tuple(_part_name(part) for part in item.incomplete_parts) or ("?",),
        flags=tuple(Flag(flag["code"], flag["path"]) for flag in item.flags),
        choice=choice,
        entered={
            flag["path"]: number
            for flag in item.flags
            if (number := entered.get(place_key(flag["path"]))) is not None
        },
    )


def _part_name(part: Any) -> str:
    return str(part.get("part") or part.get("name") or "") if isinstance(part, dict) else str(part)


def decisions_of(restore: RestoreRun) -> dict[RefKey, Decision]:
    """What is remembered for references from the backup's tenant to this one."""
    rows = TargetMapping.objects.filter(
        source_tenant=restore.backup.tenant_id, target_tenant=restore.tenant_id
    )
    return {
        (row.kind, row.source_id): Decision(
            MappingChoice(row.choice), row.target_id, row.target_name, row.reason
        )
        for row in rows
    }


def names_of(restore: RestoreRun) -> dict[RefKey, str]:
    """What references were called when the backup was made."""
    rows = BackupReference.objects.filter(backup=restore.backup_id).exclude(name="")
    return {(row.kind, row.object_id): row.name for row in rows.only("kind", "object_id", "name")}


def known_ids(restore: RestoreRun) -> dict[str, str]:
    """Live ids of what the runs before this one certainly created, by key: a resume goes on with these."""
    found: dict[str, str] = {}
    earlier = restore.parent if restore.kind == RestoreKind.RESUME else None
    while earlier is not None:
        rows = RestoreStep.objects.filter(restore_run=earlier, key__endswith="/create").exclude(remote_id="")
        for key, remote_id in rows.values_list("item__key", "remote_id"):
            found.setdefault(key, remote_id)
        earlier = earlier.parent if earlier.kind == RestoreKind.RESUME else None
    return found


def reading_seal(reading: Reading) -> bytes:
    """Return a reading as it is kept."""
    data = {
        "listed": {
            kind: [
                [
                    row.id,
                    row.name,
                    row.odata_type,
                    row.identity,
                    row.protection.value,
                    row.priority,
                    row.alike,
                ]
                for row in rows
            ]
            for kind, rows in reading.listed.items()
        },
        "contents": [[*key, content] for key, content in reading.contents.items()],
        "incomplete": [[*key, parts] for key, parts in reading.incomplete.items()],
        "failed": {kind: list(why) for kind, why in reading.failed.items()},
        "lookedUp": [[*key, name] for key, name in reading.looked_up.items()],
        "sought": reading.sought,
        "exclusions": reading.exclusions,
    }
    return seal(data)


def reading_of(restore: RestoreRun) -> Reading | None:
    """Return what the preview read, None before the first one."""
    data = unseal(restore.reading)
    if data is None:
        return None
    return Reading(
        listed={kind: [_live(*row) for row in rows] for kind, rows in data["listed"].items()},
        contents={(kind, key): content for kind, key, content in data["contents"]},
        incomplete={(kind, key): parts for kind, key, parts in data["incomplete"]},
        failed={kind: (code, facts) for kind, (code, facts) in data["failed"].items()},
        looked_up={(kind, key): name for kind, key, name in data["lookedUp"]},
        sought=data.get("sought", []),
        exclusions=data["exclusions"],
    )


def _live(
    id: str,
    name: str,
    odata_type: str,
    identity: list[str],
    protection: str,
    priority: int = 0,
    alike: Sequence[str] = (),
) -> Live:
    return Live(id, name, odata_type, tuple(identity), Protection(protection), priority, tuple(alike))


def plan_write(restore: RestoreRun, draft: Draft, read_at: datetime) -> RestorePlan:
    """Keep a plan and make it the restore run's. Inside the caller's transaction."""
    plan = RestorePlan.objects.create(
        restore_run=restore,
        hash=plan_hash(restore.tenant_id, draft),
        read_at=read_at,
        counts=counts_of(draft.items),
        resolutions=[asdict(each) for each in draft.resolutions],
    )
    RestorePlanItem.objects.bulk_create(
        [_item_row(plan, position, item) for position, item in enumerate(draft.items)], batch_size=500
    )
    restore.plan = plan
    restore.save(update_fields=["plan"])
    return plan


def counts_of(items: Iterable[Planned]) -> dict[str, int]:
    """How many objects each action is for."""
    found = Counter(str(item.action) for item in items)
    return {action.value: found[action.value] for action in RestoreAction if found[action.value]}


def _item_row(plan: RestorePlan, position: int, item: Planned) -> RestorePlanItem:
    return RestorePlanItem(
        plan=plan,
        position=position,
        object_type=item.type,
        key=item.key,
        name=item.name[:1024],
        action=item.action,
        source_item_id=item.source_item,
        live_id=item.live_id,
        live_hash=item.live_hash,
        wanted_hash=item.wanted_hash,
        why=_note(item.why),
        warnings=[_note(note) for note in item.warnings],
        missing=[list(key) for key in item.missing],
        candidates=list(item.candidates),
        depends=list(item.depends),
        secrets=[asdict(each) for each in item.secrets],
        sealed=seal({"wanted": item.wanted, "live": item.live}) if item.wanted or item.live else None,
    )


def _note(note: Note | None) -> dict[str, Any] | None:
    return {"code": note.code, "facts": dict(note.facts)} if note else None


def seal(data: Any) -> bytes:
    """Return contents of tenants as they may be kept."""
    return sealed(orjson.dumps(data))


def unseal(stored: bytes | memoryview | None) -> Any:
    """Return what was sealed, None where nothing was. Raises ValueError when no key opens it."""
    return None if stored is None else orjson.loads(opened(stored))


def contents_of(item: RestorePlanItem) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return what the object shall be and what it was when the plan was frozen."""
    data = unseal(item.sealed) or {}
    return data.get("wanted"), data.get("live")


def is_stale(plan: RestorePlan) -> bool:
    """Whether the reading that the plan rests on is too old."""
    return timezone.now() - plan.read_at > LIFE


def is_old(restore: RestoreRun) -> bool:
    """Whether there is no reading that a plan could be frozen from."""
    return restore.read_at is None or timezone.now() - restore.read_at > LIFE


def results_of(restore: RestoreRun) -> Sequence[RestoreResult]:
    """Return what became of each object in the run that executed it."""
    return list(
        RestoreResult.objects.filter(restore_run=restore, run=restore.run or 0).select_related("item")
    )


def locked(restore_id: int) -> RestoreRun:
    """Return the restore run with its row locked. Inside a transaction."""
    return (
        RestoreRun.objects.select_for_update(of=("self",))
        .select_related("tenant", "backup__tenant", "plan", "parent")
        .get(pk=restore_id)
    )
