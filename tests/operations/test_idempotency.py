"""Idempotency keys: the same key, the same answer."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.core.exceptions import PermissionDenied
from django.db import connection

from operations import answers, gate, registry, transitions
from operations.answers import Key, KeyReused, payload_hash
from operations.gate import Start
from operations.models import OperationRun, StartAnswer
from operations.outcomes import StartOutcome
from operations.params import InvalidInput
from providers.models import ProviderConnection
from providers.selectors import target_for_tenant
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.models import User
from tests.conftest import World
from tests.operations import probes
from tests.operations.probes import OTHER, READ

pytestmark = pytest.mark.django_db


def start(
    world: World, name: str = READ, *, value: str = "k-1", actor: User | None = None, **data: Any
) -> StartOutcome:
    who = actor or world.operator
    target = target_for_tenant(who.pk, world.tenant.slug)
    assert target is not None
    key = Key(who.pk, f"POST /start/{name}", value, payload_hash(data))
    return gate.start(Start(registry.get(name), target, who.pk, data), key=key)


def test_a_retry_of_the_network_gets_the_first_answer_and_run_even_after_its_end(
    world: World, queue: redis.Redis
) -> None:
    first = start(world)
    assert first.run is not None
    transitions.finish(probes.claim(first.run.id), probes.ending())
    assert start(world) == first
    assert (OperationRun.objects.count(), queue.llen("runs")) == (1, 1)


def test_every_outcome_is_kept(world: World) -> None:
    accepted = start(world)
    assert accepted.run is not None
    deduped, busy = start(world, value="k-2"), start(world, OTHER)
    assert (deduped.status, busy.status) == ("deduped", "scope_busy")
    transitions.cancel(accepted.run.id, world.operator.pk)
    ProviderConnection.objects.update(enabled=False)
    blocked = start(world, value="k-3")
    ProviderConnection.objects.update(enabled=True)
    assert [start(world, value="k-2"), start(world, OTHER), start(world, value="k-3")] == [
        deduped,
        busy,
        blocked,
    ]
    assert AuditEntry.objects.filter(action="start.blocked").count() == 1
    assert OperationRun.objects.count() == 1


def test_another_payload_under_the_same_key_is_refused_and_starts_nothing(world: World) -> None:
    start(world, key="one")
    with pytest.raises(KeyReused):
        start(world, key="two")
    assert OperationRun.objects.count() == 1


def test_the_payload_is_the_same_in_any_order_of_its_keys() -> None:
    assert payload_hash({"a": 1, "b": {"c": 2, "d": 3}}) == payload_hash({"b": {"d": 3, "c": 2}, "a": 1})
    assert payload_hash({"a": 1}) != payload_hash({"a": "1"})


def test_a_key_belongs_to_one_person_and_one_endpoint(world: World) -> None:
    assert start(world).status == "accepted"
    assert start(world, actor=world.manager).status == "deduped"
    assert start(world, OTHER).status == "scope_busy"


def test_capability_and_input_are_asked_before_the_key(world: World) -> None:
    start(world)
    with pytest.raises(InvalidInput):
        start(world, key="wrong")
    with pytest.raises(PermissionDenied):
        start(world, actor=world.readonly)


def test_a_start_that_broke_keeps_no_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(gate, "_decide", lambda request, params: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            start(world)
    assert StartAnswer.objects.count() == 0
    assert start(world).status == "accepted"


def test_an_expired_key_starts_anew_whatever_its_payload_was(world: World) -> None:
    first = start(world, key="one")
    assert first.run is not None
    kept = StartAnswer.objects.get()
    assert timedelta(hours=23, minutes=59) < kept.expires_at - probes.now() <= timedelta(hours=24)
    transitions.cancel(first.run.id, world.operator.pk)
    StartAnswer.objects.update(expires_at=probes.ago(1))
    second = start(world, key="two")
    assert second.status == "accepted"
    assert second.run is not None
    assert second.run.id != first.run.id
    assert start(world, key="two") == second


def test_tidying_removes_expired_answers_only(world: World) -> None:
    start(world)
    start(world, value="k-2")
    StartAnswer.objects.filter(key="k-1").update(expires_at=probes.ago(1))
    assert answers.forget_expired() == 1
    assert list(StartAnswer.objects.values_list("key", flat=True)) == ["k-2"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("value", ["one key", None], ids=["one key", "a key each"])
def test_parallel_twins_wait_for_the_first_one(
    world: World, value: str | None, together: Callable[..., list[Any]]
) -> None:
    barrier = threading.Barrier(12)

    def click(number: int) -> StartOutcome:
        barrier.wait()
        try:
            return start(world, value=value or f"k-{number}")
        finally:
            connection.close()

    outcomes = together(click, 12)
    statuses = sorted(str(outcome.status) for outcome in outcomes)
    assert statuses == (["accepted"] * 12 if value else ["accepted"] + ["deduped"] * 11)
    assert len({outcome.run.id for outcome in outcomes if outcome.run}) == 1
    assert OperationRun.objects.count() == 1
