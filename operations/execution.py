"""Working on an accepted run: claim, readiness once more, handler, finish."""

import os
import random
import socket
import uuid

import structlog
from billiard.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.utils import timezone

from operations import gate, metrics, reasons, registry, transitions
from operations.choices import Access, RunOutcome
from operations.context import RunContext, RunResult
from operations.pulse import Cancelled, DeadlineReached, FencedOut, Pulse
from operations.transitions import Claim, Ending
from providers import services
from providers.graph.errors import GraphError
from providers.selectors import Target, target_for_system
from tenantpilot.core.reasons import Reason

log = structlog.get_logger(__name__)

CHECK = "provider.connection.check"


def worker_name() -> str:
    """Return host, main process and this process: who claims, so that the main process can tell its dead children."""
    return f"{socket.gethostname()}:{os.getppid()}:{os.getpid()}"


def execute(run_id: int) -> None:
    """Claim the run and work on it to its end; do nothing when it can't be claimed."""
    claim = transitions.claim(run_id, worker_name())
    if claim is None:
        log.info("claim_refused", run=run_id)
        return
    line = {"run": run_id, "tenant": claim.tenant_id, "attempt": claim.attempt}
    with structlog.contextvars.bound_contextvars(**line), Pulse(claim) as pulse:
        _attempt(claim, pulse)


def _attempt(claim: Claim, pulse: Pulse) -> None:
    operation = registry.get(claim.operation_type)
    target = target_for_system(claim.connection_id)
    assert target is not None
    assert target.connection is not None
    log.info("run_started", operation=operation.name, slug=target.tenant.slug)
    run = RunContext(claim, pulse, target.tenant, target.connection)
    try:
        result = _not_ready(operation, target) or operation.handler(run, operation.params.parse(claim.params))
    except FencedOut:
        metrics.STALE_RESULTS.inc()
        log.warning("fenced_out")
        return
    except Cancelled:
        result = _ended(RunOutcome.CANCELLED, reasons.CANCELLED)
    except (DeadlineReached, SoftTimeLimitExceeded):
        result = _ended(RunOutcome.FAILED, reasons.TIMED_OUT)
    except GraphError as error:
        if _again(run, operation, error):
            return
        result = _provider_failed(run, error)
    except Exception:
        reference = uuid.uuid4().hex[:8]
        log.exception("run_broke", reference=reference)
        result = RunResult.failed(reasons.INTERNAL_ERROR, reference=reference)
    _finish(run, result)


def _not_ready(operation: registry.OperationType, target: Target) -> RunResult | None:
    """Ask for readiness once more: consent may have gone while the run waited."""
    found = gate.blockers(operation, target, timezone.now())
    if not found:
        return None
    return RunResult(RunOutcome.BLOCKED, found[0].code, dict(found[0].facts))


def _ended(outcome: RunOutcome, reason: Reason) -> RunResult:
    return RunResult(outcome, reason.code)


def _again(run: RunContext, operation: registry.OperationType, error: GraphError) -> bool:
    """Queue a read again after a transient fault, with full jitter or after the provider's own Retry-After."""
    if (
        not error.transient
        or operation.access is not Access.READ
        or run.claim.attempt >= settings.RUN_MAX_ATTEMPTS
    ):
        return False
    longest = min(settings.RUN_RETRY_CAP, settings.RUN_RETRY_BASE * 2 ** (run.claim.attempt - 1))
    delay = error.retry_after if error.retry_after is not None else random.uniform(0, longest)  # noqa: S311  # jitter
    ending = _ending(run, RunResult(RunOutcome.FAILED, error.reason_code, error_facts(error)))
    return transitions.retry_later(run.claim, ending, delay=delay)


def _provider_failed(run: RunContext, error: GraphError) -> RunResult:
    facts = error_facts(error)
    code = services.fault_record(
        connection_id=run.connection.id,
        fence=run.fence,
        code=error.reason_code,
        facts=facts,
        retry_after=error.retry_after,
        check=run.claim.operation_type == CHECK,
    )
    return RunResult(RunOutcome.FAILED, code, facts, counts=run.counts)


def error_facts(error: GraphError) -> dict[str, str]:
    """Return what the words of a provider error's reason need: the permissions that it named."""
    scopes = getattr(error, "scopes", ())
    return {"permissions": ", ".join(scopes)} if scopes else {}


def _ending(run: RunContext, result: RunResult) -> Ending:
    return Ending(
        outcome=result.outcome,
        reason_code=result.reason_code,
        reason_facts=result.reason_facts,
        progress=run.progress,
        counts=result.counts or run.counts,
        failures=result.failures,
        cost=dict(run.meter.snapshot()),
        diagnostics=run.meter.last_request_ids,
    )


def _finish(run: RunContext, result: RunResult) -> None:
    if not transitions.finish(run.claim, _ending(run, result)):
        metrics.STALE_RESULTS.inc()
        log.warning("stale_result", outcome=result.outcome.value)
        return
    metrics.RUNS_ENDED.labels(run.claim.operation_type, result.outcome.value).inc()
    log.info("run_ended", outcome=result.outcome.value, reason=result.reason_code)
