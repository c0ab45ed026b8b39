"""Working on a run: claim, readiness once more, handler, and every way in which it can end."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.utils import timezone

from operations import execution, metrics, tasks, transitions
from operations.choices import Access, RunOutcome
from operations.context import RunContext, RunResult
from operations.models import OperationRun
from operations.pulse import FencedOut, Pulse
from providers import services
from providers.graph.errors import Forbidden, GraphError, ServerError, Throttled, Unreachable
from providers.models import ProviderConnection
from tests.conftest import World
from tests.factories import start
from tests.operations import probes
from tests.operations.probes import READ, WRITE, ProbeParams, kinds, make_due, row

pytestmark = pytest.mark.django_db
Handler = Callable[[RunContext, Any], RunResult]


@pytest.fixture
def does(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """``does(handler)`` is what the read does from here on."""
    return lambda handler: probes.declare(monkeypatch, READ, handler) and None


def raises(error: BaseException) -> Handler:
    def handler(run: RunContext, params: Any) -> RunResult:
        raise error

    return handler


def waits(run_id: int) -> float:
    run = row(run_id)
    return (run.not_before - probes.now()).total_seconds()


def test_a_handler_gets_its_input_and_its_result_ends_the_run(
    world: World, does: Callable[[Handler], None]
) -> None:
    seen = []

    def handler(run: RunContext, params: ProbeParams) -> RunResult:
        seen.append((params, run.tenant.slug, run.connection.id))
        run.stage("reading")
        run.report(done=2, total=3, things=2)
        return RunResult.succeeded(things=3)

    does(handler)
    outcome = start(READ, world.tenant, world.operator, key="some")
    assert outcome.run is not None
    execution.execute(outcome.run.id)
    assert seen == [(ProbeParams("some"), "contoso", world.connection.pk)]
    run = row(outcome.run.id)
    assert (run.status, run.outcome, run.counts) == ("completed", "succeeded", {"things": 3})
    assert run.progress == {"stage": "reading", "done": 2, "total": 3}
    assert kinds(outcome.run.id) == ["accepted", "claimed", "stage", "ended"]


def test_a_message_that_comes_three_times_works_once(run_id: int, does: Callable[[Handler], None]) -> None:
    calls = []
    does(lambda run, params: calls.append(1) or RunResult.succeeded())
    for _ in range(3):
        tasks.execute_run(run_id=run_id, operation_type=READ)
    assert calls == [1]
    assert kinds(run_id).count("ended") == 1


def test_a_message_with_a_keyword_of_a_newer_console_is_understood(run_id: int) -> None:
    tasks.execute_run(run_id=run_id, operation_type=READ, priority="of the future")
    assert row(run_id).outcome == "succeeded"


def test_an_operation_that_only_a_newer_worker_knows_is_left_to_that_one(run_id: int) -> None:
    tasks.execute_run(run_id=run_id, operation_type="probe.of_the_future")
    assert row(run_id).status == "queued"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"consent_state": "revoked"}, "provider.consent_revoked"),
        ({"enabled": False}, "provider.connection_disabled"),
        ({"granted_permissions": []}, "provider.permission_missing"),
    ],
    ids=str,
)
def test_what_went_while_the_run_waited_ends_it_as_blocked_for_the_gates_reason(
    run_id: int, does: Callable[[Handler], None], change: dict[str, Any], code: str
) -> None:
    does(raises(AssertionError("It must not work.")))
    ProviderConnection.objects.update(**change)
    execution.execute(run_id)
    run = row(run_id)
    assert (run.outcome, run.reason_code) == ("blocked", code)


@pytest.mark.parametrize("error", [ServerError(status=503), Unreachable(), Throttled(status=429)], ids=repr)
def test_a_transient_fault_queues_a_read_again_after_a_random_while(
    run_id: int, does: Callable[[Handler], None], error: GraphError, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[float, float]] = []
    monkeypatch.setattr(execution.random, "uniform", lambda low, high: asked.append((low, high)) or high)
    does(raises(error))
    execution.execute(run_id)
    run = row(run_id)
    assert (run.status, run.reason_code) == ("queued", error.reason_code)
    assert 10 < waits(run_id) <= 15
    make_due(run_id)
    execution.execute(run_id)
    assert 25 < waits(run_id) <= 30
    assert asked == [(0, 15), (0, 30)]
    make_due(run_id)
    execution.execute(run_id)
    run = row(run_id)
    assert (run.outcome, run.reason_code, run.attempt) == ("failed", error.reason_code, 3)


def test_the_providers_own_retry_after_counts(run_id: int, does: Callable[[Handler], None]) -> None:
    does(raises(Throttled(status=429, retry_after=200.0)))
    execution.execute(run_id)
    assert 190 < waits(run_id) <= 200


def test_a_retry_after_beyond_reason_ends_the_run_and_cools_the_connection_down(
    run_id: int, does: Callable[[Handler], None]
) -> None:
    does(raises(Throttled(status=429, retry_after=7200.0)))
    execution.execute(run_id)
    assert (row(run_id).outcome, row(run_id).reason_code) == ("failed", "provider.throttled")
    until = ProviderConnection.objects.get(pk=row(run_id).connection_id).throttled_until
    assert until is not None
    assert until > timezone.now() + timedelta(seconds=7000)


def test_a_lasting_fault_ends_the_run_at_once(run_id: int, does: Callable[[Handler], None]) -> None:
    does(raises(Forbidden("no", status=403, code="Authorization_RequestDenied")))
    execution.execute(run_id)
    run = row(run_id)
    assert (run.outcome, run.reason_code, run.attempt) == ("failed", "provider.permission_missing", 1)


def test_a_write_is_never_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    probes.declare(monkeypatch, WRITE, raises(ServerError(status=503)), access=Access.WRITE)
    outcome = start(WRITE, world.tenant, world.operator)
    assert outcome.run is not None
    execution.execute(outcome.run.id)
    assert row(outcome.run.id).outcome == "failed"


def test_a_run_that_was_asked_to_stop_and_fails_for_a_moment_ends_cancelled(
    run_id: int, world: World, does: Callable[[Handler], None]
) -> None:
    def handler(run: RunContext, params: Any) -> RunResult:
        transitions.cancel(run_id, world.operator.pk)
        raise ServerError(status=503)

    does(handler)
    execution.execute(run_id)
    assert (row(run_id).outcome, row(run_id).reason_code) == ("cancelled", "operation.cancelled")


def test_a_cancelled_run_stops_at_the_next_checkpoint(run_id: int, does: Callable[[Handler], None]) -> None:
    def handler(run: RunContext, params: Any) -> RunResult:
        run.pulse._cancelled = True  # what the heartbeat hears
        run.checkpoint()
        raise AssertionError("It went on.")

    does(handler)
    execution.execute(run_id)
    assert (row(run_id).outcome, row(run_id).reason_code) == ("cancelled", "operation.cancelled")


@pytest.mark.parametrize("how", ["deadline", "soft limit"])
def test_a_run_that_takes_too_long_is_timed_out(
    run_id: int, does: Callable[[Handler], None], settings: LazySettings, how: str
) -> None:
    settings.RUN_DEADLINE = 0 if how == "deadline" else 3600

    def handler(run: RunContext, params: Any) -> RunResult:
        if how == "soft limit":
            raise SoftTimeLimitExceeded
        run.checkpoint()
        raise AssertionError("It went on.")

    does(handler)
    execution.execute(run_id)
    assert (row(run_id).outcome, row(run_id).reason_code) == ("failed", "operation.timed_out")


def test_a_bug_ends_the_run_with_a_reference_and_not_with_its_words(
    run_id: int, does: Callable[[Handler], None], caplog: pytest.LogCaptureFixture
) -> None:
    does(raises(KeyError("client-secret-value")))
    execution.execute(run_id)
    run = row(run_id)
    assert (run.outcome, run.reason_code) == ("failed", "operation.internal_error")
    assert run.reason_facts["reference"] in caplog.text
    assert "client-secret-value" not in str(OperationRun.objects.filter(pk=run_id).values().get())


def test_a_result_that_comes_after_the_run_was_taken_over_is_dropped_and_counted(
    run_id: int, does: Callable[[Handler], None]
) -> None:
    def handler(run: RunContext, params: Any) -> RunResult:
        probes.expire_lease(run_id)
        transitions.reap([READ], [])
        assert probes.claim(run_id).fence > run.fence
        return RunResult.succeeded(things=99)

    does(handler)
    before = metrics.STALE_RESULTS._value.get()
    execution.execute(run_id)
    assert metrics.STALE_RESULTS._value.get() == before + 1
    assert (row(run_id).status, row(run_id).counts) == ("running", {})


@pytest.mark.parametrize("write", ["stage", "report", "fenced", "fault"])
def test_a_worker_that_lost_its_run_writes_nothing_more(
    run_id: int, does: Callable[[Handler], None], write: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "fault_record", raises(AssertionError("It wrote.")))
    reached = []

    def handler(run: RunContext, params: Any) -> RunResult:
        probes.expire_lease(run_id)
        transitions.reap([READ], [])
        if write == "fault":
            raise Forbidden("no", status=403)
        if write == "fenced":
            with run.fenced():
                reached.append("inside")
        else:
            getattr(run, write)(*(["late"] if write == "stage" else []))
        reached.append("after")
        return RunResult.succeeded()

    does(handler)
    execution.execute(run_id)
    assert reached == []
    assert (row(run_id).status, row(run_id).progress) == ("queued", {})
    assert kinds(run_id) == ["accepted", "claimed", "lost"]


def test_the_cost_of_all_attempts_is_kept(run_id: int, does: Callable[[Handler], None]) -> None:
    def handler(run: RunContext, params: Any) -> RunResult:
        run.meter.sent(again=False)
        run.meter.received(100)
        run.report()
        if run.claim.attempt == 1:
            raise ServerError(status=503)
        return RunResult.succeeded()

    does(handler)
    execution.execute(run_id)
    make_due(run_id)
    execution.execute(run_id)
    assert (row(run_id).cost["requests"], row(run_id).cost["bytes"]) == (2, 200)


def test_a_read_is_green_only_if_every_type_was_read() -> None:
    missed = {"type": "groups", "code": "provider.throttled", "facts": {}}
    read = RunResult.read(requested=2, counts={"a": 1}, failures=[missed])
    assert (read.outcome, read.reason_code) == (RunOutcome.PARTIALLY_SUCCEEDED, "operation.partly_read")
    nothing = RunResult.read(requested=1, counts={}, failures=[missed])
    assert (nothing.outcome, nothing.reason_code) == (RunOutcome.FAILED, "provider.throttled")
    assert RunResult.read(requested=2, counts={}, failures=[]).outcome is RunOutcome.SUCCEEDED


def flaky(call: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """``call``, whose connection is lost once: before the statement, or after it was carried out."""
    lost: list[int] = []

    def once(*args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs) if lost or after else None
        if not lost:
            lost.append(1)
            raise OperationalError("server closed the connection unexpectedly")
        return answer

    return once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_finish_whose_connection_is_lost_is_said_again(
    run_id: int, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(transitions, "finish", flaky(transitions.finish, after=after))
    execution.execute(run_id)
    assert row(run_id).outcome == "succeeded"
    assert kinds(run_id) == ["accepted", "claimed", "ended"]


@pytest.mark.django_db(transaction=True)
def test_a_claim_over_a_connection_that_died_is_made_over_a_new_one(run_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    second = connection.copy()
    with second.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [mine])
    second.close()
    execution.execute(run_id)
    assert row(run_id).outcome == "succeeded"


@pytest.mark.django_db(transaction=True)
def test_a_read_whose_database_session_is_ended_under_it_is_tried_again(
    run_id: int, does: Callable[[Handler], None]
) -> None:
    def handler(run: RunContext, params: Any) -> RunResult:
        if run.claim.attempt == 1:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return RunResult.succeeded()

    does(handler)
    execution.execute(run_id)
    assert row(run_id).status == "queued"
    make_due(run_id)
    execution.execute(run_id)
    assert (row(run_id).outcome, row(run_id).attempt) == ("succeeded", 2)


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_renews_hears_of_a_cancel_and_of_a_lost_run(
    run_id: int, world: World, settings: LazySettings
) -> None:
    settings.RUN_HEARTBEAT = 0.02
    claim = probes.claim(run_id)
    probes.expire_lease(run_id)
    with Pulse(claim) as pulse:
        wait_for(lambda: (row(run_id).lease_until or timezone.now()) > timezone.now())
        transitions.cancel(run_id, world.operator.pk)
        wait_for(lambda: pulse._cancelled)
        OperationRun.objects.filter(pk=run_id).update(cancel_requested_at=probes.ago(120))
        transitions.force_release(run_id, world.owner.pk)
        wait_for(lambda: pulse._lost)
        with pytest.raises(FencedOut):
            pulse.checkpoint()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("pulse-")]


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_goes_on_after_its_database_session_was_ended(
    run_id: int, settings: LazySettings
) -> None:
    settings.RUN_HEARTBEAT = 0.05
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    with Pulse(probes.claim(run_id)):
        time.sleep(0.2)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> %s",
                [mine],
            )
        probes.expire_lease(run_id)
        wait_for(lambda: (row(run_id).lease_until or timezone.now()) > timezone.now())


def test_a_worker_that_cannot_renew_fences_itself_out(run_id: int, settings: LazySettings) -> None:
    pulse = Pulse(probes.claim(run_id))
    pulse.checkpoint()
    settings.RUN_SELF_FENCE = 0
    with pytest.raises(FencedOut):
        pulse.checkpoint()


@pytest.mark.django_db(transaction=True)
def test_a_handler_that_hangs_past_its_deadline_loses_its_lease(run_id: int, settings: LazySettings) -> None:
    settings.RUN_HEARTBEAT = 0.02
    settings.RUN_DEADLINE = -100  # more than the grace
    claim = probes.claim(run_id)
    probes.expire_lease(run_id)
    with Pulse(claim) as pulse:
        pulse._thread.join(timeout=5)
        assert not pulse._thread.is_alive()
    assert transitions.reap([READ], [])


@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_of_the_runs_owner_ends_with_a_renewed_lease(
    run_id: int, does: Callable[[Handler], None], settings: LazySettings
) -> None:
    settings.RUN_HEARTBEAT, settings.RUN_SELF_FENCE = 0.1, 0.3

    def handler(run: RunContext, params: Any) -> RunResult:
        run.pulse._thread.join(timeout=0)
        with run.fenced():
            time.sleep(0.5)  # the heartbeat waits for the row all the while
        run.checkpoint()
        return RunResult.succeeded()

    does(handler)
    execution.execute(run_id)
    assert row(run_id).outcome == "succeeded"


def wait_for(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
