"""Two people start chains at once, steps end while others click, and whole chains are cancelled meanwhile."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from operations import broker, chains, gate, registry, transitions
from operations.chains import ChainStart
from operations.gate import Start
from operations.models import Chain, OperationRun
from providers.selectors import target_for_tenant
from tenantpilot.tenancy.models import User
from tests.conftest import World
from tests.operations import probes
from tests.operations.probes import OTHER, READ
from tests.races.test_writes import together

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS, PEOPLE = 4, 12


@pytest.fixture(autouse=True)
def types(monkeypatch: pytest.MonkeyPatch) -> None:
    probes.declare(monkeypatch, READ)
    probes.declare(monkeypatch, OTHER)
    monkeypatch.setattr(broker, "publish", lambda run_id, operation_type: True)


def begin(world: World, person: User, *names: str) -> Callable[[], Any]:
    target = target_for_tenant(person.pk, world.tenant.slug)
    assert target is not None
    kinds = [registry.get(name) for name in names]
    return lambda: chains.start(ChainStart(kinds, target, person.pk))


def click(world: World, name: str) -> Callable[[], Any]:
    target = target_for_tenant(world.manager.pk, world.tenant.slug)
    assert target is not None
    return lambda: gate.start(Start(registry.get(name), target, world.manager.pk))


def end_everything(world: World) -> None:
    for run in OperationRun.objects.exclude(status="completed"):
        if run.chain_id:
            chains.cancel(run.chain_id, world.owner.pk)
        else:
            transitions.cancel(run.pk, world.owner.pk)


def test_the_same_selection_by_many_people_is_one_chain(world: World) -> None:
    people = [world.operator, world.manager, world.owner]
    for _ in range(ROUNDS):
        outcomes = together([begin(world, people[n % 3], READ, OTHER) for n in range(PEOPLE)])
        assert Counter(str(one.status) for one in outcomes) == Counter(accepted=1, deduped=PEOPLE - 1)
        assert len({one.chain_id for one in outcomes}) == 1
        assert {one.pending_operations for one in outcomes} == {(OTHER,)}
        assert Chain.objects.filter(state="active").count() == 1
        end_everything(world)
    assert Chain.objects.count() == ROUNDS


def test_two_selections_and_single_clicks_at_once_make_one_winner(world: World) -> None:
    for _ in range(ROUNDS):
        calls = [
            begin(world, world.operator, READ, OTHER),
            begin(world, world.owner, OTHER),
            click(world, OTHER),
        ]
        outcomes = together(calls * 4)
        assert Counter(str(one.status) for one in outcomes)["accepted"] == 1
        assert OperationRun.objects.exclude(status="completed").count() == 1
        assert Chain.objects.filter(state="active").count() <= 1
        end_everything(world)


def test_no_click_slips_in_between_two_steps(world: World) -> None:
    for _ in range(ROUNDS):
        started = begin(world, world.operator, READ, OTHER)()
        claim = probes.claim(started.run.id)
        calls: list[Callable[[], Any]] = [click(world, OTHER) for _ in range(PEOPLE)]
        ended, *outcomes = together([lambda: transitions.finish(claim, probes.ending()), *calls])  # noqa: B023
        assert ended
        # Before the end they meet the first step, after it the second, which is the same work.
        assert {str(one.status) for one in outcomes} <= {"scope_busy", "deduped"}
        second = OperationRun.objects.exclude(status="completed").get()
        assert (second.chain_id, second.chain_step) == (started.chain_id, 2)
        end_everything(world)


def test_a_cancel_beside_the_end_of_a_step_leaves_nothing_behind(world: World) -> None:
    for _ in range(ROUNDS * 2):
        started = begin(world, world.operator, READ, OTHER)()
        claim = probes.claim(started.run.id)
        together(
            [
                lambda: transitions.finish(claim, probes.ending()),  # noqa: B023
                lambda: chains.cancel(started.chain_id, world.owner.pk),  # noqa: B023
                lambda: chains.cancel(started.chain_id, world.manager.pk),  # noqa: B023
            ]
        )
        view = chains.view(started.chain_id)
        assert view is not None
        assert view.state == "cancelled"
        assert view.pending == ()
        if view.current is None:
            assert view.completed_at is not None
        assert OperationRun.objects.exclude(status="completed").count() == (view.current is not None)
        end_everything(world)
