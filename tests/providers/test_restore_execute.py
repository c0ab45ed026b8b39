"""Execution: what a plan says is written, once, and verified."""

from typing import Any

from operations.choices import RunOutcome
from providers import catalogue, sessions
from providers.backups.store import content_of
from providers.catalogue import ObjectType
from providers.choices import BackupKind, ItemOutcome, RestoreState, StepState
from providers.graph.client import GraphClient, Meter
from providers.models import Backup, BackupItem, RestoreResult, RestoreRun, RestoreStep
from providers.objects.canonical import content_hash
from providers.objects.lookups import REF_OF
from providers.restore.references import Key, rewritten
from tests.providers.conftest import Live
from tests.providers.restoring import (
    back_up,
    draft,
    execute,
    preview,
    restored,
    start_execution,
    writes,
)
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

ROLES = "roleDefinitions"
RESTORED = [kind for kind in catalogue.backup_types() if kind.restorable]


def wiped(live: Live, *kinds: str) -> None:
    """Delete every object of these types, or of all that a restore can bring back."""
    for key in kinds or [kind.key for kind in RESTORED]:
        if key == ROLES:  # which the sandbox changes through Graph only
            for role in live.sandbox.role_definitions(live.slug)["intune"]:
                if not role["isBuiltIn"]:
                    by_hand(live).send(
                        "DELETE", f"/deviceManagement/roleDefinitions/{role['id']}", version="beta"
                    )
        else:
            live.sandbox.wipe(live.slug, key)


def change(live: Live, kind: ObjectType, item: BackupItem) -> None:
    """Change a property that takes any text."""
    if kind.key == ROLES:
        by_hand(live).send(
            "PATCH", kind.item_path(item.object_id), {"description": "By hand"}, version="beta"
        )
        return
    found: dict[str, Any] = live.sandbox.object(live.slug, kind.key, item.object_id)
    name = "description" if "description" in found else kind.name
    live.sandbox.change_object(live.slug, kind.key, item.object_id, {name: "By hand"})


def by_hand(live: Live) -> GraphClient:
    """Somebody else who writes to the tenant."""
    return sessions.graph_client(live.connection.pk, meter=Meter(), checkpoint=lambda: None)


def outcomes(restore: RestoreRun) -> dict[str, str]:
    rows = RestoreResult.objects.filter(restore_run=restore)
    return {item.key: outcome for item, outcome in ((row.item, row.outcome) for row in rows)}


def test_the_whole_tenant_comes_back_as_it_was_but_for_ids(live: Live) -> None:
    """Back up, wipe, restore with the state as backed up, back up: the same hashes, one object of each type."""
    before = back_up(live)
    wiped(live)
    restore, run = restored(live, before, state_as_backed_up=True)
    assert run.outcome == RunOutcome.SUCCEEDED, "\n".join(str(each) for each in run.failures)
    assert set(outcomes(restore).values()) == {ItemOutcome.VERIFIED}
    created = {item.object_type for item in restore.plan.items.filter(action="create")}
    assert created == {kind.key for kind in RESTORED}
    after = back_up(live)
    assert meanings(after, renamed(restore)) == meanings(before, {})


def renamed(restore: RestoreRun) -> dict[Key, str]:
    """New ids of what references lead to, to the old ones."""
    rows = RestoreStep.objects.filter(restore_run=restore, key__endswith="/create").select_related("item")
    return {
        (REF_OF[row.item.object_type].value, row.remote_id): row.item.key.partition("/")[2]
        for row in rows
        if row.item.object_type in REF_OF
    }


def meanings(backup: Backup, old_ids: dict[Key, str]) -> dict[str, list[str]]:
    """Hashes of what the backup holds, by type, with references led back to the old ids."""
    found: dict[str, list[str]] = {}
    for item in backup.items.select_related("version"):
        kind = catalogue.get(item.object_type)
        content, _dropped = rewritten(kind, content_of(item), lambda key: old_ids.get(key, key[1]))
        found.setdefault(kind.key, []).append(content_hash(kind, content))
    return {key: sorted(hashes) for key, hashes in found.items()}


