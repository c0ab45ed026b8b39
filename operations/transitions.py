"""Every transition of a run: one conditional UPDATE with its event, that says whether it happened.

The clock is always the database's. ``status``, ``fence`` and the lease are written nowhere else but in
``operations.admission``.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from django.conf import settings
from django.db import connection, transaction

from operations.choices import EventKind, RunOutcome

# What goes on when a run of a chain has ended, in the transaction that ended it, whoever ended it.
_chain_goes_on: Callable[[int], None] | None = None

# Appended to a CTE called "moved": its event, and for a run that ended by itself a notice to its initiator only.
_EVENT = """
, event AS (
  INSERT INTO operations_runevent (run_id, seq, kind, fence, actor_id, code, data)
  SELECT id, event_seq, %(kind)s, fence, %(actor)s::bigint, reason_code, %(data)s::jsonb FROM moved
)"""
_NOTICE = """
, notice AS (
  INSERT INTO operations_notification (recipient_id, run_id)
  SELECT initiator_id, id FROM moved WHERE status = 'completed' AND initiator_id IS NOT NULL
  ON CONFLICT (run_id) DO NOTHING
)"""
_RELEASED = "claim_token = NULL, lease_until = NULL, event_seq = event_seq + 1"

# The last word between a read and a write of one directory that were admitted in the same instant: operations.scopes.
_READS_BESIDE = """
SELECT 1 FROM operations_operationrun r JOIN tenancy_tenant t ON t.id = r.tenant_id
WHERE 'directory:' || t.entra_tenant_id = operations_operationrun.directory_key
  AND r.directory_key IS NULL AND r.status IN ('queued', 'running')
"""
_WRITE_BESIDE = """
SELECT 1 FROM operations_operationrun w WHERE w.status IN ('queued', 'running')
  AND w.directory_key = (SELECT 'directory:' || t.entra_tenant_id FROM tenancy_tenant t WHERE t.id = moved.tenant_id)
"""
_CLAIM = f"""
WITH moved AS (
  UPDATE operations_operationrun SET status = 'running', fence = nextval('operations_fence'),
    claim_token = %(token)s, claimed_by = %(by)s, attempt = attempt + 1, event_seq = event_seq + 1,
    lease_until = clock_timestamp() + %(lease)s * interval '1 second',
    deadline_at = clock_timestamp() + %(deadline)s * interval '1 second',
    started_at = coalesce(started_at, now()), reason_code = '', reason_facts = '{{}}'
  WHERE id = %(run)s AND status = 'queued' AND not_before <= now() AND cancel_requested_at IS NULL
    AND (directory_key IS NULL OR NOT EXISTS ({_READS_BESIDE}))
  RETURNING *
){_EVENT}
SELECT id, fence, attempt, tenant_id, connection_id, operation_type, params, initiator_id, started_at, cost, chain_id,
  directory_key IS NULL AND EXISTS ({_WRITE_BESIDE})
