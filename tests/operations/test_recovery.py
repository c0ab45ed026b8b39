"""Finding what lost its worker: expired leases, dead children, patience after an outage."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from types import SimpleNamespace

import pytest
from django.conf import LazySettings
from django.db import connection, transaction

from operations import identity, recovery, transitions
from operations.choices import RunOutcome
from operations.models import Notification, Worker
from operations.recovery import Sweeper
from tests.conftest import World
from tests.factories import start
from tests.operations import probes
from tests.operations.probes import READ, WRITE, ending, expire_lease, kinds, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def sweeper() -> Sweeper:
    return Sweeper(identity.worker())


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()


def silent_for(seconds: float) -> None:
    Worker.objects.update_or_create(name="another", defaults={"seen_at": probes.ago(seconds)})


def test_a_lease_that_lasts_is_left_alone(run_id: int, sweeper: Sweeper) -> None:
    probes.claim(run_id)
    assert sweeper.sweep() == []
    assert row(run_id).status == "running"


def test_a_lost_read_is_queued_again_due_and_unoffered(run_id: int, sweeper: Sweeper) -> None:
    claim = probes.claim(run_id)
    expire_lease(run_id)
    assert [(reaped.run_id, reaped.status) for reaped in sweeper.sweep()] == [(run_id, "queued")]
    run = row(run_id)
    assert (run.lost_count, run.attempt, run.fence, run.last_offered_at) == (1, 1, claim.fence, None)
    assert run.not_before <= probes.now()
    assert kinds(run_id)[-1] == "lost"
    assert not transitions.finish(claim, ending())
    assert probes.claim(run_id).attempt == 2


def test_a_read_ends_with_its_third_loss(run_id: int, sweeper: Sweeper) -> None:
    for _ in range(3):
        probes.claim(run_id)
        expire_lease(run_id)
        sweeper.sweep()
    run = row(run_id)
    assert (run.outcome, run.reason_code, run.attempt) == ("failed", "operation.worker_lost", 3)
    assert Notification.objects.filter(run=run).exists()


def test_losses_and_retries_count_together(run_id: int, sweeper: Sweeper) -> None:
    for _ in range(2):
        transitions.retry_later(probes.claim(run_id), ending(RunOutcome.FAILED), delay=0)
    probes.claim(run_id)
    expire_lease(run_id)
    sweeper.sweep()
    run = row(run_id)
    assert (run.outcome, run.reason_code) == ("failed", "operation.attempts_exhausted")
    assert run.reason_facts == {"attempts": 3}


def test_a_lost_write_is_never_tried_again(world: World, sweeper: Sweeper) -> None:
    outcome = start(WRITE, world.tenant, world.operator)
    assert outcome.run is not None
    probes.claim(outcome.run.id)
    expire_lease(outcome.run.id)
    sweeper.sweep()
    run = row(outcome.run.id)
    assert (run.outcome, run.reason_code) == ("failed", "operation.worker_lost")
    assert start(READ, world.tenant, world.operator).status == "accepted"


def test_a_lost_run_that_was_asked_to_stop_ends_cancelled(
    run_id: int, world: World, sweeper: Sweeper
) -> None:
    probes.claim(run_id)
    transitions.cancel(run_id, world.operator.pk)
    expire_lease(run_id)
    sweeper.sweep()
    assert (row(run_id).outcome, row(run_id).reason_code) == ("cancelled", "operation.cancelled")


def test_sweeping_twice_counts_one_loss(run_id: int, sweeper: Sweeper) -> None:
    probes.claim(run_id)
    expire_lease(run_id)
    assert len(sweeper.sweep()) == 1
    assert sweeper.sweep() == []
    assert row(run_id).lost_count == 1


def test_a_killed_child_is_found_without_waiting_for_its_lease(
    run_id: int, sweeper: Sweeper, child: subprocess.Popen[bytes]
) -> None:
    probes.claim(run_id, f"{identity.worker()}:{child.pid}")
    assert sweeper.bury_children() == []
    child.kill()
    deadline = time.monotonic() + 5
    while not sweeper.bury_children():  # a zombie of ours until it is waited for
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert row(run_id).status == "queued"


def test_another_workers_children_are_not_ours_to_bury(
    run_id: int, sweeper: Sweeper, child: subprocess.Popen[bytes]
) -> None:
    child.kill()
    child.wait()
    host, started, main = identity.worker().split(":")
    probes.claim(run_id, f"{host}:{'0' * len(started)}:{main}:{child.pid}")
    assert sweeper.bury_children() == []


def test_a_host_name_is_no_pattern(run_id: int, child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    probes.claim(run_id, f"host-1:a:1:{child.pid}")
    assert Sweeper("host_1:a:1").bury_children() == []
    assert len(Sweeper("host-1:a:1").bury_children()) == 1


def test_after_an_outage_heartbeats_get_one_lease_to_come_back(
    run_id: int, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    probes.claim(run_id)
    expire_lease(run_id)
    silent_for(recovery.outage_after() + 1)
    sweeper.look()
    assert row(run_id).status == "running"
    later = time.monotonic() + settings.RUN_LEASE + 1
    monkeypatch.setattr(recovery, "time", SimpleNamespace(monotonic=lambda: later))
    sweeper.sweep()
    assert row(run_id).status == "queued"


def test_the_second_worker_back_is_patient_although_the_first_has_swept(
    run_id: int, sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper.look()
    probes.claim(run_id)
    expire_lease(run_id)
    later = time.monotonic() + recovery.outage_after() + 1
    monkeypatch.setattr(recovery, "time", SimpleNamespace(monotonic=lambda: later))
    silent_for(0)
    sweeper.look()
    assert row(run_id).status == "running"


def test_a_short_silence_is_no_outage(run_id: int, sweeper: Sweeper) -> None:
    probes.claim(run_id)
    expire_lease(run_id)
    silent_for(recovery.outage_after() - 2)
    sweeper.look()
    assert row(run_id).status == "queued"


def test_a_slow_sweep_is_not_taken_for_an_outage(settings: LazySettings) -> None:
    assert recovery.outage_after() == 15
    settings.RUN_REAPER = 60
    assert recovery.outage_after() == 90


def test_a_worker_says_that_it_is_alive_and_forgotten_ones_go(sweeper: Sweeper) -> None:
    silent_for(86_401)
    sweeper.seen()
    assert list(Worker.objects.values_list("name", flat=True)) == [identity.worker()]


@pytest.mark.django_db(transaction=True)
def test_a_sweep_does_not_take_a_lease_that_was_renewed_meanwhile(run_id: int) -> None:
    claim = probes.claim(run_id)
    expire_lease(run_id)

    def sweep() -> list[transitions.Reaped]:
        try:
            return transitions.reap([READ], [])
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            transitions.renew(claim)
            swept = pool.submit(sweep)
            wait([swept], timeout=0.5)
        assert swept.result(timeout=10) == []
    assert row(run_id).status == "running"
