"""The words of reasons and next steps for pages, which hold the target that they draw."""

from collections.abc import Mapping
from typing import Any

from operations.phrases import About, next_steps
from operations.phrases import sentence as sentence_about
from providers.selectors import Target
from tenantpilot.core.reasons import Reason


def about(facts: Mapping[str, Any], target: Target, run_id: int | None = None) -> About:
    """Return what words are about: this target as its reader sees it, and the facts of a reason."""
    tenant, connection = target.tenant, target.connection
    return About(
        tenant=tenant.name,
        slug=tenant.slug,
        workspace=tenant.workspace,
        capabilities=target.capabilities,
        connection=connection.label if connection else "",
        connection_id=connection.id if connection else None,
        run_id=run_id,
        facts=facts,
    )


def sentence(reason: Reason, facts: Mapping[str, Any], target: Target) -> str:
    """Return what is wrong in one sentence."""
    return sentence_about(reason.code, about(facts, target))


def steps(
    reason: Reason, facts: Mapping[str, Any], target: Target, run_id: int | None = None
) -> list[dict[str, str]]:
    """Return what the reader can do about it, or who can; a step without a place has an empty ``href``."""
    found = next_steps(reason.code, about(facts, target, run_id))
    return [{"href": "", **step} for step in found]