def test_a_changed_object_of_every_type_is_overwritten_with_what_was_backed_up(live: Live) -> None:
    backup = back_up(live)
    changed = [free_item(backup, kind) for kind in RESTORED]
    for kind, item in zip(RESTORED, changed, strict=True):
        change(live, kind, item)
    restore, run = restored(live, backup, items=changed, state_as_backed_up=True)
    assert run.outcome == RunOutcome.SUCCEEDED, "\n".join(str(each) for each in run.failures)
    assert set(restore.plan.items.values_list("action", flat=True)) == {"update"}
    after = back_up(live)
    assert meanings(after, {}) == meanings(backup, {})


def free_item(backup: Backup, kind: ObjectType) -> BackupItem:
    """An object that is nobody's default."""
    items = backup.items.filter(object_type=kind.key).order_by("pk")
    return next(
        item for item in items if "_Default" not in item.object_id and "default" not in item.name.lower()
    )


def test_the_touched_objects_are_kept_before_the_first_write(live: Live) -> None:
    backup = back_up(live, "deviceCategories", "termsAndConditions")
    item = backup.items.get(object_type="deviceCategories")
    live.sandbox.change_object(live.slug, "deviceCategories", item.object_id, {"description": "By hand"})
    restore, run = restored(live, backup)
    kept = Backup.objects.get(kind=BackupKind.SAFETY, run_id=run.pk)
    assert restore.safety_backup == kept
    assert [(each.object_type, each.object_id) for each in kept.items.all()] == [
        ("deviceCategories", item.object_id)
    ]
    assert content_of(kept.items.get())["object"]["description"] == "By hand"


def test_a_tenant_that_changed_under_the_plan_is_not_written_to(live: Live) -> None:
    backup = back_up(live, "deviceCategories")
    item = backup.items.get()
    live.sandbox.change_object(live.slug, "deviceCategories", item.object_id, {"description": "First"})
    restore = draft(live, backup)
    preview(live, restore)
    live.sandbox.change_object(live.slug, "deviceCategories", item.object_id, {"description": "Second"})
    before = writes(live)
    run = execute(live, restore)
    assert (run.outcome, run.reason_code) == (RunOutcome.BLOCKED, "restore.plan_changed")
    assert writes(live) == before
    assert (restore.state, restore.safety_backup) == (RestoreState.DRAFT, None)
    assert not RestoreStep.objects.filter(restore_run=restore).exists()


def test_a_twin_that_appeared_since_the_preview_stops_the_run(live: Live) -> None:
    backup = back_up(live, "deviceCategories")
    name = backup.items.get().name
    wiped(live, "deviceCategories")
    restore = draft(live, backup)
    preview(live, restore)
    live.sandbox.add_object(live.slug, "deviceCategories", name)
    run = execute(live, restore)
    assert (run.outcome, run.reason_code) == (RunOutcome.BLOCKED, "restore.plan_changed")


def test_the_journal_says_when_each_request_left_and_what_it_made(live: Live) -> None:
    backup = back_up(live, "termsAndConditions")
    wiped(live, "termsAndConditions")
    restore, run = restored(live, backup)
    rows = list(RestoreStep.objects.filter(run=run.pk).order_by("id"))
    assert rows[0].key.endswith("/create")
    assert all(row.state == StepState.CONFIRMED and row.sent_count == 1 for row in rows)
    assert all(row.sent_at <= row.answered_at for row in rows)
    there = {item["id"] for item in live.sandbox.objects(live.slug, "termsAndConditions")}
    assert rows[0].remote_id in there
    assert restore.state == RestoreState.EXECUTED


def test_an_executed_restore_is_not_executed_again(live: Live) -> None:
    backup = back_up(live, "deviceCategories")
    wiped(live, "deviceCategories")
    restore, _run = restored(live, backup)
    outcome = start_execution(live, restore)
    assert outcome.reason_code == "restore.already_executed"
