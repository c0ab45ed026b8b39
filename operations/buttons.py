"""Start buttons, with the gate's own answer as the reason under those that can't be pressed now."""

from collections.abc import Mapping
from typing import Any

from django.urls import reverse

from operations import gate, registry
from operations.choices import StartStatus, Surface
from operations.inputs import CONTEXT
from operations.outcomes import StartOutcome
from operations.registry import OperationType
from operations.serializers import outcome_data
from providers.selectors import Target

CHECK_CONNECTION = "provider.connection.check"


def start_buttons(
    target: Target,
    surface: Surface,
    actor_id: int,
    *,
    only: str = "",
    first: str = CHECK_CONNECTION,
    data: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """The starts that this person may ask for on this surface, as `ui/_start_actions.html` draws them.

    What is running already keeps its button: the click leads to that run. `only` picks one operation, which is then
    the page's primary action, and `data` is its input; else `first` is. What binds its input to something of the
    tenant is offered by the page of that thing only.
    """
    kinds = [
        kind for kind in registry.types_on(surface) if (kind.name == only if only else kind.bind is None)
    ]
    mine = [kind for kind in kinds if kind.capability in target.capabilities]
    primary = only or first
    mine.sort(key=lambda kind: (kind.name != primary, kind.name != CHECK_CONNECTION))
    starts = [gate.Start(kind, target, actor_id, dict(data or {}), surface=surface) for kind in mine]
    buttons = [
        _button(start, surface, refusal, primary=start.operation.name == primary)
        for start, refusal in zip(starts, gate.refusals(starts), strict=True)
    ]
    # What can be pressed comes first, and those that wait for the same thing stand together.
    return sorted(buttons, key=lambda button: str(button.get("reason", "")))


def start_url(kind: OperationType, target: Target, surface: Surface) -> str:
    """Where a start of this operation is posted to."""
    if surface == Surface.CONNECTION and target.connection is not None:
        return reverse("connection_start", args=[target.connection.id, kind.name])
    if kind.path:
        return reverse(f"{kind.name}_start", args=[target.tenant.slug])
    return reverse("tenant_start", args=[target.tenant.slug, kind.name])


def _button(
    start: gate.Start, surface: Surface, refusal: StartOutcome | None, *, primary: bool
) -> dict[str, Any]:
    # A surface of the operation's own takes its input as it is; the shared ones take it in the target context.
    prefix = "" if start.operation.path else f"{CONTEXT}."
    button: dict[str, Any] = {
        "label": str(start.operation.verb),
        "url": start_url(start.operation, start.target, surface),
        "fields": [{"name": f"{prefix}{name}", "value": value} for name, value in start.data.items()],
        "primary": primary,
    }
    return button | _why_not(refusal, start.target) if refusal else button


def _why_not(refusal: StartOutcome, target: Target) -> dict[str, Any]:
    if refusal.status is StartStatus.DEDUPED:
        return {}
    answer = outcome_data(refusal, target.capabilities)
    steps = answer.get("nextSteps") or answer.get("actions", [])
    return {"disabled": True, "reason": answer["shortReason"], "nextSteps": steps}
