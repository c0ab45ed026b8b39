"""Words made when something is shown: reasons with their facts, next steps with addresses, who to ask otherwise."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from operations import registry
from operations.choices import Access
from tenantpilot.core import reasons
from tenantpilot.core.reasons import Facts, NextStep, Reason
from tenantpilot.tenancy.capabilities import least_role_with

# Facts that hold an ISO 8601 time.
TIMES = ("until", "since")
RETRY = "retry"
RESUME = "resume"
OPEN_RESULT = "open_result"
ASK_ROLE = "ask_role"
VIEW_RUN = "view_run"
CANCEL = "cancel"
CANCEL_CHAIN = "cancel_chain"
FORCE_RELEASE = "force_release"

ACTION_KINDS = (VIEW_RUN, OPEN_RESULT, RETRY, RESUME, CANCEL, CANCEL_CHAIN, FORCE_RELEASE)
"""Every ``kind`` of an action link."""

# Places that only some may open, and the page beside them that shows the rest what is wrong.
_OPEN_TO_ALL = {
    "connection_add": "tenant",
    "tenant_edit": "tenant",
    "connection_secret": "connection",
    "connection_consent": "connection",
}
_BY_TENANT = frozenset({"tenant", "tenant_edit", "connection_add"})
_BY_CONNECTION = frozenset({"connection", "connection_secret", "connection_consent"})


@dataclass(frozen=True, slots=True)
class About:
    """What words are about, and what their reader may do there."""

    tenant: str
    slug: str
    workspace: str
    capabilities: frozenset[str]
    connection: str = ""
    connection_id: int | None = None
    run_id: int | None = None
    operation_type: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def words(self) -> Facts:
        """Return what placeholders are filled from."""
        facts = {name: readable(value) if name in TIMES else value for name, value in self.facts.items()}
        return Facts(tenant=self.tenant, workspace=self.workspace, connection=self.connection, **facts)


def action_types() -> list[str]:
    """Return every ``actionType`` of a next step."""
    declared = {step.action_type for reason in reasons.all_reasons() for step in reason.next_steps}
    return sorted(declared | {ASK_ROLE, RESUME})


def readable(value: Any) -> str:
    """Say an ISO 8601 time in local words, the day only when it is another one."""
    try:
        at = parse_datetime(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    if not isinstance(at, datetime):
        return str(value)
    local = timezone.localtime(at)
    clock = f"{local:%H:%M} {local.tzname()}"
    same_day = local.date() == timezone.localdate()
    return clock if same_day else f"{date_format(local, 'DATE_FORMAT')}, {clock}"


def verb_of(operation_type: str) -> str:
    """Return the words of an operation; its name for one that this version does not know any more."""
    return str(registry.get(operation_type).verb) if registry.knows(operation_type) else operation_type


def find_reason(code: str) -> Reason | None:
    """Return the reason; None without a code, and for one that this version does not know any more."""
    try:
        return reasons.get(code) if code else None
    except KeyError:
        return None


def sentence(code: str, about: About) -> str:
    """Return today's words for a code; the code itself when it is not known any more."""
    reason = find_reason(code)
    return reason.sentence(about.words()) if reason else code


def next_steps(code: str, about: About) -> list[dict[str, str]]:
    """Return what this reader can do about it; where somebody else must, who that is and where to look."""
    reason = find_reason(code)
    return unique(_step(step, about) for step in reason.next_steps) if reason else []


def unique(steps: Iterable[dict[str, str] | None]) -> list[dict[str, str]]:
    """Return the steps there are, each sentence once."""
    return list({step["label"]: step for step in steps if step}.values())


def view_run(run_id: int) -> dict[str, str]:
    """Return the link to a run's page."""
    return {"label": _("View run"), "href": reverse("run", args=[run_id]), "kind": VIEW_RUN}


def may_retry(operation_type: str) -> bool:
    """Say whether runs of this type can be retried: reads of a type that this version knows."""
    return registry.knows(operation_type) and registry.get(operation_type).access is Access.READ


def resume_href(operation_type: str, slug: str, params: Mapping[str, Any]) -> str:
    """Return where the rest of a write of this type is planned; empty where it declares no such place."""
    resume = registry.get(operation_type).resume if registry.knows(operation_type) else None
    return reverse(resume.route, args=resume.args(slug, params)) if resume else ""


def result_href(operation_type: str, slug: str, params: Mapping[str, Any]) -> str:
    """Return where what a run of this type brought is shown; empty where it declares no such place."""
    result = registry.get(operation_type).result if registry.knows(operation_type) else None
    return reverse(result.route, args=result.args(slug, params)) if result else ""


def ask_role(capability: str, about: About) -> str:
    """Name who can do it."""
    role = least_role_with(capability).label
    return _("Ask somebody who is %(role)s in %(workspace)s.") % {"role": role, "workspace": about.workspace}


def _step(step: NextStep, about: About) -> dict[str, str] | None:
    if step.action_type == RETRY:
        return _retry(step, about)
    if step.capability and step.capability not in about.capabilities:
        label = str(step.otherwise) % about.words() if step.otherwise else ask_role(step.capability, about)
        return _with_address(label, ASK_ROLE, _OPEN_TO_ALL.get(step.route, step.route), about)
    plain = _with_address(str(step.label) % about.words(), step.action_type, step.route, about)
    if step.action_type == VIEW_RUN and "href" not in plain:
        return None
    if step.description:
        plain["description"] = str(step.description) % about.words()
    return plain


def _retry(step: NextStep, about: About) -> dict[str, str] | None:
    """Offer a read again, of a write its rest; nothing of a write that declares no way to resume."""
    if about.run_id is None or not registry.knows(about.operation_type):
        return None
    label, action, href = str(step.label), RETRY, reverse("run_retry", args=[about.run_id])
    if not may_retry(about.operation_type):
        label, action = _("Resume"), RESUME
        href = resume_href(about.operation_type, about.slug, about.params)
    capability = registry.get(about.operation_type).capability
    if capability not in about.capabilities:
        return {"label": ask_role(capability, about), "actionType": ASK_ROLE}
    return {"label": label, "href": href, "actionType": action} if href else None


def _with_address(label: str, action_type: str, route: str, about: About) -> dict[str, str]:
    href = address(route, about)
    step = {"label": label, "actionType": action_type}
    return {**step, "href": href} if href else step


def address(route: str, about: About) -> str:
    """Return the root-relative address of a place that a reason names; empty when there is no such place here."""
    if route in _BY_CONNECTION and about.connection_id is not None:
        return reverse(route, args=[about.connection_id])
    if route in _BY_CONNECTION or route in _BY_TENANT:
        return reverse(route if route in _BY_TENANT else "tenant", args=[about.slug])
    if route == "restore_run":
        # A restore is named by the reason's own facts: neither a connection nor a run leads to it.
        restore_run = about.facts.get("restoreRun")
        return reverse(route, args=[about.slug, restore_run]) if restore_run else ""
    if route == "run":
        return reverse("run", args=[about.run_id]) if about.run_id else ""
    if route == "onboarding_session":
        session = about.facts.get("session")
        return reverse(route, args=[session]) if session else ""
    return reverse(route) if route else ""
