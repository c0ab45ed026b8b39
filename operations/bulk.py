"""Many starts at once: one outcome for each tenant, decided and written in a few statements, none silently skipped."""

from collections.abc import Mapping, Sequence
from typing import Any

from operations import gate
from operations.choices import Access, Origin
from operations.gate import Start
from operations.outcomes import StartOutcome
from operations.refusals import audit_refusals
from operations.registry import OperationType
from operations.scopes import Scope, holders
from providers.selectors import Target


def start_many(
    operation: OperationType,
    targets: Sequence[Target],
    actor_id: int,
    *,
    data: Mapping[str, Any] | None = None,
    surface: str = "",
) -> list[StartOutcome]:
    """Start ``operation`` on every target by the gate's own rules; return an outcome for each, in their order.

    What the person may not start on a target is blocked there and goes on elsewhere. The runs are left to the relay,
    which offers them within a second or two. A connection that is named twice joins itself.

    Raises InvalidInput, ValueError for a write, which is confirmed on its own, and RuntimeError inside somebody's
    transaction.
    """
    if operation.access is not Access.READ:
        raise ValueError("A write is started on its own.")
    gate.refuse_open_transaction()
    starts = [Start(operation, target, actor_id, data or {}, Origin.BULK, surface) for target in targets]
    outcomes = _decided(starts)
    audit_refusals(zip(starts, outcomes, strict=True))
    for start, outcome in zip(starts, outcomes, strict=True):
        gate.tell(start, outcome, publish=False)
    return outcomes


def _decided(starts: list[Start]) -> list[StartOutcome]:
    outcomes: dict[int, StartOutcome] = {}
    params = {}
    for place, start in enumerate(starts):
        if start.operation.capability in start.target.capabilities:
            params[place] = gate.parsed(start)
        else:
            outcomes[place] = gate.not_permitted(start)
    for _ in range(gate.TURNS):
        open_ = [place for place in params if place not in outcomes]
        if not open_:
            break
        look = holders(
            list({_scope(starts[place]) for place in open_ if starts[place].target.connection})
        ).get
        free: dict[str, int] = {}
        for place in open_:
            if refused := gate.refused(starts[place], params[place], look):
                outcomes[place] = refused
            else:
                free.setdefault(_scope(starts[place]).key, place)
        admitted = gate.admit_many([(starts[place], params[place]) for place in free.values()])
        outcomes |= {place: one for place, one in zip(free.values(), admitted, strict=True) if one}
    return [outcomes.get(place) or gate.contended(start) for place, start in enumerate(starts)]


def _scope(start: Start) -> Scope:
    return Scope.of(start.operation, start.target)
