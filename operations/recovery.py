"""Finding runs whose worker is gone. Any number of workers may sweep at once."""

import os
import time
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection

from operations import identity, metrics, registry, transitions
from operations.choices import Access

log = structlog.get_logger(__name__)

_SEEN = """
WITH before AS (SELECT max(seen_at) AS at FROM operations_worker),
seen AS (
  INSERT INTO operations_worker (name, seen_at) VALUES (%s, now())
  ON CONFLICT (name) DO UPDATE SET seen_at = now()
), forgotten AS (DELETE FROM operations_worker WHERE seen_at < now() - interval '1 day')
SELECT extract(epoch FROM now() - at) FROM before
"""
_CLAIMS_OF = """
SELECT claim_token, claimed_by FROM operations_operationrun WHERE status = 'running' AND starts_with(claimed_by, %s)
"""


class Sweeper:
    """One worker's sweep for lost runs: expired leases, and claims of its own children that died."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._seen_at: float | None = None
        self._patient_until = 0.0

    def look(self) -> None:
        """Say that this worker is alive, then sweep."""
        self.seen()
        self.sweep()

    def seen(self) -> None:
        """Write that this worker is alive; after an outage of the database give heartbeats one lease to come back."""
        with connection.cursor() as cursor:
            cursor.execute(_SEEN, [self._worker])
            row = cursor.fetchone()
        now = time.monotonic()
        # The first one back hides the outage from the others' view of the table, so each looks at its own silence too.
        of_all = float(row[0]) if row and row[0] is not None else 0.0
        own = now - self._seen_at if self._seen_at is not None else 0.0
        self._seen_at = now
        if max(of_all, own) > outage_after():
            self._patient_until = now + settings.RUN_LEASE
            log.warning("sweep_after_outage", silence=round(max(of_all, own), 1))

    def sweep(self) -> list[transitions.Reaped]:
        """Free what expired; nothing while one lease is given after an outage."""
        if time.monotonic() < self._patient_until:
            return []
        return _reap([])

    def bury_children(self) -> list[transitions.Reaped]:
        """Free at once what a killed child of this worker held, without waiting for the lease."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIMS_OF, [f"{self._worker}:"])
            claims = cursor.fetchall()
        dead = [token for token, claimed_by in claims if not _alive(identity.process_id(claimed_by))]
        return _reap(dead) if dead else []


def outage_after() -> float:
    """Return the seconds without a sweep after which heartbeats may have failed, too."""
    return max(15.0, 1.5 * settings.RUN_REAPER)


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
