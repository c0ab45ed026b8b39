"""The two start surfaces of an onboarding: verify access, and bootstrap."""

from typing import Any, TypeVar

from django.db import transaction
from django.http import Http404, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from onboarding.choices import StepName
from onboarding.reasons import STEP_INCOMPLETE
from onboarding.scope import require_may
from onboarding.selectors import Seen, find_session
from onboarding.steps import open_before
from onboarding.words import title_of
from operations import answers, gate
from operations.answers import Key
from operations.choices import Origin, StartStatus, Surface
from operations.gate import Start
from operations.http import OutcomeView, decided, operation_on, read_id, start_key, user_id
from operations.inputs import StartInput, read_input
from operations.outcomes import StartOutcome
from providers.selectors import Target, target_for_tenant
from tenantpilot.audit.record import About, record
from tenantpilot.console.pages import require
from tenantpilot.core.http import invalid_input
from tenantpilot.tenancy.models import User

SURFACE = Surface.ONBOARDING.value
T = TypeVar("T", bound=StartOutcome)


class OnboardingStart(OutcomeView):
    """POST: verify access, as the connection page's check: same type, scope and sameness."""

    reads_body = True
    body_schema = "OnboardingProviderStartRequest"

    def post(self, request: Request, **url: Any) -> HttpResponse:
        http = request._request
        sent = read_input(http, in_context=False)
        seen = visible_session(request, url["session"])
        operation = operation_on(Surface.ONBOARDING, url["operation"])
        require_may(seen)
        if seen.standing.target is not None:
            require(seen.standing.target.capabilities, operation.capability)
        if sent.problem is not None:
            raise sent.problem
        if sent.payload.get("step") not in (None, StepName.VERIFY.value):
            raise invalid_input({"step": _("This is the step verify.")})
        key = start_key(request, sent.payload)
        before = open_before(seen.standing, StepName.VERIFY)
        if before is not None:
            outcome = decided(
                lambda: step_incomplete(seen, operation.name, user_id(request), key, StartOutcome)
            )
            return self.answer(http, outcome, capabilities_on(seen))
        target = named_connection(request, seen, sent)
        start = Start(
            operation,
            target,
            user_id(request),
            origin=Origin.CONSOLE if self.wants_page else Origin.API,
            surface=SURFACE,
        )
        outcome = decided(lambda: gate.start(start, key=key))
        return self.answer(http, outcome, target.capabilities)


def visible_session(request: Request, text: str) -> Seen:
    """Return the session that the path names. Raises Http404 when it is not visible."""
    assert isinstance(request.user, User)
    seen = find_session(request.user, read_id(text))
    if seen is None:
        raise Http404
    return seen


def named_connection(request: Request, seen: Seen, sent: StartInput) -> Target:
    """Return the target with the session's own connection; with none when the body names any other."""
    target = seen.standing.target
    assert target is not None
    if sent.connection_id in (None, seen.session.connection_id):
        return target
    other = target_for_tenant(user_id(request), target.tenant.slug, 0)
    if other is None:
        raise Http404
    return other


def step_incomplete(seen: Seen, operation: str, actor_id: int, key: Key | None, kind: type[T]) -> T:
    """Answer a start that an earlier step stands before: blocked, and audited as the gate audits its own."""
    if key is None:
        return _blocked(seen, operation, actor_id, kind)
    with transaction.atomic():
        outcome, _fresh = answers.first_answer(key, lambda: _blocked(seen, operation, actor_id, kind), kind)
    return outcome


def _blocked(seen: Seen, operation: str, actor_id: int, kind: type[T]) -> T:
    session, target = seen.session, seen.standing.target
    facts = {"session": session.pk}
    record(
        "start.blocked",
        workspace_id=session.workspace_id,
        tenant_id=session.tenant_id,
        actor_id=actor_id,
        surface=SURFACE,
        reason_code=STEP_INCOMPLETE.code,
        about=About("onboarding", session.pk, str(session)),
        facts={"operation": operation, "blockers": (STEP_INCOMPLETE.code,), "reason": facts},
    )
    return kind(
        status=StartStatus.BLOCKED,
        operation_type=operation,
        tenant={
            "slug": target.tenant.slug if target else "",
            "name": title_of(seen),
            "workspace": session.workspace.name,
        },
        connection=None,
        reason_code=STEP_INCOMPLETE.code,
        reason_facts=facts,
        blockers=(STEP_INCOMPLETE.code,),
    )


def capabilities_on(seen: Seen) -> frozenset[str]:
    """Return what the reader may do on the session's tenant; nothing before there is one."""
    return seen.standing.target.capabilities if seen.standing.target else frozenset()
