"""Working on an accepted run: claim, readiness once more, handler, finish."""

import random
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from operations import gate, identity, metrics, reasons, registry, transitions
from operations.choices import Access, RunOutcome
from operations.context import RunContext, RunResult
from operations.params import Params
from operations.pulse import Cancelled, DeadlineReached, FencedOut, Pulse
from operations.registry import OperationType
from operations.transitions import Claim, Ending
from providers import services
from providers.graph.errors import Forbidden, GraphError
from providers.reasons import PERMISSION_MISSING, THROTTLED
from providers.selectors import Target, target_for_system
from tenantpilot.core.reasons import Reason

log = structlog.get_logger(__name__)

CHECK = "provider.connection.check"
T = TypeVar("T")


def execute(run_id: int) -> None:
    """Claim the run and work on it to its end; do nothing when it can't be claimed."""
    claim = _sure(lambda: transitions.claim(run_id, identity.process()), tries=2)
    if claim is None:
        log.info("claim_refused", run=run_id)
        return
    line = {"run": run_id, "tenant": claim.tenant_id, "attempt": claim.attempt}
    with structlog.contextvars.bound_contextvars(**line), Pulse(claim) as pulse:
        _attempt(claim, pulse)


def _attempt(claim: Claim, pulse: Pulse) -> None:
    operation = registry.get(claim.operation_type)
    target = _sure(lambda: target_for_system(claim.connection_id))
    assert target is not None
    assert target.connection is not None
    log.info("run_started", operation=operation.name, slug=target.tenant.slug)
    run = RunContext(claim, pulse, target.tenant, target.connection)
    try:
        result = _worked(run, operation, target)
        if result is not None:
            _finish(run, result)
    except FencedOut:
        metrics.STALE_RESULTS.inc()
        log.warning("fenced_out")


def _worked(run: RunContext, operation: OperationType, target: Target) -> RunResult | None:
    """Return how the work ended, or None when the run waits for another attempt. Raises FencedOut."""
    try:
        params = operation.params.parse(run.claim.params)
        return _not_ready(run, operation, params, target) or _handled(run, operation, params)
    except FencedOut:
        raise
    except Cancelled:
        return _ended(RunOutcome.CANCELLED, reasons.CANCELLED)
    except (DeadlineReached, SoftTimeLimitExceeded):
        return _ended(RunOutcome.FAILED, reasons.TIMED_OUT)
    except GraphError as error:
        facts = error_facts(error, operation.needs.permissions)
        failed = RunResult(RunOutcome.FAILED, error.reason_code, facts)
        if error.transient and _may_retry(run, operation, error.retry_after):
            return _retried(run, failed, error.retry_after)
        return _sure(partial(_provider_failed, run, error, facts))
    except (OperationalError, InterfaceError) as error:
        log.warning("database_failed", error=type(error).__name__)
        failed = _broken(run)
        return _retried(run, failed, None) if _may_retry(run, operation, None) else failed
    except Exception:
        return _broken(run)


def _handled(run: RunContext, operation: OperationType, params: Params) -> RunResult:
    """Do the work. However it ends, a token that was issued meanwhile shows what is granted."""
    try:
        result = operation.handler(run, params)
    except FencedOut:
        raise
    except Exception:
        token_noted(run)
        raise
    if operation.name != CHECK:  # which has seen more than its token
        token_noted(run)
    return result


def token_noted(run: RunContext) -> None:
    """Write what a token that was issued during this attempt shows. Raises FencedOut."""
    granted = run.token_roles()
    if granted is None:
        return
    with run.fenced():
        services.token_record(connection_id=run.connection.id, fence=run.fence, granted_permissions=granted)


def _broken(run: RunContext) -> RunResult:
    reference = uuid.uuid4().hex[:8]
    log.exception("run_broke", reference=reference)
    return RunResult.failed(reasons.INTERNAL_ERROR, reference=reference)


