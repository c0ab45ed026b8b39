"""Reading an archive back: everything in it is doubted until its hash, its size and its shape were checked.

Nothing is written to disk by its name, nothing is unpacked beyond a limit, nothing is kept unless all of it is good.
"""

import base64
import binascii
import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from providers import catalogue
from providers.backups import archive, store
from providers.backups.store import NewItem, TypeResult
from providers.catalogue import ObjectType, Ref
from providers.choices import BackupKind
from providers.models import Backup, BackupReference
from providers.objects.canonical import canonical, dumps, hash_of
from providers.objects.masking import lacks
from tenantpilot.core import reasons

MB = 2**20
MOST_BYTES = 256 * MB
MOST_ENTRIES = 60_000
LARGEST_ENTRY = 32 * MB
MOST_UNPACKED = 1024 * MB
# Text compresses well; a bomb far better.
HIGHEST_RATIO = 400
_RATIO_COUNTS_FROM = MB
_COSTS = range(2**14, 2**17 + 1)
_NAMES = re.compile(
    r"items\.jsonl|references\.jsonl|manifest\.json|versions/[0-9a-f]{64}\.json|secrets/[0-9]{1,19}\.enc"
)
_BATCH = 200
_LONGEST_WAY = 2_000

Row = dict[str, Any]


class BadArchive(ValueError):
    """The archive can't be used. ``field`` names what the person can mend: the file or the passphrase."""

    def __init__(self, words: str | Promise, field: str = "archive") -> None:
        self.field = field
        super().__init__(str(words))


DAMAGED = _("The file is damaged or no TenantPilot backup.")
TOO_LARGE = _("The archive holds more than may be imported.")
WRONG_PASSPHRASE = _("The passphrase is wrong.")


@dataclass
class Archive:
    """An archive whose manifest fits what is in it."""

    file: zipfile.ZipFile
    manifest: Row
    entries: Mapping[str, Row]
    sha256: str

    @property
    def has_secrets(self) -> bool:
        return "encryption" in self.manifest

    def read(self, name: str) -> bytes:
        """An entry, once its size and hash are those of the manifest. Raises BadArchive."""
        entry = self.entries.get(name)
        if entry is None:
            raise BadArchive(DAMAGED)
        content = _read(self.file, name, entry["size"])
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise BadArchive(_("An entry of the archive is not what its manifest says."))
        return content

    def lines(self, name: str) -> Iterator[Row]:
        """The objects in an entry of one a line."""
        for line in self.read(name).splitlines():
            yield _storable(line)


def opened(file: IO[bytes]) -> Archive:
    """Open an archive and check what can be checked without unpacking it. Raises BadArchive."""
    digest, size = _digest(file)
    if size > MOST_BYTES:
        raise BadArchive(TOO_LARGE)
    try:
        found = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        raise BadArchive(DAMAGED) from None
    infos = found.infolist()
    if len(infos) > MOST_ENTRIES or sum(info.file_size for info in infos) > MOST_UNPACKED:
        raise BadArchive(TOO_LARGE)
    for info in infos:
        _check_entry(info)
    names = [info.filename for info in infos]
    if len(set(names)) != len(names) or archive.MANIFEST not in names:
        raise BadArchive(DAMAGED)
    manifest = _manifest(_storable(_read(found, archive.MANIFEST, LARGEST_ENTRY, exact=False)))
    entries = {entry["name"]: entry for entry in manifest["entries"]}
    if len(entries) != len(manifest["entries"]) or {*entries, archive.MANIFEST} != set(names):
        raise BadArchive(_("The archive holds other entries than its manifest says."))
    return Archive(found, manifest, entries, digest)


def imported(
    source: Archive, *, tenant_id: int, actor_id: int, file_name: str, passphrase: str = ""
) -> Backup:
    """Make a backup of this tenant from the archive, all of it or nothing. Raises BadArchive."""
    cipher = _cipher(source, passphrase) if passphrase and source.has_secrets else None
    try:
        with transaction.atomic():
            return _written(source, tenant_id, actor_id, file_name, cipher)
    except (AttributeError, KeyError, TypeError, RecursionError):
        # Content of a shape that no tenant gives: the catalogue's paths lead to something else than they promise.
        raise BadArchive(DAMAGED) from None


