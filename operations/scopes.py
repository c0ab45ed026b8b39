"""What a run has to itself, and which run holds it now.

A read has its connection. A write has its connection **and** the directory behind it, one key for the whole
installation: neither another connection nor another workspace writes there meanwhile. No read works beside a write of
one directory either. Who decides what:

* Two runs on one connection, two writes in one directory: unique indexes over the active runs themselves. They can't
  leak and can't be raced, and the end of the run frees both keys with the same UPDATE.
* A read and a write through *different* connections of one directory: each is admitted only where its statement sees
  no active run of the other kind; in the instant in which neither sees the other both are admitted. Then the claim
  decides: a write is not claimed while any read of its directory is active, and a read that finds an active write at
  its claim ends as blocked before it reads. Both rows were committed before either claim, so at least one sees the
  other.

So a write waits for those alone who read or write its directory; reads of different connections never wait for each
other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db import connection

from operations.choices import Access, connection_scope, directory_scope
from operations.outcomes import RunRef, stamp
from operations.registry import OperationType
from providers.selectors import Target

_SHOWN = """
SELECT {rank} AS rank, r.id, r.status, r.operation_type, r.op_key, r.created_at, r.tenant_id, r.initiator_id
FROM operations_operationrun r {where} AND r.status IN ('queued', 'running')
"""
# The keys go in as parameters: computed in a join, PostgreSQL reads the whole index of active runs.
_ON_CONNECTION = _SHOWN.format(rank=0, where="WHERE r.scope_key = %(connection)s")
_WRITES = _SHOWN.format(rank=1, where="WHERE r.directory_key = %(directory)s")
_READS = _SHOWN.format(
    rank=2,
    where="JOIN tenancy_tenant t ON t.id = r.tenant_id"
    " WHERE t.entra_tenant_id = %(entra)s AND r.directory_key IS NULL",
)
_HOLDER = """
SELECT h.id, h.status, h.operation_type, h.op_key, h.created_at, h.tenant_id, h.rank,
  coalesce(nullif(u.first_name, ''), u.username, '')
FROM ({held}) h LEFT JOIN tenancy_user u ON u.id = h.initiator_id ORDER BY h.rank, h.id LIMIT 1
"""
_BESIDE_READ = _HOLDER.format(held=" UNION ALL ".join((_ON_CONNECTION, _WRITES)))
_BESIDE_READS = """
SELECT h.id, h.status, h.operation_type, h.op_key, h.created_at, h.tenant_id, h.rank,
  coalesce(nullif(u.first_name, ''), u.username, ''), h.key
FROM (
  SELECT 0 AS rank, r.scope_key AS key, r.* FROM operations_operationrun r
  WHERE r.scope_key = ANY(%(connections)s) AND r.status IN ('queued', 'running')
  UNION ALL
  SELECT 1, r.directory_key, r.* FROM operations_operationrun r
  WHERE r.directory_key = ANY(%(directories)s) AND r.status IN ('queued', 'running')
) h LEFT JOIN tenancy_user u ON u.id = h.initiator_id ORDER BY h.rank, h.id
"""
_BESIDE_WRITE = _HOLDER.format(held=" UNION ALL ".join((_ON_CONNECTION, _WRITES, _READS)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What one start wants to itself."""

    connection: str
    entra_tenant_id: UUID
    write: bool

    @classmethod
    def of(cls, operation: OperationType, target: Target) -> Self:
        """Return what ``operation`` protects on a target whose connection is resolved."""
        assert target.connection is not None
        return cls(
            connection_scope(target.connection.id),
            target.tenant.entra_tenant_id,
            operation.access is Access.WRITE,
        )

    @property
    def directory(self) -> str:
        return directory_scope(self.entra_tenant_id)

    @property
    def key(self) -> str:
        """Return the scope that counts as sameness: the widest one that the work has to itself."""
        return self.directory if self.write else self.connection

    def values(self) -> dict[str, Any]:
        """Return the parameters of statements that look for who is in the way."""
        return {"connection": self.connection, "directory": self.directory, "entra": self.entra_tenant_id}


@dataclass(frozen=True, slots=True)
class Holder:
    """The run in the way: one on the connection, or (``beside``) one elsewhere in the directory."""

    run: RunRef
    op_key: str
    tenant_id: int
    beside: bool


def holder(scope: Scope) -> Holder | None:
    """Return the active run that keeps ``scope`` from being taken, that of the connection first."""
    with connection.cursor() as cursor:
        cursor.execute(_BESIDE_WRITE if scope.write else _BESIDE_READ, scope.values())
        row = cursor.fetchone()
    return _holder(row) if row else None


def holders(scopes: Sequence[Scope]) -> dict[Scope, Holder]:
    """Return what ``holder`` says of each of these scopes of reads, in one statement; a free one is left out."""
    keys = {
        "connections": [scope.connection for scope in scopes],
        "directories": list({scope.directory for scope in scopes}),
    }
    with connection.cursor() as cursor:
        cursor.execute(_BESIDE_READS, keys)
        rows = cursor.fetchall()
    by_key = {key: _holder(tuple(row)) for *row, key in reversed(rows)}
    found = {scope: by_key.get(scope.connection) or by_key.get(scope.directory) for scope in scopes}
    return {scope: held for scope, held in found.items() if held}


def _holder(row: tuple[Any, ...]) -> Holder:
    run_id, status, operation_type, op_key, created_at, tenant_id, rank, initiator = row
    run = RunRef(run_id, status, operation_type, stamp(created_at), initiator)
    return Holder(run, op_key, tenant_id, beside=rank > 0)