def _not_ready(run: RunContext, operation: OperationType, params: Params, target: Target) -> RunResult | None:
    """Ask for readiness once more: consent may have gone while the run waited."""
    if run.claim.beside_write:
        return _ended(RunOutcome.BLOCKED, reasons.DIRECTORY_BUSY)
    found = gate.blockers(operation, target, params, timezone.now())
    if not found:
        return None
    return RunResult(RunOutcome.BLOCKED, found[0].code, dict(found[0].facts))


def _ended(outcome: RunOutcome, reason: Reason) -> RunResult:
    return RunResult(outcome, reason.code)


def _may_retry(run: RunContext, operation: OperationType, retry_after: float | None) -> bool:
    """Reads only, while attempts are left; a longer wait than a run may last is the cool-down's business."""
    if operation.access is not Access.READ or run.claim.attempt >= settings.RUN_MAX_ATTEMPTS:
        return False
    return (retry_after or 0) <= settings.RUN_DEADLINE


def _retried(run: RunContext, failed: RunResult, retry_after: float | None) -> RunResult | None:
    """Queue the run again, with full jitter or after the provider's own Retry-After; a cancel request ends it here."""
    longest = min(settings.RUN_RETRY_CAP, settings.RUN_RETRY_BASE * 2 ** (run.claim.attempt - 1))
    delay = random.uniform(0, longest) if retry_after is None else retry_after  # noqa: S311  # jitter
    ending = _ending(run, failed)
    if _sure(lambda: transitions.retry_later(run.claim, ending, delay=delay)):
        log.info("run_retried", reason=failed.reason_code, delay=round(delay, 1))
        return None
    if _sure(lambda: transitions.renew(run.claim)):
        return _ended(RunOutcome.CANCELLED, reasons.CANCELLED)
    raise FencedOut


def _provider_failed(run: RunContext, error: GraphError, facts: dict[str, str]) -> RunResult:
    with run.fenced():
        code = services.fault_record(
            connection_id=run.connection.id,
            fence=run.fence,
            code=error.reason_code,
            facts=facts,
            retry_after=error.retry_after,
            check=run.claim.operation_type == CHECK,
        )
    return RunResult(RunOutcome.FAILED, code, facts, counts=run.counts)


def error_facts(error: GraphError, permissions: Sequence[Sequence[str]] = ()) -> dict[str, str]:
    """Return what the words of a provider error's reason need.

    A refusal names the permissions it wants, or else the least ones of the any-of sets ``permissions``; throttling
    says until when.
    """
    if error.reason_code == THROTTLED.code:
        until = timezone.now() + timedelta(seconds=error.retry_after or services.COOL_DOWN)
        return {"until": until.isoformat()}
    if not isinstance(error, Forbidden) or error.reason_code != PERMISSION_MISSING.code:
        return {}
    return {"permissions": ", ".join(error.scopes or [any_of[0] for any_of in permissions])}


def _ending(run: RunContext, result: RunResult) -> Ending:
    return Ending(
        outcome=result.outcome,
        reason_code=result.reason_code,
        reason_facts=result.reason_facts,
        progress=run.progress,
        counts=result.counts or run.counts,
        failures=result.failures,
        cost=run.cost,
        diagnostics=run.meter.last_request_ids,
    )


def _finish(run: RunContext, result: RunResult) -> None:
    ending = _ending(run, result)
    if not _sure(lambda: transitions.finish(run.claim, ending)):
        metrics.STALE_RESULTS.inc()
        log.warning("stale_result", outcome=result.outcome.value)
        return
    metrics.RUNS_ENDED.labels(run.claim.operation_type, result.outcome.value).inc()
    log.info("run_ended", outcome=result.outcome.value, reason=result.reason_code)


def _sure(call: Callable[[], T], *, tries: int = 6) -> T:
    """Return what ``call`` returns; a database that went away is asked again for some seconds.

    A call that was carried out before its answer got lost does nothing the second time: each is bound to the fence.
    """
    for number in range(1, tries):
        try:
            return call()
        except (OperationalError, InterfaceError) as error:
            log.warning("database_failed", error=type(error).__name__, attempt=number)
            connection.close()
            time.sleep(0 if number == 1 else 1)
    return call()
