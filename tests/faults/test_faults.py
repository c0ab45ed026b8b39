"""What breaks in the field, done to a real worker in the middle of a real run."""

import os
import signal
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
import redis

from operations import broker, chains, registry
from operations.broker import TASK
from operations.chains import ChainStart
from operations.models import Chain, RunEvent
from operations.models import Worker as WorkerRow
from operations.outcomes import StartOutcome
from providers.selectors import target_for_tenant
from tenantpilot.celery import app
from tenantpilot.quickstart.servers import EmbeddedValkey
from tests.faults.stage import (
    LEASE,
    Worker,
    database_away,
    end_database_sessions,
    ended,
    kinds,
    pause,
    resume,
    row,
    wait_for,
    working,
)
from tests.providers.conftest import Live

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(150)]
GROUPS = "directory.groups.sync"
SOON = 45.0


def click(live: Live, name: str = GROUPS) -> int:
    outcome: StartOutcome = live.start(name)
    assert outcome.status == "accepted", outcome
    assert outcome.run is not None
    return outcome.run.id


def ends_whole(live: Live, run_id: int, *, attempts: int | None = None) -> None:
    """The run ended well, once, and what it read is in the database exactly once."""
    wait_for(lambda: ended(run_id), SOON, "The end of the run")
    run = row(run_id)
    assert (run.outcome, run.reason_code) == ("succeeded", ""), (run.reason_code, run.reason_facts)
    assert kinds(run_id).count("ended") == 1
    assert attempts in {None, run.attempt}
    assert live.present() == live.groups().count() == live.sandbox.count(live.slug)
    assert live.collection().fence == run.fence


def test_a_click_becomes_a_run_that_reads_the_tenant(live: Live, worker: Worker) -> None:
    run_id = click(live)
    ends_whole(live, run_id, attempts=1)
    claimed = RunEvent.objects.get(run=run_id, kind="claimed")
    assert claimed.at - row(run_id).created_at < timedelta(seconds=5)


@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
def test_a_broker_that_is_down_at_the_click_delays_the_run_and_nothing_else(
    live: Live, worker: Worker, valkey: EmbeddedValkey, silent: bool
) -> None:
    pause(valkey) if silent else valkey.kill()
    before = time.perf_counter()
    run_id = click(live)
    assert time.perf_counter() - before < (1.8 if silent else 0.5)
    time.sleep(1.5)
    assert row(run_id).status == "queued"
    resume(valkey) if silent else valkey.start()
    ends_whole(live, run_id, attempts=1)


def test_a_worker_that_starts_without_a_broker_waits_for_it_and_sweeps_meanwhile(
    live: Live, valkey: EmbeddedValkey, no_worker: None, make_worker: Callable[[], Worker]
) -> None:
    WorkerRow.objects.all().delete()
    valkey.stop()
    run_id = click(live)
    worker = make_worker()
    wait_for(WorkerRow.objects.exists, SOON, "A sign of life")
    assert worker.alive()
    assert row(run_id).status == "queued"
    valkey.start()
    ends_whole(live, run_id, attempts=1)


def test_a_killed_child_is_replaced_within_ten_seconds_and_nothing_is_written_twice(
    live: Live, worker: Worker
) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    os.kill(worker.child_of(run_id), signal.SIGKILL)
    took = wait_for(lambda: "lost" in kinds(run_id), 10, "Finding the dead child")
    assert took < LEASE, "found by its absence, not by its lease"
    ends_whole(live, run_id, attempts=2)


@pytest.mark.parametrize("children_too", [True, False], ids=["all at once", "main process alone"])
def test_a_killed_worker_is_replaced_by_another_one(
    live: Live, worker: Worker, make_worker: Callable[[], Worker], children_too: bool
) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    if children_too:
        worker.kill()
    else:
        os.kill(worker.pid, signal.SIGKILL)
    make_worker()
    ends_whole(live, run_id, attempts=2 if children_too else None)


def test_a_message_that_comes_three_times_is_one_run(live: Live, worker: Worker) -> None:
    run_id = click(live)
    assert broker.publish(run_id, GROUPS)
    assert broker.publish(run_id, GROUPS)
    ends_whole(live, run_id, attempts=1)
    wait_for(lambda: worker.words().count("claim_refused") >= 2, SOON, "The other two messages")
    assert kinds(run_id).count("claimed") == 1


