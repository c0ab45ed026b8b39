"""Chains as plain data: the outcome of their start, and one chain with its steps for the pages that show it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from operations.chain_record import ChainView, StepView
from operations.choices import ChainState
from operations.outcomes import ChainOutcome, RunRef
from operations.phrases import About, next_steps, sentence, verb_of
from operations.serializers import outcome_data, run_reference, without_empty


def bootstrap_outcome_data(outcome: ChainOutcome, capabilities: frozenset[str]) -> dict[str, Any]:
    """Return OnboardingBootstrapStartOutcome of the contract, for a reader with these rights."""
    more = {
        "acceptedOperation": outcome.accepted_operation,
        "pendingOperations": list(outcome.pending_operations),
    }
    return {**outcome_data(outcome, capabilities), **without_empty(more)}


def chain_data(chain: ChainView, about: About) -> dict[str, Any]:
    """Return a chain in words. ``about`` says whose tenant it is and what its reader may do there.

    A step's ``state`` is its badge: that of its run, or pending, blocked, cancelled, skipped.
    """
    data = {
        "chainId": chain.id,
        "state": chain.state,
        "stateLabel": str(ChainState(chain.state).label),
        "reference": chain.reference,
        **_why(chain.reason_code, chain.reason_facts, about),
        "steps": [_step(step, about) for step in chain.steps],
    }
    return without_empty(data)


def _step(step: StepView, about: About) -> dict[str, Any]:
    facing = replace(about, run_id=step.run_id, operation_type=step.operation_type, facts=step.reason_facts)
    reference = None
    if step.run_id:
        reference = run_reference(RunRef(step.run_id, step.run_status, step.operation_type, ""))
    steps = [] if step.run_id else next_steps(step.reason_code, facing)
    data = {
        "number": step.number,
        "operationType": step.operation_type,
        "operatorVerb": verb_of(step.operation_type),
        "state": step.state,
        "run": reference,
        **_why(step.reason_code, step.reason_facts, about),
        "nextSteps": steps,
    }
    return without_empty(data)


def _why(code: str, facts: Mapping[str, Any], about: About) -> dict[str, Any]:
    if not code:
        return {}
    return {"shortReason": sentence(code, replace(about, facts=facts)), "reasonCode": code}
