"""Lost answers, lost workers, cancels: nothing is made twice, and what is not known is said."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations import execution, transitions
from operations.choices import RunOutcome
from operations.context import RunContext
from operations.models import OperationRun
from operations.pulse import Cancelled
from providers.choices import ItemOutcome, RestoreState, StepState
from providers.models import Backup, RestorePlan, RestoreResult, RestoreRun, RestoreStep
from providers.restore import drafts
from providers.restore.journal import Journal
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, preview, start_execution, writes
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

TERMS = "termsAndConditions"
CATEGORIES = "deviceCategories"
PATH = "deviceManagement/deviceCategories"


@pytest.fixture
def backup(live: Live) -> Backup:
    """Two categories and one set of terms, deleted since."""
    live.sandbox.add_object(live.slug, CATEGORIES, "Second")
    made = back_up(live, CATEGORIES, TERMS)
    for kind in (CATEGORIES, TERMS):
        live.sandbox.wipe(live.slug, kind)
    return made


@pytest.fixture
def restore(live: Live, backup: Backup) -> RestoreRun:
    made = draft(live, backup)
    preview(live, made)
    return made


def outcomes(restore: RestoreRun) -> dict[str, str]:
    rows = RestoreResult.objects.filter(restore_run=restore).values_list("item__name", "outcome")
    return dict(rows)


def names(live: Live, kind: str = CATEGORIES) -> list[str]:
    return sorted(item["displayName"] for item in live.sandbox.objects(live.slug, kind))


def sent_creates(live: Live, kind: str = CATEGORIES) -> int:
    return sum(1 for method, path, _status in writes(live) if method == "POST" and path.endswith(f"/{kind}"))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 504, "after_write": True},
        {"kind": "drop", "after_write": True},
        {"kind": "truncate"},
    ],
    ids=["504 after it landed", "connection lost after it landed", "answer cut off"],
)
def test_a_create_whose_answer_was_lost_is_found_and_not_sent_again(
    live: Live, restore: RestoreRun, fault: dict[str, Any]
) -> None:
    live.fail(PATH, method="POST", nth=1, times=1, **fault)
    run = execute(live, restore)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert set(outcomes(restore).values()) == {ItemOutcome.VERIFIED}
    assert sent_creates(live) == 2
    assert len(names(live)) == 2


def test_a_create_that_did_not_land_is_uncertain_and_never_sent_again(
    live: Live, restore: RestoreRun
) -> None:
    """Graph may show a new object late: what is not seen may still come."""
    live.fail(PATH, method="POST", nth=1, times=1, status=503)
    run = execute(live, restore)
    assert (run.outcome, run.reason_code) == (RunOutcome.PARTIALLY_SUCCEEDED, "restore.partly_restored")
    assert sorted(outcomes(restore).values()) == ["uncertain", "verified", "verified"]
    assert sent_creates(live) == 2
    assert len(names(live)) == 1
    assert RestoreStep.objects.filter(restore_run=restore, state=StepState.UNCERTAIN).count() == 1


def test_resume_covers_exactly_the_rest(live: Live, restore: RestoreRun) -> None:
    live.fail(PATH, method="POST", nth=1, times=1, status=503)
    execute(live, restore)
    live.heal()
    rest = drafts.resume_create(restore=restore, actor=live.operator)
    assert rest.selections.count() == 1
    preview(live, rest)
    run = execute(live, rest)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert len(names(live)) == 2
    assert sent_creates(live) == 3


def test_resume_finds_what_landed_late_and_does_not_make_it_again(live: Live, restore: RestoreRun) -> None:
    live.fail(PATH, method="POST", nth=1, times=1, status=503)
    execute(live, restore)
    live.heal()
    late = next(name for name, outcome in outcomes(restore).items() if outcome == "uncertain")
    live.sandbox.add_object(live.slug, CATEGORIES, late)
    rest = drafts.resume_create(restore=restore, actor=live.operator)
    preview(live, rest)
    assert rest.plan is not None
    assert rest.plan.items.get().action in ("skip", "update")


def test_an_update_that_did_not_land_is_sent_again_after_looking(live: Live) -> None:
    backup = back_up(live, CATEGORIES)
    item = backup.items.get()
    live.sandbox.change_object(live.slug, CATEGORIES, item.object_id, {"description": "By hand"})
    made = draft(live, backup)
    preview(live, made)
    live.fail(f"{PATH}/*", method="PATCH", nth=1, times=1, status=503)
    run = execute(live, made)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert RestoreStep.objects.get(restore_run=made).sent_count == 2


def test_a_refused_object_fails_alone_and_says_what_graph_said(live: Live, restore: RestoreRun) -> None:
    live.fail(PATH, method="POST", nth=1, times=1, status=400, message="The name is not allowed.")
    run = execute(live, restore)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert sorted(outcomes(restore).values()) == ["failed", "verified", "verified"]
    assert run.failures[0]["code"] == "restore.item_failed"
    result = RestoreResult.objects.get(restore_run=restore, outcome="failed")
    assert "The name is not allowed." in result.facts["detail"]


def test_what_needs_a_failed_object_is_skipped_and_the_rest_goes_on(live: Live) -> None:
    kinds = ("roleScopeTags", CATEGORIES)
    tag = live.sandbox.objects(live.slug, "roleScopeTags")[-1]["id"]
    category = live.sandbox.objects(live.slug, CATEGORIES)[0]
    live.sandbox.change_object(live.slug, CATEGORIES, category["id"], {"roleScopeTagIds": [tag]})
    live.sandbox.add_object(live.slug, CATEGORIES, "Without a tag")
    backup = back_up(live, *kinds)
    for kind in reversed(kinds):
        live.sandbox.wipe(live.slug, kind)
    made = draft(live, backup)
    preview(live, made)
    live.fail("deviceManagement/roleScopeTags", method="POST", status=400)
    execute(live, made)
    found = outcomes(made)
    assert found[category["displayName"]] == "skipped"
    assert found["Without a tag"] == "verified"
    assert RestoreResult.objects.get(restore_run=made, outcome="skipped").reason_code == "dependency"


def test_multi_admin_approval_stops_at_the_first_refusal(live: Live, restore: RestoreRun) -> None:
    live.sandbox.set(live.slug, "approval_required", True)
    run = execute(live, restore)
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.approval_required")
    assert sorted(outcomes(restore).values()) == ["failed", "not_reached", "not_reached"]
    assert len(writes(live)) == 1


def test_a_cancel_stops_at_the_next_safe_point_and_lists_what_was_applied(
    live: Live, restore: RestoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Journal.result
    done: list[object] = []

    def after_the_first(self: Journal, *args: Any, **more: Any) -> None:
        kept(self, *args, **more)
        done.append(args)

    monkeypatch.setattr(Journal, "result", after_the_first)
    checkpoint = RunContext.checkpoint

    def cancelled(self: RunContext) -> None:
        checkpoint(self)
        if done:
            raise Cancelled

    monkeypatch.setattr(RunContext, "checkpoint", cancelled)
    run = execute(live, restore)
    assert run.outcome == RunOutcome.CANCELLED
    assert run.counts == {"create": 1, "not_reached": 2}
    assert sorted(outcomes(restore).values()) == ["not_reached", "not_reached", "verified"]


def test_a_cancel_before_the_first_request_leaves_a_draft_that_can_be_previewed_again(
    live: Live, restore: RestoreRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(self: Journal, *args: Any) -> None:
        raise Cancelled

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "plan", cancelled)
        assert execute(live, restore).outcome == RunOutcome.CANCELLED
    assert (restore.state, drafts.was_executed(restore), writes(live)) == (RestoreState.DRAFT, False, [])
    RestorePlan.objects.filter(pk=restore.plan_id).update(read_at=timezone.now() - timedelta(hours=1))
    assert start_execution(live, restore).reason_code == "restore.plan_stale"
    assert preview(live, restore).outcome == RunOutcome.SUCCEEDED
    assert execute(live, restore).outcome == RunOutcome.SUCCEEDED
    assert len(names(live)) == 2


def lost(run_id: int) -> None:
    """The lease has ended and the reaper came: from here on the worker that held it writes nothing."""
    OperationRun.objects.filter(pk=run_id).update(lease_until=timezone.now() - timedelta(minutes=1))
    assert [found.run_id for found in transitions.reap([], [])] == [run_id]


@pytest.mark.parametrize("boundary", ["plan", "sent", "confirmed", "result"])
def test_a_killed_worker_leaves_a_journal_that_resume_completes_without_twins(
    live: Live, restore: RestoreRun, monkeypatch: pytest.MonkeyPatch, boundary: str
) -> None:
    """Killed right after each note of the journal; the second attempt makes whole what the first one left."""
    real = getattr(Journal, boundary)

    class Killed(BaseException):
        """As by kill -9: nobody catches it."""

    def kill(self: Journal, *args: Any, **more: Any) -> Any:
        real(self, *args, **more)
        lost(self.run_id)
        raise Killed

    monkeypatch.setattr(Journal, boundary, kill)
    outcome = start_execution(live, restore)
    assert outcome.run is not None
    with pytest.raises(Killed):
        execution.execute(outcome.run.id)
    monkeypatch.setattr(Journal, boundary, real)
    run = OperationRun.objects.get(pk=outcome.run.id)
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "operation.worker_lost")
    restore.refresh_from_db()
    rest = (
        drafts.resume_create(restore=restore, actor=live.operator)
        if drafts.was_executed(restore)
        else restore
    )
    assert preview(live, rest).outcome == RunOutcome.SUCCEEDED
    ended = execute(live, rest)
    assert ended.outcome in (RunOutcome.SUCCEEDED, RunOutcome.PARTIALLY_SUCCEEDED), ended.failures
    assert len(names(live)) == len(set(names(live))) == 2
    assert len(names(live, TERMS)) == 1
