"""Archives: what leaves is checked, what comes back is doubted."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from providers.backups import archive, importing, store
from providers.backups.importing import BadArchive
from providers.backups.store import NewItem
from providers.choices import BackupKind, BackupState
from providers.models import Backup, BackupItem, BackupReference
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.conftest import World
from tests.console.rows import signed_in
from tests.providers.made_backups import CATALOG, OMA, SCRIPTS, make_backup, policy, secret_configuration

pytestmark = pytest.mark.django_db
PASSPHRASE = "correct horse battery"
LIST = "/admin/t/contoso/backups"


@pytest.fixture
def backup(world: World) -> Backup:
    return make_backup(
        world.tenant,
        {CATALOG: [policy(1), policy(2)], OMA: [secret_configuration("hush-1")]},
        unread={SCRIPTS: "provider.permission_missing"},
    )


def written(backup: Backup, passphrase: str = "") -> bytes:
    return b"".join(archive.archive(backup, passphrase))


def entries_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def zipped(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def signed(entries: dict[str, bytes], **manifest: Any) -> bytes:
    """An archive whose manifest names what is in it, as somebody would write who means harm."""
    told = json.loads(entries["manifest.json"]) | manifest
    others = {name: content for name, content in entries.items() if name != "manifest.json"}
    told["entries"] = [
        {"name": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in others.items()
    ]
    return zipped({**others, "manifest.json": json.dumps(told).encode()})


def bring_in(data: bytes, tenant: Tenant, actor: Any, passphrase: str = "") -> Backup:
    source = importing.opened(io.BytesIO(data))
    return importing.imported(
        source, tenant_id=tenant.pk, actor_id=actor.pk, file_name="x.zip", passphrase=passphrase
    )


def contents(backup: Backup) -> dict[str, Any]:
    rows = BackupItem.objects.filter(backup=backup).select_related("version")
    return {row.object_id: store.content_of(row) for row in rows}


def test_the_manifest_names_every_entry_with_its_hash(backup: Backup) -> None:
    entries = entries_of(written(backup))
    manifest = json.loads(entries.pop("manifest.json"))
    assert {entry["name"] for entry in manifest["entries"]} == entries.keys()
    for entry in manifest["entries"]:
        content = entries[entry["name"]]
        assert (entry["size"], entry["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (manifest["format"], manifest["version"]) == ("tenantpilot-backup", 1)
    assert len([name for name in entries if name.startswith("versions/")]) == 3


def test_secrets_leave_only_under_a_passphrase(backup: Backup) -> None:
    bare, full = written(backup), written(backup, PASSPHRASE)
    for data in (bare, full):
        assert not any(b"hush" in content for content in entries_of(data).values())
    assert not [name for name in entries_of(bare) if name.startswith("secrets/")]
    assert [name for name in entries_of(full) if name.startswith("secrets/")]
    item = BackupItem.objects.select_related("version").get(backup=backup, object_type=OMA)
    assert item.version.content_hash.encode() not in b"".join(entries_of(bare).values())


def test_what_comes_back_is_what_left(world: World, backup: Backup) -> None:
    made = bring_in(written(backup, PASSPHRASE), world.tenant, world.owner, PASSPHRASE)
    assert contents(made) == contents(backup)
    assert (made.kind, made.state, made.object_count) == (BackupKind.IMPORTED, BackupState.PARTIAL, 3)
    assert made.results[SCRIPTS]["code"] == "provider.permission_missing"
    versions = [
        set(BackupItem.objects.filter(backup=each).values_list("object_id", "version"))
        for each in (backup, made)
    ]
    assert versions[0] == versions[1], "The same content is stored once."
    assert BackupReference.objects.get(backup=made, kind="group").name == "Pilot"


def test_without_the_passphrase_secrets_are_flagged(world: World, backup: Backup) -> None:
    other = factories.make_tenant(world.workspace)
    for data in (written(backup), written(backup, PASSPHRASE)):
        made = bring_in(data, other, world.owner)
        item = BackupItem.objects.select_related("version").get(backup=made, object_type=OMA)
        assert store.content_of(item)["object"]["omaSettings"][0]["value"] == "****"
        assert [flag["code"] for flag in item.flags] == ["value_masked"]


def wifi_profile() -> NewItem:
    """A profile as Graph gives it: its key is there, and null."""
    odata_type = "#microsoft.graph.windowsWifiConfiguration"
    profile = {"@odata.type": odata_type, "displayName": "Wi-Fi", "ssid": "Contoso", "preSharedKey": None}
    return NewItem("wifi-1", "Wi-Fi", odata_type, "", {"object": profile, "assignments": []})


def test_what_graph_never_gives_is_asked_for_after_an_import_too(world: World) -> None:
    made = bring_in(written(make_backup(world.tenant, {OMA: [wifi_profile()]})), world.tenant, world.owner)
    item = BackupItem.objects.select_related("version").get(backup=made)
    assert "preSharedKey" not in store.content_of(item)["object"]
    assert item.flags == [{"code": "value_write_only", "path": "object/preSharedKey"}]


@pytest.mark.parametrize(
    "way", ["object/ssid", "object", "preSharedKey", "object/none/password", 7, "x" * 3000]
)
def test_an_archive_asks_for_nothing_but_secrets_that_are_not_there(world: World, way: Any) -> None:
    entries = entries_of(written(make_backup(world.tenant, {OMA: [wifi_profile()]})))
    row = json.loads(entries["items.jsonl"]) | {"writeOnly": [way]}
    with pytest.raises(BadArchive):
        bring_in(signed({**entries, "items.jsonl": json.dumps(row).encode()}), world.tenant, world.owner)


def test_a_wrong_passphrase_keeps_nothing(world: World, backup: Backup) -> None:
    with pytest.raises(BadArchive) as caught:
        bring_in(written(backup, PASSPHRASE), world.tenant, world.owner, "another passphrase")
    assert caught.value.field == "passphrase"
    assert Backup.objects.count() == 1


def rename(entries: dict[str, bytes], old: str, new: str) -> dict[str, bytes]:
    return {new if name == old else name: content for name, content in entries.items()}


def first(entries: dict[str, bytes], start: str = "versions/") -> str:
    return next(name for name in entries if name.startswith(start))


def changed_version(entries: dict[str, bytes]) -> bytes:
    name = first(entries)
    return signed({**entries, name: entries[name].replace(b"Screen lock", b"Screen wipe")})


def slipped(entries: dict[str, bytes]) -> bytes:
    return signed(rename(entries, first(entries), "../../../etc/cron.d/x"))


def absolute(entries: dict[str, bytes]) -> bytes:
    return signed(rename(entries, first(entries), "/etc/passwd"))


def nested(entries: dict[str, bytes]) -> bytes:
    return signed({**entries, "inner.zip": zipped(entries)})


def doubled(entries: dict[str, bytes]) -> bytes:
    data = io.BytesIO(signed(entries))
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(data, "a") as file:
        file.writestr(first(entries), b"{}")
    return data.getvalue()


def unnamed(entries: dict[str, bytes]) -> bytes:
    return zipped({**entries, f"versions/{'0' * 64}.json": b"{}"})


def missing(entries: dict[str, bytes]) -> bytes:
    return zipped({name: each for name, each in entries.items() if name != first(entries)})


def tampered(entries: dict[str, bytes]) -> bytes:
    return zipped({**entries, first(entries): b'{"object": {}}'})


def bomb(entries: dict[str, bytes]) -> bytes:
    return signed({**entries, "references.jsonl": b" " * (8 * importing.MB)})


def huge(entries: dict[str, bytes]) -> bytes:
    return zipped({**entries, "references.jsonl": b"x" * (importing.LARGEST_ENTRY + 1)})


def truncated(entries: dict[str, bytes]) -> bytes:
    return zipped(entries)[:-200]


def no_zip(_entries: dict[str, bytes]) -> bytes:
    return b"PK\x03\x04 this is no archive"


def empty(_entries: dict[str, bytes]) -> bytes:
    return b""


def no_manifest(entries: dict[str, bytes]) -> bytes:
    return zipped({name: each for name, each in entries.items() if name != "manifest.json"})


def newer(entries: dict[str, bytes]) -> bytes:
    return signed(entries, version=2)


def unknown_type(entries: dict[str, bytes]) -> bytes:
    items = entries["items.jsonl"].replace(CATALOG.encode(), b"managedDevices")
    return signed({**entries, "items.jsonl": items})


def other_shape(entries: dict[str, bytes]) -> bytes:
    name = first(entries)
    content = b'{"object":[],"settings":3}'
    return signed({**entries, name: content})


def deep(entries: dict[str, bytes]) -> bytes:
    return signed({**entries, "items.jsonl": b'{"a":' * 900 + b"1" + b"}" * 900})


def zero(entries: dict[str, bytes]) -> bytes:
    items = entries["items.jsonl"].replace(b"Screen lock 1", b"Screen\\u0000lock")
    return signed({**entries, "items.jsonl": items})


def long_name(entries: dict[str, bytes]) -> bytes:
    items = entries["items.jsonl"].replace(b"Screen lock 1", b"x" * 2000)
    return signed({**entries, "items.jsonl": items})


def costly(entries: dict[str, bytes]) -> bytes:
    told = json.loads(entries["manifest.json"])
    told["encryption"] = {
        "cipher": "AES-256-GCM",
        "kdf": "scrypt",
        "n": 2**30,
        "r": 8,
        "p": 1,
        "salt": "AAAAAAAAAAA=",
    }
    return signed({**entries, "manifest.json": json.dumps(told).encode()})


HOSTILE = [
    changed_version, slipped, absolute, nested, doubled, unnamed, missing, tampered, bomb, huge, truncated, no_zip,
    empty, no_manifest, newer, unknown_type, other_shape, deep, zero, long_name, costly,
]  # fmt: skip


@pytest.mark.parametrize("harm", HOSTILE, ids=lambda each: each.__name__)
def test_a_hostile_or_damaged_archive_is_refused_whole(
    world: World, backup: Backup, harm: Callable[[dict[str, bytes]], bytes]
) -> None:
    data = harm(entries_of(written(backup)))
    with pytest.raises(BadArchive) as caught:
        bring_in(data, world.tenant, world.owner, PASSPHRASE)
    assert str(caught.value).endswith(".")
    assert Backup.objects.count() == 1


def test_more_entries_than_may_be_are_refused(
    world: World, backup: Backup, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(backup)
    for name, value in (("MOST_ENTRIES", 3), ("MOST_BYTES", 100), ("MOST_UNPACKED", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(importing, name, value)
            with pytest.raises(BadArchive, match="more than may be imported"):
                importing.opened(io.BytesIO(data))


def test_an_archive_is_written_piece_by_piece(world: World) -> None:
    backup = make_backup(world.tenant, {CATALOG: [policy(number) for number in range(50)]})
    pieces = list(archive.archive(backup))
    assert len(pieces) > 50
    assert max(map(len, pieces[:-1])) < 2_000


def test_a_manager_downloads_and_the_audit_says_so(world: World, backup: Backup) -> None:
    client = signed_in(world.manager)
    answer = client.post(f"{LIST}/{backup.pk}/export", {"secrets": "on", "passphrase": PASSPHRASE})
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert entries_of(data)
    entry = AuditEntry.objects.get(action="backup.downloaded")
    assert (entry.actor, entry.facts) == (world.manager, {"secrets": True})
    assert PASSPHRASE not in str(AuditEntry.objects.values())


def test_secrets_want_a_passphrase_that_is_long_enough(world: World, backup: Backup) -> None:
    client = signed_in(world.manager)
    answer = client.post(f"{LIST}/{backup.pk}/export", {"secrets": "on", "passphrase": "short"})
    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {"passphrase"}
    assert not AuditEntry.objects.filter(action="backup.downloaded").exists()


def test_a_manager_imports_and_gets_a_backup(world: World, backup: Backup) -> None:
    upload = SimpleUploadedFile("contoso.zip", written(backup))
    answer = signed_in(world.manager).post(f"{LIST}/import", {"archive": upload})
    made = Backup.objects.get(kind=BackupKind.IMPORTED)
    assert (answer.status_code, answer["Location"]) == (302, f"{LIST}/{made.pk}")
    assert made.source["file"] == "contoso.zip"
    assert made.created_by == world.manager
    assert AuditEntry.objects.get(action="backup.imported").actor == world.manager
    page = signed_in(world.manager).get(f"{LIST}/{made.pk}")
    assert b"Imported from contoso.zip" in page.content


@pytest.mark.parametrize("harm", [truncated, slipped, bomb], ids=lambda each: each.__name__)
def test_a_bad_upload_is_a_400_that_names_the_field(
    world: World, backup: Backup, harm: Callable[[dict[str, bytes]], bytes]
) -> None:
    upload = SimpleUploadedFile("x.zip", harm(entries_of(written(backup))))
    answer = signed_in(world.manager).post(f"{LIST}/import", {"archive": upload})
    assert answer.status_code == 400
    assert answer.context["form"].errors.keys() == {"archive"}
