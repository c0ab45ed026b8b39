"""What the database keeps of a backup: unchanged for good, unreadable without the keys, written by its owner alone."""

import base64
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from providers import catalogue
from providers.backups import store
from providers.backups.store import NewItem, TypeResult
from providers.catalogue import Ref
from providers.choices import BackupState
from providers.models import Backup, BackupItem, BackupReference, ContentVersion
from providers.objects.lookups import Looked
from tests.conftest import World

pytestmark = pytest.mark.django_db

SCRIPT = catalogue.get("deviceShellScripts")
CANARY = "canary-8d1f5b"


def item(number: int = 1, **content: Any) -> NewItem:
    found = {"object": {"id": f"o{number}", "displayName": f"Script {number}", **content}}
    return NewItem(f"o{number}", f"Script {number}", "", "", found)


def written(world: World, *found: NewItem, run_id: int | None = None) -> Backup:
    writing = store.begin(
        tenant_id=world.tenant.pk, connection_id=world.connection.pk, run_id=run_id, kinds=[SCRIPT]
    )
    writing.add(SCRIPT, found)
    writing.type_ended(SCRIPT, TypeResult(len(found)))
    return writing.complete()


def test_content_comes_back_as_it_was_read_without_what_the_service_owns(world: World) -> None:
    backup = written(world, item(scriptContent="ZWNobw==", createdDateTime="2025-01-01T00:00:00Z"))
    row = BackupItem.objects.select_related("version").get(backup=backup)
    assert store.content_of(row) == {"object": {"displayName": "Script 1", "scriptContent": "ZWNobw=="}}
    assert (backup.state, backup.object_count) == (BackupState.COMPLETE, 1)


def test_content_that_retention_takes_while_it_is_looked_for_is_stored_again(world: World) -> None:
    first = written(world, item())
    version = BackupItem.objects.get(backup=first).version_id

    @contextmanager
    def after_retention() -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("DELETE FROM providers_backupitem WHERE version_id = %s", [version])
            cursor.execute("DELETE FROM providers_contentversion WHERE id = %s", [version])
            cursor.execute("SET LOCAL session_replication_role = origin")
        yield

    writing = store.begin(
        tenant_id=world.tenant.pk, connection_id=world.connection.pk, run_id=None, kinds=[SCRIPT]
    )
    writing.fenced = after_retention
    writing.add(SCRIPT, [item()])
    row = BackupItem.objects.select_related("version").get(backup=writing.backup)
    assert row.version_id != version
    assert store.content_of(row) == {"object": {"displayName": "Script 1"}}


def test_nothing_readable_of_the_content_is_in_the_database(world: World) -> None:
    secret = base64.b64encode(f"echo {CANARY}".encode()).decode()
    written(world, item(scriptContent=secret, description=CANARY))
    dump = b""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            dump += "\n".join(row[0] for row in cursor.fetchall()).encode()
    (version,) = ContentVersion.objects.all()
    raw = bytes(version.content)
    for hidden in (CANARY, secret, "scriptContent"):
        assert hidden.encode() not in dump
        assert hidden.encode().hex().encode() not in dump
        assert hidden.encode() not in raw
    with pytest.raises(zlib.error):
        zlib.decompress(raw)


def test_the_same_content_is_stored_once_whatever_holds_it(world: World) -> None:
    first = written(world, item(1, description="x"), item(2, displayName="Script 1", description="x"))
    second = written(world, item(1, description="x"))
    rows = BackupItem.objects.filter(backup__in=[first, second])
    assert rows.count() == 3
    assert rows.values("version").distinct().count() == 1


