"""The closed lists of the surfaces as a page of the documentation; a test holds docs/reasons.md to it."""

from collections.abc import Iterable

from operations.phrases import ACTION_KINDS, action_types
from tenantpilot.core import reasons
from tenantpilot.core.reasons import Reason

SCOPE_KINDS = ("connection", "directory")
"""Every ``kind`` of a protected scope."""

_HEAD = """# Reasons

Why a start was refused or a run did not end well. Codes are stable and never reused; words and steps may get better.
A reader who may not take a step gets a sentence that names who may (`ask_role`), with a link to the page.

This page is written by `manage.py reasons_table`.

| code | words | next steps | severity |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Return the page in Markdown."""
    rows = "".join(_row(reason) for reason in reasons.all_reasons())
    lists = (
        ("`actionType` of a next step", action_types()),
        ("`kind` of an action", ACTION_KINDS),
        ("`kind` of a protected scope", SCOPE_KINDS),
    )
    return _HEAD + rows + "\n## Closed lists\n\n" + "".join(_line(title, names) for title, names in lists)


def _row(reason: Reason) -> str:
    steps = ", ".join(f"{step.label} (`{step.action_type}`)" for step in reason.next_steps) or "–"
    return f"| `{reason.code}` | {reason.title} | {steps} | {reason.severity} |\n"


def _line(title: str, names: Iterable[str]) -> str:
    return f"- {title}: {', '.join(f'`{name}`' for name in names)}\n"
