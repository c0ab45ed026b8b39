"""Chains: operations admitted one after another on one connection, with nothing in between.

The end of step n and the run of step n+1 are one transaction, whoever ended step n: a worker, the reaper, a person.
So an active chain has exactly one active run at every instant, which holds the scope for all of it, and a crash at any
point leaves either both or neither; the database refuses a commit that ends a step and goes on with nothing. Lock
order: the run's row, then the chain's.
"""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from operations import chain_record, gate, reasons, registry, transitions
from operations.answers import Key
from operations.chain_record import ChainView
from operations.choices import Access, ChainState, Origin, StepStatus
from operations.gate import Start
from operations.models import Chain, ChainStep, OperationRun
from operations.outcomes import ChainOutcome, StartOutcome
from operations.params import Params
from operations.refusals import audit_refusal
from operations.registry import OperationType
from operations.scopes import Scope, holder
from providers.selectors import Target, target_for_connection
from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.models import User

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ChainStart:
    """A request to start ``operations`` one after another, in this order; ``data`` is each one's input by its name.

    ``reference`` says what the chain belongs to ("onboarding:12"), so that ``latest`` finds it again.
    """

    operations: Sequence[OperationType]
    target: Target
    actor_id: int
    surface: str = ""
    reference: str = ""
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Step(NamedTuple):
    """One operation of a selection, ready to be judged by the gate."""

    start: Start
    params: Params


class _Beaten(Exception):
    """Another run took the scope meanwhile."""


def start(request: ChainStart, *, key: Key | None = None) -> ChainOutcome:
    """Admit the first operation that is ready and remember the rest, or say why not.

    Accepted: ``accepted_operation`` runs, ``pending_operations`` wait; what was blocked is recorded with its reason.
    Blocked: nothing is ready; the first one's reason. Deduped: the same selection is active on this connection, whoever
    started it. Busy: anything else is. Neither of these makes a chain.

    Raises PermissionDenied without the capability of every operation, InvalidInput, ``answers.KeyReused``, ValueError
    for a selection that is empty, names something twice or a write, and RuntimeError inside somebody's transaction.
    """
    names = [operation.name for operation in request.operations]
    if not names or len(set(names)) != len(names):
        raise ValueError("A chain takes each of at least one operation once.")
    if any(operation.access is not Access.READ for operation in request.operations):
        raise ValueError("Only reads go one after another by themselves.")
    starts = [_start(request, operation) for operation in request.operations]
    for one in starts:
        gate.require(one)
    steps = [Step(one, gate.parsed(one)) for one in starts]
    return gate.answered(lambda: _decide(request, steps), ChainOutcome, steps[0].start, key)


def cancel(chain_id: int, actor_id: int) -> Literal["ended", "requested"] | None:
    """Cancel a chain as a whole: what waits is cancelled, what runs is asked to stop; None when it had ended."""
    with transaction.atomic():
        run_id = _locked_run(chain_id)
        chain = Chain.objects.select_for_update().select_related("tenant").get(pk=chain_id)
        if run_id is None or chain.state != ChainState.ACTIVE:
            return None
        chain.steps.filter(status=StepStatus.PENDING).update(
            status=StepStatus.CANCELLED, reason_code=reasons.CANCELLED.code
        )
        _end(chain, ChainState.CANCELLED, reasons.CANCELLED.code, completed=False)
        done = transitions.cancel(run_id, actor_id) or "requested"
        record(
            "chain.cancelled",
            workspace_id=chain.tenant.workspace_id,
            tenant_id=chain.tenant_id,
            actor_id=actor_id,
            about=About("chain", chain_id),
        )
    return done


def go_on(chain_id: int) -> None:
    """Admit the next step, in the transaction that ended the last one; a fault of ours stops the chain, not the end."""
    try:
        with transaction.atomic():
            _go_on(chain_id)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        reference = uuid.uuid4().hex[:8]
        log.exception("chain_broke", chain=chain_id, reference=reference)
        chain = Chain.objects.select_for_update().get(pk=chain_id)
        _stop(chain, reasons.INTERNAL_ERROR.code, {"reference": reference})


