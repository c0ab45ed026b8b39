"""Entries stay as they are, and the chain shows whether they did."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from tenantpilot.audit.models import AuditEntry, AuditLink
from tenantpilot.audit.record import About, record

pytestmark = pytest.mark.django_db(transaction=True)


def write(count: int = 1) -> list[int]:
    for number in range(count):
        record("test.act", workspace_id=1, actor_id=None, facts={"n": number}, about=About("thing", number))
    return list(AuditEntry.objects.order_by("id").values_list("id", flat=True))


def tamper(sql: str, *params: object) -> None:
    """As a superuser who has switched every trigger off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, params)


def verify(**options: str) -> str:
    out = io.StringIO()
    call_command("audit", "verify", stdout=out, **options)
    return out.getvalue()


def broken() -> str:
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("audit", "verify", stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("table", ["audit_auditentry", "audit_auditlink"])
@pytest.mark.parametrize("sql", ["DELETE FROM {}", "UPDATE {} SET {} = {}"])
def test_nothing_in_the_log_can_be_changed_or_removed(table: str, sql: str) -> None:
    write()
    column = "action" if table == "audit_auditentry" else "hash"
    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(sql.format(table, column, column))


@pytest.mark.parametrize("table", ["audit_auditentry", "audit_auditlink"])
def test_the_log_can_not_be_emptied_outside_of_tests(table: str) -> None:
    write()
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER audit_not_emptied")
        cursor.execute(f"TRUNCATE {table}")


def test_a_role_with_the_printed_grants_adds_entries_and_changes_none() -> None:
    write()
    out = io.StringIO()
    call_command("audit", "grants", "console of tests", stdout=out)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('CREATE ROLE "console of tests"')
        cursor.execute(out.getvalue())
        cursor.execute('SET LOCAL ROLE "console of tests"')
        write()
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert AuditLink.objects.count() == 2
        for forbidden in (
            "UPDATE audit_auditentry SET action = ''",
            "DELETE FROM audit_auditentry",
            "TRUNCATE audit_auditentry",
            "INSERT INTO audit_auditlink (seq, entry_id, hash) VALUES (9, 9, '')",
            "DELETE FROM audit_auditlink",
            "UPDATE operations_runevent SET code = ''",
        ):
            with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
                cursor.execute(forbidden)
        transaction.set_rollback(True)


def test_every_entry_is_chained_and_the_chain_holds() -> None:
    write(5)
    assert list(AuditLink.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2, 3, 4, 5]
    assert "5 entries, unbroken." in verify()


def test_an_entry_that_is_rolled_back_leaves_no_gap() -> None:
    write()
    with transaction.atomic():
        write()
        transaction.set_rollback(True)
    write()
    assert list(AuditLink.objects.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert "2 entries, unbroken." in verify()


def test_writers_at_the_same_time_make_one_chain() -> None:
    def writer(number: int) -> None:
        try:
            for _ in range(10):
                with transaction.atomic():
                    record("test.act", workspace_id=number, actor_id=None)
                    record("test.act", workspace_id=number, actor_id=None)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(writer, range(8)))
    assert "160 entries, unbroken." in verify()


def test_a_long_transaction_keeps_nobody_from_writing() -> None:
    def other() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = 500")
            record("test.act", workspace_id=2, actor_id=None)
        finally:
            connection.close()

    with transaction.atomic():
        record("test.act", workspace_id=1, actor_id=None)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(other).result()
    assert "2 entries, unbroken." in verify()


def _changed(ids: list[int]) -> None:
    tamper("UPDATE audit_auditentry SET facts = '{\"n\": 99}' WHERE id = %s", ids[2])


def _removed(ids: list[int]) -> None:
    tamper("DELETE FROM audit_auditentry WHERE id = %s", ids[2])


def _removed_with_its_link(ids: list[int]) -> None:
    tamper("DELETE FROM audit_auditentry WHERE id = %s", ids[2])
    tamper("DELETE FROM audit_auditlink WHERE entry_id = %s", ids[2])


def _renumbered(ids: list[int]) -> None:
    _removed_with_its_link(ids)
    tamper("UPDATE audit_auditlink SET seq = seq - 1 WHERE seq > 3")


def _rehashed(ids: list[int]) -> None:
    _changed(ids)
    tamper(
        "UPDATE audit_auditlink l SET hash = sha256((SELECT hash FROM audit_auditlink p WHERE p.seq = l.seq - 1)"
        " || convert_to(audit_canonical(e), 'UTF8')) FROM audit_auditentry e WHERE e.id = l.entry_id AND e.id = %s",
        ids[2],
    )


def _smuggled(ids: list[int]) -> None:
    tamper(
        "INSERT INTO audit_auditentry (action, surface, request_id, object_kind, object_id, object_label, before,"
        " after, reason_code, facts) VALUES ('test.act', '', '', '', '', '', '{}', '{}', '', '{}')"
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_changed, "Link 3 (entry {}): the entry or the hash was changed."),
        (_removed, "Link 3 (entry {}): the entry is missing."),
        (_removed_with_its_link, "Link 4 (entry {next}): 1 links before it are missing."),
        (_renumbered, "Link 3 (entry {next}): the entry or the hash was changed."),
        (_rehashed, "Link 4 (entry {next}): the entry or the hash was changed."),
        (_smuggled, "in no chain."),
    ],
)
def test_verify_says_where_the_chain_breaks(change: Callable[[list[int]], None], says: str) -> None:
    ids = write(5)
    change(ids)
    lines = broken().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].endswith(says.format(ids[2], next=ids[3])), lines


def test_a_noted_link_shows_that_the_end_was_cut_off() -> None:
    write(5)
    noted = verify().rpartition(" ")[2].strip()
    assert "unbroken" in verify(expect=noted)
    tamper("DELETE FROM audit_auditlink WHERE seq = 5")
    tamper("DELETE FROM audit_auditentry WHERE id = (SELECT max(id) FROM audit_auditentry)")
    assert "4 entries, unbroken." in verify()
    with pytest.raises(CommandError):
        verify(expect=noted)


def test_verify_walks_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenantpilot.audit.chain.BATCH", 2)
    write(5)
    assert "5 entries, unbroken." in verify()
