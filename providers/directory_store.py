"""Writing what was read of a directory, so that our copy never claims more than was observed.

What the dates mean:

- A row's ``observed_at`` is when the provider last sent the object in a form that was new to us. Rows that came
  unchanged are not rewritten: that would cost as much as reading them for the first time.
- A collection's ``complete_at`` is when its last complete read *began*. That read confirmed every row that is not
  gone, so such a row was observed at the later of the two dates.
- ``gone_at`` is written only by the transaction that ends a complete read, be it that the object was missing from
  a whole read, or that a delta named it as removed.
- ``attempted_at`` later than ``complete_at``: the last read did not reach its end; ``reason_code`` says why.
- Where a shape has a ``history``, what a read found beside an earlier one is kept with it (``directory_history``).

Two connections of one tenant share its collections. The newer run takes a collection by its fence, and the older
one is told so (``Superseded``) at its next write.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from providers import directory_history
from providers.choices import ObjectKind
from providers.directory_shapes import SHAPES, Shape, object_id

# Large enough that the merge is one short transaction in every few requests, small enough to hold in memory.
BATCH = 5_000

_BEGIN = """
INSERT INTO providers_directorycollection AS c
  (tenant_id, kind, selection_key, attempted_at, reason_code, reason_facts, object_count, delta_link, fence)
VALUES (%(tenant)s, %(kind)s, %(selection)s, clock_timestamp(), '', '{}', 0, '', %(fence)s)
ON CONFLICT (tenant_id, kind, selection_key) DO UPDATE
  SET attempted_at = EXCLUDED.attempted_at, fence = EXCLUDED.fence WHERE c.fence <= EXCLUDED.fence
RETURNING id, attempted_at, complete_at IS NOT NULL, object_count,
  CASE WHEN connection_id = %(connection)s THEN delta_link ELSE '' END
"""
_HOLD = "SELECT 1 FROM providers_directorycollection WHERE id = %s AND fence = %s FOR NO KEY UPDATE"
# The conflict clause is the only look at our copy: it always takes the unique index. A join before it was seen to read
# the whole collection once per batch, since statistics lag behind a collection that just grew.
_MERGE = """
WITH written AS (
  INSERT INTO {table} AS t (collection_id, object_id, {columns}, first_observed_at, observed_at, gone_at, fence)
  SELECT %(collection)s, object_id, {columns}, now(), now(), NULL, %(fence)s FROM {staged}
  ON CONFLICT (collection_id, object_id) DO UPDATE
    SET {assigned}, observed_at = EXCLUDED.observed_at, gone_at = NULL, fence = EXCLUDED.fence
    WHERE t.fence <= EXCLUDED.fence
      AND (t.gone_at IS NOT NULL OR ROW({mine}) IS DISTINCT FROM ROW({theirs}))
  RETURNING object_id
), unchanged AS (
  INSERT INTO directory_seen SELECT object_id FROM {staged} EXCEPT SELECT object_id FROM written
)
SELECT count(*) FROM written
"""
# For the same reason, hash joins only where the whole collection is compared with what was seen.
_COMPARE = (
    "SET LOCAL enable_nestloop = off; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on; "
    "SET LOCAL enable_mergejoin = on"
)
_RECEIVED = """
SELECT count(*) FILTER (WHERE observed_at >= %(began)s)
  + (SELECT count(*) FROM {table} u WHERE collection_id = %(collection)s AND gone_at IS NULL
       AND observed_at < %(began)s AND EXISTS (SELECT 1 FROM directory_seen s WHERE s.object_id = u.object_id))
FROM {table} WHERE collection_id = %(collection)s AND gone_at IS NULL
"""
_GONE = """
UPDATE {table} t SET gone_at = now(), fence = %(fence)s
WHERE collection_id = %(collection)s AND gone_at IS NULL AND fence <= %(fence)s
"""
_UNSEEN = """
  AND observed_at < %(began)s AND NOT EXISTS (SELECT 1 FROM directory_seen s WHERE s.object_id = t.object_id)
"""
_NAMED = " AND object_id = ANY(%(removed)s)"
_COMPLETE = """
UPDATE providers_directorycollection SET complete_at = %(began)s, reason_code = '', reason_facts = '{{}}',
  new_count = %(new)s, changed_count = %(changed)s, gone_count = %(gone)s,
  object_count = (SELECT count(*) FROM {table} WHERE collection_id = %(collection)s AND gone_at IS NULL),
  connection_id = %(connection)s, delta_link = %(link)s,
  delta_link_at = CASE WHEN %(link)s = '' THEN NULL ELSE now() END
