"""Restore runs before they are executed: made, changed by people who may be two, planned, resumed and undone."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from providers import secrets
from providers.choices import ItemOutcome, RestoreAction, RestoreKind, RestoreState
from providers.models import (
    Backup,
    BackupItem,
    RestorePlan,
    RestorePlanItem,
    RestoreResult,
    RestoreRun,
    RestoreSecret,
    RestoreSelection,
    RestoreStep,
    TargetMapping,
)
from providers.objects.readable import secret_words
from providers.objects.ways import steps_of
from providers.restore import store, undo
from providers.restore.model import Draft, Options, Reading, RefKey
from providers.restore.plan import freeze
from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.models import Tenant, User

_NO_TARGET = {"target_id": "", "target_name": "", "reason": ""}


class Changed(Exception):
    """Somebody else changed the draft since this person saw it."""


class Closed(Exception):
    """The restore run was executed: nothing of it changes any more."""


class Stale(Exception):
    """The preview is too old to be executed, and so to enter a secret for it."""


def draft_create(
    *,
    tenant: Tenant,
    backup: Backup,
    items: Iterable[BackupItem],
    options: Options,
    connection_id: int | None,
    actor: User,
) -> RestoreRun:
    """Make a draft that restores ``items`` of ``backup`` into ``tenant``."""
    with transaction.atomic():
        restore = RestoreRun.objects.create(
            tenant=tenant,
            backup=backup,
            connection_id=connection_id,
            options=_kept(options),
            created_by=actor,
        )
        _select(restore, items)
        _note("restore.drafted", restore, actor, objects=restore.selections.count(), backup=backup.pk)
    return restore


def options_change(
    *, restore_id: int, version: int, options: Options, connection_id: int | None, actor: User
) -> RestoreRun:
    """Change what the restore may do; the plan is frozen anew. Raises Changed and Closed."""
    with transaction.atomic():
        restore = _opened(restore_id, version)
        restore.options, restore.connection_id = _kept(options), connection_id
        restore.save(update_fields=["options", "connection"])
        _refrozen(restore)
        _note("restore.options_changed", restore, actor, **_kept(options))
    return restore


def selection_change(*, restore_id: int, version: int, choices: Mapping[int, str], actor: User) -> RestoreRun:
    """Choose for objects (by id of their backup item) what happens to them; the plan is frozen anew.

    "" lets the match decide, "skip" leaves the object out, "create" makes a new one, anything else is the id of the
    live object that is overwritten. Raises Changed and Closed.
    """
    with transaction.atomic():
        restore = _opened(restore_id, version)
        rows = list(restore.selections.filter(item_id__in=choices))
        for row in rows:
            row.choice = choices[row.item_id]
        RestoreSelection.objects.bulk_update(rows, ["choice"])
        _refrozen(restore)
        _note("restore.selection_changed", restore, actor, objects=len(rows))
    return restore


def targets_map(
    *, restore_id: int, version: int, decisions: Mapping[RefKey, Mapping[str, str] | None], actor: User
) -> RestoreRun:
    """Decide what references become, for this and later restores between the two tenants; None forgets a decision.

    Raises Changed and Closed.
    """
    with transaction.atomic():
        restore = _opened(restore_id, version)
        pair = {"source_tenant": restore.backup.tenant, "target_tenant": restore.tenant}
        for (kind, source_id), decision in decisions.items():
            names: dict[str, Any] = {**pair, "kind": kind, "source_id": source_id}
            if decision is None:
                TargetMapping.objects.filter(**names).delete()
                continue
            TargetMapping.objects.update_or_create(
                **names, defaults={**_NO_TARGET, **decision, "decided_by": actor}
            )
        _refrozen(restore)
        _note("restore.targets_mapped", restore, actor, references=len(decisions))
    return restore


def secrets_enter(
    *, restore_id: int, version: int, item_id: int, values: Mapping[str, str], actor: User
) -> RestoreRun:
    """Keep secrets of an object, by the ways to them, until an execution ends; the plan is frozen anew.

    Raises Changed, Closed and Stale.
    """
    with transaction.atomic():
        restore = _opened(restore_id, version)
        _fresh(restore)
        places = {store.place_key(way): value for way, value in values.items()}
        restore.secrets.filter(item=item_id, place__in=places).delete()
        RestoreSecret.objects.bulk_create(
            RestoreSecret(
                restore_run=restore,
                item_id=item_id,
                place=place,
                sealed=secrets.encrypt_bytes(value.encode()),
                entered_by=actor,
            )
            for place, value in places.items()
        )
        _refrozen(restore)
        for way in values:
            _note_secret("restore.secret_entered", restore, item_id, way, actor)
    return restore


def secret_remove(*, restore_id: int, version: int, item_id: int, way: str, actor: User) -> RestoreRun:
    """Delete a secret that was entered; the plan is frozen anew. Raises Changed, Closed and Stale."""
    with transaction.atomic():
        restore = _opened(restore_id, version)
        _fresh(restore)
        restore.secrets.filter(item=item_id, place=store.place_key(way)).delete()
        _refrozen(restore)
        _note_secret("restore.secret_removed", restore, item_id, way, actor)
    return restore


def reading_keep(restore_id: int, reading: Reading) -> RestorePlan:
    """Keep what the preview read and freeze the plan on it. Inside the run's fenced transaction. Raises Closed.

    No execution runs beside a preview, so one that is still noted was lost; before its first request, it is a draft.
    """
    restore = store.locked(restore_id)
    if was_executed(restore):
        raise Closed
    if store.is_old(restore):
        restore.secrets.all().delete()
    restore.state = RestoreState.DRAFT
    restore.reading, restore.read_at = store.reading_seal(reading), timezone.now()
    restore.version += 1
    restore.save(update_fields=["state", "reading", "read_at", "version"])
    return _frozen(restore, reading)


def draft_of(restore: RestoreRun, reading: Reading) -> Draft:
    """The plan as it would be frozen now."""
    basis = store.basis_of(restore)
    draft = freeze(
        basis.sources,
        reading,
        basis.options,
        same_tenant=basis.same_tenant,
        decisions=basis.decisions,
        names=basis.names,
        known_ids=basis.known_ids,
        backup_ids=basis.backup_ids,
    )
    if restore.kind == RestoreKind.UNDO and restore.parent is not None:
        return undo.with_deletions(draft, undo.created_by(restore.parent), reading)
    return draft


def resume_create(*, restore: RestoreRun, actor: User) -> RestoreRun:
    """Make the draft of what is left of an execution: everything that was to be written and was not verified.

    What is left of an undo is an undo again: it looks at the tenant, so what is undone already comes out as such.
    """
    if restore.kind == RestoreKind.UNDO and restore.parent is not None:
        return undo_create(restore=restore.parent, actor=actor)
    items = _left_of(restore)
    with transaction.atomic():
        again = _child(restore, RestoreKind.RESUME, restore.backup, restore.options, actor)
        _select(again, items)
        choices = dict(restore.selections.exclude(choice="").values_list("item_id", "choice"))
        for row in again.selections.filter(item_id__in=choices):
            # A twin that was to be created is found by the id that the journal knows, not created once more.
            row.choice = "" if choices[row.item_id] == "create" else choices[row.item_id]
            row.save(update_fields=["choice"])
        _note("restore.resumed", again, actor, objects=again.selections.count(), of=restore.pk)
    return again


def undo_create(*, restore: RestoreRun, actor: User) -> RestoreRun:
    """Make the draft that takes an execution back. Raises Closed where nothing was kept to go back to."""
    if restore.safety_backup is None:
        raise Closed
    touched = RestoreStep.objects.filter(restore_run=restore, sent_count__gt=0).values("item__live_id")
    options = _kept(Options(state_as_backed_up=True))
    with transaction.atomic():
        back = _child(restore, RestoreKind.UNDO, restore.safety_backup, options, actor)
        _select(back, restore.safety_backup.items.filter(object_id__in=touched))
        _note("restore.undo_drafted", back, actor, objects=back.selections.count(), of=restore.pk)
    return back


def was_executed(restore: RestoreRun) -> bool:
    """Whether a request that writes has ever left for this restore run."""
    return RestoreStep.objects.filter(restore_run=restore, sent_count__gt=0).exists()


def _left_of(restore: RestoreRun) -> QuerySet[BackupItem]:
    planned = RestorePlanItem.objects.filter(
        plan=restore.plan_id, action__in=(RestoreAction.CREATE, RestoreAction.UPDATE)
    )
    done = RestoreResult.objects.filter(restore_run=restore, outcome=ItemOutcome.VERIFIED)
    left = planned.exclude(pk__in=done.values("item"))
    return BackupItem.objects.filter(pk__in=left.values("source_item"))


def _child(
    parent: RestoreRun, kind: RestoreKind, backup: Backup, options: dict[str, Any], actor: User
) -> RestoreRun:
    return RestoreRun.objects.create(
        tenant=parent.tenant,
        backup=backup,
        kind=kind,
        parent=parent,
        connection=parent.connection,
        options=options,
        created_by=actor,
    )


def _select(restore: RestoreRun, items: Iterable[BackupItem]) -> None:
    rows = [RestoreSelection(restore_run=restore, item=item) for item in items]
    RestoreSelection.objects.bulk_create(rows, batch_size=1000)


def _opened(restore_id: int, version: int) -> RestoreRun:
    """The draft, locked, one version on. Raises Changed when it is not the version that the person saw."""
    restore = store.locked(restore_id)
    if restore.state != RestoreState.DRAFT or was_executed(restore):
        raise Closed
    if restore.version != version:
        raise Changed
    restore.version += 1
    restore.save(update_fields=["version"])
    return restore


def _refrozen(restore: RestoreRun) -> None:
    """Freeze anew from the same reading; without one the draft waits for its preview."""
    if store.is_old(restore):
        restore.plan = None
        restore.save(update_fields=["plan"])
        return
    reading = store.reading_of(restore)
    assert reading is not None
    _frozen(restore, reading)


def _fresh(restore: RestoreRun) -> None:
    if store.is_old(restore):
        raise Stale


def _frozen(restore: RestoreRun, reading: Reading) -> RestorePlan:
    assert restore.read_at is not None
    return store.plan_write(restore, draft_of(restore, reading), restore.read_at)


def _kept(options: Options) -> dict[str, Any]:
    return {name: getattr(options, name) for name in store.KEPT}


def _note_secret(action: str, restore: RestoreRun, item_id: int, way: str, actor: User) -> None:
    """The act alone: whose secret and where, never its value."""
    name = BackupItem.objects.values_list("name", flat=True).get(pk=item_id)
    _note(action, restore, actor, object=name, place=secret_words(steps_of(way)))


def _note(action: str, restore: RestoreRun, actor: User, **facts: Any) -> None:
    record(
        action,
        workspace_id=restore.tenant.workspace_id,
        tenant_id=restore.tenant_id,
        actor_id=actor.pk,
        about=About("restore_run", restore.pk, f"{restore.get_kind_display()} {restore.pk}"),
        facts=facts,
    )
