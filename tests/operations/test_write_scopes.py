"""What a write has to itself: its connection, and its directory whichever connection or workspace looks at it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from operations import admission, execution, gate, registry, scopes, transitions
from operations.choices import Access, RunOutcome, StartStatus
from operations.context import RunContext, RunResult
from operations.gate import Start
from operations.models import OperationRun
from operations.outcomes import StartOutcome
from operations.params import InvalidInput, Params
from operations.scopes import Scope
from providers.models import ProviderConnection
from providers.readiness import Blocker
from providers.reasons import APPROVAL_REQUIRED
from providers.selectors import Target, target_for_connection
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_set
from tenantpilot.tenancy.models import User
from tests.conftest import World
from tests.factories import entitle, make_connection, make_tenant
from tests.operations import probes
from tests.operations.probes import OTHER, READ, WRITE, ending, expire_lease, row

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(world: World) -> ProviderConnection:
    """Another connection of the same tenant."""
    return make_connection(world.tenant, world.owner)


@pytest.fixture
def elsewhere(world: World) -> ProviderConnection:
    """A connection of another workspace to the same directory."""
    workspace = world.outsider.memberships.get().workspace
    tenant = make_tenant(workspace, "contoso-2", entra_tenant_id=world.tenant.entra_tenant_id)
    return make_connection(tenant, world.outsider)


def click(name: str, through: ProviderConnection, person: User, **data: Any) -> StartOutcome:
    target = target_for_connection(person.pk, through.pk)
    assert target is not None
    return gate.start(Start(registry.get(name), target, person.pk, data))


def accepted(outcome: StartOutcome) -> int:
    assert outcome.status == "accepted", outcome
    assert outcome.run is not None
    return outcome.run.id


def at_once(world: World, first: str, through: ProviderConnection, then: str, beside: Any) -> tuple[int, int]:
    """Admit two runs of one directory as if neither had seen the other."""
    one = accepted(click(first, through, world.owner))
    target = target_for_connection(world.owner.pk, beside.pk)
    assert target is not None
    scope = Scope.of(registry.get(then), target)
    insert = admission.insert

    def blind(new: admission.NewRun) -> admission.Admitted | None:
        return insert(replace(new, scope=replace(scope, entra_tenant_id=uuid4())))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "_held", lambda *_: None)
        patch.setattr(admission, "insert", blind)
        other = accepted(gate.start(Start(registry.get(then), target, world.owner.pk)))
    return one, other


def test_a_write_holds_its_connection_and_its_directory(world: World) -> None:
    run = row(accepted(click(WRITE, world.connection, world.operator)))
    assert run.scope_key == f"connection:{world.connection.pk}"
    assert run.directory_key == f"directory:{world.tenant.entra_tenant_id}"
    assert row(accepted(click(READ, make_connection(make_tenant(world.workspace), world.owner), world.owner)))


def test_a_read_names_no_directory(world: World) -> None:
    assert row(accepted(click(READ, world.connection, world.operator))).directory_key is None


@pytest.mark.parametrize("name", [READ, WRITE])
def test_beside_a_write_another_connection_of_the_tenant_is_busy_or_joins(
    world: World, second: ProviderConnection, name: str
) -> None:
    run_id = accepted(click(WRITE, world.connection, world.operator))
    outcome = click(name, second, world.operator)
    assert outcome.status == ("deduped" if name == WRITE else "scope_busy")
    assert outcome.run is not None
    assert outcome.run.id == run_id
    if name == READ:
        assert outcome.reason_facts == {"holder": WRITE, "scope": "directory"}


@pytest.mark.parametrize("name", [READ, WRITE])
def test_beside_a_write_of_another_workspace_there_is_another_operation_and_no_more(
    world: World, elsewhere: ProviderConnection, name: str
) -> None:
    run_id = accepted(click(WRITE, world.connection, world.operator))
    outcome = click(name, elsewhere, world.outsider)
    assert (outcome.status, outcome.run) == ("scope_busy", None)
    assert outcome.reason_facts == {"holder": "", "scope": "directory"}
    assert str(run_id) not in str(outcome.dump())


def test_who_belongs_to_both_workspaces_sees_who_is_in_the_way(
    world: World, elsewhere: ProviderConnection
) -> None:
    membership_set(workspace=world.workspace, user=world.outsider, role=Role.READONLY, all_tenants=False)
    entitle(world.outsider, world.tenant, Role.READONLY)
    run_id = accepted(click(WRITE, world.connection, world.operator))
    outcome = click(READ, elsewhere, world.outsider)
    assert outcome.run is not None
    assert (outcome.status, outcome.run.id) == ("scope_busy", run_id)


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_write_waits_for_the_reads_of_its_directory(
    world: World, second: ProviderConnection, elsewhere: ProviderConnection, state: str
) -> None:
    run_id = accepted(click(READ, second, world.operator))
    if state == "running":
        probes.claim(run_id)
    outcome = click(WRITE, world.connection, world.operator)
    assert outcome.run is not None
    assert (outcome.status, outcome.run.id) == ("scope_busy", run_id)
    foreign = click(WRITE, elsewhere, world.outsider)
    assert (foreign.status, foreign.run) == ("scope_busy", None)


def test_reads_of_one_directory_never_wait_for_each_other(
    world: World, second: ProviderConnection, elsewhere: ProviderConnection
) -> None:
    for through, person in ((world.connection, world.operator), (second, world.operator)):
        accepted(click(READ, through, person))
    accepted(click(OTHER, elsewhere, world.outsider))


def test_other_directories_are_free(world: World) -> None:
    accepted(click(WRITE, world.connection, world.operator))
    far = make_connection(make_tenant(world.workspace), world.owner)
    accepted(click(WRITE, far, world.owner))


@pytest.mark.parametrize("way", ["finish", "cancel", "force_release", "lost"])
def test_every_end_of_a_write_frees_both(world: World, elsewhere: ProviderConnection, way: str) -> None:
    run_id = accepted(click(WRITE, world.connection, world.operator))
    if way != "cancel":
        claim = probes.claim(run_id)
    if way == "finish":
        transitions.finish(claim, ending(RunOutcome.FAILED))
    if way in {"cancel", "force_release"}:
        transitions.cancel(run_id, world.operator.pk)
    if way == "force_release":
        OperationRun.objects.filter(pk=run_id).update(cancel_requested_at=probes.ago(61))
        assert transitions.force_release(run_id, world.owner.pk)
    if way == "lost":
        expire_lease(run_id)
        transitions.reap([READ, OTHER], [])
    assert row(run_id).status == "completed"
    read = accepted(click(READ, world.connection, world.operator))
    transitions.cancel(read, world.operator.pk)
    accepted(click(WRITE, elsewhere, world.outsider))


@pytest.mark.parametrize("names", [(WRITE, WRITE), (WRITE, READ), (READ, WRITE)], ids=" then ".join)
def test_the_database_alone_refuses_what_the_first_look_did_not_see(
    world: World, elsewhere: ProviderConnection, monkeypatch: pytest.MonkeyPatch, names: Sequence[str]
) -> None:
    accepted(click(names[0], world.connection, world.operator))
    monkeypatch.setattr(gate, "_held", lambda *_: None)
    outcome = click(names[1], elsewhere, world.outsider)
    assert (outcome.status, outcome.run) == ("scope_busy", None)
    assert OperationRun.objects.count() == 1


def test_a_second_active_write_of_a_directory_cannot_exist(
    world: World, elsewhere: ProviderConnection
) -> None:
    run = row(accepted(click(WRITE, world.connection, world.operator)))
    run.pk, run.scope_key, run._state.adding = None, f"connection:{elsewhere.pk}", True
    with pytest.raises(IntegrityError, match="one_active_write_per_directory"), transaction.atomic():
        run.save()


def test_the_directory_of_a_run_never_changes(world: World) -> None:
    run_id = accepted(click(WRITE, world.connection, world.operator))
    for change in (None, f"directory:{uuid4()}"):
        with pytest.raises(IntegrityError, match="never change"), transaction.atomic():
            OperationRun.objects.filter(pk=run_id).update(directory_key=change)


class TestAdmittedInTheSameInstant:
    """Neither saw the other: the claim decides."""

    def test_the_read_ends_before_it_reads_and_the_write_goes_on(
        self, world: World, second: ProviderConnection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, read = at_once(world, WRITE, world.connection, READ, second)
        assert transitions.claim(write, "host:1:1") is None, "a read is active beside it"

        def work(run: RunContext, params: Params) -> RunResult:
            raise AssertionError("It must not read.")

        probes.declare(monkeypatch, READ, work)
        execution.execute(read)
        assert (row(read).outcome, row(read).reason_code) == ("blocked", "operation.directory_busy")
        assert probes.claim(write).beside_write is False

    def test_a_read_that_runs_already_is_waited_for(self, world: World, second: ProviderConnection) -> None:
        read = accepted(click(READ, second, world.operator))
        claim = probes.claim(read)
        assert claim.beside_write is False
        monkey = pytest.MonkeyPatch()
        monkey.setattr(gate, "_held", lambda *_: None)
        monkey.setattr(
            admission, "_WRITE", admission._WRITE.replace("WHERE NOT EXISTS", "WHERE true OR NOT EXISTS")
        )
        write = accepted(click(WRITE, world.connection, world.operator))
        monkey.undo()
        assert transitions.claim(write, "host:1:1") is None
        transitions.finish(claim, ending())
        probes.claim(write)

    def test_a_read_of_another_directory_is_nothing_to_wait_for(self, world: World) -> None:
        far = make_connection(make_tenant(world.workspace), world.owner)
        claim = probes.claim(accepted(click(READ, far, world.owner)))
        probes.claim(accepted(click(WRITE, world.connection, world.operator)))
        assert claim.beside_write is False


def test_a_start_beside_three_thousand_active_runs_reads_a_handful_of_rows(world: World) -> None:
    """The looks go by key, whatever else is active."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO operations_operationrun (tenant_id, connection_id, operation_type, op_key, identity,"
            " scope_key, directory_key, params, origin)"
            " SELECT %s, %s, 'old', '', '{}', 'other:' || n, CASE WHEN n %% 3 = 0 THEN 'other:' || n END, '{}',"
            " 'system' FROM generate_series(1, 3000) n",
            [world.tenant.pk, world.connection.pk],
        )
        cursor.execute("ANALYZE operations_operationrun")
        values = Scope(f"connection:{world.connection.pk}", uuid4(), write=False).values()
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS OFF) " + scopes._BESIDE_READ, values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert plan.count("Index Scan") >= 2, plan
    assert "Seq Scan on operations_operationrun" not in plan
    assert "Rows Removed" not in plan


