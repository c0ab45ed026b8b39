"""Chains: one after another, nothing in between, whoever ends a step and wherever it breaks off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, connection, transaction

from operations import answers, chains, execution, gate, registry, transitions
from operations.answers import Key, payload_hash
from operations.chains import ChainStart
from operations.choices import Access, RunOutcome
from operations.models import Chain, OperationRun, RunEvent
from operations.outcomes import ChainOutcome, StartOutcome
from operations.params import InvalidInput
from providers.models import ProviderConnection
from providers.readiness import Needs
from providers.selectors import target_for_tenant
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import entitlement_remove
from tenantpilot.tenancy.models import User
from tests.conftest import World
from tests.factories import entitle, make_connection, start
from tests.operations import probes
from tests.operations.probes import OTHER, READ, WRITE, ending, expire_lease, row

THIRD, NEEDY = "probe.third", "probe.needy"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def more_types(types: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Besides the two reads a third, and one that lacks a permission until it is granted."""
    probes.declare(monkeypatch, THIRD)
    probes.declare(monkeypatch, NEEDY, needs=Needs(permissions=(("Unheard.Of",),)))


def request(world: World, *names: str, person: User | None = None, **more: Any) -> ChainStart:
    who = person or world.operator
    target = target_for_tenant(who.pk, world.tenant.slug)
    assert target is not None
    return ChainStart(
        [registry.get(name) for name in names], target, who.pk, reference="onboarding:1", **more
    )


def begin(world: World, *names: str, **more: Any) -> ChainOutcome:
    return chains.start(request(world, *(names or (READ, OTHER, THIRD)), **more))


def grant(permission: str | None) -> None:
    one = ProviderConnection.objects.get()
    granted = set(one.granted_permissions) - {"Unheard.Of"}
    ProviderConnection.objects.update(
        granted_permissions=sorted(granted | ({permission} if permission else set()))
    )


def current(chain_id: int | None) -> int:
    assert chain_id is not None
    view = chains.view(chain_id)
    assert view is not None
    assert view.current is not None
    assert view.current.run_id is not None
    return view.current.run_id


def run_of(outcome: StartOutcome) -> int:
    assert outcome.run is not None
    return outcome.run.id


def states(chain_id: int | None) -> list[str]:
    view = chains.view(chain_id or 0)
    assert view is not None
    return [step.state for step in view.steps]


def finish(run_id: int, outcome: RunOutcome = RunOutcome.SUCCEEDED) -> None:
    assert transitions.finish(probes.claim(run_id), ending(outcome))


