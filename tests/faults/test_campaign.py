"""A campaign of faults at random: no run is lost, doubly active or written by somebody who had lost it.

``CAMPAIGN_RUNS`` is its size: a small one with the tests, 30,000 for a release.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator

import psutil
import pytest
import redis

from operations import broker
from operations.models import OperationRun
from providers.sandbox.testing import SandboxServer
from tenantpilot.quickstart.servers import EmbeddedValkey
from tests.faults.stage import Worker, end_database_sessions, kinds, wait_for
from tests.providers.conftest import Live, make_live

RUNS = int(os.environ.get("CAMPAIGN_RUNS", "30"))
SEED = int(os.environ.get("CAMPAIGN_SEED", "7"))
TENANTS = 5
GROUPS = "directory.groups.sync"
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True), pytest.mark.timeout(150 + RUNS * 5)]


class Saboteur:
    """Knows the worker, the broker and the database, and means no good."""

    def __init__(
        self, dice: random.Random, worker: Worker, hire: Callable[[], Worker], valkey: EmbeddedValkey
    ) -> None:
        self.dice, self.worker, self.hire, self.valkey = dice, worker, hire, valkey
        self.asleep: list[tuple[float, int]] = []
        self.done: list[str] = []

    def strike(self) -> None:
        acts = (
            self.kill_child,
            self.freeze_child,
            self.flush,
            self.restart_broker,
            self.end_sessions,
            self.kill_worker,
        )
        act = self.dice.choices(acts, weights=(4, 3, 3, 2, 2, 1))[0]
        self.done.append(act.__name__)
        act()

    def kill_child(self) -> None:
        for child in self.dice.sample(children := self.worker.children(), min(1, len(children))):
            os.kill(child, signal.SIGKILL)

    def freeze_child(self) -> None:
        """Past its lease, as a machine that swaps or a suspended virtual one."""
        for child in self.dice.sample(children := self.worker.children(), min(1, len(children))):
            os.kill(child, signal.SIGSTOP)
            self.asleep.append((time.monotonic() + 6, child))

    def flush(self) -> None:
        with redis.Redis.from_url(self.valkey.url) as client:
            client.flushall()

    def restart_broker(self) -> None:
        self.valkey.kill()
        self.valkey.start()

    def end_sessions(self) -> None:
        end_database_sessions()

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker = self.hire()

    def wake(self, *, everybody: bool = False) -> None:
        for moment, child in list(self.asleep):
            if everybody or time.monotonic() > moment:
                self.asleep.remove((moment, child))
                if psutil.pid_exists(child):
                    os.kill(child, signal.SIGCONT)


@pytest.fixture
def tenants(transactional_db: None, provider: SandboxServer) -> list[Live]:
    return [make_live(provider.control, groups=30, page_size=10, delta_page_size=10) for _ in range(TENANTS)]


@pytest.fixture
def saboteur(valkey: EmbeddedValkey, worker: Worker, make_worker: Callable[[], Worker]) -> Iterator[Saboteur]:
    villain = Saboteur(random.Random(SEED), worker, make_worker, valkey)
    yield villain
    villain.wake(everybody=True)


def test_no_run_is_lost_doubly_active_or_written_by_a_stale_holder(
    tenants: list[Live], saboteur: Saboteur
) -> None:
    accepted: list[int] = []
    next_strike = time.monotonic() + 1
    while len(accepted) < RUNS:
        for live in tenants:
            outcome = live.start(GROUPS)
            assert outcome.run is not None
            if outcome.status == "accepted" and len(accepted) < RUNS:
                accepted.append(outcome.run.id)
                _repeat_message(saboteur.dice, outcome.run.id)
            else:
                assert outcome.status in {"accepted", "deduped"}
        if time.monotonic() > next_strike:
            saboteur.strike()
            next_strike = time.monotonic() + saboteur.dice.uniform(1, 3)
        saboteur.wake()
        _nobody_is_doubly_active()
        time.sleep(0.1)
    saboteur.wake(everybody=True)
    wait_for(
        lambda: not OperationRun.objects.exclude(status="completed").exists(), 90, "The end of every run"
    )
    _judge(accepted, tenants)
    print(f"{RUNS} runs through {len(saboteur.done)} faults: {sorted(set(saboteur.done))}")


def _repeat_message(dice: random.Random, run_id: int) -> None:
    for _ in range(dice.choice((0, 0, 1, 2))):
        broker.publish(run_id, GROUPS)


def _nobody_is_doubly_active() -> None:
    active = list(OperationRun.objects.exclude(status="completed").values_list("scope_key", flat=True))
    assert len(active) == len(set(active))


def _judge(accepted: list[int], tenants: list[Live]) -> None:
    for run in OperationRun.objects.filter(pk__in=accepted):
        history = kinds(run.pk)
        assert history.count("ended") == 1, history
        assert history.count("claimed") == run.attempt <= 3, history
        # Three losses in a row end a read; everything else must have got through.
        assert run.outcome == "succeeded" or run.attempt == 3, (run.outcome, run.reason_code, history)
    for live in tenants:
        fences = list(
            OperationRun.objects.filter(tenant=live.tenant, fence__isnull=False)
            .order_by("id").values_list("fence", flat=True)
        )  # fmt: skip
        assert fences == sorted(fences), "later runs of a scope have higher fences"
        last = OperationRun.objects.filter(tenant=live.tenant, outcome="succeeded").latest("id")
        assert live.collection().fence >= (last.fence or 0)
        assert live.present() == live.groups().count() == live.sandbox.count(live.slug)
