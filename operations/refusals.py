"""The audit entries of blocked starts: who asked for what and why not, with the facts that were used."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from operations.choices import StartStatus
from operations.outcomes import StartOutcome, stamp
from providers.selectors import Target
from tenantpilot.audit.record import About, record, record_many

if TYPE_CHECKING:
    from operations.gate import Start


def audit_refusal(request: "Start", outcome: StartOutcome) -> None:
    """Write the entry of a blocked start; of another answer, nothing."""
    if outcome.status is StartStatus.BLOCKED:
        record("start.blocked", **_entry(request, outcome))


def audit_refusals(answers: Iterable[tuple["Start", StartOutcome]]) -> None:
    """Write the entries of several starts, in one statement."""
    blocked = [(request, outcome) for request, outcome in answers if outcome.status is StartStatus.BLOCKED]
    record_many("start.blocked", [_entry(request, outcome) for request, outcome in blocked])


def facts_used(target: Target) -> dict[str, Any]:
    """Return the stored facts that a start is judged by, as its run and its refusal keep them."""
    facts = target.connection
    if facts is None:
        return {}
    return {
        "connection": facts.id,
        "enabled": facts.enabled,
        "credential": facts.credential_state,
        "consent": facts.consent_state,
        "fault": facts.fault_code,
        "observed": stamp(facts.permissions_observed_at) if facts.permissions_observed_at else "",
    }


def _entry(request: "Start", outcome: StartOutcome) -> dict[str, Any]:
    facts = request.target.connection
    return {
        "workspace_id": request.target.tenant.workspace_id,
        "tenant_id": request.target.tenant.id,
        "actor_id": request.actor_id,
        "surface": request.surface,
        "reason_code": outcome.reason_code,
        "about": About("connection", facts.id, facts.label) if facts else None,
        "facts": {
            "operation": outcome.operation_type,
            "blockers": outcome.blockers,
            "reason": outcome.reason_facts,
            **facts_used(request.target),
        },
    }