class TestStart:
    def test_the_first_is_accepted_and_the_rest_waits(self, world: World, queue: redis.Redis) -> None:
        outcome = begin(world)
        assert (outcome.status, outcome.accepted_operation) == ("accepted", READ)
        assert outcome.pending_operations == (OTHER, THIRD)
        assert outcome.run is not None
        run = row(outcome.run.id)
        assert (run.origin, run.chain_id, run.chain_step) == ("chain", outcome.chain_id, 1)
        assert states(outcome.chain_id) == ["queued", "pending", "pending"]
        assert queue.llen("runs") == 1

    def test_the_same_selection_joins_the_active_chain_in_any_order_and_for_anybody(
        self, world: World
    ) -> None:
        first = begin(world)
        again = begin(world, THIRD, READ, OTHER, person=world.manager)
        assert (again.status, again.chain_id, run_of(again)) == ("deduped", first.chain_id, run_of(first))
        assert (again.accepted_operation, again.pending_operations) == (None, (OTHER, THIRD))
        finish(current(first.chain_id))
        later = begin(world)
        assert (later.operation_type, later.pending_operations) == (OTHER, (THIRD,))
        assert Chain.objects.count() == 1

    @pytest.mark.parametrize("names", [(READ,), (READ, OTHER), (READ, OTHER, THIRD, NEEDY)], ids=str)
    def test_another_selection_is_busy(self, world: World, names: tuple[str, ...]) -> None:
        first = begin(world)
        outcome = begin(world, *names)
        assert (outcome.status, outcome.chain_id, run_of(outcome)) == ("scope_busy", None, run_of(first))

    def test_other_input_is_another_selection(self, world: World) -> None:
        begin(world)
        assert begin(world, data={READ: {"key": "some"}}).status == "scope_busy"

    @pytest.mark.parametrize("name", [READ, OTHER, WRITE])
    def test_busy_with_other_work_makes_no_chain(self, world: World, name: str) -> None:
        alone = start(name, world.tenant, world.operator)
        outcome = begin(world)
        assert (outcome.status, run_of(outcome)) == ("scope_busy", run_of(alone))
        assert Chain.objects.count() == 0

    def test_a_single_start_beside_a_chain_joins_its_step_or_is_busy(self, world: World) -> None:
        first = begin(world)
        assert run_of(start(READ, world.tenant, world.operator)) == run_of(first)
        assert start(OTHER, world.tenant, world.operator).status == "scope_busy"

    def test_what_is_blocked_is_recorded_and_the_next_is_tried(self, world: World) -> None:
        outcome = begin(world, NEEDY, READ, OTHER)
        assert (outcome.accepted_operation, outcome.pending_operations) == (READ, (OTHER,))
        view = chains.view(outcome.chain_id or 0)
        assert view is not None
        assert (view.steps[0].status, view.steps[0].reason_code) == ("blocked", "provider.permission_missing")
        assert view.steps[0].reason_facts == {"permissions": "Unheard.Of"}

    def test_all_blocked_is_blocked_for_the_first_reason_and_makes_no_chain(self, world: World) -> None:
        ProviderConnection.objects.update(enabled=False)
        outcome = begin(world, NEEDY, READ)
        assert (outcome.status, outcome.reason_code) == ("blocked", "provider.connection_disabled")
        assert (outcome.chain_id, outcome.run, Chain.objects.count()) == (None, None, 0)
        assert AuditEntry.objects.filter(action="start.blocked").count() == 1

    def test_without_a_connection_it_is_blocked(self, world: World) -> None:
        ProviderConnection.objects.update(is_default=False)
        assert begin(world).reason_code == "provider.connection_missing"

    def test_every_capability_is_asked_for_and_every_input_read_before_anything_is_written(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with pytest.raises(PermissionDenied):
            begin(world, person=world.readonly)
        with pytest.raises(InvalidInput):
            begin(world, data={OTHER: {"key": "wrong"}})
        assert (Chain.objects.count(), OperationRun.objects.count()) == (0, 0)

    @pytest.mark.parametrize("names", [(READ, READ), (WRITE,)], ids=str)
    def test_what_is_no_selection_is_a_bug(self, world: World, names: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match=r"once|reads"):
            begin(world, *names)

    def test_inside_somebodys_transaction_it_says_so(self, world: World) -> None:
        with pytest.raises(RuntimeError), transaction.atomic():
            begin(world)

    def test_the_same_key_gives_the_same_answer_and_another_payload_none(self, world: World) -> None:
        key = Key(world.operator.pk, "POST /bootstrap", "k", payload_hash({"a": 1}))
        first = chains.start(request(world, READ, OTHER), key=key)
        finish(current(first.chain_id))
        assert chains.start(request(world, READ, OTHER), key=key) == first
        other = Key(world.operator.pk, "POST /bootstrap", "k", payload_hash({"a": 2}))
        with pytest.raises(answers.KeyReused):
            chains.start(request(world, READ), key=other)
        assert Chain.objects.count() == 1


# How a step may end.
def finished(world: World, run_id: int) -> None:
    finish(run_id)


def failed(world: World, run_id: int) -> None:
    finish(run_id, RunOutcome.FAILED)


def cancelled_while_queued(world: World, run_id: int) -> None:
    assert transitions.cancel(run_id, world.operator.pk) == "ended"


def cancelled_while_running(world: World, run_id: int) -> None:
    claim = probes.claim(run_id)
    assert transitions.cancel(run_id, world.operator.pk) == "requested"
    assert transitions.finish(claim, ending(RunOutcome.CANCELLED))


def reaped(world: World, run_id: int) -> None:
    OperationRun.objects.filter(pk=run_id).update(attempt=3)
    transitions.claim(run_id, probes.WORKER)
    expire_lease(run_id)
    assert [run.outcome for run in transitions.reap([READ, OTHER, THIRD, NEEDY], [])] == ["failed"]


def force_released(world: World, run_id: int) -> None:
    probes.claim(run_id)
    transitions.cancel(run_id, world.operator.pk)
    OperationRun.objects.filter(pk=run_id).update(cancel_requested_at=probes.ago(61))
    assert transitions.force_release(run_id, world.owner.pk)


ENDS = [finished, failed, cancelled_while_queued, cancelled_while_running, reaped, force_released]
every_end = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)


