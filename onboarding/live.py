"""What a step shows while something runs: the lines of Verify with the check at work, the chain of Bootstrap."""

from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from onboarding import checks
from onboarding.bootstrap import chain_of, chain_shown, selectable
from onboarding.checks import Line
from onboarding.choices import StepName
from onboarding.selectors import Seen
from onboarding.words import session_url
from operations import words
from operations.buttons import CHECK_CONNECTION
from operations.choices import ACTIVE, ExecutionStatus
from operations.models import OperationRun
from providers.models import ProviderConnection
from providers.selectors import Target
from tenantpilot.core import reasons

Data = dict[str, Any]
VERIFY_SECONDS, CHAIN_SECONDS = 2, 2


def verify_data(seen: Seen) -> Data:
    """The lines of Verify, each missing one with its mend, and the check that is at work, if any."""
    session, target = seen.session, seen.standing.target
    assert target is not None and target.connection is not None
    skew = ProviderConnection.objects.values_list("clock_skew", flat=True).get(pk=target.connection.id)
    found = checks.lines(target.connection, session.left_out, skew)
    run = _last_check(target)
    busy = run is not None and run["status"] in ACTIVE
    data: Data = {
        "lines": [_line(line, seen, target) for line in found],
        "verified": checks.complete(found) and target.connection.enabled,
        "checkedAt": target.connection.checked_at,
        "start": {
            "label": _("Verify again") if target.connection.checked_at else _("Verify access"),
            "url": reverse("onboarding_start", args=[session.pk, CHECK_CONNECTION]),
            "fields": [
                {"name": "step", "value": StepName.VERIFY.value},
                {"name": "providerConnectionId", "value": target.connection.id},
            ],
        },
        "leftOut": [line.label for line in found if line.state == checks.LEFT_OUT],
        "nextUrl": session_url(session.pk),
        "liveUrl": reverse("onboarding_live", args=[session.pk, StepName.VERIFY]),
        "version": session.version,
        "postUrl": reverse("onboarding_session", args=[session.pk]),
    }
    if busy and run is not None:
        data |= {"busy": True, "seconds": VERIFY_SECONDS, "run": {"url": reverse("run", args=[run["id"]])}}
        data |= _waiting(run, target)
    return data


def bootstrap_data(seen: Seen) -> Data:
    """The operations to choose from, and the chain that was started with its steps."""
    session, target = seen.session, seen.standing.target
    assert target is not None
    chain = chain_of(session)
    shown = chain_shown(chain, target) if chain else None
    return {
        "operations": [
            {"name": kind.name, "label": str(kind.verb), "description": str(kind.description)}
            for kind in selectable()
            if kind.capability in target.capabilities
        ],
        "connectionId": session.connection_id,
        "startUrl": reverse("onboarding_bootstrap", args=[session.pk]),
        "backUrl": session_url(session.pk, StepName.BOOTSTRAP),
        "chain": shown,
        "nextUrl": session_url(session.pk, StepName.DONE),
        "liveUrl": reverse("onboarding_live", args=[session.pk, StepName.BOOTSTRAP]),
        "cancelUrl": reverse("onboarding_cancel", args=[session.pk]),
        **({"seconds": CHAIN_SECONDS} if shown and shown["active"] else {}),
    }


def _last_check(target: Target) -> Data | None:
    assert target.connection is not None
    runs = OperationRun.objects.filter(
        tenant=target.tenant.id, connection=target.connection.id, operation_type=CHECK_CONNECTION
    )
    run = runs.order_by("-id").values("id", "status", "reason_code", "reason_facts", "not_before").first()
    return dict(run) if run else None


def _waiting(run: Data, target: Target) -> Data:
    """Why a check that has begun goes on later, and when: Microsoft throttles, or did not answer."""
    if run["status"] != ExecutionStatus.QUEUED or not run["reason_code"]:
        return {}
    sentence = words.sentence(reasons.get(run["reason_code"]), run["reason_facts"], target)
    return {"waits": {"reason": sentence, "at": run["not_before"]}}


def _line(line: Line, seen: Seen, target: Target) -> Data:
    data: Data = {
        "key": line.key,
        "label": line.label,
        "state": line.state,
        "why": line.why,
        "words": line.words,
        "required": line.required,
        "isPermission": line.key not in {"token", "tenant", "directory", "licence", "clock"},
    }
    if line.reason is not None:
        data["reason"] = words.sentence(line.reason, line.facts, target)
        data["nextSteps"] = _mends(line, seen, target)
    # What no read waits for needs no decision.
    data["mayLeaveOut"] = data["isPermission"] and line.required and line.state == checks.MISSING
    data["mayTakeBack"] = line.state == checks.LEFT_OUT
    return data


def _mends(line: Line, seen: Seen, target: Target) -> list[dict[str, str]]:
    """The reason's steps, those inside the wizard leading there. The check itself is the step's own button."""
    assert line.reason is not None
    here = session_url(seen.session.pk, StepName.VERIFY)
    steps = []
    for step in words.steps(line.reason, line.facts, target):
        if step["actionType"] == "check_connection":
            continue
        if step["actionType"] == "grant_consent":
            step["href"] = session_url(seen.session.pk, StepName.CONNECT)
        elif step["actionType"] in {"replace_secret", "edit_tenant_id"} and step["href"]:
            step["href"] = f"{step['href']}?{urlencode({'next': here})}"
        steps.append(step)
    return steps