WHERE id = %(collection)s RETURNING object_count
"""
_ABORT = "UPDATE providers_directorycollection SET reason_code = %s, reason_facts = %s WHERE id = %s"

Fenced = Callable[[], AbstractContextManager[None]]


class Superseded(Exception):
    """A newer run reads the same collection: its data counts, ours is not written any more."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which collection is read, by whom. ``fenced`` opens a transaction that only the run's owner gets.

    ``run_id`` is the run that changes rest on.
    """

    tenant_id: int
    connection_id: int
    kind: ObjectKind
    selection_key: str
    fence: int
    fenced: Fenced
    run_id: int | None = None


@dataclass(slots=True)
class Written:
    """What a read did to our copy: objects in it now, new or changed ones, and those found gone.

    Where a history is kept, ``new`` ones are counted apart, and a first read finds neither new nor changed ones.
    """

    objects: int = 0
    changed: int = 0
    gone: int = 0
    new: int = 0


@dataclass
class Reading:
    """One read of a collection, from ``begin`` to ``complete`` or ``abort``.

    Every writing method raises ``Superseded``, and whatever ``Scope.fenced`` raises.
    """

    scope: Scope
    shape: Shape
    collection_id: int
    began_at: datetime
    delta_link: str
    was_complete: bool
    earlier_count: int
    changed: int = 0
    new: int = 0
    _prepared: bool = False
    _buffer: dict[str, tuple[str | None, ...]] = field(default_factory=dict)
    _removed: set[str] = field(default_factory=set)

    def add(self, items: Iterable[Mapping[str, Any]]) -> None:
        """Take a page. Objects that a delta names as removed are remembered until ``complete``.

        An object that comes more than once counts as it came last. Raises ResponseInvalid for one without an id.
        """
        for item in items:
            key = object_id(item)
            if "@removed" in item:
                self._removed.add(key)
                continue
            self._removed.discard(key)
            self._buffer[key] = (key, *self.shape.values(item))
        if len(self._buffer) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered."""
        if not self._buffer:
            return
        with self.scope.fenced(), connection.cursor() as cursor:
            self._hold(cursor)
            self._merge(cursor)

    def received(self) -> int:
        """Return how many different objects this read has brought so far."""
        self.flush()
        params: dict[str, Any] = {"collection": self.collection_id, "began": self.began_at}
        with self.scope.fenced(), connection.cursor() as cursor:
            self._hold(cursor)
            cursor.execute(_COMPARE)
            cursor.execute(_RECEIVED.format(table=self.shape.table), params)
            return int(cursor.fetchone()[0])

    def complete(self, *, whole: bool, delta_link: str = "") -> Written:
        """End a read that reached its end, in one transaction with what it found gone and its delta link.

        ``whole``: the read brought every object there is, so that those it did not bring are gone.
        """
        params: dict[str, Any] = {
            "collection": self.collection_id,
            "fence": self.scope.fence,
            "began": self.began_at,
            "connection": self.scope.connection_id,
            "link": delta_link,
            "removed": list(self._removed),
            "tenant": self.scope.tenant_id,
            "run": self.scope.run_id,
        }
        with self.scope.fenced(), connection.cursor() as cursor:
            self._hold(cursor)
            self._merge(cursor)
            gone = self._mark_gone(cursor, params, whole=whole)
            found = {"new": self.new, "changed": self.changed if self.was_complete else 0, "gone": gone}
            cursor.execute(_COMPLETE.format(table=self.shape.table), params | found)
            return Written(int(cursor.fetchone()[0]), self.changed, gone, self.new)

    def abort(self, reason_code: str, reason_facts: Mapping[str, Any]) -> None:
        """Write what was seen, which is true, and why there is no more. Nothing is marked gone, no link is kept."""
        with self.scope.fenced(), connection.cursor() as cursor:
            self._hold(cursor)
            self._merge(cursor)
            cursor.execute(_ABORT, [reason_code, json.dumps(dict(reason_facts)), self.collection_id])

    def restart(self) -> None:
        """Begin again: what the read brought so far does not count as seen."""
        fresh = begin(self.scope, self.shape)
        self.began_at, self.delta_link = fresh.began_at, ""
        self._buffer.clear()
        self._removed.clear()
        self._prepared = False

    def _hold(self, cursor: CursorWrapper) -> None:
        cursor.execute(_HOLD, [self.collection_id, self.scope.fence])
        if cursor.fetchone() is None:
            raise Superseded
        if not self._prepared:
            _make_work_tables(cursor, self.shape)
            self._prepared = True

    def _merge(self, cursor: CursorWrapper) -> None:
        if not self._buffer:
            return
        staged = _staged(self.shape)
        # Only names from our own models are put into the text.
        with cursor.copy(f"COPY {staged} FROM STDIN") as copy:
            for row in self._buffer.values():
                copy.write_row(row)
        found = self._recorded(cursor, staged)
        cursor.execute(_merge_sql(self.shape), {"collection": self.collection_id, "fence": self.scope.fence})
        written = int(cursor.fetchone()[0])
        self.changed += written if found is None else found
        cursor.execute(f"TRUNCATE {staged}")
        self._buffer.clear()

    def _recorded(self, cursor: CursorWrapper, staged: str) -> int | None:
        """Keep what the batch changes; return how many objects changed, None where no history is kept."""
        history = self.shape.history
        if history is None:
            return None
        params = {
            "tenant": self.scope.tenant_id,
            "collection": self.collection_id,
            "fence": self.scope.fence,
            "run": self.scope.run_id,
            "known": self.was_complete,
        }
        where: dict[str, Any] = {"table": self.shape.table, "staged": staged, "params": params}
        cursor.execute(directory_history.LOOK_UP)
        directory_history.carry(cursor, history, **where)
        if not self.was_complete:
            return 0
        new, changed = directory_history.record(cursor, history, **where)
        self.new += new
        return changed

    def _mark_gone(self, cursor: CursorWrapper, params: Mapping[str, Any], *, whole: bool) -> int:
        gone = 0
        update = _GONE.format(table=self.shape.table)
        if self._removed:
            gone += self._carried_out(cursor, update + _NAMED, params)
        if whole:
            cursor.execute(_COMPARE)
            gone += self._carried_out(cursor, update + _UNSEEN, params)
        return gone

    def _carried_out(self, cursor: CursorWrapper, update: str, params: Mapping[str, Any]) -> int:
        if self.shape.history is not None:
            return directory_history.record_gone(cursor, update, params)
        cursor.execute(update, params)
        return cursor.rowcount


