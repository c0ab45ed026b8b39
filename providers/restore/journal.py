"""The journal: each request that writes is noted before it is sent and after it is answered, in the run's name.

A step without an answer is ``sent``. Whoever takes over, or resumes, looks at the tenant before anything is sent again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from django.db.models import F
from django.utils import timezone

from providers.choices import ItemOutcome, StepState
from providers.models import RestorePlanItem, RestoreResult, RestoreRun, RestoreStep
from providers.restore.writers.step import Step

Fenced = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes of one attempt. ``fenced`` opens a transaction for the run's owner only; it may raise Stopped."""

    restore: RestoreRun
    run_id: int
    fence: int
    fenced: Fenced

    def plan(self, item: RestorePlanItem, step: Step, position: int, path: str) -> RestoreStep:
        """Note that a request is about to be sent."""
        with self.fenced():
            row, _created = RestoreStep.objects.get_or_create(
                run=self.run_id,
                key=f"{item.key}/{step.name}"[:600],
                defaults={
                    "restore_run": self.restore,
                    "item": item,
                    "position": position,
                    "method": step.method,
                    "path": path[:600],
                    "fence": self.fence,
                },
            )
            return row

    def sent(self, row: RestoreStep) -> None:
        """Note that the request leaves now."""
        self._move(
            row,
            state=StepState.SENT,
            sent_at=timezone.now(),
            answered_at=None,
            sent_count=F("sent_count") + 1,
        )

    def refused_for_now(self, row: RestoreStep) -> None:
        """Note that nothing is under way: the request was refused, or never left."""
        self._move(row, state=StepState.PLANNED, answered_at=timezone.now())

    def confirmed(self, row: RestoreStep, remote_id: str) -> None:
        """Note that the request was carried out."""
        self._move(row, state=StepState.CONFIRMED, remote_id=remote_id, answered_at=timezone.now())

    def refused(self, row: RestoreStep, code: str, facts: dict[str, Any]) -> None:
        """Note that Graph refused the request for good."""
        self._move(row, state=StepState.REFUSED, code=code, facts=facts, answered_at=timezone.now())

    def uncertain(self, row: RestoreStep, code: str, facts: dict[str, Any]) -> None:
        """Note that nobody knows whether the request was carried out."""
        self._move(row, state=StepState.UNCERTAIN, code=code, facts=facts)

    def result(
        self,
        item: RestorePlanItem,
        outcome: ItemOutcome,
        *,
        code: str = "",
        facts: dict[str, Any] | None = None,
        remote_id: str = "",
        content_hash: str = "",
    ) -> None:
        """Note what became of an object."""
        with self.fenced():
            RestoreResult.objects.update_or_create(
                run=self.run_id,
                item=item,
                defaults={
                    "restore_run": self.restore,
                    "outcome": outcome,
                    "reason_code": code,
                    "facts": facts or {},
                    "remote_id": remote_id,
                    "content_hash": content_hash,
                },
            )

    def _move(self, row: RestoreStep, **changes: Any) -> None:
        with self.fenced():
            RestoreStep.objects.filter(pk=row.pk).update(**changes)