def view(chain_id: int) -> ChainView | None:
    """Return the chain with its steps, as codes and facts; None when there is none. It asks for no rights."""
    return chain_record.find(chain_id)


def latest(reference: str) -> ChainView | None:
    """Return the newest chain of a reference; None when there is none. It asks for no rights."""
    return chain_record.latest(reference)


# -- starting


def _start(request: ChainStart, operation: OperationType) -> Start:
    return Start(
        operation,
        request.target,
        request.actor_id,
        dict(request.data.get(operation.name, {})),
        origin=Origin.CHAIN,
        surface=request.surface,
    )


def _decide(request: ChainStart, steps: list[Step]) -> ChainOutcome:
    first = steps[0].start
    if refused := gate.unresolved(first):
        return _refused(first, refused)
    for _ in range(gate.TURNS):
        if outcome := _held(request, steps):
            return outcome
        verdicts = [gate.not_ready(*step) for step in steps]
        if all(verdicts):
            assert verdicts[0] is not None
            return _refused(first, verdicts[0])
        try:
            with transaction.atomic():
                return _admitted(request, steps, verdicts)
        except _Beaten:
            continue
    return _of_chain(gate.contended(first))


def _held(request: ChainStart, steps: list[Step]) -> ChainOutcome | None:
    """The answer when the connection is held: by this very chain, or by anything else."""
    first = steps[0].start
    held = holder(Scope.of(first.operation, request.target))
    if held is None:
        return None
    run = OperationRun.objects.select_related("chain").get(pk=held.run.id)
    chain = run.chain
    if (
        chain is None
        or chain.state != ChainState.ACTIVE
        or chain.selection_key != _selection_key(request, steps)
    ):
        return _of_chain(gate.busy(first, held))
    pending = chain.steps.filter(status=StepStatus.PENDING).order_by("number")
    names = tuple(pending.values_list("operation_type", flat=True))
    joined = gate.joined(Start(registry.get(run.operation_type), request.target, request.actor_id), held)
    return _of_chain(joined, chain_id=chain.pk, pending_operations=names)


def _admitted(request: ChainStart, steps: list[Step], verdicts: list[StartOutcome | None]) -> ChainOutcome:
    """Write chain, steps and the first run. Raises _Beaten."""
    assert request.target.connection is not None
    chain = Chain.objects.create(
        tenant_id=request.target.tenant.id,
        connection_id=request.target.connection.id,
        initiator_id=request.actor_id,
        surface=request.surface,
        reference=request.reference,
        selection_key=_selection_key(request, steps),
    )
    number = next(number for number, verdict in enumerate(verdicts) if verdict is None)
    admitted = gate.admit(_in_chain(steps[number].start, chain.pk, number + 1), steps[number].params)
    if admitted is None:
        raise _Beaten
    assert admitted.run is not None
    rows = [
        ChainStep(
            chain=chain,
            number=place + 1,
            operation_type=step.start.operation.name,
            data=dict(step.start.data),
        )
        for place, step in enumerate(steps)
    ]
    for row, step, verdict in zip(rows[:number], steps, verdicts, strict=False):
        assert verdict is not None
        _block(row, step.start, verdict)
    rows[number].status, rows[number].run_id = StepStatus.ADMITTED, admitted.run.id
    ChainStep.objects.bulk_create(rows)
    pending = tuple(row.operation_type for row in rows[number + 1 :])
    accepted = steps[number].start.operation.name
    return _of_chain(admitted, chain_id=chain.pk, accepted_operation=accepted, pending_operations=pending)


def _refused(request: Start, outcome: StartOutcome) -> ChainOutcome:
    audit_refusal(request, outcome)
    return _of_chain(outcome)


def _of_chain(outcome: StartOutcome, **more: Any) -> ChainOutcome:
    return ChainOutcome(**{name: getattr(outcome, name) for name in StartOutcome.__slots__}, **more)


def _in_chain(request: Start, chain_id: int, number: int) -> Start:
    values = {name: getattr(request, name) for name in Start.__slots__}
    return Start(**(values | {"chain_id": chain_id, "chain_step": number}))


