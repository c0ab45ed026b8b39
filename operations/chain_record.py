"""A chain with its steps, in one statement, as codes and facts. Who reads it must have asked for the rights."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from operations.choices import StepStatus

_FIND = """
SELECT c.id, c.tenant_id, c.connection_id, c.initiator_id, c.reference, c.state, c.reason_code, c.reason_facts,
  c.created_at, c.completed_at, (
    SELECT jsonb_agg(jsonb_build_object('number', s.number, 'operation_type', s.operation_type, 'status', s.status,
      'reason_code', coalesce(nullif(s.reason_code, ''), r.reason_code, ''), 'run_id', s.run_id,
      'reason_facts', CASE WHEN s.reason_code = '' THEN coalesce(r.reason_facts, '{}') ELSE s.reason_facts END,
      'run_status', coalesce(r.status, ''), 'run_outcome', coalesce(r.outcome, '')) ORDER BY s.number)
    FROM operations_chainstep s LEFT JOIN operations_operationrun r ON r.id = s.run_id WHERE s.chain_id = c.id
  )
FROM operations_chain c
"""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step; the reason is its own, or that of its run once that has ended."""

    number: int
    operation_type: str
    status: str
    run_id: int | None
    run_status: str
    run_outcome: str
    reason_code: str
    reason_facts: dict[str, Any]

    @property
    def state(self) -> str:
        """Return what a badge shows: the run's outcome or status where there is a run, else the step's own."""
        return self.run_outcome or self.run_status or self.status


@dataclass(frozen=True, slots=True)
class ChainView:
    """One chain. ``completed_at`` is absent while its last run is still active, cancelled or not."""

    id: int
    tenant_id: int
    connection_id: int
    initiator_id: int
    reference: str
    state: str
    reason_code: str
    reason_facts: dict[str, Any]
    created_at: datetime
    completed_at: datetime | None
    steps: tuple[StepView, ...]

    @property
    def current(self) -> StepView | None:
        """Return the step that runs now."""
        return next((step for step in self.steps if step.run_id and not step.run_outcome), None)

    @property
    def pending(self) -> tuple[StepView, ...]:
        """Return the steps that wait."""
        return tuple(step for step in self.steps if step.status == StepStatus.PENDING)


def find(chain_id: int) -> ChainView | None:
    """Return the chain, or None when there is none."""
    return _one(f"{_FIND} WHERE c.id = %s", chain_id)


def latest(reference: str) -> ChainView | None:
    """Return the newest chain of this reference, or None when there is none."""
    return _one(f"{_FIND} WHERE c.reference = %s AND c.reference <> '' ORDER BY c.id DESC LIMIT 1", reference)


def _one(sql: str, value: int | str) -> ChainView | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, [value])
        row = cursor.fetchone()
    if row is None:
        return None
    values = dict(zip(ChainView.__slots__, row, strict=True))
    values["reason_facts"] = _json(values["reason_facts"])
    values["steps"] = tuple(StepView(**step) for step in _json(values["steps"]))
    return ChainView(**values)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
