"""What a person does to a run, with its audit entry."""

from typing import Literal

from django.db import transaction

from operations import transitions
from operations.models import OperationRun
from tenantpilot.audit.record import About, record


def cancel(run_id: int, actor_id: int) -> Literal["ended", "requested"] | None:
    """End a queued run, or ask a running one to stop; None when it has ended or was asked before."""
    with transaction.atomic():
        done = transitions.cancel(run_id, actor_id)
        if done:
            _record("run.cancelled" if done == "ended" else "run.cancel_requested", run_id, actor_id)
    return done


def force_release(run_id: int, actor_id: int) -> bool:
    """End a running run whose cancel request is older than a minute; False when it is not."""
    with transaction.atomic():
        done = transitions.force_release(run_id, actor_id)
        if done:
            _record("run.force_released", run_id, actor_id)
    return done


def _record(action: str, run_id: int, actor_id: int) -> None:
    run = (
        OperationRun.objects.select_related("tenant")
        .only("operation_type", "tenant__workspace")
        .get(pk=run_id)
    )
    record(
        action,
        workspace_id=run.tenant.workspace_id,
        tenant_id=run.tenant_id,
        actor_id=actor_id,
        about=About("run", run_id),
        facts={"operation": run.operation_type},
    )
