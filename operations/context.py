"""What a handler is given, and what it returns."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from django.conf import settings
from django.db import connection, transaction

from operations import metrics, transitions
from operations.choices import RunOutcome
from operations.pulse import FencedOut, Pulse
from operations.reasons import PARTLY_READ
from operations.transitions import Claim
from providers import sessions
from providers.graph.client import GraphClient
from providers.graph.meter import Meter
from providers.readiness import ConnectionFacts
from providers.selectors import TenantRef
from tenantpilot.core.reasons import Reason


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a handler's work ended. ``counts`` are per object type; ``failures`` say what was not read and why."""

    outcome: RunOutcome
    reason_code: str = ""
    reason_facts: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def succeeded(cls, **counts: Any) -> Self:
        return cls(RunOutcome.SUCCEEDED, counts=counts)

    @classmethod
    def read(cls, *, requested: int, counts: dict[str, Any], failures: list[dict[str, Any]]) -> Self:
        """Judge a read of ``requested`` object types: green only if every one of them was read completely.

        Each failure is {"type", "code", "facts"}; when nothing was read the run failed with the first one's reason.
        """
        if not failures:
            return cls(RunOutcome.SUCCEEDED, counts=counts)
        if len(failures) >= requested:
            first = failures[0]
            return cls(RunOutcome.FAILED, first["code"], first["facts"], counts, failures)
        facts = {"failed": len(failures), "requested": requested}
        return cls(RunOutcome.PARTIALLY_SUCCEEDED, PARTLY_READ.code, facts, counts, failures)

    @classmethod
    def failed(cls, reason: Reason, **facts: Any) -> Self:
        return cls(RunOutcome.FAILED, reason.code, facts)


@dataclass
class RunContext:
    """One attempt of a run: its target, its Graph client, and the fence that every local write needs."""

    claim: Claim
    pulse: Pulse
    tenant: TenantRef
    connection: ConnectionFacts
    meter: Meter = field(default_factory=Meter)
    progress: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)
    began_at: float = field(default_factory=time.monotonic)

    @cached_property
    def graph(self) -> GraphClient:
        """Microsoft Graph for this tenant. It stops at the next request once the run is cancelled or fenced out."""
        return sessions.graph_client(self.connection.id, meter=self.meter, checkpoint=self.checkpoint)

    @property
    def fence(self) -> int:
        return self.claim.fence

    @property
    def last_attempt(self) -> bool:
        """Whether a passing fault ends the run now instead of queueing it again."""
        return self.claim.attempt >= settings.RUN_MAX_ATTEMPTS

    def token_roles(self) -> frozenset[str] | None:
        """Return the application permissions in a token issued during this attempt, None where there is none."""
        if "graph" not in self.__dict__:
            return None
        return sessions.roles_issued_since(self.began_at, self.graph.identity)

    @property
    def cost(self) -> dict[str, int | float]:
        """What the run has cost so far, earlier attempts included."""
        return {key: value + self.claim.spent.get(key, 0) for key, value in self.meter.snapshot().items()}

    def checkpoint(self) -> None:
        """Raise ``Stopped`` when the run was asked to cancel, is over its deadline, or is not ours any more."""
        self.pulse.checkpoint()

    def stage(self, name: str) -> None:
        """Write that a stage of the work begins. Raises FencedOut."""
        self.progress = {"stage": name}
        self._kept(transitions.stage(self.claim, name))
        self.report()

    def report(self, *, done: int | None = None, total: int | None = None, **counts: Any) -> None:
        """Write progress: ``done`` of ``total`` objects, and what was counted so far. Raises FencedOut."""
        self.progress |= {
            key: value for key, value in (("done", done), ("total", total)) if value is not None
        }
        self.counts |= counts
        self._kept(transitions.report(self.claim, progress=self.progress, counts=self.counts, cost=self.cost))

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Open a transaction that holds the run's row: writes inside it are of the run's owner. Raises FencedOut."""
        with transaction.atomic():
            entered = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT 1 FROM operations_operationrun WHERE id = %s AND fence = %s AND status = 'running'"
                    " FOR NO KEY UPDATE",
                    [self.claim.run_id, self.claim.fence],
                )
                self._kept(cursor.fetchone() is not None)
            yield
            renewed_at = self._renewed_after(entered)
        if renewed_at is not None:
            self.pulse.beaten(renewed_at)

    def _renewed_after(self, entered: float) -> float | None:
        """Renew the lease at the end of a long transaction: its row lock kept the heartbeat out, and everybody else."""
        now = time.monotonic()
        if now - entered < settings.RUN_HEARTBEAT / 2:
            return None
        transitions.renew(self.claim)
        return now

    def _kept(self, mine: bool) -> None:
        if not mine:
            metrics.FENCED_OUT.inc()
            raise FencedOut
