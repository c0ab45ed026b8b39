"""A backup as a file: see docs/backup-archive.md. Written as it is sent, so that its size does not matter.

Secrets are left out, unless a passphrase is given: then they come along encrypted under it.
"""

import base64
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from django.utils import timezone

from providers import catalogue
from providers.backups.sealing import content_in
from providers.models import Backup, BackupItem, BackupReference
from providers.objects.canonical import dumps, hash_of
from providers.objects.masking import VALUE_WRITE_ONLY, without_secrets

FORMAT, VERSION = "tenantpilot-backup", 1
MANIFEST, ITEMS, REFERENCES = "manifest.json", "items.jsonl", "references.jsonl"
NONCE = 12
# scrypt as RFC 7914 has it; 2**15 takes a tenth of a second and 32 MB.
COST, BLOCK, PARALLEL = 2**15, 8, 1
_BATCH = 200

Row = dict[str, Any]


def derived_key(passphrase: str, salt: bytes, cost: int = COST) -> bytes:
    """The AES-256 key that a passphrase stands for."""
    return Scrypt(salt=salt, length=32, n=cost, r=BLOCK, p=PARALLEL).derive(passphrase.encode())


def archive(backup: Backup, passphrase: str = "") -> Iterator[bytes]:
    """The archive, piece by piece."""
    return _Writer(backup, passphrase).pieces()


class _Pipe(io.RawIOBase):
    """What a zip file is written to: it can't go back, and is emptied piece by piece."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        return len(data)

    def take(self) -> bytes:
        """What was written since the last time."""
        found = bytes(self._waiting)
        self._waiting.clear()
        return found


@dataclass
class _Writer:
    backup: Backup
    passphrase: str
    _entries: list[Row] = field(default_factory=list)
    _named: dict[int, str] = field(default_factory=dict)
    _written: set[str] = field(default_factory=set)
    _secret: set[str] = field(default_factory=set)

    def pieces(self) -> Iterator[bytes]:
        salt = os.urandom(16)
        cipher = AESGCM(derived_key(self.passphrase, salt)) if self.passphrase else None
        pipe = _Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as file:
            lines: list[bytes] = []
            for item in self._items():
                for name, content in self._contents(item, cipher):
                    self._put(file, name, content)
                lines.append(orjson.dumps(self._item(item)))
                yield pipe.take()
            self._put(file, ITEMS, b"\n".join(lines))
            self._put(file, REFERENCES, b"\n".join(self._references()))
            # Last, since it names what every other entry holds.
            file.writestr(MANIFEST, orjson.dumps(self._manifest(salt), option=orjson.OPT_INDENT_2))
        yield pipe.take()

    def _items(self) -> Iterator[BackupItem]:
        rows = BackupItem.objects.filter(backup=self.backup).select_related("version")
        yield from rows.order_by("id").iterator(chunk_size=_BATCH)

    def _contents(self, item: BackupItem, cipher: AESGCM | None) -> Iterator[tuple[str, bytes]]:
        """A version without its secrets, and with them for those who know the passphrase; each once."""
        if item.version_id in self._named:
            return
        kind = catalogue.get(item.object_type)
        content = content_in(item.version.content)
        bare, had_secrets = without_secrets(kind, content)
        written = dumps(bare)
        # Named after what it shows: the hash of the whole would let a short secret be guessed.
        key = hash_of(kind, written)
        self._named[item.version_id] = key
        if key not in self._written:
            self._written.add(key)
            yield f"versions/{key}.json", written
        secret_name = f"secrets/{item.version_id}.enc"
        if had_secrets and cipher is not None:
            self._secret.add(secret_name)
            nonce = os.urandom(NONCE)
            yield secret_name, nonce + cipher.encrypt(nonce, dumps(content), secret_name.encode())

    def _put(self, file: zipfile.ZipFile, name: str, content: bytes) -> None:
        file.writestr(name, content)
        digest = hashlib.sha256(content).hexdigest()
        self._entries.append({"name": name, "size": len(content), "sha256": digest})

    def _item(self, item: BackupItem) -> Row:
        secret_name = f"secrets/{item.version_id}.enc"
        data: Row = {
            "objectType": item.object_type,
            "objectId": item.object_id,
            "name": item.name,
            "odataType": item.odata_type,
            "marker": item.marker,
            "version": self._named[item.version_id],
            "incompleteParts": item.incomplete_parts,
        }
        if secret_name in self._secret:
            data["secrets"] = secret_name
        # A content is without what is null, so it no longer shows where they were.
        if ways := [flag["path"] for flag in item.flags if flag["code"] == VALUE_WRITE_ONLY]:
            data["writeOnly"] = ways
        return data

    def _references(self) -> Iterator[bytes]:
        rows = BackupReference.objects.filter(backup=self.backup).order_by("id")
        for row in rows.values("kind", "object_id", "name", "facts"):
            named = {"kind": row["kind"], "id": row["object_id"], "name": row["name"], "facts": row["facts"]}
            yield orjson.dumps(named)

    def _manifest(self, salt: bytes) -> Row:
        backup = self.backup
        data: Row = {
            "format": FORMAT,
            "version": VERSION,
            "writtenAt": timezone.now().isoformat(),
            "tenant": {"name": backup.tenant.name, "id": str(backup.tenant.entra_tenant_id)},
            "backup": {
                "number": backup.pk,
                "kind": backup.kind,
                "createdAt": backup.created_at.isoformat(),
                "objectTypes": backup.object_types,
                "results": {
                    key: {name: found[name] for name in ("code", "facts", "observedAt") if name in found}
                    for key, found in backup.results.items()
                },
            },
            "entries": self._entries,
        }
        if self.passphrase:
            data["encryption"] = {
                "cipher": "AES-256-GCM",
                "kdf": "scrypt",
                "n": COST,
                "r": BLOCK,
                "p": PARALLEL,
                "salt": base64.b64encode(salt).decode(),
            }
        return data
