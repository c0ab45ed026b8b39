"""A run as plain data, made once for its page, its polled part and its JSON."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from operations import chain_record, registry
from operations.chain_data import chain_data
from operations.choices import ExecutionStatus, RunOutcome
from operations.phrases import (
    CANCEL,
    CANCEL_CHAIN,
    FORCE_RELEASE,
    OPEN_RESULT,
    RESUME,
    RETRY,
    About,
    may_retry,
    next_steps,
    result_href,
    resume_href,
    sentence,
    verb_of,
)
from operations.run_record import RunRecord
from operations.serializers import without_empty
from operations.timeline import stage_words, timeline
from providers.choices import ObjectKind
from providers.compliance.shapes import PARTS
from providers.inventory.types import INVENTORY_TYPES
from tenantpilot.tenancy.capabilities import Capability

MINUTE = timedelta(minutes=1)
POLL_SECONDS, SLOW_POLL_SECONDS = 2, 5
WAITING_LONG = 2 * MINUTE
SILENT = 5 * MINUTE
BROUGHT = {RunOutcome.SUCCEEDED, RunOutcome.PARTIALLY_SUCCEEDED}
ENDED_BADLY = {RunOutcome.PARTIALLY_SUCCEEDED, RunOutcome.FAILED, RunOutcome.BLOCKED, RunOutcome.CANCELLED}


def run_data(run: RunRecord) -> dict[str, Any]:
    """Return ProviderBackedRunDetail of the contract and what we add to it, for the reader of ``run``."""
    about = about_run(run)
    steps = next_steps(run.reason_code, about) if run.completed_at else []
    diagnostics = _diagnostics(run)
    required = {"diagnosticsAvailable": bool(diagnostics), "attempts": run.attempt}
    data = {
        "runId": run.id,
        "operationType": run.operation_type,
        "operatorVerb": verb_of(run.operation_type),
        "executionStatus": run.status,
        "outcome": run.outcome,
        "providerConnection": {
            "id": run.connection_id,
            "provider": run.provider,
            "label": run.connection_label,
        },
        "protectedScope": _scope(run),
        "shortReason": sentence(run.reason_code, about) if run.reason_code else None,
        "reasonCode": run.reason_code,
        "nextSteps": steps,
        "actions": _actions(run, steps),
        "maxAttempts": settings.RUN_MAX_ATTEMPTS if may_retry(run.operation_type) else None,
        "progress": _progress(run),
        "counts": _in_order(run.counts),
        "failures": [_failure(failure, about) for failure in run.failures],
        "cost": run.cost,
        "chain": chain_part(run, about) if run.chain_id else None,
        "timeline": timeline(run.events, about),
        "tenant": {"name": run.tenant, "url": reverse("tenant", args=[run.tenant_slug])},
        "initiator": {"name": run.initiator} if run.initiator else None,
        "sourceSurface": run.surface,
        "createdAt": run.created_at.isoformat(),
        "startedAt": _stamp(run.started_at),
        "completedAt": _stamp(run.completed_at),
        "diagnostics": diagnostics,
    }
    return {**required, **without_empty(data)}


def page_keys(run: RunRecord) -> dict[str, Any]:
    """Return what the page needs beside the data: addresses, polling, and what waiting means."""
    keys = {
        "runsUrl": reverse("operations"),
        "connectionUrl": "" if run.connection_removed else reverse("connection", args=[run.connection_id]),
        "poll": _poll(run),
        "waitingLong": _waits(run) and run.asked_at - max(run.created_at, run.not_before) > WAITING_LONG,
        "silentMinutes": _silent_minutes(run),
        "retryAt": run.not_before if _waits(run) and run.not_before > run.asked_at else None,
        "cancelRequested": run.status == ExecutionStatus.RUNNING and run.cancel_requested_at is not None,
    }
    return {name: value for name, value in keys.items() if value}


def chain_part(run: RunRecord, about: About) -> dict[str, Any] | None:
    """Return the chain that the run is a step of, as its pages show it."""
    found = chain_record.find(run.chain_id) if run.chain_id else None
    return chain_data(found, about) if found else None


def about_run(run: RunRecord) -> About:
    """Return what the words of this run are about."""
    return About(
        tenant=run.tenant,
        slug=run.tenant_slug,
        workspace=run.workspace,
        capabilities=run.capabilities,
        connection=run.connection_label,
        connection_id=None if run.connection_removed else run.connection_id,
        run_id=run.id,
        operation_type=run.operation_type,
        params=run.params,
        facts=run.reason_facts,
    )


def may_cancel(run: RunRecord) -> bool:
    """Say whether this reader may cancel the run: whoever could start it."""
    known = registry.knows(run.operation_type)
    return known and registry.get(run.operation_type).capability in run.capabilities


def may_force_release(run: RunRecord) -> bool:
    """Say whether the run is one that an owner may end now: asked to stop, and silent about it for a minute."""
    if run.status != ExecutionStatus.RUNNING or run.cancel_requested_at is None:
        return False
    return run.asked_at - run.cancel_requested_at > timedelta(seconds=settings.RUN_FORCE_RELEASE_AFTER)


def _actions(run: RunRecord, steps: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return what this reader may do with the run now; what a next step offers already is not repeated."""

    def action(label: str, name: str, kind: str) -> dict[str, str]:
        return {"label": label, "href": reverse(name, args=[run.id]), "kind": kind}

    actions = []
    if run.completed_at is None:
        if may_cancel(run) and run.cancel_requested_at is None:
            actions.append(action(_("Cancel"), "run_cancel", CANCEL))
        if may_cancel(run) and run.chain_waits:
            actions.append(action(_("Cancel all steps"), "run_cancel_chain", CANCEL_CHAIN))
        if Capability.FORCE_RELEASE in run.capabilities and may_force_release(run):
            actions.append(action(_("Force-release"), "run_force_release", FORCE_RELEASE))
        return actions
    if run.outcome in BROUGHT and (href := result_href(run.operation_type, run.tenant_slug, run.params)):
        actions.append({"label": _("Open result"), "href": href, "kind": OPEN_RESULT})
    offered = any(step.get("actionType") in (RETRY, RESUME) for step in steps)
    if run.outcome not in ENDED_BADLY or offered or not may_cancel(run):
        return actions
    if may_retry(run.operation_type):
        actions.append(action(_("Retry"), "run_retry", RETRY))
    elif href := resume_href(run.operation_type, run.tenant_slug, run.params):
        actions.append({"label": _("Resume"), "href": href, "kind": RESUME})
    return actions