class TestGoingOn:
    @every_end
    def test_every_end_of_a_step_admits_the_next(
        self,
        world: World,
        queue: redis.Redis,
        end: Callable[[World, int], None],
        django_capture_on_commit_callbacks: Any,
    ) -> None:
        chain_id = begin(world).chain_id
        queue.delete("runs")
        with django_capture_on_commit_callbacks(execute=True):
            end(world, current(chain_id))
        following = row(current(chain_id))
        assert (following.operation_type, following.chain_step, following.status) == (OTHER, 2, "queued")
        assert queue.llen("runs") == 1
        assert [event.kind for event in following.events.all()] == ["accepted"]

    def test_a_read_that_is_queued_again_is_no_end(self, world: World) -> None:
        chain_id = begin(world).chain_id
        run_id = current(chain_id)
        probes.claim(run_id)
        expire_lease(run_id)
        transitions.reap([READ], [])
        assert (current(chain_id), states(chain_id)) == (run_id, ["queued", "pending", "pending"])

    def test_the_last_end_completes_the_chain(self, world: World) -> None:
        chain_id = begin(world).chain_id
        for outcome in (RunOutcome.SUCCEEDED, RunOutcome.FAILED, RunOutcome.PARTIALLY_SUCCEEDED):
            finish(current(chain_id), outcome)
        view = chains.view(chain_id or 0)
        assert view is not None
        assert (view.state, view.completed_at is not None) == ("completed", True)
        assert states(chain_id) == ["succeeded", "failed", "partially_succeeded"]
        assert start(READ, world.tenant, world.operator).status == "accepted"

    def test_a_worker_walks_the_whole_chain(self, world: World) -> None:
        chain_id = begin(world).chain_id
        for _ in range(3):
            execution.execute(current(chain_id))
        assert states(chain_id) == ["succeeded"] * 3

    def test_a_step_that_is_blocked_meanwhile_is_recorded_and_the_next_is_tried(self, world: World) -> None:
        grant("Unheard.Of")
        chain_id = begin(world, READ, NEEDY, OTHER).chain_id
        grant(None)
        finish(current(chain_id))
        assert states(chain_id) == ["succeeded", "blocked", "queued"]
        entry = AuditEntry.objects.get(action="start.blocked")
        assert entry.facts["operation"] == NEEDY

    def test_all_the_rest_blocked_completes_the_chain(self, world: World) -> None:
        chain_id = begin(world).chain_id
        claim = probes.claim(current(chain_id))
        ProviderConnection.objects.update(enabled=False)
        transitions.finish(claim, ending())
        assert states(chain_id) == ["succeeded", "blocked", "blocked"]
        assert Chain.objects.get().state == "completed"

    @pytest.mark.parametrize("loss", ["role", "tenant", "account"])
    def test_lost_rights_stop_the_chain_with_the_reason(self, world: World, loss: str) -> None:
        chain_id = begin(world).chain_id
        run_id = current(chain_id)
        if loss == "role":
            entitle(world.operator, world.tenant, Role.READONLY)
        if loss == "tenant":
            entitlement_remove(tenant=world.tenant, user=world.operator)
        if loss == "account":
            User.objects.filter(pk=world.operator.pk).update(is_active=False)
        finish(run_id)
        view = chains.view(chain_id or 0)
        assert view is not None
        assert (view.state, view.reason_code) == ("stopped", "operation.rights_lost")
        assert view.reason_facts == {"person": "operator"}
        assert [step.status for step in view.steps] == ["admitted", "skipped", "skipped"]
        assert row(run_id).outcome == "succeeded"

    def test_nothing_slips_in_between(self, world: World) -> None:
        chain_id = begin(world).chain_id
        finish(current(chain_id))
        assert start(READ, world.tenant, world.operator).status == "scope_busy"
        assert begin(world, READ).status == "scope_busy"

    def test_a_fault_of_ours_stops_the_chain_and_not_the_end_of_the_step(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chain_id = begin(world).chain_id
        run_id = current(chain_id)

        def broken(*_: Any) -> None:
            raise ValueError("our fault")

        monkeypatch.setattr(gate, "not_ready", broken)
        finish(run_id)
        assert row(run_id).outcome == "succeeded"
        view = chains.view(chain_id or 0)
        assert view is not None
        assert (view.state, view.reason_code) == ("stopped", "operation.internal_error")

    def test_an_operation_that_is_gone_stops_the_chain(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chain_id = begin(world).chain_id
        monkeypatch.delitem(registry._types, OTHER)
        finish(current(chain_id))
        assert Chain.objects.get().state == "stopped"

    @pytest.mark.django_db(transaction=True)
    def test_an_end_that_does_not_go_on_is_refused_by_the_database(self, world: World) -> None:
        run_id = current(begin(world).chain_id)
        with pytest.raises(IntegrityError, match="nothing went on"), transaction.atomic():
            OperationRun.objects.filter(pk=run_id).update(
                status="completed", outcome="failed", completed_at=probes.now()
            )


class TestCancel:
    def test_what_waits_is_cancelled_and_what_is_queued_ends(self, world: World) -> None:
        chain_id = begin(world).chain_id
        assert chain_id is not None
        assert chains.cancel(chain_id, world.operator.pk) == "ended"
        assert states(chain_id) == ["cancelled", "cancelled", "cancelled"]
        chain = Chain.objects.get()
        assert (chain.state, chain.completed_at is not None) == ("cancelled", True)
        assert AuditEntry.objects.get(action="chain.cancelled").object_id == str(chain_id)
        assert start(THIRD, world.tenant, world.operator).status == "accepted"

    @pytest.mark.parametrize("step", [0, 1, 2])
    def test_what_runs_is_asked_to_stop_and_holds_until_it_does(self, world: World, step: int) -> None:
        chain_id = begin(world).chain_id
        assert chain_id is not None
        for _ in range(step):
            finish(current(chain_id))
        claim = probes.claim(current(chain_id))
        assert chains.cancel(chain_id, world.operator.pk) == "requested"
        assert Chain.objects.get().completed_at is None
        # No part of it is joined any more.
        assert begin(world).status == "scope_busy"
        transitions.finish(claim, ending(RunOutcome.CANCELLED))
        assert states(chain_id)[step:] == ["cancelled"] * (3 - step)
        assert Chain.objects.get().completed_at is not None
        assert OperationRun.objects.count() == step + 1

    def test_once_it_has_ended_there_is_nothing_to_cancel(self, world: World) -> None:
        chain_id = begin(world, READ).chain_id
        assert chain_id is not None
        finish(current(chain_id))
        assert chains.cancel(chain_id, world.operator.pk) is None

    def test_twice_changes_nothing(self, world: World) -> None:
        chain_id = begin(world).chain_id
        assert chain_id is not None
        probes.claim(current(chain_id))
        assert chains.cancel(chain_id, world.operator.pk) == "requested"
        assert chains.cancel(chain_id, world.operator.pk) is None
        assert RunEvent.objects.filter(kind="cancel_requested").count() == 1


@contextmanager
def breaking_off_at(number: int) -> Iterator[list[str]]:
    """Let the database go away at the ``number``-th statement; what it was is in the list."""
    seen: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append(sql)
        if len(seen) == number:
            raise OperationalError("the connection is gone")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield seen


@pytest.mark.django_db(transaction=True)
class TestBreakingOff:
    """Whatever statement is the last one that the database hears: both or neither."""

    @every_end
    def test_the_end_and_the_next_step_are_there_together_or_not_at_all(
        self, world: World, end: Callable[[World, int], None]
    ) -> None:
        broke = 0
        for number in range(1, 40):
            chain_id = begin(world).chain_id
            run_id = current(chain_id)
            try:
                with breaking_off_at(number) as seen:
                    end(world, run_id)
            except OperationalError:
                broke += 1
            whole = len(seen) < number
            self._both_or_neither(chain_id, run_id)
            assert chain_id is not None
            chains.cancel(chain_id, world.operator.pk)
            self._free()
            if whole:
                break
        assert whole
        assert broke > 5

    def _both_or_neither(self, chain_id: int | None, run_id: int) -> None:
        active = OperationRun.objects.filter(chain=chain_id).exclude(status="completed")
        assert active.count() == 1
        step = 2 if row(run_id).status == "completed" else 1
        assert active.get().chain_step == step
        assert states(chain_id)[step:] == ["pending"] * (3 - step)

    def _free(self) -> None:
        for run in OperationRun.objects.filter(status="running"):
            OperationRun.objects.filter(pk=run.pk).update(lease_until=probes.ago(1), attempt=3)
            transitions.reap([], [])

    def test_a_start_leaves_all_of_a_chain_or_nothing(self, world: World) -> None:
        asked = request(world, NEEDY, READ, OTHER)
        for number in range(1, 40):
            try:
                with breaking_off_at(number) as seen:
                    chains.start(asked)
            except OperationalError:
                assert (Chain.objects.count(), OperationRun.objects.count()) == (0, 0)
            if len(seen) < number:
                break
        assert number > 4
        assert states(Chain.objects.get().pk) == ["blocked", "queued", "pending"]

    def test_a_cancel_is_whole_or_nothing(self, world: World) -> None:
        chain_id = begin(world).chain_id
        assert chain_id is not None
        for number in range(1, 40):
            try:
                with breaking_off_at(number) as seen:
                    chains.cancel(chain_id, world.operator.pk)
            except OperationalError:
                assert states(chain_id) == ["queued", "pending", "pending"]
            if len(seen) < number:
                break
        assert states(chain_id) == ["cancelled"] * 3

    def test_a_worker_asks_a_database_that_went_away_again(self, world: World) -> None:
        chain_id = begin(world).chain_id
        claim = probes.claim(current(chain_id))
        calls = iter([3])

        def once() -> bool:
            with breaking_off_at(next(calls, 10**6)):
                return transitions.finish(claim, ending())

        assert execution._sure(once)
        assert states(chain_id) == ["succeeded", "queued", "pending"]


def test_the_newest_chain_of_a_reference_is_found(world: World) -> None:
    first = begin(world, READ)
    finish(current(first.chain_id))
    second = begin(world, OTHER)
    found = chains.latest("onboarding:1")
    assert found is not None
    assert (found.id, found.reference) == (second.chain_id, "onboarding:1")
    assert chains.latest("onboarding:2") is None
    assert chains.latest("") is None
    assert chains.view(10**9) is None


def test_an_outcome_survives_being_stored(world: World) -> None:
    outcome = begin(world)
    assert ChainOutcome.load(outcome.dump()) == outcome


def test_two_connections_have_chains_of_their_own(world: World) -> None:
    begin(world)
    second = make_connection(world.tenant, world.owner)
    target = target_for_tenant(world.operator.pk, world.tenant.slug, second.pk)
    assert target is not None
    both = [registry.get(READ), registry.get(OTHER)]
    assert chains.start(ChainStart(both, target, world.operator.pk)).status == "accepted"
    assert Chain.objects.count() == 2


def test_a_chain_waits_for_a_write_of_its_directory(world: World) -> None:
    assert registry.get(WRITE).access is Access.WRITE
    second = make_connection(world.tenant, world.owner)
    target = target_for_tenant(world.operator.pk, world.tenant.slug, second.pk)
    assert target is not None
    gate.start(gate.Start(registry.get(WRITE), target, world.operator.pk))
    outcome = begin(world)
    assert (outcome.status, outcome.reason_facts) == ("scope_busy", {"holder": WRITE, "scope": "directory"})