def test_a_flushed_broker_loses_messages_and_no_run(
    live: Live, queue: redis.Redis, no_worker: None, make_worker: Callable[[], Worker]
) -> None:
    run_id = click(live)
    queue.flushall()
    worker = make_worker().ready()
    wait_for(lambda: working(run_id), SOON)
    queue.flushall()
    ends_whole(live, run_id, attempts=1)
    second = click(live)
    ends_whole(live, second, attempts=1)
    assert worker.alive()


def test_a_worker_that_wakes_up_after_its_lease_writes_nothing(live: Live, worker: Worker) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    sleeper, first_fence = worker.child_of(run_id), row(run_id).fence
    os.kill(sleeper, signal.SIGSTOP)
    wait_for(lambda: "lost" in kinds(run_id), LEASE + 10, "The end of the lease")
    ends_whole(live, run_id, attempts=2)
    after = row(run_id)
    os.kill(sleeper, signal.SIGCONT)
    wait_for(lambda: "fenced_out" in worker.words() or "stale_result" in worker.words(), SOON, "The refusal")
    assert after.fence is not None
    assert first_fence is not None
    assert after.fence > first_fence
    ends_whole(live, run_id, attempts=2)
    assert row(run_id).completed_at == after.completed_at


def test_ended_database_sessions_cost_a_run_an_attempt_at_most(live: Live, worker: Worker) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    end_database_sessions()
    ends_whole(live, run_id)
    assert row(run_id).attempt <= 2


def test_a_database_that_is_away_for_some_seconds_loses_no_run(live: Live, worker: Worker) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    database_away(True)
    try:
        end_database_sessions()
        time.sleep(3)
    finally:
        database_away(False)
    ends_whole(live, run_id)


def test_an_old_worker_survives_messages_of_a_newer_console(live: Live, worker: Worker) -> None:
    def send(**message: object) -> None:
        app.send_task(TASK, kwargs=message, producer=broker._producer(), retry=False)

    send(run_id=10**9, operation_type="probe.of_the_future", trace="unheard of")
    run_id = click(live)
    send(run_id=run_id, operation_type=GROUPS, priority=9)
    ends_whole(live, run_id, attempts=1)


def test_a_worker_that_is_asked_to_end_finishes_what_it_has_in_hand(live: Live, worker: Worker) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    assert worker.terminate() == 0
    ends_whole(live, run_id, attempts=1)


def test_messages_stay_in_the_queue_while_both_children_work(
    live: Live, worker: Worker, queue: redis.Redis
) -> None:
    run_id = click(live)
    wait_for(lambda: working(run_id), SOON)
    os.kill(worker.child_of(run_id), signal.SIGSTOP)
    for child in worker.children():
        os.kill(child, signal.SIGSTOP)
    for number in range(6):
        broker.publish(10**9 + number, GROUPS)
    time.sleep(1)
    taken = 6 - int(queue.llen("runs"))
    for child in worker.children():
        os.kill(child, signal.SIGCONT)
    assert taken <= 2, "fetched ahead of the children that could work on them"


def test_a_chain_whose_worker_is_killed_and_whose_broker_is_emptied_goes_on_to_its_end(
    live: Live, worker: Worker, queue: redis.Redis, make_worker: Callable[[], Worker]
) -> None:
    target = target_for_tenant(live.operator.pk, live.slug)
    assert target is not None
    kinds_ = [registry.get(name) for name in (GROUPS, "directory.role_definitions.sync")]
    outcome = chains.start(ChainStart(kinds_, target, live.operator.pk))
    assert outcome.run is not None
    assert outcome.chain_id is not None
    chain_id, run_id = outcome.chain_id, outcome.run.id
    wait_for(lambda: working(run_id), SOON)
    worker.kill()
    queue.flushall()
    make_worker()
    wait_for(lambda: Chain.objects.get(pk=chain_id).completed_at, 90, "The end of the chain")
    view = chains.view(chain_id)
    assert view is not None
    assert (view.state, [step.state for step in view.steps]) == ("completed", ["succeeded"] * 2)
    first, second = (row(step.run_id or 0) for step in view.steps)
    assert (first.attempt, second.attempt) == (2, 1)
    assert second.created_at == first.completed_at, (
        "the end of one and the start of the next are one transaction"
    )