FROM moved
"""  # noqa: S608  # constants only
_RENEW = """
UPDATE operations_operationrun SET lease_until = clock_timestamp() + %s * interval '1 second'
WHERE id = %s AND fence = %s AND status = 'running' RETURNING cancel_requested_at IS NOT NULL
"""
_LOOK = """
SELECT cancel_requested_at IS NOT NULL FROM operations_operationrun
WHERE id = %s AND fence = %s AND status = 'running'
"""
_REPORT = """
UPDATE operations_operationrun SET progress = %s, counts = %s, cost = %s
WHERE id = %s AND fence = %s AND status = 'running' RETURNING id
"""
_STAGE = f"""
WITH moved AS (
  UPDATE operations_operationrun SET event_seq = event_seq + 1
  WHERE id = %(run)s AND fence = %(fence)s AND status = 'running' RETURNING *
){_EVENT} SELECT id FROM moved
"""  # noqa: S608  # constants only
_FINISH = f"""
WITH moved AS (
  UPDATE operations_operationrun SET status = 'completed', outcome = %(outcome)s, completed_at = now(),
    reason_code = %(reason)s, reason_facts = %(reason_facts)s, progress = %(progress)s, counts = %(counts)s,
    failures = %(failures)s, cost = %(cost)s, diagnostics = %(diagnostics)s, {_RELEASED}
  WHERE id = %(run)s AND fence = %(fence)s AND status = 'running' RETURNING *
){_EVENT}{_NOTICE} SELECT chain_id FROM moved
"""  # noqa: S608  # constants only
_RETRY_LATER = f"""
WITH moved AS (
  UPDATE operations_operationrun SET status = 'queued', not_before = now() + %(delay)s * interval '1 second',
    last_offered_at = NULL, offer_count = 0, reason_code = %(reason)s, reason_facts = %(reason_facts)s,
    cost = %(cost)s, diagnostics = %(diagnostics)s, {_RELEASED}
  WHERE id = %(run)s AND fence = %(fence)s AND status = 'running' AND cancel_requested_at IS NULL RETURNING *
){_EVENT} SELECT id FROM moved
"""  # noqa: S608  # constants only
_CANCEL_QUEUED = f"""
WITH moved AS (
  UPDATE operations_operationrun SET status = 'completed', outcome = 'cancelled', completed_at = now(),
    cancel_requested_at = now(), cancel_requested_by_id = %(actor)s, reason_code = 'operation.cancelled', {_RELEASED}
  WHERE id = %(run)s AND status = 'queued' RETURNING *
){_EVENT}{_NOTICE} SELECT chain_id FROM moved
"""  # noqa: S608  # constants only
_CANCEL_RUNNING = f"""
WITH moved AS (
  UPDATE operations_operationrun SET cancel_requested_at = now(), cancel_requested_by_id = %(actor)s,
    event_seq = event_seq + 1
  WHERE id = %(run)s AND status = 'running' AND cancel_requested_at IS NULL RETURNING *
){_EVENT} SELECT id FROM moved
"""  # noqa: S608  # constants only
_FORCE_RELEASE = f"""
WITH moved AS (
  UPDATE operations_operationrun SET status = 'completed', outcome = 'failed', completed_at = now(),
    reason_code = 'operation.force_released', fence = nextval('operations_fence'), {_RELEASED}
  WHERE id = %(run)s AND status = 'running' AND cancel_requested_at < now() - %(after)s * interval '1 second'
  RETURNING *
){_EVENT}{_NOTICE} SELECT chain_id FROM moved
"""  # noqa: S608  # constants only
# The condition stands in the UPDATE again: a sweep that slept on an old snapshot must not take a renewed lease.
_REAP = f"""
WITH lost AS (
  SELECT id, CASE
    WHEN operation_type <> ALL(%(reads)s) THEN 'lost'
    WHEN cancel_requested_at IS NOT NULL THEN 'cancelled'
    WHEN lost_count >= %(losses)s THEN 'lost'
    WHEN attempt >= %(attempts)s THEN 'exhausted'
    ELSE 'again' END AS verdict
  FROM operations_operationrun WHERE status = 'running' AND (lease_until < now() OR claim_token = ANY(%(dead)s))
  ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED
), moved AS (
  UPDATE operations_operationrun r SET
    status = CASE verdict WHEN 'again' THEN 'queued' ELSE 'completed' END,
    outcome = CASE verdict WHEN 'again' THEN NULL WHEN 'cancelled' THEN 'cancelled' ELSE 'failed' END,
    completed_at = CASE verdict WHEN 'again' THEN NULL ELSE now() END,
    reason_code = CASE verdict WHEN 'cancelled' THEN 'operation.cancelled'
      WHEN 'exhausted' THEN 'operation.attempts_exhausted' ELSE 'operation.worker_lost' END,
    reason_facts = jsonb_build_object('attempts', attempt),
    lost_count = lost_count + 1, not_before = now(), last_offered_at = NULL, offer_count = 0, {_RELEASED}
  FROM lost
  WHERE r.id = lost.id AND r.status = 'running' AND (r.lease_until < now() OR r.claim_token = ANY(%(dead)s))
  RETURNING r.*
), event AS (
  INSERT INTO operations_runevent (run_id, seq, kind, fence, code, data)
  SELECT id, event_seq, CASE status WHEN 'queued' THEN 'lost' ELSE 'ended' END, fence, reason_code,
    jsonb_build_object('attempt', attempt, 'worker', claimed_by, 'outcome', outcome) FROM moved
){_NOTICE}
SELECT id, operation_type, status, coalesce(outcome, ''), chain_id FROM moved
"""  # noqa: S608  # constants only


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is this worker's until its lease ends."""

    run_id: int
    fence: int
    attempt: int
    tenant_id: int
    connection_id: int
    operation_type: str
    params: dict[str, Any]
    initiator_id: int | None
    started_at: datetime
    spent: dict[str, Any]  # what earlier attempts cost
    chain_id: int | None
    token: UUID
    beside_write: bool = False  # a write holds the directory that this read is about


