"""What a read finds changed beside an earlier one, kept per object, in the transaction that writes the object.

A collection's first complete read has nothing to compare with: its objects are no news. ``staged`` holds the rows of
one batch, ``table`` is our copy as it was before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.backends.utils import CursorWrapper

# One look into the unique index for each row of a batch, whatever the planner thinks of a collection that just grew.
LOOK_UP = (
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
    "SET LOCAL enable_nestloop = on"
)
_BEFORE = """
LEFT JOIN LATERAL (
  SELECT * FROM {table} o WHERE o.collection_id = %(collection)s AND o.object_id = s.object_id OFFSET 0
) t ON true
"""
_RECORD = """
WITH compared AS (
  SELECT s.object_id, s.display_name, {before} AS before, {after} AS after,
    CASE WHEN t.object_id IS NULL THEN 'new' WHEN t.gone_at IS NOT NULL THEN 'back' ELSE 'changed' END AS kind
  FROM {staged} s {join}
  WHERE t.object_id IS NULL OR (t.fence <= %(fence)s AND (t.gone_at IS NOT NULL OR {before} IS DISTINCT FROM {after}))
), recorded AS (
  INSERT INTO providers_objectchange (tenant_id, collection_id, object_id, name, kind, observed_at, run_id, changes)
  SELECT %(tenant)s, %(collection)s, object_id, display_name, kind, now(), %(run)s,
    CASE kind WHEN 'changed' THEN (
      SELECT jsonb_object_agg(key, jsonb_build_array(b.value, a.value))
      FROM jsonb_each(before) b FULL JOIN jsonb_each(after) a USING (key) WHERE a.value IS DISTINCT FROM b.value
    ) ELSE '{{}}' END
  FROM compared RETURNING kind
)
SELECT count(*) FILTER (WHERE kind <> 'changed'), count(*) FILTER (WHERE kind = 'changed') FROM recorded
"""
_RECORD_GONE = """
WITH gone AS ({update} RETURNING t.object_id, t.display_name)
INSERT INTO providers_objectchange (tenant_id, collection_id, object_id, name, kind, observed_at, run_id, changes)
SELECT %(tenant)s, %(collection)s, object_id, display_name, 'gone', now(), %(run)s, '{{}}' FROM gone
"""


@dataclass(frozen=True, slots=True)
class History:
    """Which facts of a row are compared: names to columns, and a JSON column whose keys stand beside them.

    ``carried``: columns of our own that keep their value for as long as ``steady`` keeps its own; each names what
    a row gets otherwise. They are written for a first read, too.
    """

    facts: Mapping[str, str]
    json: str = ""
    steady: str = ""
    carried: tuple[tuple[str, str], ...] = ()

    def facts_of(self, alias: str) -> str:
        """The facts of a row as one JSON object, in SQL."""
        pairs = ", ".join(f"'{name}', {alias}.{column}" for name, column in self.facts.items())
        built = f"jsonb_strip_nulls(jsonb_build_object({pairs}))"
        return f"({built} || {alias}.{self.json})" if self.json else built


def carry(
    cursor: CursorWrapper, history: History, *, table: str, staged: str, params: Mapping[str, Any]
) -> None:
    """Fill the carried columns of a batch before it is merged."""
    if not history.carried:
        return
    fresh = ", ".join(f"{name} = {value}" for name, value in history.carried)
    kept = ", ".join(f"{name} = t.{name}" for name, _value in history.carried)
    # Only names and expressions of our own declarations are put into the text.
    cursor.execute(f"UPDATE {staged} SET {fresh}", params)  # noqa: S608
    cursor.execute(
        f"UPDATE {staged} s SET {kept} FROM {table} t WHERE t.collection_id = %(collection)s"  # noqa: S608
        f" AND t.object_id = s.object_id AND t.gone_at IS NULL AND t.{history.steady} = s.{history.steady}",
        params,
    )


def record(
    cursor: CursorWrapper, history: History, *, table: str, staged: str, params: Mapping[str, Any]
) -> tuple[int, int]:
    """Keep what is new (or back) and what has changed in a batch that is about to be merged; return both counts."""
    sql = _RECORD.format(
        staged=staged,
        join=_BEFORE.format(table=table),
        before=history.facts_of("t"),
        after=history.facts_of("s"),
    )
    cursor.execute(sql, params)
    new, changed = cursor.fetchone()
    return int(new), int(changed)


def record_gone(cursor: CursorWrapper, update: str, params: Mapping[str, Any]) -> int:
    """Carry out ``update``, which marks rows of ``t`` gone, and keep each of them; return how many."""
    cursor.execute(_RECORD_GONE.format(update=update), params)
    return int(cursor.rowcount)
