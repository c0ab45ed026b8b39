"""The provider dispatch gate: the only place that decides whether work starts.

Order of the questions: capability (PermissionDenied), input (InvalidInput), idempotency key, connection resolved,
active run in the scope, readiness, insert. Visibility and the surface are asked by whoever loads the target, since
both depend on the URL alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from operations import admission, answers, metrics, reasons, relay
from operations.choices import Origin, StartStatus
from operations.models import OperationRun
from operations.outcomes import RunRef, StartOutcome, stamp
from operations.params import Params, op_key
from operations.refusals import audit_refusal, facts_used
from operations.registry import OperationType
from operations.scopes import Holder, Scope, holder
from providers import readiness
from providers.selectors import Target
from tenantpilot.audit import where
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import User
from tenantpilot.tenancy.permissions import visible_to

log = structlog.get_logger(__name__)
TURNS = 5
T = TypeVar("T", bound=StartOutcome)

Look = Callable[[Scope], Holder | None]


@dataclass(frozen=True, slots=True)
class Start:
    """A request to start: what, on what, by whom, with which input, from where."""

    operation: OperationType
    target: Target
    actor_id: int | None
    data: Mapping[str, Any] = field(default_factory=dict)
    origin: Origin = Origin.CONSOLE
    surface: str = ""
    retry_of_id: int | None = None
    chain_id: int | None = None
    chain_step: int | None = None


def start(request: Start, *, key: answers.Key | None = None) -> StartOutcome:
    """Start the work, or say why not: one of four outcomes, decided before anything is queued.

    With ``key`` the first answer is kept for 24 h and given again. Raises PermissionDenied, InvalidInput,
    ``answers.KeyReused`` (the same key with another payload), and RuntimeError inside somebody's transaction.
    """
    require(request)
    params = parsed(request)
    return answered(lambda: _decide(request, params), StartOutcome, request, key)


def answered(decide: Callable[[], T], kind: type[T], request: Start, key: answers.Key | None) -> T:
    """Return what ``decide`` says, or what it said under this key before; a fresh answer is counted and published."""
    refuse_open_transaction()
    fresh = True
    if key is None:
        outcome = decide()
    else:
        with transaction.atomic():
            outcome, fresh = answers.first_answer(key, decide, kind)
    if fresh:
        tell(request, outcome)
    return outcome


def refusal(request: Start) -> StartOutcome | None:
    """Return the outcome that a start would be refused with, or None: the same rules, writing nothing.

    Raises PermissionDenied and InvalidInput like ``start``.
    """
    return refusals([request])[0]


def refusals(requests: Sequence[Start]) -> list[StartOutcome | None]:
    """Return what ``refusal`` says of each; starts of one scope share one look at the run that holds it."""
    look = cache(holder)
    for request in requests:
        require(request)
    return [refused(request, parsed(request), look) for request in requests]


def parsed(request: Start) -> Params:
    """Return the validated input, completed by the operation where it binds it. Raises InvalidInput."""
    params = request.operation.params.parse(request.data)
    bind = request.operation.bind
    return bind(params, request.target) if bind else params


def require(request: Start) -> None:
    """Raise PermissionDenied unless the person holds the operation's capability; the system needs none."""
    if request.actor_id is not None and request.operation.capability not in request.target.capabilities:
        raise PermissionDenied(request.operation.capability)


def refuse_open_transaction() -> None:
    """An uncommitted winner would keep everybody else waiting, and its message would leave before its row."""
    with transaction.atomic(durable=True, savepoint=False):
        return


def _decide(request: Start, params: Params) -> StartOutcome:
    for _ in range(TURNS):
        if outcome := refused(request, params):
            audit_refusal(request, outcome)
            return outcome
        if outcome := admit(request, params):
            return outcome
    return contended(request)


def contended(request: Start) -> StartOutcome:
    """Return the answer when holders came and went on every turn: somebody else's work, though none can be named."""
    facts = {"holder": ""}
    return _outcome(request, StartStatus.SCOPE_BUSY, reason_code=reasons.SCOPE_BUSY.code, reason_facts=facts)


def refused(request: Start, params: Params, look: Look | None = None) -> StartOutcome | None:
    """Return the answer other than accepted, in the order of the gate's questions, or None."""
    return unresolved(request) or _held(request, params, look or holder) or not_ready(request, params)


def unresolved(request: Start) -> StartOutcome | None:
    """Return the answer to a start whose connection can't be resolved, else None."""
    if request.target.connection is not None:
        return None
    return not_ready(request, None)


def _held(request: Start, params: Params, look: Look) -> StartOutcome | None:
    scope = Scope.of(request.operation, request.target)
    held = look(scope)
    if held is None:
        return None
    mine = held.tenant_id == request.target.tenant.id
    if mine and held.op_key == op_key(request.operation.name, scope.key, params.identity()):
        return joined(request, held)
    return busy(request, held)


def joined(request: Start, held: Holder) -> StartOutcome:
    """Return the answer that the same work is active already."""
    shown = held.run if _may_see(request, held) else None
    return _outcome(request, StartStatus.DEDUPED, run=shown, reason_code=reasons.ALREADY_RUNNING.code)