def _selection_key(request: ChainStart, steps: list[Step]) -> str:
    """Sameness of a selection: what is done on which connection; order, person, surface and reference never count."""
    assert request.target.connection is not None
    parts = sorted([step.start.operation.name, step.params.identity()] for step in steps)
    meaning = json.dumps([request.target.connection.id, parts], sort_keys=True)
    return hashlib.sha256(meaning.encode()).hexdigest()


# -- going on


def _go_on(chain_id: int) -> None:
    chain = Chain.objects.select_for_update().get(pk=chain_id)
    if chain.state != ChainState.ACTIVE:
        Chain.objects.filter(pk=chain_id, completed_at=None).update(completed_at=timezone.now())
        return
    target = target_for_connection(chain.initiator_id, chain.connection_id)
    for row in chain.steps.filter(status=StepStatus.PENDING).order_by("number"):
        operation = registry.get(row.operation_type)
        if target is None or operation.capability not in target.capabilities or not _is_active(chain):
            _stop(chain, reasons.RIGHTS_LOST.code, {"person": _name(chain)})
            return
        if _went_on(chain, row, operation, target):
            return
    _end(chain, ChainState.COMPLETED)


def _went_on(chain: Chain, row: ChainStep, operation: OperationType, target: Target) -> bool:
    """Admit this step, or record why it is blocked."""
    origin = Origin.CHAIN
    start = Start(
        operation, target, chain.initiator_id, row.data, origin, chain.surface, None, chain.pk, row.number
    )
    params = gate.parsed(start)
    refused = gate.not_ready(start, params)
    outcome = None if refused else gate.admit(start, params)
    if outcome is not None and outcome.run is not None:
        ChainStep.objects.filter(pk=row.pk).update(status=StepStatus.ADMITTED, run=outcome.run.id)
        transaction.on_commit(partial(gate.tell, start, outcome))
        return True
    if refused is not None:
        audit_refusal(start, refused)
    _block(row, start, refused)
    row.save(update_fields=["status", "reason_code", "reason_facts"])
    return False


def _block(row: ChainStep, request: Start, refused: StartOutcome | None) -> None:
    row.status = StepStatus.BLOCKED
    if refused is None:  # a write of another workspace took the directory in the same instant
        row.reason_code = reasons.DIRECTORY_BUSY.code
        return
    row.reason_code, row.reason_facts = refused.reason_code, dict(refused.reason_facts)


def _stop(chain: Chain, code: str, facts: dict[str, Any]) -> None:
    """Start nothing more, for a reason."""
    chain.steps.filter(status=StepStatus.PENDING).update(
        status=StepStatus.SKIPPED, reason_code=code, reason_facts=facts
    )
    _end(chain, ChainState.STOPPED, code, facts)
    log.warning("chain_stopped", chain=chain.pk, reason=code)


def _end(
    chain: Chain,
    state: ChainState,
    code: str = "",
    facts: dict[str, Any] | None = None,
    *,
    completed: bool = True,
) -> None:
    chain.state, chain.reason_code, chain.reason_facts = state, code, facts or {}
    chain.completed_at = timezone.now() if completed else None
    chain.save(update_fields=["state", "reason_code", "reason_facts", "completed_at"])


def _is_active(chain: Chain) -> bool:
    return User.objects.filter(pk=chain.initiator_id, is_active=True).exists()


def _name(chain: Chain) -> str:
    return chain.initiator.first_name or chain.initiator.username


def _locked_run(chain_id: int) -> int | None:
    """The chain's active run, its row locked; its end may have started another one while we waited for it."""
    for _ in range(gate.TURNS):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM operations_operationrun WHERE chain_id = %s AND status IN ('queued', 'running')"
                " FOR NO KEY UPDATE",
                [chain_id],
            )
            row = cursor.fetchone()
        if row is not None:
            return int(row[0])
        if not Chain.objects.filter(pk=chain_id, state=ChainState.ACTIVE).exists():
            return None
    return None
