"""A run's history in words: one line for each event."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations.choices import EventKind, RunOutcome
from operations.phrases import About, sentence
from providers.choices import ObjectKind
from tenantpilot.core.reasons import HOLE

STAGES: dict[str, str | Promise] = {
    "organization": gettext_lazy("Reading the organization"),
    "permissions": gettext_lazy("Reading permissions"),
    "groups": gettext_lazy("Reading groups"),
    "changes": gettext_lazy("Reading what changed"),
    ObjectKind.ENTRA_ROLE_DEFINITIONS.value: gettext_lazy("Reading Entra role definitions"),
    ObjectKind.INTUNE_ROLE_DEFINITIONS.value: gettext_lazy("Reading Intune role definitions"),
    "inventory": gettext_lazy("Reading policies, apps and devices"),
    ObjectKind.COMPLIANCE_DEVICES.value: gettext_lazy("Reading devices"),
    "device_summary": gettext_lazy("Reading the compliance summary"),
    "compliance_policies": gettext_lazy("Reading compliance policies"),
    "failed_policies": gettext_lazy("Reading which policies devices fail"),
    "objects": gettext_lazy("Reading objects"),
    "references": gettext_lazy("Looking up what they refer to"),
    "reading": gettext_lazy("Reading the tenant"),
    "freezing": gettext_lazy("Writing the plan"),
    "checking": gettext_lazy("Comparing the tenant with the plan"),
    "safety_backup": gettext_lazy("Taking the safety backup"),
    "writing": gettext_lazy("Writing objects"),
}
_TONES = {
    EventKind.CLAIMED: "info",
    EventKind.STAGE: "info",
    EventKind.RETRY_SCHEDULED: "warn",
    EventKind.LOST: "warn",
    EventKind.CANCEL_REQUESTED: "warn",
}
OUTCOME_TONES = {
    RunOutcome.SUCCEEDED: "ok",
    RunOutcome.PARTIALLY_SUCCEEDED: "warn",
    RunOutcome.FAILED: "bad",
    RunOutcome.BLOCKED: "warn",
    RunOutcome.CANCELLED: "mute",
}


def stage_words(stage: str) -> str:
    """Return the words of a stage; a name without words of its own is written as words."""
    return str(STAGES.get(stage) or stage.replace("_", " ").capitalize())


def timeline(events: list[dict[str, Any]], about: About) -> list[dict[str, str]]:
    """Return the history, oldest first, as the page draws it."""
    lines, attempt = [], 0
    for event in events:
        attempt += event["kind"] == EventKind.CLAIMED
        lines.append(_line(event, attempt, about))
    return lines


def _line(event: Mapping[str, Any], attempt: int, about: About) -> dict[str, str]:
    kind, data = EventKind(event["kind"]), event["data"]
    label, tone = str(kind.label), _TONES.get(kind, "mute")
    if kind is EventKind.STAGE:
        label = stage_words(str(data.get("stage", "")))
    if kind is EventKind.ENDED and data.get("outcome"):
        outcome = RunOutcome(data["outcome"])
        label, tone = str(outcome.label), OUTCOME_TONES[outcome]
    line = {"at": event["at"], "label": label, "tone": tone}
    detail = _detail(kind, event, attempt, about)
    return {**line, "detail": detail} if detail else line


def _detail(kind: EventKind, event: Mapping[str, Any], attempt: int, about: About) -> str:
    if event["actor"]:
        return _("By %(person)s") % {"person": event["actor"]}
    if kind is EventKind.CLAIMED:
        return _("Attempt %(number)s") % {"number": attempt} if attempt > 1 else ""
    if kind is EventKind.RETRY_SCHEDULED:
        words = sentence(event["code"], about)
        # An event keeps a code but no facts: words that need more than tenant and connection would have holes.
        return "" if HOLE in words else words
    return ""
