"""Run events in the chain: sealed in batches, and a seal shows whether they are as they were."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from operations import transitions
from operations.choices import RunOutcome
from operations.models import OperationRun, RunEvent
from operations.transitions import Ending
from tenantpilot.audit import seals
from tenantpilot.audit.models import SEALED, AuditEntry
from tests import factories
from tests.audit.test_log import broken, tamper, verify
from tests.conftest import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sealed() -> World:
    """A run from start to end, whose events are sealed."""
    world = make_world()
    run = factories.start("provider.connection.check", world.tenant, world.operator).run
    assert run is not None
    OperationRun.objects.filter(pk=run.id).update(not_before=timezone.now())
    claim = transitions.claim(run.id, "host:test:1:2")
    assert claim and transitions.finish(claim, Ending(RunOutcome.SUCCEEDED, "", {}, {}, {}, [], {}, []))
    assert RunEvent.objects.count() == 3
    factories.seal_all(3)
    return world


def test_every_event_is_under_a_seal_that_is_chained(sealed: World) -> None:
    (entry,) = AuditEntry.objects.filter(action=SEALED)
    last = RunEvent.objects.latest("id").pk
    assert (entry.facts["upto"], entry.facts["count"]) == (last, 3)
    assert entry.link.seq
    assert f"3 run events sealed, unbroken, up to event {last}. 0 wait for the next seal." in verify()


def test_a_start_pays_nothing_and_waits_for_the_next_seal(sealed: World) -> None:
    before = AuditEntry.objects.count()
    factories.start("directory.groups.sync", sealed.tenant, sealed.operator)
    assert AuditEntry.objects.count() == before
    count, age = seals.waiting()
    assert count == 1 and age >= 0
    assert " 1 wait for the next seal." in verify()
    assert factories.seal_all(1) == 1
    assert "4 run events sealed, unbroken" in verify()


def test_nothing_new_makes_no_seal(sealed: World) -> None:
    assert seals.seal() == 0
    assert AuditEntry.objects.filter(action=SEALED).count() == 1


def test_many_events_make_several_seals(sealed: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "BATCH", 2)
    for name in ("directory.groups.sync", "directory.role_definitions.sync"):
        tenant = factories.make_tenant(sealed.workspace)
        factories.make_connection(tenant, sealed.owner)
        for _turn in range(2):
            factories.start(name, tenant, sealed.owner)
    run = OperationRun.objects.latest("id")
    RunEvent.objects.bulk_create(
        RunEvent(run=run, seq=seq, kind="progress", at=timezone.now()) for seq in range(50, 53)
    )
    assert factories.seal_all(5) == 5
    assert AuditEntry.objects.filter(action=SEALED).count() == 4
    assert "8 run events sealed, unbroken" in verify()


def _changed(ids: list[int]) -> None:
    tamper("UPDATE operations_runevent SET actor_id = NULL WHERE id = %s", ids[0])


def _removed(ids: list[int]) -> None:
    tamper("DELETE FROM operations_runevent WHERE id = %s", ids[1])


def _run_changed(ids: list[int]) -> None:
    tamper("UPDATE operations_operationrun SET initiator_id = NULL")


def _swapped(ids: list[int]) -> None:
    tamper("UPDATE operations_runevent SET id = -1 WHERE id = %s", ids[0])
    tamper("UPDATE operations_runevent SET id = %s WHERE id = %s", ids[0], ids[1])
    tamper("UPDATE operations_runevent SET id = %s WHERE id = -1", ids[1])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_changed, "an event, or the run that it tells of, was changed."),
        (_run_changed, "an event, or the run that it tells of, was changed."),
        (_swapped, "an event, or the run that it tells of, was changed."),
        (_removed, "3 events were sealed and 2 are there."),
    ],
)
def test_verify_names_the_batch_that_is_not_as_it_was(
    sealed: World, change: Callable[[list[int]], None], says: str
) -> None:
    ids = list(RunEvent.objects.order_by("id").values_list("id", flat=True))
    change(ids)
    lines = broken().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"Run events 1 to {ids[2]} (entry ") and lines[0].endswith(says)


def test_a_seal_taken_away_with_its_link_leaves_a_hole(sealed: World) -> None:
    factories.start("directory.groups.sync", sealed.tenant, sealed.operator)
    factories.seal_all(1)
    first = AuditEntry.objects.filter(action=SEALED).earliest("id").pk
    tamper("DELETE FROM audit_auditlink WHERE entry_id = %s", first)
    tamper("DELETE FROM audit_auditentry WHERE id = %s", first)
    assert "it does not begin where the one before it ends (0)" in broken()


def test_an_event_that_commits_late_is_not_left_below_a_seal(sealed: World) -> None:
    """While anybody writes, no seal is made: an id that was drawn first may become visible last."""
    run = OperationRun.objects.latest("id")
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute(
                "INSERT INTO operations_runevent (run_id, seq, kind) VALUES (%s, 90, 'progress')", [run.pk]
            )
        factories.start("directory.groups.sync", sealed.tenant, sealed.operator)
        assert seals.seal() == 0
        other.commit()
    finally:
        other.close()
    assert factories.seal_all(2) == 2
    assert "5 run events sealed, unbroken" in verify()


def test_two_sealers_make_no_seal_twice(sealed: World) -> None:
    factories.start("directory.groups.sync", sealed.tenant, sealed.operator)
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [seals.LOCK])
        assert seals.seal() == 0
    finally:
        other.close()
    assert factories.seal_all(1) == 1


def test_events_can_not_be_emptied_outside_of_tests(sealed: World) -> None:
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("ALTER TABLE operations_runevent ENABLE TRIGGER events_not_emptied")
        cursor.execute("TRUNCATE operations_runevent")