def _scope(run: RunRecord) -> dict[str, Any]:
    """Return the widest scope that the run has to itself; a write's directory includes its connection."""
    if run.directory_key:
        kind, _colon, entra = run.directory_key.partition(":")
        label = _("The directory of %(tenant)s, and %(connection)s")
        return {
            "kind": kind,
            "id": entra,
            "label": label % {"tenant": run.tenant, "connection": run.connection_label},
        }
    kind, _colon, name = run.scope_key.partition(":")
    return {"kind": kind, "id": int(name), "label": run.connection_label}


def _progress(run: RunRecord) -> dict[str, Any] | None:
    if not run.progress:
        return None
    stage = run.progress.get("stage")
    return without_empty({"stage": stage_words(stage) if stage else None, **_numbers(run.progress)})


def _numbers(progress: Mapping[str, Any]) -> dict[str, Any]:
    total = {"total": progress["total"]} if progress.get("total") is not None else {}
    return {"done": progress.get("done", 0), **total}


def _failure(failure: Mapping[str, Any], about: About) -> dict[str, Any]:
    """Name what failed: an object type, or for a check the operation that can't work."""
    name, code = str(failure["type"]), str(failure["code"])
    known = {kind.value: str(kind.label) for kind in ObjectKind}
    known |= {kind.key: str(kind.label) for kind in INVENTORY_TYPES}
    known |= {part: str(label) for part, label in PARTS.items()}
    facts = {**about.facts, **failure.get("facts", {})}
    shown = {
        "type": known.get(name) or verb_of(name),
        "count": failure.get("count"),
        "reason": sentence(code, replace(about, facts=facts)),
        "reasonCode": code,
    }
    return without_empty(shown)


def _diagnostics(run: RunRecord) -> list[dict[str, str]]:
    """Return what support asks for, already without secrets; nothing for a reader without the right to it."""
    if Capability.VIEW_DIAGNOSTICS not in run.capabilities:
        return []
    facts = [(_("Worker"), run.claimed_by), (_("Fence"), run.fence)]
    for answer in run.diagnostics:
        label = f"{answer.get('status', '')} {answer.get('path', '')}".strip()
        codes = " ".join(
            str(answer[name]) for name in ("code", "requestId", "clientRequestId") if answer.get(name)
        )
        facts.append((label, codes))
    return [{"label": str(label), "value": str(value)} for label, value in facts if value]


def _poll(run: RunRecord) -> dict[str, Any] | None:
    if run.completed_at is not None:
        return None
    watched = run.asked_at - (run.started_at or run.created_at)
    seconds = SLOW_POLL_SECONDS if watched > MINUTE else POLL_SECONDS
    return {"url": reverse("run_status", args=[run.id]), "seconds": seconds}


def _waits(run: RunRecord) -> bool:
    return run.status == ExecutionStatus.QUEUED


def _silent_minutes(run: RunRecord) -> int:
    """Return for how long no heartbeat came, in minutes; 0 while that is no news."""
    if run.status != ExecutionStatus.RUNNING or run.lease_until is None:
        return 0
    silence = run.asked_at - (run.lease_until - timedelta(seconds=settings.RUN_LEASE))
    return int(silence / MINUTE) if silence >= SILENT else 0


def _stamp(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _in_order(counts: Mapping[str, Any]) -> dict[str, Any]:
    """What was read first, types as the catalogue has them, what changed in our copy last: jsonb keeps no order."""
    types = [kind.key for kind in INVENTORY_TYPES]
    place = {name: number for number, name in enumerate([*types, "new", "changed", "gone"], 1)}
    return dict(sorted(counts.items(), key=lambda item: (place.get(item[0], 0), item[0])))
