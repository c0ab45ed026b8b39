"""Two hundred people click at the same moment, each on a database connection of their own."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from operations import broker, gate, registry, transitions
from operations.gate import Start
from operations.models import OperationRun, RunEvent
from operations.outcomes import StartOutcome
from providers.selectors import target_for_tenant
from tests.conftest import World
from tests.operations import probes
from tests.operations.probes import OTHER, READ

pytestmark = pytest.mark.django_db(transaction=True)
CLICKS = int(os.environ.get("RACE_CLICKS", "200"))
ROUNDS = int(os.environ.get("RACE_ROUNDS", "2"))


@pytest.fixture(autouse=True)
def types(monkeypatch: pytest.MonkeyPatch) -> None:
    probes.declare(monkeypatch, READ)
    probes.declare(monkeypatch, OTHER)
    monkeypatch.setattr(broker, "publish", lambda run_id, operation_type: True)


def stampede(
    request_of: Callable[[int], Start], rounds: int = ROUNDS
) -> list[tuple[list[StartOutcome], list[float]]]:
    """Every click of every round: its answer and how long it took. Sessions are open before the first one."""
    barrier = threading.Barrier(CLICKS, action=_free_the_scope)

    def clicker(number: int) -> list[tuple[StartOutcome, float]]:
        request, answers = request_of(number), []
        try:
            connection.ensure_connection()
            for _ in range(rounds):
                barrier.wait(timeout=60)
                before = time.perf_counter()
                outcome = gate.start(request)
                answers.append((outcome, time.perf_counter() - before))
                barrier.wait(timeout=60)
        except Exception:
            barrier.abort()
            raise
        finally:
            connection.close()
        return answers

    with ThreadPoolExecutor(CLICKS) as pool:
        by_person = list(pool.map(clicker, range(CLICKS)))
    return [
        ([answer[0] for answer in one], [answer[1] for answer in one]) for one in zip(*by_person, strict=True)
    ]


_turn = 0


def _free_the_scope() -> None:
    """Runs once per barrier, in one thread, when all have arrived: before a round it ends the last one's run."""
    global _turn
    _turn += 1
    if _turn % 2:
        for run in OperationRun.objects.filter(status="queued"):
            transitions.cancel(run.pk, run.initiator_id or 0)
        connection.close()


def requests(world: World, names: list[str]) -> Callable[[int], Start]:
    target = target_for_tenant(world.operator.pk, world.tenant.slug)
    assert target is not None
    return lambda number: Start(registry.get(names[number % len(names)]), target, world.operator.pk)


def without_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first turn of every start finds the scope free, so that the database alone decides."""
    held = gate._held
    looked = threading.local()

    def second_look_only(*asked: Any) -> Any:
        turn = getattr(looked, "turn", 0)
        looked.turn = turn + 1
        if turn % 2 == 0:
            return None
        return held(*asked)

    def decide(request: Any, params: Any) -> Any:
        looked.turn = 0
        return original(request, params)

    original = gate._decide
    monkeypatch.setattr(gate, "_decide", decide)
    monkeypatch.setattr(gate, "_held", second_look_only)


@pytest.mark.parametrize("names", [[READ], [READ, OTHER]], ids=["same operation", "mixed operations"])
@pytest.mark.parametrize("first_look", [True, False], ids=["first look", "no first look"])
def test_two_hundred_clicks_at_once_make_one_run_and_nobody_an_error(
    world: World, monkeypatch: pytest.MonkeyPatch, names: list[str], first_look: bool
) -> None:
    if not first_look:
        without_first_look(monkeypatch)
    for number, (outcomes, seconds) in enumerate(stampede(requests(world, names)), 1):
        _judge(outcomes, names)
        print(f"round {number}: p99 {sorted(seconds)[int(len(seconds) * 0.99) - 1] * 1000:.0f} ms")
    assert OperationRun.objects.count() == ROUNDS
    assert RunEvent.objects.filter(kind="accepted").count() == ROUNDS


def _judge(outcomes: list[StartOutcome], names: list[str]) -> None:
    count = Counter(str(outcome.status) for outcome in outcomes)
    winner = next(outcome for outcome in outcomes if outcome.status == "accepted")
    same = sum(outcome.operation_type == winner.operation_type for outcome in outcomes)
    expected = Counter(accepted=1, deduped=same - 1, scope_busy=CLICKS - same)
    assert count == expected
    assert len({outcome.run.id for outcome in outcomes if outcome.run}) == 1
    assert all(outcome.run for outcome in outcomes)
