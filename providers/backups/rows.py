"""The rows of a backup, many at a time: as arrays, since rows of a model cost more than all else that a backup does."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection

from providers.catalogue import Ref
from providers.models import BackupItem

_VERSIONS = """
INSERT INTO providers_contentversion (tenant_id, content_hash, content, size)
SELECT %(tenant)s, * FROM unnest(%(hashes)s::text[], %(contents)b::bytea[], %(sizes)s::int[])
ON CONFLICT DO NOTHING
"""
# Held until the commit, so that retention takes none of them away meanwhile.
_HELD = """
SELECT content_hash, id FROM providers_contentversion WHERE tenant_id = %(tenant)s AND content_hash = ANY(%(hashes)s)
ORDER BY id FOR NO KEY UPDATE
"""
# A list that changes while it is read may show an object twice.
_ITEMS = """
INSERT INTO providers_backupitem (backup_id, tenant_id, object_type, object_id, name, odata_type, version_id, complete,
  incomplete_parts, flags, marker)
SELECT %(backup)s, %(tenant)s, * FROM unnest(%(types)s::text[], %(ids)s::text[], %(names)s::text[], %(odata)s::text[],
  %(versions)s::bigint[], %(complete)s::bool[], %(parts)s::text[]::jsonb[], %(flags)s::text[]::jsonb[],
  %(markers)s::text[])
ON CONFLICT DO NOTHING
"""
_REFERENCES = """
INSERT INTO providers_backupreference (backup_id, kind, object_id, name, facts)
SELECT %(backup)s, new.kind, new.id, '', '{}' FROM unnest(%(kinds)s::text[], %(ids)s::text[]) AS new (kind, id)
ON CONFLICT DO NOTHING
"""


def versions_kept(
    tenant_id: int, new: Mapping[str, tuple[bytes, int]], hashes: Iterable[str]
) -> dict[str, int]:
    """Store new contents (sealed, and their size in clear) by hash; return the ids of all these hashes, held."""
    fresh = sorted(new)
    with connection.cursor() as cursor:
        if fresh:
            contents, sizes = zip(*(new[key] for key in fresh), strict=True)
            written: dict[str, Any] = {
                "tenant": tenant_id,
                "hashes": fresh,
                "contents": list(contents),
                "sizes": list(sizes),
            }
            cursor.execute(_VERSIONS, written)
        cursor.execute(_HELD, {"tenant": tenant_id, "hashes": list(hashes)})
        return dict(cursor.fetchall())


def items_kept(items: Sequence[BackupItem]) -> None:
    """Insert these objects of one backup; one that it has already stays as it is."""
    first = items[0]
    with connection.cursor() as cursor:
        cursor.execute(
            _ITEMS,
            {
                "backup": first.backup_id,
                "tenant": first.tenant_id,
                "types": [each.object_type for each in items],
                "ids": [each.object_id for each in items],
                "names": [each.name for each in items],
                "odata": [each.odata_type for each in items],
                "versions": [each.version_id for each in items],
                "complete": [each.complete for each in items],
                "parts": [_json(each.incomplete_parts) for each in items],
                "flags": [_json(each.flags) for each in items],
                "markers": [each.marker for each in items],
            },
        )


def references_kept(backup_id: int, wanted: Iterable[tuple[Ref, str]]) -> None:
    """Note ids that lead somewhere; it is not known yet where to."""
    pairs = sorted((ref.value, key) for ref, key in wanted)
    if not pairs:
        return
    kinds, ids = zip(*pairs, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_REFERENCES, {"backup": backup_id, "kinds": list(kinds), "ids": list(ids)})


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