def test_an_ended_backup_refuses_every_change(world: World) -> None:
    backup = written(world, item())
    BackupReference(backup=backup, kind="group", object_id="g")
    attempts = [
        lambda: Backup.objects.filter(pk=backup.pk).update(object_count=9),
        lambda: Backup.objects.filter(pk=backup.pk).update(state="running", completed_at=None),
        lambda: Backup.objects.filter(pk=backup.pk).delete(),
        lambda: BackupItem.objects.filter(backup=backup).update(name="Other"),
        lambda: BackupItem.objects.filter(backup=backup).delete(),
        lambda: BackupReference.objects.create(backup=backup, kind="group", object_id="g"),
        lambda: ContentVersion.objects.update(size=1),
        lambda: ContentVersion.objects.update(content_hash="0" * 64),
        lambda: ContentVersion.objects.all().delete(),
    ]
    for attempt in attempts:
        with pytest.raises(DatabaseError), transaction.atomic():
            attempt()
    backup.refresh_from_db()
    assert (backup.object_count, backup.items.get().name) == (1, "Script 1")


def test_a_person_may_go_while_their_backup_stays(world: World) -> None:
    backup = written(world, item())
    Backup.objects.filter(pk=backup.pk).update(created_by=None)
    assert Backup.objects.get(pk=backup.pk).created_by_id is None


def test_another_key_encrypts_content_without_changing_it(world: World, settings: Any) -> None:
    backup = written(world, item(description=CANARY))
    before = bytes(ContentVersion.objects.get().content)
    old = list(settings.CREDENTIAL_KEYS)
    new = Fernet.generate_key().decode()
    settings.CREDENTIAL_KEYS = [new, *old]
    call_command("credential_rotate")
    settings.CREDENTIAL_KEYS = [new]
    assert bytes(ContentVersion.objects.get().content) != before
    row = BackupItem.objects.select_related("version").get(backup=backup)
    assert store.content_of(row)["object"]["description"] == CANARY
    settings.CREDENTIAL_KEYS = old
    with pytest.raises(ValueError, match="No key"):
        store.content_of(BackupItem.objects.select_related("version").get(backup=backup))


def test_a_later_attempt_goes_on_with_what_is_missing(world: World) -> None:
    other = catalogue.get("deviceCategories")

    def begin() -> store.Writing:
        return store.begin(
            tenant_id=world.tenant.pk, connection_id=world.connection.pk, run_id=7, kinds=[SCRIPT, other]
        )

    first = begin()
    first.add(SCRIPT, [item()])
    first.type_ended(SCRIPT, TypeResult(1))
    first.add(other, [item()])
    second = begin()
    assert second.backup.pk == first.backup.pk
    assert second.complete_types == {SCRIPT.key}
    second.restart(other)
    assert [row.object_type for row in second.backup.items.all()] == [SCRIPT.key]


def test_a_worker_that_lost_its_run_writes_nothing(world: World) -> None:
    class Lost(Exception):
        pass

    @contextmanager
    def fenced() -> Any:
        raise Lost
        yield

    writing = store.begin(tenant_id=world.tenant.pk, connection_id=None, run_id=9, kinds=[SCRIPT])
    writing.fenced = fenced
    for act in (
        lambda: writing.add(SCRIPT, [item()]),
        lambda: writing.type_ended(SCRIPT, TypeResult()),
        lambda: writing.restart(SCRIPT),
        writing.complete,
    ):
        with pytest.raises(Lost):
            act()
    assert not writing.backup.items.exists()


def test_references_are_named_by_the_backup_itself_or_by_a_look_up(world: World) -> None:
    tags = catalogue.get("roleScopeTags")
    writing = store.begin(tenant_id=world.tenant.pk, connection_id=None, run_id=None, kinds=[tags, SCRIPT])
    target = {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "g1"}
    content = {
        "object": {"displayName": "S", "roleScopeTagIds": ["0", "3"]},
        "assignments": [{"target": target}],
    }
    writing.add(SCRIPT, [NewItem("s", "S", "", "", content)])
    writing.add(tags, [NewItem("3", "Berlin", "", "", {"object": {"id": "3", "displayName": "Berlin"}})])
    assert writing.unresolved() == [(Ref.GROUP, "g1")]
    writing.resolve([Looked(Ref.GROUP, "g1", "Everyone", {"displayName": "Everyone"})])
    assert writing.unresolved() == []
    names = BackupReference.objects.filter(backup=writing.backup).order_by("kind")
    assert [(row.kind, row.name) for row in names] == [("group", "Everyone"), ("scope_tag", "Berlin")]