class TestHooks:
    """What an operation type may add to the gate's questions."""

    def declare(self, monkeypatch: pytest.MonkeyPatch, **more: Any) -> None:
        kind = replace(registry.get(WRITE), **more)
        monkeypatch.setitem(registry._types, WRITE, kind)

    def test_what_it_binds_counts_as_sameness(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        plans = iter(["plan-1", "plan-1", "plan-2"])
        self.declare(monkeypatch, bind=lambda params, target: replace(params, key=next(plans)))
        run_id = accepted(click(WRITE, world.connection, world.operator, key="sent"))
        assert row(run_id).params == {"key": "plan-1"}
        answers = [click(WRITE, world.connection, world.operator).status for _ in range(2)]
        assert answers == [StartStatus.DEDUPED, StartStatus.SCOPE_BUSY]

    def test_what_it_can_not_bind_is_wrong_input(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        def bind(params: Params, target: Target) -> Params:
            raise InvalidInput({"restoreRun": "There is no such restore run."})

        self.declare(monkeypatch, bind=bind)
        with pytest.raises(InvalidInput, match="no such restore run"):
            click(WRITE, world.connection, world.operator)

    def test_its_own_blockers_stand_after_readiness(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.declare(
            monkeypatch, blockers=lambda target, params: [Blocker(APPROVAL_REQUIRED, {"key": params.key})]
        )
        blocked = click(WRITE, world.connection, world.operator, key="a")
        assert (blocked.reason_code, blocked.reason_facts) == ("provider.approval_required", {"key": "a"})
        ProviderConnection.objects.update(enabled=False)
        blocked = click(WRITE, world.connection, world.operator)
        assert blocked.blockers == ("provider.connection_disabled", "provider.approval_required")

    def test_its_own_blockers_are_asked_once_more_before_it_works(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = iter([[], [Blocker(APPROVAL_REQUIRED)]])
        self.declare(monkeypatch, blockers=lambda target, params: next(answers))
        run_id = accepted(click(WRITE, world.connection, world.operator))
        execution.execute(run_id)
        assert (row(run_id).outcome, row(run_id).reason_code) == ("blocked", "provider.approval_required")


def test_a_write_that_broke_off_is_never_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(run: RunContext, params: Params) -> RunResult:
        raise OperationalError("gone")

    probes.declare(monkeypatch, WRITE, work, access=Access.WRITE)
    run_id = accepted(click(WRITE, world.connection, world.operator))
    execution.execute(run_id)
    assert (row(run_id).status, row(run_id).outcome) == ("completed", "failed")
