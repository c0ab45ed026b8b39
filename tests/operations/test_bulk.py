"""Many starts at once: one outcome each, by the rules of one, in a few statements."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from operations import admission, broker, bulk, gate, registry, relay
from operations.gate import Start
from operations.models import OperationRun, RunEvent
from operations.outcomes import StartOutcome
from operations.params import InvalidInput
from providers.models import ProviderConnection
from providers.selectors import Target, targets_for_tenants
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant, User
from tests.conftest import World
from tests.factories import entitle, make_connection, make_ready, make_tenant, start
from tests.operations.probes import OTHER, READ, WRITE

pytestmark = pytest.mark.django_db


@pytest.fixture
def tenants(world: World) -> list[Tenant]:
    """Five tenants that everything can start on."""
    made = [make_tenant(world.workspace, f"customer-{number}") for number in range(5)]
    for tenant in made:
        make_connection(tenant, world.owner)
    return made


def targets(person: User, tenants: Sequence[Tenant]) -> list[Target]:
    return targets_for_tenants(person.pk, [tenant.slug for tenant in tenants])


def begin(person: User, tenants: Sequence[Tenant], name: str = READ, **data: Any) -> list[StartOutcome]:
    return bulk.start_many(registry.get(name), targets(person, tenants), person.pk, data=data)


def statuses(outcomes: Sequence[StartOutcome]) -> list[str]:
    return [outcome.status.value for outcome in outcomes]


def test_each_tenant_gets_a_run_with_its_first_event(world: World, tenants: list[Tenant]) -> None:
    outcomes = begin(world.owner, tenants, key="some")
    assert statuses(outcomes) == ["accepted"] * 5
    assert [outcome.tenant["slug"] for outcome in outcomes] == [tenant.slug for tenant in tenants]
    for outcome, tenant in zip(outcomes, tenants, strict=True):
        assert outcome.run is not None
        run = OperationRun.objects.get(pk=outcome.run.id)
        assert (run.tenant_id, run.origin, run.params) == (tenant.pk, "bulk", {"key": "some"})
        event = RunEvent.objects.get(run=run)
        assert (event.kind, event.actor_id, event.data["consent"]) == ("accepted", world.owner.pk, "granted")


def test_it_answers_what_single_clicks_would(world: World, tenants: list[Tenant]) -> None:
    same, busy, disabled, missing, free = tenants
    start(READ, same, world.owner)
    start(OTHER, busy, world.owner)
    ProviderConnection.objects.filter(tenant=disabled).update(enabled=False)
    ProviderConnection.objects.filter(tenant=missing).update(is_default=False)
    asked = [
        gate.refusal(Start(registry.get(READ), target, world.owner.pk))
        for target in targets(world.owner, tenants)
    ]
    outcomes = begin(world.owner, tenants)
    assert statuses(outcomes) == ["deduped", "scope_busy", "blocked", "blocked", "accepted"]
    assert outcomes[:4] == asked[:4]
    blocked = AuditEntry.objects.filter(action="start.blocked").order_by("pk")
    assert [(entry.tenant_id, entry.reason_code) for entry in blocked] == [
        (disabled.pk, "provider.connection_disabled"),
        (missing.pk, "provider.connection_missing"),
    ]
    assert OperationRun.objects.filter(tenant=free).count() == 1


def test_a_write_in_a_directory_is_in_the_way_here_too(world: World, tenants: list[Tenant]) -> None:
    workspace = world.outsider.memberships.get().workspace
    there = make_tenant(workspace, "theirs", entra_tenant_id=tenants[0].entra_tenant_id)
    make_connection(there, world.outsider)
    start(WRITE, there, world.outsider)
    outcomes = begin(world.owner, tenants)
    assert statuses(outcomes) == ["scope_busy"] + ["accepted"] * 4
    assert (outcomes[0].run, outcomes[0].reason_facts) == (None, {"holder": "", "scope": "directory"})


def test_without_the_right_on_one_that_one_is_refused_and_the_others_go_on(
    world: World, tenants: list[Tenant]
) -> None:
    entitle(world.operator, tenants[0], Role.READONLY)
    entitle(world.operator, tenants[1], Role.OPERATOR)
    outcomes = begin(world.operator, tenants[:2])
    assert statuses(outcomes) == ["blocked", "accepted"]
    assert outcomes[0].reason_code == "operation.not_permitted"


def test_a_tenant_that_is_named_twice_joins_itself(world: World, tenants: list[Tenant]) -> None:
    (target,) = targets(world.owner, tenants[:1])
    outcomes = bulk.start_many(registry.get(READ), [target, target], world.owner.pk)
    assert statuses(outcomes) == ["accepted", "deduped"]
    assert outcomes[0].run is not None
    assert outcomes[1].run is not None
    assert outcomes[0].run.id == outcomes[1].run.id


def test_a_lost_race_becomes_a_second_look(
    world: World, tenants: list[Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    insert_many = admission.insert_many

    def beaten(new: Sequence[admission.NewRun]) -> list[admission.Admitted | None]:
        monkeypatch.setattr(admission, "insert_many", insert_many)
        start(OTHER, tenants[2], world.owner)
        return insert_many(new)

    monkeypatch.setattr(admission, "insert_many", beaten)
    assert statuses(begin(world.owner, tenants)) == ["accepted"] * 2 + ["scope_busy"] + ["accepted"] * 2


def test_wrong_input_and_writes_start_nothing(world: World, tenants: list[Tenant]) -> None:
    with pytest.raises(InvalidInput):
        begin(world.owner, tenants, key="wrong")
    with pytest.raises(ValueError, match="on its own"):
        begin(world.owner, tenants, WRITE)
    assert OperationRun.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_inside_somebodys_transaction_it_says_so(world: World, tenants: list[Tenant]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        begin(world.owner, tenants)


def test_a_thousand_tenants_take_a_handful_of_statements(world: World) -> None:
    connections = _many(world, 1000)
    slugs = [each.tenant.slug for each in connections]
    with CaptureQueriesContext(connection) as queries:
        found = targets_for_tenants(world.owner.pk, slugs)
    assert (len(queries), len(found)) == (1, 1000)
    with CaptureQueriesContext(connection) as queries:
        outcomes = bulk.start_many(registry.get(READ), found, world.owner.pk)
    written = [
        query["sql"]
        for query in queries
        if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
    ]
    assert Counter(statuses(outcomes)) == Counter(accepted=900, blocked=100)
    # Who is in the way, runs with their events, the refusals.
    assert len(written) == 3, [sql[:80] for sql in written]
    with CaptureQueriesContext(connection) as queries:
        again = bulk.start_many(registry.get(READ), found, world.owner.pk)
    assert Counter(statuses(again)) == Counter(deduped=900, blocked=100)
    assert len(queries) <= 6


def _many(world: World, count: int) -> list[ProviderConnection]:
    """As many ready tenants, a tenth of them disabled."""
    model = make_ready(make_connection(world.tenant, world.owner))
    facts = {
        field.attname: getattr(model, field.attname)
        for field in ProviderConnection._meta.concrete_fields
        if field.attname not in {"id", "tenant_id", "enabled", "is_default"}
    }
    tenants = Tenant.objects.bulk_create(
        Tenant(
            workspace=world.workspace,
            name=f"N {n}",
            slug=f"n-{n}",
            entra_tenant_id=f"{n:032x}",
            primary_domain="x",
        )
        for n in range(count)
    )
    return ProviderConnection.objects.bulk_create(
        ProviderConnection(tenant=tenant, is_default=True, enabled=n % 10 != 0, **facts)
        for n, tenant in enumerate(tenants)
    )


def test_the_relay_offers_them_at_once_and_all_of_them(
    world: World, tenants: list[Tenant], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[int] = []
    monkeypatch.setattr(broker, "publish", lambda run_id, operation_type: not sent.append(run_id))
    monkeypatch.setattr(broker, "waiting", lambda: 1)
    monkeypatch.setattr(relay, "BATCH", 2)
    monkeypatch.setattr(relay, "_DUE", relay._DUE.replace("LIMIT 200", "LIMIT 2"))
    begin(world.owner, tenants)
    assert sent == []
    relay.offer_all()
    assert len(set(sent)) == 5
