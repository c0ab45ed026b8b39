"""Undo: the tenant as it was before, and nothing that somebody touched since."""

from operations.choices import RunOutcome
from providers.choices import RestoreKind
from providers.models import RestoreRun
from providers.restore import drafts
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, planned, preview, restored
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

CATEGORIES = "deviceCategories"


def changed_and_deleted(live: Live) -> tuple[RestoreRun, str, str]:
    """A restore that overwrote one category and created another; the names of both."""
    live.sandbox.add_object(live.slug, CATEGORIES, "Deleted since")
    backup = back_up(live, CATEGORIES)
    other = backup.items.exclude(name="Deleted since").get()
    live.sandbox.change_object(live.slug, CATEGORIES, other.object_id, {"description": "By hand"})
    live.sandbox.delete_object(live.slug, CATEGORIES, "Deleted since")
    restore, run = restored(live, backup)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    return restore, other.name, "Deleted since"


def undo_of(live: Live, restore: RestoreRun) -> RestoreRun:
    back = drafts.undo_create(restore=restore, actor=live.operator)
    preview(live, back)
    return back


def hashes(live: Live) -> list[str]:
    return sorted(back_up(live, CATEGORIES).items.values_list("version__content_hash", flat=True))


def test_undo_overwrites_back_and_deletes_what_was_created(live: Live) -> None:
    live.sandbox.add_object(live.slug, CATEGORIES, "Deleted since")
    backup = back_up(live, CATEGORIES)
    other = backup.items.exclude(name="Deleted since").get()
    live.sandbox.change_object(live.slug, CATEGORIES, other.object_id, {"description": "By hand"})
    live.sandbox.delete_object(live.slug, CATEGORIES, "Deleted since")
    before = hashes(live)
    restore, _run = restored(live, backup)
    assert hashes(live) != before
    back = undo_of(live, restore)
    assert back.kind == RestoreKind.UNDO
    assert planned(back) == {other.name: "update", "Deleted since": "delete"}
    run = execute(live, back)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert hashes(live) == before


def test_undo_keeps_what_somebody_changed_since(live: Live) -> None:
    restore, _overwritten, created = changed_and_deleted(live)
    found = live.sandbox.object(live.slug, CATEGORIES, created)
    live.sandbox.change_object(live.slug, CATEGORIES, found["id"], {"description": "Mine now"})
    back = undo_of(live, restore)
    item = back.plan.items.get(name=created)
    assert (item.action, item.why["code"]) == ("skip", "changed_since")


def test_undo_of_what_is_gone_already_has_nothing_to_delete(live: Live) -> None:
    restore, overwritten, created = changed_and_deleted(live)
    live.sandbox.delete_object(live.slug, CATEGORIES, created)
    back = undo_of(live, restore)
    assert planned(back) == {overwritten: "update", created: "skip"}


def test_only_an_undo_deletes(live: Live) -> None:
    backup = back_up(live, CATEGORIES)
    live.sandbox.add_object(live.slug, CATEGORIES, "Not in the backup")
    made = draft(live, backup)
    preview(live, made)
    assert planned(made) == {backup.items.get().name: "skip"}
