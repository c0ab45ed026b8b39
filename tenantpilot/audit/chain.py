"""Is the log as it was written? The chain is walked in SHA-256 by Python, over texts that the database spells."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

BATCH = 5000

_LINKS = """
SELECT l.seq, l.entry_id, l.hash, CASE WHEN e.id IS NOT NULL THEN audit_canonical(e) END
FROM audit_auditlink l LEFT JOIN audit_auditentry e ON e.id = l.entry_id
WHERE l.seq > %s ORDER BY l.seq LIMIT %s
"""
_LOOSE = """
SELECT e.id FROM audit_auditentry e
WHERE NOT EXISTS (SELECT 1 FROM audit_auditlink l WHERE l.entry_id = e.id) ORDER BY e.id
"""


@dataclass(frozen=True, slots=True)
class Link:
    """One step of the walk; ``wrong`` is empty when it holds."""

    seq: int
    entry_id: int
    hash: str
    wrong: str = ""


def walk() -> Iterator[Link]:
    """Yield every link in order, a few thousand in memory at a time.

    After a wrong one the walk goes on from what is stored, so that each break is named once.
    """
    seq, before = 0, b""
    while rows := _links_after(seq):
        for number, entry_id, stored, text in rows:
            stored = bytes(stored)
            yield Link(number, entry_id, stored.hex(), _wrong(seq, number, before, stored, text))
            seq, before = number, stored


def loose_entries() -> list[int]:
    """Entries that are in no chain: written while the triggers were off."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOSE)
        return [row[0] for row in cursor.fetchall()]


def _links_after(seq: int) -> list[tuple[int, int, bytes, str | None]]:
    with connection.cursor() as cursor:
        cursor.execute(_LINKS, [seq, BATCH])
        return cursor.fetchall()


def _wrong(seq: int, number: int, before: bytes, stored: bytes, text: str | None) -> str:
    if number != seq + 1:
        return f"{number - seq - 1} links before it are missing"
    if text is None:
        return "the entry is missing"
    if hashlib.sha256(before + text.encode()).digest() != stored:
        return "the entry or the hash was changed"
    return ""
