"""Offering queued runs: at once, again and again, and never too often."""

import base64
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import LazySettings
from django.db import connection

from operations import broker, relay, transitions
from operations.choices import RunOutcome
from operations.models import OperationRun
from tenantpilot.quickstart.servers import EmbeddedValkey
from tests.conftest import World
from tests.factories import make_connection, start
from tests.operations import probes
from tests.operations.probes import READ, make_due, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def own_broker(tmp_path: Path, settings: LazySettings) -> Iterator[EmbeddedValkey]:
    """A broker that a test may stop and pause."""
    tmp_path.chmod(0o755)
    valkey = EmbeddedValkey(tmp_path, die_with_parent=True)
    settings.CELERY_BROKER_URL = valkey.start()
    broker.reset()
    yield valkey
    valkey.kill()
    broker.reset()


def pause(valkey: EmbeddedValkey, how: signal.Signals) -> None:
    os.kill(int(valkey.pid_file.read_text().split()[0]), how)


def timed_publish() -> tuple[bool, float]:
    before = time.perf_counter()
    sent = broker.publish(1, READ)
    return sent, time.perf_counter() - before


def offered(run_id: int, seconds_ago: float, count: int) -> None:
    OperationRun.objects.filter(pk=run_id).update(last_offered_at=probes.ago(seconds_ago), offer_count=count)


def message_of(queue: redis.Redis) -> dict[str, object]:
    body = json.loads(queue.lindex("runs", 0))["body"]
    return dict(json.loads(base64.b64decode(body))[1])


def test_the_message_is_the_runs_id_and_type(queue: redis.Redis, run_id: int) -> None:
    assert message_of(queue) == {"run_id": run_id, "operation_type": READ}


def test_a_fresh_run_is_left_to_the_message_of_its_own_click_for_a_second(
    queue: redis.Redis, run_id: int
) -> None:
    assert relay.offer_waiting() == 0
    make_due(run_id)
    assert relay.offer_waiting() == 1
    assert (row(run_id).offer_count, queue.llen("runs")) == (1, 2)


@pytest.mark.parametrize(
    ("count", "seconds", "again"),
    [(1, 29, False), (1, 31, True), (2, 59, False), (2, 61, True), (6, 599, False), (6, 601, True)],
)
def test_offers_back_off_from_half_a_minute_to_ten(
    queue: redis.Redis, run_id: int, count: int, seconds: float, again: bool
) -> None:
    make_due(run_id)
    offered(run_id, seconds, count)
    assert relay.offer_waiting() == again


def test_a_run_that_was_offered_for_weeks_does_not_stop_the_relay(queue: redis.Redis, run_id: int) -> None:
    make_due(run_id)
    offered(run_id, 601, 100_000)
    assert relay.offer_waiting() == 1


def test_what_a_flushed_broker_lost_is_offered_again_within_seconds(queue: redis.Redis, run_id: int) -> None:
    make_due(run_id)
    offered(run_id, relay.LOST_AFTER + 1, 6)
    assert relay.offer_waiting() == 0
    queue.flushall()
    assert relay.offer_waiting() == 1
    assert queue.llen("runs") == 1


def test_a_run_that_waits_for_its_retry_is_offered_when_it_is_due(queue: redis.Redis, run_id: int) -> None:
    make_due(run_id)
    relay.offer_waiting()
    transitions.retry_later(probes.claim(run_id), probes.ending(RunOutcome.FAILED), delay=30)
    assert relay.offer_waiting() == 0
    make_due(run_id)
    assert relay.offer_waiting() == 1


@pytest.mark.parametrize("state", ["running", "ended"])
def test_nothing_but_queued_runs_is_offered(
    queue: redis.Redis, run_id: int, world: World, state: str
) -> None:
    make_due(run_id)
    if state == "running":
        probes.claim(run_id)
    else:
        transitions.cancel(run_id, world.operator.pk)
    assert relay.offer_waiting() == 0


@pytest.mark.django_db(transaction=True)
def test_two_relays_at_once_offer_each_run_once(world: World, queue: redis.Redis) -> None:
    for _ in range(10):
        start(READ, world.tenant, world.operator)
        OperationRun.objects.filter(status="queued").update(created_at=probes.ago(60))
        world.tenant.connections.update(is_default=False)
        made = make_connection(world.tenant, world.owner)
        world.tenant.connections.filter(pk=made.pk).update(is_default=True)
    queue.flushall()
    broker.reset()

    def offer() -> None:
        relay.offer_waiting()
        connection.close()

    threads = [threading.Thread(target=offer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(OperationRun.objects.values_list("offer_count", flat=True)) == {1}
    assert queue.llen("runs") == 10


def test_a_refused_broker_costs_a_start_milliseconds_and_the_start_is_accepted(
    world: World, own_broker: EmbeddedValkey
) -> None:
    own_broker.stop()
    before = time.perf_counter()
    outcome = start(READ, world.tenant, world.operator)
    took = time.perf_counter() - before
    assert outcome.status == "accepted"
    assert took < 0.5, took
    assert broker.is_open()


def test_a_refused_broker_is_given_up_at_once_cold_and_warm(own_broker: EmbeddedValkey) -> None:
    assert timed_publish()[0]
    own_broker.stop()
    assert_quick(timed_publish())
    broker.reset()
    assert_quick(timed_publish())


def assert_quick(published: tuple[bool, float]) -> None:
    sent, took = published
    assert not sent
    assert took < 0.05 * 4, took  # the goal is 50 ms; shared machines stutter


def test_a_silent_broker_costs_one_start_a_second_and_the_next_ones_nothing(
    own_broker: EmbeddedValkey,
) -> None:
    broker.publish(1, READ)
    pause(own_broker, signal.SIGSTOP)
    try:
        sent, took = timed_publish()
        assert not sent
        assert 0.9 < took < 1.5
        deadline = time.monotonic() + 2.5  # longer than two looks of the probe
        while time.monotonic() < deadline:
            assert timed_publish() < (False, 0.1)
            time.sleep(0.05)
    finally:
        pause(own_broker, signal.SIGCONT)


def test_a_broker_that_never_answered_costs_no_more_than_a_second(own_broker: EmbeddedValkey) -> None:
    pause(own_broker, signal.SIGSTOP)
    try:
        sent, took = timed_publish()
    finally:
        pause(own_broker, signal.SIGCONT)
    assert not sent
    assert took < 1.5


def test_the_relay_goes_on_when_the_broker_is_back(run_id: int, own_broker: EmbeddedValkey) -> None:
    make_due(run_id)
    own_broker.stop()
    assert relay.offer_waiting() == 0
    assert row(run_id).offer_count == 0
    own_broker.start()
    deadline = time.monotonic() + 10
    while not relay.offer_waiting():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert row(run_id).offer_count == 1


def test_ping_tells_a_live_broker_from_a_stopped_one(own_broker: EmbeddedValkey) -> None:
    assert broker.ping()
    own_broker.stop()
    assert not broker.ping()