@dataclass(frozen=True, slots=True)
class Ending:
    """What a run ends with."""

    outcome: RunOutcome
    reason_code: str
    reason_facts: dict[str, Any]
    progress: dict[str, Any]
    counts: dict[str, Any]
    failures: list[dict[str, Any]]
    cost: dict[str, Any]
    diagnostics: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Reaped:
    run_id: int
    operation_type: str
    status: str
    outcome: str
    chain_id: int | None


def when_a_step_ended(go_on: Callable[[int], None]) -> None:
    """Let ``go_on(chain id)`` be called in every transaction that ends a run of a chain."""
    global _chain_goes_on
    _chain_goes_on = go_on


def _execute(sql: str, params: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
    return row


def _move(
    sql: str, kind: EventKind, run_id: int, *, actor: int | None = None, data: Any = None, **more: Any
) -> bool:
    params = {"run": run_id, "kind": kind.value, "actor": actor, "data": json.dumps(data or {}), **more}
    return _execute(sql, params) is not None


def _end(sql: str, run_id: int, *, actor: int | None = None, data: Any = None, **more: Any) -> bool:
    """End a run; what its chain does next is written in the same transaction, or the run has not ended."""
    ended = EventKind.ENDED.value
    params = {"run": run_id, "kind": ended, "actor": actor, "data": json.dumps(data or {}), **more}
    row = _execute(sql, params)
    if row is not None and row[0] is not None:
        _go_on(row[0])
    return row is not None


def _go_on(chain_id: int) -> None:
    assert _chain_goes_on is not None
    _chain_goes_on(chain_id)


def claim(run_id: int, worker: str) -> Claim | None:
    """Take a queued run that is due, or return None: the message came late, twice, or for nothing.

    A write is not taken while a read of its directory is active either; the relay offers it again.
    """
    token = uuid4()
    row = _execute(
        _CLAIM,
        {
            "run": run_id,
            "token": token,
            "by": worker,
            "lease": settings.RUN_LEASE,
            "deadline": settings.RUN_DEADLINE,
            "kind": EventKind.CLAIMED.value,
            "actor": None,
            "data": json.dumps({"worker": worker}),
        },
    )
    if row is None:
        return None
    names = ("run_id", "fence", "attempt", "tenant_id", "connection_id", "operation_type")
    *plain, params, initiator_id, started_at, spent, chain_id, beside_write = row
    return Claim(
        **dict(zip(names, plain, strict=True)),
        params=json.loads(params),
        initiator_id=initiator_id,
        started_at=started_at,
        spent=json.loads(spent),
        chain_id=chain_id,
        token=token,
        beside_write=beside_write,
    )


def renew(claim: Claim) -> bool | None:
    """Renew the lease. Return whether a cancel was requested, or None when the run is not ours any more."""
    row = _execute(_RENEW, [settings.RUN_LEASE, claim.run_id, claim.fence])
    return bool(row[0]) if row else None


def look(claim: Claim) -> bool | None:
    """Answer like ``renew`` and write nothing."""
    row = _execute(_LOOK, [claim.run_id, claim.fence])
    return bool(row[0]) if row else None


def report(claim: Claim, *, progress: dict[str, Any], counts: dict[str, Any], cost: dict[str, Any]) -> bool:
    """Write progress; False when the run is not ours any more."""
    values = [json.dumps(progress), json.dumps(counts), json.dumps(cost), claim.run_id, claim.fence]
    return _execute(_REPORT, values) is not None


def stage(claim: Claim, name: str, **facts: Any) -> bool:
    """Write that a stage began; False when the run is not ours any more."""
    return _move(_STAGE, EventKind.STAGE, claim.run_id, fence=claim.fence, data={"stage": name, **facts})


def finish(claim: Claim, ending: Ending) -> bool:
    """End the run; False when it is not ours any more, or has already ended."""
    # A run of no chain ends in one statement on its own.
    with transaction.atomic() if claim.chain_id is not None else nullcontext():
        return _finish(claim, ending)


def _finish(claim: Claim, ending: Ending) -> bool:
    return _end(
        _FINISH,
        claim.run_id,
        fence=claim.fence,
        data={"outcome": ending.outcome.value, "attempt": claim.attempt},
        outcome=ending.outcome.value,
        reason=ending.reason_code,
        reason_facts=json.dumps(ending.reason_facts),
        progress=json.dumps(ending.progress),
        counts=json.dumps(ending.counts),
        failures=json.dumps(ending.failures),
        cost=json.dumps(ending.cost),
        diagnostics=json.dumps(ending.diagnostics),
    )


def retry_later(claim: Claim, ending: Ending, *, delay: float) -> bool:
    """Queue the run again, due in ``delay`` seconds; False when it is not ours any more or asked to cancel."""
    return _move(
        _RETRY_LATER,
        EventKind.RETRY_SCHEDULED,
        claim.run_id,
        fence=claim.fence,
        data={"delay": round(delay, 1), "attempt": claim.attempt},
        delay=delay,
        reason=ending.reason_code,
        reason_facts=json.dumps(ending.reason_facts),
        cost=json.dumps(ending.cost),
        diagnostics=json.dumps(ending.diagnostics),
    )


def cancel(run_id: int, actor_id: int) -> Literal["ended", "requested"] | None:
    """End a queued run, or ask a running one to stop; None when it has ended or was asked before."""
    data = {"outcome": RunOutcome.CANCELLED.value}
    # Between two looks a run may be claimed, or a lost one queued again.
    for _ in range(3):
        with transaction.atomic():
            ended = _end(_CANCEL_QUEUED, run_id, actor=actor_id, data=data)
        if ended:
            return "ended"
        if _move(_CANCEL_RUNNING, EventKind.CANCEL_REQUESTED, run_id, actor=actor_id):
            return "requested"
    return None


def force_release(run_id: int, actor_id: int) -> bool:
    """End a running run whose cancel request is older than 60 s; its worker is fenced out by the new fence."""
    data = {"outcome": RunOutcome.FAILED.value, "forced": True}
    after = settings.RUN_FORCE_RELEASE_AFTER
    with transaction.atomic():
        return _end(_FORCE_RELEASE, run_id, actor=actor_id, data=data, after=after)


def reap(reads: list[str], dead: list[UUID]) -> list[Reaped]:
    """Free what lost its worker: leases that ended, and claims known dead. Reads are queued again while they may.

    Anything but a known read ends as lost, cancel request or not: nobody can say how far it came.
    """
    params: dict[str, Any] = {
        "reads": reads,
        "dead": dead,
        "losses": settings.RUN_MAX_LOSSES,
        "attempts": settings.RUN_MAX_ATTEMPTS,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REAP, params)
        reaped = [Reaped(*row) for row in cursor.fetchall()]
        for chain_id in sorted({run.chain_id for run in reaped if run.outcome and run.chain_id}):
            _go_on(chain_id)
    return reaped
