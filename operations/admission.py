"""The one insert of a run and its first event."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from operations.scopes import Scope

# The ORM can't name a partial index as conflict target together with RETURNING, so this statement is SQL for being
# right; being one statement on an autocommit connection also saves two round trips.
_INSERT = """
WITH run AS (
  INSERT INTO operations_operationrun
    (tenant_id, connection_id, operation_type, op_key, identity, scope_key, params,
     origin, surface, initiator_id, retry_of_id, chain_id, chain_step{columns})
  SELECT %(tenant)s, %(connection_id)s, %(type)s, %(op_key)s, %(identity)s::jsonb, %(connection)s, %(params)s::jsonb,
         %(origin)s, %(surface)s, %(initiator)s, %(retry_of)s, %(chain)s, %(step)s{values}
  WHERE NOT EXISTS ({beside})
  ON CONFLICT {conflict} DO NOTHING
  RETURNING id, created_at
), event AS (
  INSERT INTO operations_runevent (run_id, seq, kind, actor_id, data)
  SELECT id, 1, 'accepted', %(initiator)s::bigint, %(facts)s::jsonb FROM run
)
SELECT id, created_at, (SELECT max(seen_at) FROM operations_worker), now() FROM run
"""
_READ = _INSERT.format(
    columns="",
    values="",
    beside="""SELECT 1 FROM operations_operationrun w
    WHERE w.directory_key = %(directory)s AND w.status IN ('queued', 'running')""",
    conflict="(scope_key) WHERE status IN ('queued', 'running')",
)
# A write has two unique keys, so any conflict is one that matters.
_WRITE = _INSERT.format(
    columns=", directory_key",
    values=", %(directory)s",
    beside="""SELECT 1 FROM operations_operationrun r JOIN tenancy_tenant t ON t.id = r.tenant_id
    WHERE t.entra_tenant_id = %(entra)s AND r.directory_key IS NULL AND r.status IN ('queued', 'running')""",
    conflict="",
)


# What differs from run to run comes as arrays; sorted, so that two bulk starts never wait for each other crosswise.
_MANY = """
WITH new AS (
  SELECT * FROM unnest(%(tenants)s::bigint[], %(connections)s::bigint[], %(op_keys)s::text[], %(identities)s::text[],
    %(scopes)s::text[], %(directories)s::text[], %(params)s::text[], %(facts)s::text[])
    AS n (tenant_id, connection_id, op_key, identity, scope_key, directory, params, facts)
), run AS (
  INSERT INTO operations_operationrun
    (tenant_id, connection_id, operation_type, op_key, identity, scope_key, params, origin, surface, initiator_id)
  SELECT n.tenant_id, n.connection_id, %(type)s, n.op_key, n.identity::jsonb, n.scope_key, n.params::jsonb,
    %(origin)s, %(surface)s, %(initiator)s::bigint
  FROM new n WHERE NOT EXISTS (SELECT 1 FROM operations_operationrun w
    WHERE w.directory_key = n.directory AND w.status IN ('queued', 'running'))
  ORDER BY n.scope_key
  ON CONFLICT (scope_key) WHERE status IN ('queued', 'running') DO NOTHING
  RETURNING id, scope_key, created_at
), event AS (
  INSERT INTO operations_runevent (run_id, seq, kind, actor_id, data)
  SELECT run.id, 1, 'accepted', %(initiator)s::bigint, n.facts::jsonb FROM run JOIN new n USING (scope_key)
)
SELECT scope_key, id, created_at, (SELECT max(seen_at) FROM operations_worker), now() FROM run
"""


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is admitted with."""

    tenant_id: int
    connection_id: int
    operation_type: str
    op_key: str
    identity: dict[str, Any]
    scope: Scope
    params: dict[str, Any]
    origin: str
    surface: str
    initiator_id: int | None
    facts: dict[str, Any]
    retry_of_id: int | None = None
    chain_id: int | None = None
    chain_step: int | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    id: int
    created_at: datetime
    worker_seen: bool


def insert(new: NewRun) -> Admitted | None:
    """Write the run and its first event, or return None when another run is in the way: the database decides."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE if new.scope.write else _READ,
            {
                "tenant": new.tenant_id,
                "connection_id": new.connection_id,
                "type": new.operation_type,
                "op_key": new.op_key,
                "identity": json.dumps(new.identity),
                "params": json.dumps(new.params),
                "origin": new.origin,
                "surface": new.surface,
                "initiator": new.initiator_id,
                "retry_of": new.retry_of_id,
                "chain": new.chain_id,
                "step": new.chain_step,
                "facts": json.dumps(new.facts),
                **new.scope.values(),
            },
        )
        row = cursor.fetchone()
    return _admitted(row) if row else None


def insert_many(new: Sequence[NewRun]) -> list[Admitted | None]:
    """Do what ``insert`` does for reads of one operation, person and origin, each of a connection of its own."""
    if not new:
        return []
    first = new[0]
    with connection.cursor() as cursor:
        cursor.execute(
            _MANY,
            {
                "tenants": [run.tenant_id for run in new],
                "connections": [run.connection_id for run in new],
                "op_keys": [run.op_key for run in new],
                "identities": [json.dumps(run.identity) for run in new],
                "scopes": [run.scope.connection for run in new],
                "directories": [run.scope.directory for run in new],
                "params": [json.dumps(run.params) for run in new],
                "facts": [json.dumps(run.facts) for run in new],
                "type": first.operation_type,
                "origin": first.origin,
                "surface": first.surface,
                "initiator": first.initiator_id,
            },
        )
        admitted = {scope_key: _admitted(tuple(row)) for scope_key, *row in cursor.fetchall()}
    return [admitted.get(run.scope.connection) for run in new]


def _admitted(row: tuple[Any, ...]) -> Admitted:
    run_id, created_at, seen_at, now = row
    recent = timedelta(seconds=settings.WORKER_SEEN_WITHIN)
    return Admitted(run_id, created_at, seen_at is not None and now - seen_at < recent)
