"""The gate's four answers, the order of its questions, and what each answer writes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from operations import admission, gate, metrics, registry, transitions
from operations.choices import RunOutcome
from operations.gate import Start
from operations.models import OperationRun, RunEvent, Worker
from operations.params import InvalidInput
from providers.choices import ConsentState, CredentialState
from providers.models import AppRegistration, ProviderConnection
from providers.selectors import Target, target_for_tenant
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import Tenant
from tests.conftest import World
from tests.factories import make_connection, make_tenant, start
from tests.operations import probes
from tests.operations.probes import OTHER, READ

pytestmark = pytest.mark.django_db


def target(world: World, **kwargs: Any) -> Target:
    found = target_for_tenant(world.operator.pk, world.tenant.slug, **kwargs)
    assert found is not None
    return found


def request(world: World, name: str = READ, **more: Any) -> Start:
    return Start(registry.get(name), more.pop("target", None) or target(world), world.operator.pk, **more)


def change(world: World, **facts: Any) -> None:
    ProviderConnection.objects.filter(pk=world.connection.pk).update(**facts)


def archive(world: World) -> None:
    Tenant.objects.filter(pk=world.tenant.pk).update(archived_at=timezone.now())


def disconnect(world: World) -> None:
    change(world, is_default=False)


def disable(world: World) -> None:
    change(world, enabled=False)


def forget_credential(world: World) -> None:
    AppRegistration.objects.filter(connections=world.connection).update(credential_encrypted="")


def expire_credential(world: World) -> None:
    AppRegistration.objects.filter(connections=world.connection).update(
        credential_expires_at=timezone.now() - timedelta(seconds=1)
    )


def refuse_credential(world: World) -> None:
    change(world, credential_state=CredentialState.INVALID)


def lose_tenant(world: World) -> None:
    change(world, fault_code="provider.tenant_not_found")


def revoke_consent(world: World) -> None:
    change(world, consent_state=ConsentState.REVOKED)


def unverify(world: World) -> None:
    change(world, verified_at=None)


def throttle(world: World) -> None:
    change(world, throttled_until=timezone.now() + timedelta(minutes=3))


def withdraw_permission(world: World) -> None:
    change(world, granted_permissions=["DeviceManagementApps.Read.All"])


def need_approval(world: World) -> None:
    change(world, fault_code="provider.approval_required")


def age_facts(world: World) -> None:
    change(world, permissions_observed_at=timezone.now() - timedelta(days=8))


# What is wrong, by precedence. Each stands before all that follow it.
PRECEDENCE: list[tuple[Callable[[World], None], str]] = [
    (archive, "tenant.archived"),
    (disable, "provider.connection_disabled"),
    (forget_credential, "provider.credential_missing"),
    (expire_credential, "provider.credential_expired"),
    (refuse_credential, "provider.credential_invalid"),
    (lose_tenant, "provider.tenant_not_found"),
    (revoke_consent, "provider.consent_revoked"),
    (unverify, "provider.connection_unverified"),
    (throttle, "provider.throttled"),
    (withdraw_permission, "provider.permission_missing"),
    (need_approval, "provider.approval_required"),
    (age_facts, "provider.facts_stale"),
]


@pytest.mark.parametrize(("wrong", "code"), PRECEDENCE, ids=[code for _, code in PRECEDENCE])
def test_what_is_wrong_alone_is_the_reason(world: World, wrong: Callable[[World], None], code: str) -> None:
    wrong(world)
    outcome = start(READ, world.tenant, world.operator)
    assert (outcome.status, outcome.reason_code, outcome.run) == ("blocked", code, None)


@pytest.mark.parametrize("first", range(len(PRECEDENCE) - 1))
def test_the_first_reason_stands_before_the_next(world: World, first: int) -> None:
    (wrong, code), (worse, other) = PRECEDENCE[first], PRECEDENCE[first + 1]
    worse(world)
    wrong(world)
    outcome = start(READ, world.tenant, world.operator)
    assert outcome.reason_code == code
    # Some say all there is to say: nothing more is known of a credential that is missing or has expired.
    if code not in {"tenant.archived", "provider.credential_missing", "provider.credential_expired"}:
        assert outcome.blockers[:2] == (code, other)


def test_capability_is_asked_before_input_and_input_before_everything_else(world: World) -> None:
    disconnect(world)
    with pytest.raises(InvalidInput):
        start(READ, world.tenant, world.operator, key="wrong")
    with pytest.raises(PermissionDenied):
        start(READ, world.tenant, world.readonly, key="wrong")


def test_an_unknown_operation_is_a_bug_not_an_answer(world: World) -> None:
    with pytest.raises(registry.UnknownOperation):
        start("probe.unheard_of", world.tenant, world.operator)


def test_a_second_click_finds_its_run_even_when_consent_is_gone_meanwhile(world: World, run_id: int) -> None:
    revoke_consent(world)
    outcome = start(READ, world.tenant, world.operator)
    assert (outcome.status, outcome.run and outcome.run.id) == ("deduped", run_id)
    assert start(OTHER, world.tenant, world.operator).status == "scope_busy"


def test_a_disabled_default_is_no_reason_to_take_another_connection(world: World) -> None:
    make_connection(world.tenant, world.owner)
    disable(world)
    outcome = start(READ, world.tenant, world.operator)
    assert outcome.reason_code == "provider.connection_disabled"
    assert outcome.connection is not None
    assert outcome.connection["id"] == world.connection.pk


def test_a_tenant_without_default_connection_is_blocked_before_anything_is_looked_up(world: World) -> None:
    disconnect(world)
    outcome = start(READ, world.tenant, world.operator)
    assert outcome.status == "blocked"
    assert outcome.blockers == ("provider.connection_missing",)
    assert outcome.connection is None


@pytest.mark.parametrize("wanted", [0, -1, 2**63, 10**30, "other"])
def test_connections_that_are_not_this_tenants_are_all_missing_alike(world: World, wanted: Any) -> None:
    if wanted == "other":
        wanted = make_connection(make_tenant(world.workspace), world.owner).pk
    missing = gate.start(request(world, target=target(world, connection_id=wanted)))
    absent = gate.start(request(world, target=target(world, connection_id=987_654_321)))
    assert missing == absent
    assert missing.reason_code == "provider.connection_missing"


def test_a_ready_connection_accepts_and_writes_run_and_first_event_together(world: World) -> None:
    outcome = start(READ, world.tenant, world.operator, key="some")
    assert outcome.status == "accepted"
    assert outcome.run is not None
    run = OperationRun.objects.get()
    assert (run.pk, run.status, run.outcome, run.attempt, run.fence) == (
        outcome.run.id,
        "queued",
        None,
        0,
        None,
    )
    assert (run.identity, run.params) == ({"key": "some"}, {"key": "some"})
    event = RunEvent.objects.get()
    assert (event.run_id, event.seq, event.kind, event.actor_id) == (run.pk, 1, "accepted", world.operator.pk)
    assert event.data["consent"] == "granted"


def test_accepted_puts_one_message_with_nothing_but_id_and_type(world: World, queue: redis.Redis) -> None:
    outcome = start(READ, world.tenant, world.operator, key="secret-looking")
    assert queue.llen("runs") == 1
    message = queue.lindex("runs", 0)
    assert b"secret-looking" not in message
    assert outcome.run is not None


def test_no_worker_seen_lately_is_a_warning_and_no_refusal(world: World) -> None:
    assert start(READ, world.tenant, world.operator).reason_code == "operation.worker_unavailable"
    run = OperationRun.objects.get()
    transitions.cancel(run.pk, world.operator.pk)
    Worker.objects.create(name="host:1", seen_at=probes.now())
    assert start(READ, world.tenant, world.operator).reason_code == ""
    Worker.objects.update(seen_at=probes.ago(61))
    transitions.cancel(OperationRun.objects.latest("pk").pk, world.operator.pk)
    assert start(READ, world.tenant, world.operator).reason_code == "operation.worker_unavailable"


@pytest.mark.parametrize("state", ["queued", "running", "waiting for a retry"])
def test_same_work_is_deduped_and_other_work_busy_in_every_active_state(
    world: World, run_id: int, state: str
) -> None:
    if state != "queued":
        claim = probes.claim(run_id)
    if state == "waiting for a retry":
        transitions.retry_later(claim, probes.ending(RunOutcome.FAILED), delay=300)
    same = start(READ, world.tenant, world.operator)
    other = start(OTHER, world.tenant, world.operator)
    differently = start(READ, world.tenant, world.operator, key="some")
    assert (same.status, same.reason_code) == ("deduped", "operation.already_running")
    assert [other.status, differently.status] == ["scope_busy", "scope_busy"]
    assert {outcome.run.id for outcome in (same, other, differently) if outcome.run} == {run_id}
    assert other.reason_facts == {"holder": READ}


@pytest.mark.parametrize("state", ["queued", "running", "waiting for a retry"])
def test_the_database_alone_refuses_a_second_run_in_every_active_state(
    world: World, run_id: int, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if state != "queued":
        claim = probes.claim(run_id)
    if state == "waiting for a retry":
        transitions.retry_later(claim, probes.ending(RunOutcome.FAILED), delay=300)
    held = gate._held
    looks = iter([lambda *_: None])
    monkeypatch.setattr(gate, "_held", lambda *asked: next(looks, held)(*asked))
    assert start(OTHER, world.tenant, world.operator).status == "scope_busy"
    assert OperationRun.objects.count() == 1


def test_an_ended_run_frees_its_scope(world: World, run_id: int) -> None:
    transitions.finish(probes.claim(run_id), probes.ending())
    assert start(OTHER, world.tenant, world.operator).status == "accepted"


def test_two_connections_of_a_tenant_do_not_stand_in_each_others_way(world: World, run_id: int) -> None:
    second = make_connection(world.tenant, world.owner)
    outcome = gate.start(request(world, target=target(world, connection_id=second.pk)))
    assert outcome.status == "accepted"


def test_person_surface_and_origin_never_count_as_other_work(world: World, run_id: int) -> None:
    found = target_for_tenant(world.manager.pk, world.tenant.slug)
    assert found is not None
    again = Start(registry.get(READ), found, world.manager.pk, {}, surface="somewhere_else")
    assert gate.start(again).status == "deduped"


def test_a_holder_that_the_reader_may_not_see_has_no_name_and_no_id(world: World, run_id: int) -> None:
    seen = target(world)
    blind = replace(seen, capabilities=seen.capabilities - {Capability.VIEW_RUN})
    for name, status in ((READ, "deduped"), (OTHER, "scope_busy")):
        outcome = gate.start(request(world, name, target=blind))
        assert (outcome.status, outcome.run) == (status, None)
        assert str(run_id) not in str(outcome.reason_facts)
        assert READ not in str(outcome.reason_facts)


def test_deduped_and_busy_write_nothing_at_all(
    world: World, run_id: int, django_assert_num_queries: Any
) -> None:
    same, other = request(world), request(world, OTHER)
    with django_assert_num_queries(1) as one:
        gate.start(same)
    with django_assert_num_queries(1):
        gate.start(other)
    assert one.captured_queries[0]["sql"].lstrip().startswith("SELECT")
    assert AuditEntry.objects.filter(action="start.blocked").count() == 0


def test_every_answer_is_counted(world: World) -> None:
    def counted(outcome: str, reason: str) -> float:
        return float(metrics.START_ANSWERS.labels(READ, outcome, reason)._value.get())

    before = counted("deduped", "operation.already_running")
    start(READ, world.tenant, world.operator)
    start(READ, world.tenant, world.operator)
    assert counted("deduped", "operation.already_running") == before + 1


def test_blocked_writes_who_asked_for_what_and_why_not(world: World) -> None:
    revoke_consent(world)
    gate.start(request(world, surface="tenant_page"))
    entry = AuditEntry.objects.get(action="start.blocked")
    assert (entry.actor_id, entry.tenant_id, entry.surface) == (
        world.operator.pk,
        world.tenant.pk,
        "tenant_page",
    )
    assert entry.reason_code == "provider.consent_revoked"
    assert (entry.facts["operation"], entry.facts["consent"]) == (READ, "revoked")
    assert OperationRun.objects.count() == 0


@pytest.mark.parametrize("wrong", [None, revoke_consent, disconnect])
def test_asking_without_starting_gives_the_clicks_own_answer_and_writes_nothing(
    world: World, wrong: Callable[[World], None] | None
) -> None:
    if wrong:
        wrong(world)
    audited = AuditEntry.objects.count()
    asked = gate.refusal(request(world))
    assert (OperationRun.objects.count(), AuditEntry.objects.count()) == (0, audited)
    clicked = gate.start(request(world))
    assert asked == (clicked if wrong else None)


def test_asking_without_starting_names_the_holder_too(world: World, run_id: int) -> None:
    assert gate.refusal(request(world)) == gate.start(request(world))
    assert gate.refusal(request(world, OTHER)) == gate.start(request(world, OTHER))


def test_a_lost_race_becomes_a_second_look(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = admission.insert

    def beaten(new: admission.NewRun) -> admission.Admitted | None:
        monkeypatch.setattr(admission, "insert", insert)
        insert(replace(new, initiator_id=world.owner.pk))
        return insert(new)

    monkeypatch.setattr(admission, "insert", beaten)
    outcome = start(READ, world.tenant, world.operator)
    assert (outcome.status, OperationRun.objects.count()) == ("deduped", 1)


def test_holders_that_come_and_go_on_every_turn_end_in_busy_without_a_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []
    monkeypatch.setattr(admission, "insert", turns.append)
    outcome = start(READ, world.tenant, world.operator)
    assert (outcome.status, outcome.run, len(turns)) == ("scope_busy", None, gate.TURNS)


def test_an_outcome_survives_being_stored(world: World, run_id: int) -> None:
    outcome = start(OTHER, world.tenant, world.operator)
    assert type(outcome).load(outcome.dump()) == outcome


@pytest.mark.django_db(transaction=True)
def test_a_start_inside_somebodys_transaction_is_a_bug_that_says_so(world: World) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        start(READ, world.tenant, world.operator)
    assert OperationRun.objects.count() == 0
