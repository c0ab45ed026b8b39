"""What a handler is given, and what it returns."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

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

    @cached_property
    def graph(self) -> GraphClient:
        """Microsoft Graph for this tenant. It stops at the next request once the run is cancelled or fenced out."""
        return sessions.graph_client(self.connection.id, meter=self.meter, checkpoint=self.checkpoint)

    @property
    def fence(self) -> int:
        return self.claim.fence

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
        self._kept(
            transitions.report(
                self.claim, progress=self.progress, counts=self.counts, cost=dict(self.meter.snapshot())
            )
        )

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Open a transaction that holds the run's row: writes inside it are of the run's owner. Raises FencedOut."""
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT 1 FROM operations_operationrun WHERE id = %s AND fence = %s AND status = 'running'"
                    " FOR NO KEY UPDATE",
                    [self.claim.run_id, self.claim.fence],
                )
                self._kept(cursor.fetchone() is not None)
            yield

    def _kept(self, mine: bool) -> None:
        if not mine:
            metrics.FENCED_OUT.inc()
            raise FencedOut