def begin(scope: Scope, shape: Shape | None = None) -> Reading:
    """Begin a read of a collection, whose earlier data stays as it is. Raises Superseded.

    ``shape``: where the kind alone does not say it. Several may be begun; they are then written one after another.
    """
    shape = shape or SHAPES[scope.kind]
    with scope.fenced(), connection.cursor() as cursor:
        cursor.execute(
            _BEGIN,
            {
                "tenant": scope.tenant_id,
                "kind": scope.kind.value,
                "selection": scope.selection_key,
                "fence": scope.fence,
                "connection": scope.connection_id,
            },
        )
        row = cursor.fetchone()
        if row is None:
            raise Superseded
    collection_id, began_at, was_complete, count, link = row
    return Reading(scope, shape, collection_id, began_at, link, was_complete, count)


def _make_work_tables(cursor: CursorWrapper, shape: Shape) -> None:
    """Tables of this database session, which write no WAL and outlive a transaction but not a lost connection."""
    names = ", ".join(("object_id", *shape.columns))
    cursor.execute(
        f"CREATE TEMP TABLE IF NOT EXISTS {_staged(shape)} AS SELECT {names} FROM {shape.table} WITH NO DATA"  # noqa: S608
    )
    cursor.execute("CREATE TEMP TABLE IF NOT EXISTS directory_seen (object_id text)")
    cursor.execute(f"TRUNCATE {_staged(shape)}, directory_seen")


def _staged(shape: Shape) -> str:
    return f"staged_{shape.table}"


def _merge_sql(shape: Shape) -> str:
    return _MERGE.format(
        staged=_staged(shape),
        table=shape.table,
        columns=", ".join(shape.columns),
        mine=", ".join(f"t.{name}" for name in shape.columns),
        theirs=", ".join(f"EXCLUDED.{name}" for name in shape.columns),
        assigned=", ".join(f"{name} = EXCLUDED.{name}" for name in shape.columns),
    )
