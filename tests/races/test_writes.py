"""Two restores over two connections of one directory, from two workspaces, and reads beside them."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from operations import broker, gate, registry, transitions
from operations.choices import Access
from operations.gate import Start
from operations.models import OperationRun
from operations.transitions import Claim
from providers.models import ProviderConnection
from providers.selectors import target_for_connection
from tenantpilot.tenancy.models import User
from tests.conftest import World
from tests.factories import make_connection, make_tenant
from tests.operations import probes
from tests.operations.probes import READ, WRITE

pytestmark = pytest.mark.django_db(transaction=True)
CLICKS, ROUNDS = 24, 6
Way = tuple[ProviderConnection, User]


@pytest.fixture(autouse=True)
def types(monkeypatch: pytest.MonkeyPatch) -> None:
    probes.declare(monkeypatch, READ)
    probes.declare(monkeypatch, WRITE, access=Access.WRITE)
    monkeypatch.setattr(broker, "publish", lambda run_id, operation_type: True)


@pytest.fixture
def ways(world: World) -> list[Way]:
    """Three ways to one directory: two connections of a tenant, and a tenant of another workspace."""
    workspace = world.outsider.memberships.get().workspace
    tenant = make_tenant(workspace, "contoso-2", entra_tenant_id=world.tenant.entra_tenant_id)
    return [
        (world.connection, world.operator),
        (make_connection(world.tenant, world.owner), world.operator),
        (make_connection(tenant, world.outsider), world.outsider),
    ]


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """What each call returns, all made in the same instant on database connections of their own."""
    barrier = threading.Barrier(len(calls))

    def one(call: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        try:
            barrier.wait(timeout=60)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(one, call) for call in calls]]


def click(name: str, way: Way) -> Callable[[], Any]:
    through, person = way
    target = target_for_connection(person.pk, through.pk)
    assert target is not None
    return lambda: gate.start(Start(registry.get(name), target, person.pk))


def without_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every turn finds the scopes free, so that the database alone decides."""
    monkeypatch.setattr(gate, "_held", lambda *_: None)


@pytest.mark.parametrize("first_look", [True, False], ids=["first look", "no first look"])
def test_two_restores_of_one_directory_are_one_whatever_ways_they_come(
    ways: list[Way], world: World, monkeypatch: pytest.MonkeyPatch, first_look: bool
) -> None:
    if not first_look:
        without_first_look(monkeypatch)
    for _ in range(ROUNDS):
        outcomes = together([click(WRITE, ways[number % 3]) for number in range(CLICKS)])
        answered = Counter(str(outcome.status) for outcome in outcomes)
        assert answered["accepted"] == 1, answered
        assert set(answered) <= {"accepted", "deduped", "scope_busy"}
        run = OperationRun.objects.get(status="queued")
        named = {outcome.run.id for outcome in outcomes if outcome.run}
        assert named == {run.pk}
        if first_look:
            _nobody_hears_of_the_other_workspace(outcomes, ways, run)
        assert transitions.cancel(run.pk, world.owner.pk) == "ended"


def _nobody_hears_of_the_other_workspace(outcomes: list[Any], ways: list[Way], run: OperationRun) -> None:
    for number, outcome in enumerate(outcomes):
        same_tenant = ways[number % 3][0].tenant_id == run.tenant_id
        assert (outcome.run is not None) == same_tenant
        assert outcome.status != "deduped" or same_tenant


def test_no_read_works_beside_a_write_of_one_directory(ways: list[Way], world: World) -> None:
    """Whoever was admitted in one instant is claimed in one instant; reads that meet a write stop before they read."""
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS * 2):
        names = [WRITE, READ, READ]
        outcomes = together([click(name, way) for name, way in zip(names, ways, strict=True)])
        ids = [outcome.run.id for outcome in outcomes if outcome.status == "accepted"]
        assert ids
        claims: list[Claim | None] = together([_claim(run_id) for run_id in ids])
        working = [claim for claim in claims if claim is not None and not claim.beside_write]
        writes = [claim for claim in working if claim.operation_type == WRITE]
        assert not writes or len(working) == 1, working
        seen["write" if writes else "reads"] += 1
        for run in OperationRun.objects.exclude(status="completed"):
            _end(run)
    assert sum(seen.values()) == ROUNDS * 2


def _claim(run_id: int) -> Callable[[], Claim | None]:
    return lambda: transitions.claim(run_id, probes.WORKER)


def _end(run: OperationRun) -> None:
    if run.status == "running":
        OperationRun.objects.filter(pk=run.pk).update(cancel_requested_at=probes.ago(61))
        assert transitions.force_release(run.pk, run.initiator_id or 0)
    else:
        assert transitions.cancel(run.pk, run.initiator_id or 0) == "ended"