def _written(source: Archive, tenant_id: int, actor_id: int, file_name: str, cipher: AESGCM | None) -> Backup:
    about = source.manifest["backup"]
    kinds = [_kind(key) for key in about["objectTypes"]]
    writing = store.begin(
        tenant_id=tenant_id,
        connection_id=None,
        run_id=None,
        kinds=kinds,
        created_by=actor_id,
        kind=BackupKind.IMPORTED,
        source={
            "file": file_name[:200],
            "sha256": source.sha256,
            "tenant": str(source.manifest["tenant"]["name"])[:200],
            "tenantId": str(source.manifest["tenant"]["id"])[:36],
            "createdAt": about["createdAt"],
        },
    )
    results = {kind.key: TypeResult(observed_at=about["createdAt"]) for kind in kinds}
    waiting: dict[str, list[NewItem]] = {}
    for row in source.lines(archive.ITEMS):
        kind = _kind(row.get("objectType"))
        if kind.key not in results:
            raise BadArchive(DAMAGED)
        item = _item(source, kind, row, cipher)
        results[kind.key].objects += 1
        results[kind.key].incomplete += bool(item.incomplete_parts)
        batch = waiting.setdefault(kind.key, [])
        batch.append(item)
        if len(batch) == _BATCH:
            writing.add(kind, batch)
            batch.clear()
    for key, batch in waiting.items():
        writing.add(catalogue.get(key), batch)
    for kind in kinds:
        _take_result(results[kind.key], about["results"].get(kind.key, {}))
        writing.type_ended(kind, results[kind.key])
    _take_references(source, writing.backup)
    return writing.complete()


def _item(source: Archive, kind: ObjectType, row: Row, cipher: AESGCM | None) -> NewItem:
    version = _text(row, "version", 64)
    content = _object(source.read(f"versions/{version}.json"))
    _check_content(kind, content)
    if hash_of(kind, dumps(canonical(kind, content))) != version:
        raise BadArchive(_("An entry of the archive is not what its name says."))
    if cipher is not None and "secrets" in row:
        content = _opened_secret(source, kind, _text(row, "secrets", 64), cipher)
    return NewItem(
        _text(row, "objectId", 200, least=1),
        _text(row, "name", 1024),
        _text(row, "odataType", 128),
        _text(row, "marker", 128),
        content,
        [_part(part) for part in _list(row, "incompleteParts")],
        [_way(kind, content, way) for way in row.get("writeOnly", [])],
    )


def _opened_secret(source: Archive, kind: ObjectType, name: str, cipher: AESGCM) -> Row:
    sealed = source.read(name)
    try:
        clear = cipher.decrypt(sealed[: archive.NONCE], sealed[archive.NONCE :], name.encode())
    except (InvalidTag, ValueError):
        raise BadArchive(WRONG_PASSPHRASE, "passphrase") from None
    content = _object(clear)
    _check_content(kind, content)
    return content


def _take_references(source: Archive, backup: Backup) -> None:
    found = []
    for row in source.lines(archive.REFERENCES):
        facts = row.get("facts")
        if row.get("kind") not in {ref.value for ref in Ref} or not isinstance(facts, dict):
            raise BadArchive(DAMAGED)
        key, name = _text(row, "id", 200, least=1), _text(row, "name", 1024)
        found.append(BackupReference(backup=backup, kind=row["kind"], object_id=key, name=name, facts=facts))
    BackupReference.objects.bulk_create(
        found,
        update_conflicts=True,
        unique_fields=["backup", "kind", "object_id"],
        update_fields=["name", "facts"],
        batch_size=1_000,
    )


def _take_result(result: TypeResult, told: Any) -> None:
    """What the archive says of a type that was not read; a reason that we do not know tells nothing."""
    if not isinstance(told, dict):
        raise BadArchive(DAMAGED)
    at = told.get("observedAt")
    if isinstance(at, str) and parse_datetime(at) is not None:
        result.observed_at = at
    code, facts = told.get("code"), told.get("facts")
    if isinstance(code, str) and code:
        known = code in {reason.code for reason in reasons.all_reasons()}
        result.code = code if known else "provider.response_invalid"
        result.facts = facts if isinstance(facts, dict) and known else {}


def _cipher(source: Archive, passphrase: str) -> AESGCM:
    told = source.manifest["encryption"]
    try:
        salt = base64.b64decode(told["salt"], validate=True)
        fits = told["cipher"] == "AES-256-GCM" and told["kdf"] == "scrypt" and told["n"] in _COSTS
        fits = fits and (told["r"], told["p"]) == (archive.BLOCK, archive.PARALLEL) and 8 <= len(salt) <= 64
        if not fits or told["n"] & (told["n"] - 1):
            raise BadArchive(DAMAGED)
    except (KeyError, TypeError, binascii.Error):
        raise BadArchive(DAMAGED) from None
    return AESGCM(archive.derived_key(passphrase, salt, told["n"]))