def busy(request: Start, held: Holder) -> StartOutcome:
    """Return the answer that other work holds the scope; it is named to whom may see it."""
    shown = held.run if _may_see(request, held) else None
    facts = {"holder": shown.operation_type if shown else ""}
    if held.beside:
        facts["scope"] = "directory"
    return _outcome(
        request,
        StartStatus.SCOPE_BUSY,
        run=shown,
        reason_code=reasons.SCOPE_BUSY.code,
        reason_facts=facts,
    )


def _may_see(request: Start, held: Holder) -> bool:
    """Whether the reader may see the run in the way; one of another tenant, and so of another workspace, seldom."""
    if request.actor_id is None:
        return True
    if held.tenant_id == request.target.tenant.id:
        return Capability.VIEW_RUN in request.target.capabilities
    reader = User.objects.get(pk=request.actor_id)
    run = OperationRun.objects.filter(pk=held.run.id)
    return visible_to(run, reader, capability=Capability.VIEW_RUN, path="tenant").exists()


def not_ready(request: Start, params: Params | None) -> StartOutcome | None:
    """Return the answer to a start that can't work by the stored facts, else None."""
    found = blockers(request.operation, request.target, params, timezone.now())
    if not found:
        return None
    return _outcome(
        request,
        StartStatus.BLOCKED,
        reason_code=found[0].code,
        reason_facts=found[0].facts,
        blockers=tuple(blocker.code for blocker in found),
    )


def blockers(
    operation: OperationType, target: Target, params: Params | None, now: datetime
) -> list[readiness.Blocker]:
    """Return why ``operation`` can't work on ``target`` now; the worker asks the same once more before it works.

    The operation's own reasons stand last, and are asked for where there are a connection and input to judge.
    """
    archived = target.tenant.archived_at is not None
    found = readiness.blockers(
        target.connection,
        operation.needs,
        archived=archived,
        now=now,
        max_age=timedelta(days=settings.FACTS_MAX_AGE_DAYS),
    )
    if operation.blockers is None or params is None or target.connection is None or archived:
        return found
    return [*found, *operation.blockers(target, params)]


def admit(request: Start, params: Params) -> StartOutcome | None:
    """Write the run, or return None when another one is in the way. Nothing is published: see ``tell``."""
    admitted = admission.insert(_new_run(request, params))
    return _accepted(request, admitted) if admitted else None


def admit_many(requests: Sequence[tuple[Start, Params]]) -> list[StartOutcome | None]:
    """Do what ``admit`` does for reads of different connections, in one statement."""
    admitted = admission.insert_many([_new_run(request, params) for request, params in requests])
    return [
        _accepted(request, one) if one else None for (request, _), one in zip(requests, admitted, strict=True)
    ]


def _new_run(request: Start, params: Params) -> admission.NewRun:
    assert request.target.connection is not None
    identity, scope = params.identity(), Scope.of(request.operation, request.target)
    return admission.NewRun(
        tenant_id=request.target.tenant.id,
        connection_id=request.target.connection.id,
        operation_type=request.operation.name,
        op_key=op_key(request.operation.name, scope.key, identity),
        identity=identity,
        scope=scope,
        params=dict(identity),
        origin=request.origin,
        surface=request.surface,
        initiator_id=request.actor_id,
        facts=facts_used(request.target) | where.facts(),
        retry_of_id=request.retry_of_id,
        chain_id=request.chain_id,
        chain_step=request.chain_step,
    )


def _accepted(request: Start, admitted: admission.Admitted) -> StartOutcome:
    warning = "" if admitted.worker_seen else reasons.WORKER_UNAVAILABLE.code
    run = RunRef(admitted.id, "queued", request.operation.name, stamp(admitted.created_at))
    return _outcome(request, StartStatus.ACCEPTED, run=run, reason_code=warning)


def not_permitted(request: Start) -> StartOutcome:
    """Return the answer to one of several starts whose person lacks the capability; a single one is a 403."""
    code = reasons.NOT_PERMITTED.code
    return _outcome(request, StartStatus.BLOCKED, reason_code=code, blockers=(code,))


def tell(request: Start, outcome: StartOutcome, *, publish: bool = True) -> None:
    """Count and log the answer and, once its run is committed, offer that to the workers."""
    metrics.START_ANSWERS.labels(outcome.operation_type, outcome.status, outcome.reason_code).inc()
    log.info("start", operation=outcome.operation_type, outcome=str(outcome.status), reason=outcome.reason_code,
             tenant=request.target.tenant.slug, run=outcome.run.id if outcome.run else None)  # fmt: skip
    if publish and outcome.status is StartStatus.ACCEPTED and outcome.run:
        relay.offer(outcome.run.id, outcome.operation_type)


def _outcome(request: Start, status: StartStatus, **more: Any) -> StartOutcome:
    tenant, facts = request.target.tenant, request.target.connection
    return StartOutcome(
        status=status,
        operation_type=request.operation.name,
        tenant={"slug": tenant.slug, "name": tenant.name, "workspace": tenant.workspace},
        connection={"id": facts.id, "provider": facts.provider, "label": facts.label} if facts else None,
        **more,
    )
