"""Every transition of a run and its refusal, and what the database keeps whatever Python does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from operations import transitions
from operations.choices import RunOutcome
from operations.models import Notification, OperationRun, RunEvent
from operations.transitions import Claim
from tenantpilot.audit import record as audit
from tenantpilot.audit.models import AuditEntry
from tests.conftest import World
from tests.factories import start
from tests.operations import probes
from tests.operations.probes import WORKER, WRITE, ending, expire_lease, kinds, row, stranger

pytestmark = pytest.mark.django_db


def test_a_claim_takes_a_new_fence_a_lease_and_counts_the_attempt(run_id: int) -> None:
    claimed_at = timezone.now()
    claim = probes.claim(run_id)
    run = row(run_id)
    assert (run.status, run.attempt, run.claimed_by) == ("running", 1, WORKER)
    assert (run.fence, run.claim_token) == (claim.fence, claim.token)
    assert run.lease_until is not None
    assert timedelta(seconds=40) < run.lease_until - claimed_at <= timedelta(seconds=60)
    assert kinds(run_id) == ["accepted", "claimed"]


def test_the_second_message_of_a_run_claims_nothing(run_id: int) -> None:
    probes.claim(run_id)
    assert transitions.claim(run_id, WORKER) is None
    assert kinds(run_id) == ["accepted", "claimed"]


def test_a_run_that_is_not_due_or_has_ended_or_is_not_there_is_not_claimed(run_id: int, world: World) -> None:
    OperationRun.objects.filter(pk=run_id).update(not_before=probes.ago(-5))
    assert transitions.claim(run_id, WORKER) is None
    transitions.cancel(run_id, world.operator.pk)
    assert transitions.claim(run_id, WORKER) is None
    assert transitions.claim(run_id + 1000, WORKER) is None


def test_fences_rise_with_every_claim(run_id: int) -> None:
    first = probes.claim(run_id)
    transitions.retry_later(first, ending(RunOutcome.FAILED), delay=0)
    second = probes.claim(run_id)
    assert second.fence > first.fence
    assert (second.attempt, row(run_id).lost_count) == (2, 0)


def test_renewing_moves_the_lease_and_tells_of_a_cancel_request(run_id: int, world: World) -> None:
    claim = probes.claim(run_id)
    expire_lease(run_id)
    assert transitions.renew(claim) is False
    lease = row(run_id).lease_until
    assert lease is not None
    assert lease > probes.now()
    transitions.cancel(run_id, world.operator.pk)
    assert transitions.renew(claim) is True


Act = Callable[[Claim], Any]
ACTS: dict[str, Act] = {
    "renew": transitions.renew,
    "report": lambda claim: transitions.report(claim, progress={"done": 9}, counts={}, cost={}),
    "stage": lambda claim: transitions.stage(claim, "late"),
    "retry_later": lambda claim: transitions.retry_later(claim, ending(RunOutcome.FAILED), delay=0),
    "finish": lambda claim: transitions.finish(claim, ending()),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("state", ["another's", "queued again", "ended"])
def test_nothing_is_written_with_an_old_fence_or_after_the_end(run_id: int, act: Act, state: str) -> None:
    claim = probes.claim(run_id)
    if state == "another's":
        claim = stranger(claim)
    if state == "queued again":
        transitions.retry_later(claim, ending(RunOutcome.FAILED), delay=0)
    if state == "ended":
        transitions.finish(claim, ending())
    before = OperationRun.objects.filter(pk=run_id).values().get(), kinds(run_id)
    assert not act(claim)
    assert (OperationRun.objects.filter(pk=run_id).values().get(), kinds(run_id)) == before


def test_finishing_releases_the_claim_and_tells_the_initiator_only(run_id: int, world: World) -> None:
    claim = probes.claim(run_id)
    assert transitions.finish(claim, ending(RunOutcome.FAILED, "provider.unreachable"))
    run = row(run_id)
    assert (run.status, run.outcome, run.reason_code) == ("completed", "failed", "provider.unreachable")
    assert (run.claim_token, run.lease_until, run.fence) == (None, None, claim.fence)
    assert run.completed_at is not None
    assert Notification.objects.get().recipient_id == world.operator.pk
    last = RunEvent.objects.filter(run=run_id).latest("seq")
    assert (last.kind, last.fence, last.code) == ("ended", claim.fence, "provider.unreachable")


def test_a_run_of_the_system_notifies_nobody(world: World, run_id: int) -> None:
    OperationRun.objects.filter(pk=run_id).update(initiator=None)
    transitions.finish(probes.claim(run_id), ending())
    assert Notification.objects.count() == 0


def test_a_retry_waits_in_the_queue_and_keeps_its_scope(run_id: int) -> None:
    claim = probes.claim(run_id)
    OperationRun.objects.filter(pk=run_id).update(last_offered_at=probes.now(), offer_count=4)
    assert transitions.retry_later(claim, ending(RunOutcome.FAILED, "provider.throttled"), delay=40)
    run = row(run_id)
    assert (run.status, run.claim_token, run.lease_until) == ("queued", None, None)
    assert run.not_before - probes.now() == timedelta(seconds=40)
    assert (run.last_offered_at, run.offer_count) == (None, 0)
    assert transitions.claim(run_id, WORKER) is None


def test_a_retry_of_a_run_that_was_asked_to_stop_is_refused(run_id: int, world: World) -> None:
    claim = probes.claim(run_id)
    transitions.cancel(run_id, world.operator.pk)
    assert not transitions.retry_later(claim, ending(RunOutcome.FAILED), delay=0)
    assert row(run_id).status == "running"


def test_cancelling_a_queued_run_ends_it_at_once(run_id: int, world: World) -> None:
    assert transitions.cancel(run_id, world.manager.pk) == "ended"
    run = row(run_id)
    assert (run.status, run.outcome, run.reason_code) == ("completed", "cancelled", "operation.cancelled")
    assert run.cancel_requested_by_id == world.manager.pk
    assert Notification.objects.get().recipient_id == world.operator.pk


def test_cancelling_a_running_run_asks_and_keeps_the_scope_until_it_ends(run_id: int, world: World) -> None:
    claim = probes.claim(run_id)
    assert transitions.cancel(run_id, world.manager.pk) == "requested"
    assert transitions.cancel(run_id, world.owner.pk) is None
    assert row(run_id).status == "running"
    assert row(run_id).cancel_requested_by_id == world.manager.pk
    assert start(probes.OTHER, world.tenant, world.operator).status == "scope_busy"
    assert transitions.finish(claim, ending(RunOutcome.CANCELLED))
    assert transitions.cancel(run_id, world.owner.pk) is None


def test_a_cancel_between_loss_and_return_to_the_queue_is_not_lost(
    run_id: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    probes.claim(run_id)
    end = transitions._end

    def lost_meanwhile(sql: str, run: int, **more: Any) -> bool:
        moved = end(sql, run, **more)
        if sql is transitions._CANCEL_QUEUED and not moved:
            expire_lease(run)
            transitions.reap([probes.READ], [])
        return moved

    monkeypatch.setattr(transitions, "_end", lost_meanwhile)
    assert transitions.cancel(run_id, world.operator.pk) == "ended"


@pytest.mark.parametrize(("asked", "released"), [(None, False), (59, False), (61, True)])
def test_force_release_wants_a_cancel_request_older_than_a_minute(
    run_id: int, world: World, asked: int | None, released: bool
) -> None:
    claim = probes.claim(run_id)
    if asked is not None:
        transitions.cancel(run_id, world.operator.pk)
        OperationRun.objects.filter(pk=run_id).update(cancel_requested_at=probes.ago(asked))
    assert transitions.force_release(run_id, world.owner.pk) is released
    run = row(run_id)
    assert (run.outcome == "failed") is released
    assert run.fence is not None
    assert (run.fence > claim.fence) is released
    assert bool(transitions.finish(claim, ending())) is not released


@pytest.mark.parametrize(
    "change",
    [
        {"reason_facts": {"later": "thought"}},
        {"status": "queued", "outcome": None, "completed_at": None},
        {"outcome": "succeeded"},
    ],
    ids=str,
)
def test_completed_is_final(run_id: int, world: World, change: dict[str, Any]) -> None:
    transitions.cancel(run_id, world.operator.pk)
    with pytest.raises(IntegrityError, match="completed is final"), transaction.atomic():
        OperationRun.objects.filter(pk=run_id).update(**change)


@pytest.mark.parametrize("fall", [1, None])
def test_a_fence_never_falls(run_id: int, fall: int | None) -> None:
    claim = probes.claim(run_id)
    fence = claim.fence - fall if fall else None
    with pytest.raises(IntegrityError, match="a fence never falls"), transaction.atomic():
        OperationRun.objects.filter(pk=run_id).update(fence=fence)


def test_running_is_entered_only_with_a_new_fence(run_id: int) -> None:
    claim = probes.claim(run_id)
    transitions.retry_later(claim, ending(RunOutcome.FAILED), delay=0)
    with pytest.raises(IntegrityError, match="only with a new fence"), transaction.atomic():
        OperationRun.objects.filter(pk=run_id).update(
            status="running", claim_token=claim.token, lease_until=timezone.now()
        )


@pytest.mark.parametrize("change", [{"scope_key": "connection:0"}, {"op_key": "0" * 64}], ids=str)
def test_scope_and_meaning_never_change(run_id: int, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
        OperationRun.objects.filter(pk=run_id).update(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"status": "completed"},
        {"outcome": "failed"},
        {"status": "running", "fence": 10**9},
        {"lease_until": "2026-01-01T00:00:00Z"},
    ],
    ids=str,
)
def test_half_a_transition_cannot_exist(run_id: int, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        OperationRun.objects.filter(pk=run_id).update(**change)


def test_a_second_active_run_of_a_scope_cannot_exist(run_id: int) -> None:
    run = row(run_id)
    run.pk = None
    run._state.adding = True
    with pytest.raises(IntegrityError, match="one_active_run_per_scope"), transaction.atomic():
        run.save()


def test_runs_events_and_audit_entries_are_kept(run_id: int, world: World) -> None:
    audit.record("probe", workspace_id=world.workspace.pk, actor_id=None)
    entry = AuditEntry.objects.latest("pk")
    for attempt in (
        lambda: OperationRun.objects.filter(pk=run_id)._raw_delete("default"),
        lambda: RunEvent.objects.filter(run=run_id).update(code="other"),
        lambda: RunEvent.objects.filter(run=run_id)._raw_delete("default"),
        lambda: AuditEntry.objects.filter(pk=entry.pk).update(action="other"),
        lambda: AuditEntry.objects.filter(pk=entry.pk)._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            attempt()


def test_events_are_numbered_without_a_gap(run_id: int) -> None:
    claim = probes.claim(run_id)
    transitions.stage(claim, "one")
    transitions.retry_later(claim, ending(RunOutcome.FAILED), delay=0)
    transitions.finish(probes.claim(run_id), ending())
    assert list(row(run_id).events.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4, 5, 6]
    assert kinds(run_id) == ["accepted", "claimed", "stage", "retry_scheduled", "claimed", "ended"]


def test_reaping_leaves_a_write_that_was_asked_to_stop_as_lost(world: World) -> None:
    outcome = start(WRITE, world.tenant, world.operator)
    assert outcome.run is not None
    probes.claim(outcome.run.id)
    transitions.cancel(outcome.run.id, world.operator.pk)
    expire_lease(outcome.run.id)
    transitions.reap([probes.READ], [])
    run = row(outcome.run.id)
    assert (run.outcome, run.reason_code) == ("failed", "operation.worker_lost")
