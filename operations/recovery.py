"""Finding runs whose worker is gone. Any number of workers may sweep at once."""

import os
import time
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection

from operations import metrics, registry, transitions
from operations.choices import Access

log = structlog.get_logger(__name__)

# Later than this since the last sweep of anybody, and heartbeats may have failed too: wait one lease.
OUTAGE_AFTER = 15.0

_SEEN = """
WITH before AS (SELECT max(seen_at) AS at FROM operations_worker),
seen AS (
  INSERT INTO operations_worker (name, seen_at) VALUES (%s, now())
  ON CONFLICT (name) DO UPDATE SET seen_at = now()
), forgotten AS (DELETE FROM operations_worker WHERE seen_at < now() - interval '1 day')
SELECT extract(epoch FROM now() - at) FROM before
"""
_CLAIMS_OF = """
SELECT claim_token, claimed_by FROM operations_operationrun WHERE status = 'running' AND claimed_by LIKE %s
"""


class Sweeper:
    """One worker's sweep for lost runs: expired leases, and claims of its own children that died."""

    def __init__(self, host: str, main_pid: int) -> None:
        self._prefix = f"{host}:{main_pid}:"
        self._patient_until = 0.0

    def look(self) -> None:
        """Say that this worker is alive, then sweep."""
        self.seen()
        self.sweep()

    def seen(self) -> None:
        """Write that this worker is alive; after an outage of everybody, give heartbeats one lease to come back."""
        with connection.cursor() as cursor:
            cursor.execute(_SEEN, [self._prefix])
            row = cursor.fetchone()
        silence = row[0] if row else None
        if silence is not None and float(silence) > OUTAGE_AFTER:
            self._patient_until = time.monotonic() + settings.RUN_LEASE
            log.warning("sweep_after_outage", silence=round(float(silence), 1))

    def sweep(self) -> list[transitions.Reaped]:
        """Free what expired; nothing while one lease is given after an outage."""
        if time.monotonic() < self._patient_until:
            return []
        return _reap([])

    def bury_children(self) -> list[transitions.Reaped]:
        """Free at once what a killed child of this worker held, without waiting for the lease."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIMS_OF, [self._prefix.replace("%", "") + "%"])
            claims = cursor.fetchall()
        dead = [token for token, claimed_by in claims if not _alive(int(claimed_by.rpartition(":")[2]))]
        return _reap(dead) if dead else []


def _reap(dead: list[UUID]) -> list[transitions.Reaped]:
    reads = [kind.name for kind in registry.all_types() if kind.access is Access.READ]
    reaped = transitions.reap(reads, dead)
    for run in reaped:
        log.warning("run_lost", run=run.run_id, status=run.status, outcome=run.outcome)
        if run.outcome:
            metrics.RUNS_ENDED.labels(run.operation_type, run.outcome).inc()
    return reaped


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123  # not a path of ours
            return stat.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False