def _digest(file: IO[bytes]) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    file.seek(0)
    while piece := file.read(MB):
        digest.update(piece)
        size += len(piece)
    file.seek(0)
    return digest.hexdigest(), size


def _check_entry(info: zipfile.ZipInfo) -> None:
    if not _NAMES.fullmatch(info.filename) or info.flag_bits & 0x1:
        raise BadArchive(DAMAGED)
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadArchive(DAMAGED)
    if info.file_size > LARGEST_ENTRY:
        raise BadArchive(TOO_LARGE)
    bomb = info.file_size > HIGHEST_RATIO * max(info.compress_size, 1)
    if info.file_size > _RATIO_COUNTS_FROM and bomb:
        raise BadArchive(TOO_LARGE)


def _read(file: zipfile.ZipFile, name: str, size: int, *, exact: bool = True) -> bytes:
    """At most ``size`` bytes of an entry, whatever its headers promise."""
    try:
        with file.open(name) as entry:
            content = entry.read(size + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, KeyError):
        raise BadArchive(DAMAGED) from None
    if len(content) > size or (exact and len(content) != size):
        raise BadArchive(DAMAGED)
    return content


def _object(content: bytes) -> Row:
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BadArchive(DAMAGED) from None
    if not isinstance(data, dict):
        raise BadArchive(DAMAGED)
    return data


def _storable(content: bytes) -> Row:
    """The object, unless the database can't hold it: it takes no NUL."""
    if b"\\u0000" in content:
        raise BadArchive(DAMAGED)
    return _object(content)


def _manifest(data: Row) -> Row:
    if data.get("format") != archive.FORMAT:
        raise BadArchive(DAMAGED)
    if data.get("version") != archive.VERSION:
        raise BadArchive(_("The archive is of a newer TenantPilot."))
    about, tenant, entries = data.get("backup"), data.get("tenant"), data.get("entries")
    if not isinstance(about, dict) or not isinstance(tenant, dict) or not isinstance(entries, list):
        raise BadArchive(DAMAGED)
    if not {"name", "id"} <= tenant.keys() or not isinstance(about.get("results"), dict):
        raise BadArchive(DAMAGED)
    at = about.get("createdAt")
    if not isinstance(at, str) or parse_datetime(at) is None or not _list(about, "objectTypes"):
        raise BadArchive(DAMAGED)
    for entry in entries:
        if not isinstance(entry, dict) or type(entry.get("size")) is not int or entry["size"] < 0:
            raise BadArchive(DAMAGED)
        _text(entry, "name", 100, least=1)
        _text(entry, "sha256", 64, least=64)
    return data


def _kind(key: Any) -> ObjectType:
    try:
        return catalogue.get(key if isinstance(key, str) else "")
    except catalogue.UnknownObjectType:
        raise BadArchive(_("The archive holds an object type that is not known here.")) from None


def _check_content(kind: ObjectType, content: Row) -> None:
    """The shape that every content has: an object, and lists of objects beside it."""
    allowed = {"object", "assignments", *(detail.name for detail in kind.details)}
    if not isinstance(content.get("object"), dict) or not content.keys() <= allowed:
        raise BadArchive(DAMAGED)
    for name, value in content.items():
        single = name == "object" or any(detail.name == name and detail.single for detail in kind.details)
        fits = isinstance(value, dict) if single else isinstance(value, list)
        if not fits or (not single and not all(isinstance(each, dict) for each in value)):
            raise BadArchive(DAMAGED)
    if not all(isinstance(each.get("target", {}), dict) for each in content.get("assignments", [])):
        raise BadArchive(DAMAGED)


def _part(part: Any) -> Row:
    if not isinstance(part, dict) or not isinstance(part.get("facts", {}), dict):
        raise BadArchive(DAMAGED)
    code = _text(part, "code", 64, least=1)
    known = code in {reason.code for reason in reasons.all_reasons()}
    return {
        "part": _text(part, "part", 64, least=1),
        "code": code if known else "provider.response_invalid",
        "facts": part.get("facts", {}) if known else {},
    }


def _way(kind: ObjectType, content: Row, way: Any) -> str:
    """A way to a secret: whoever restores the object is asked for a value that is written there."""
    if not isinstance(way, str) or len(way) > _LONGEST_WAY or not lacks(kind, content, way):
        raise BadArchive(DAMAGED)
    return way


def _text(row: Row, name: str, most: int, *, least: int = 0) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not least <= len(value) <= most or "\x00" in value:
        raise BadArchive(DAMAGED)
    return value


def _list(row: Row, name: str) -> list[Any]:
    value = row.get(name)
    if not isinstance(value, list):
        raise BadArchive(DAMAGED)
    return value
