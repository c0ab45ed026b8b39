"""Bootstrap: the start of the first syncs, and their end before its time."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from rest_framework.request import Request

from onboarding import bootstrap
from onboarding.bootstrap import FIELD
from onboarding.choices import StepName
from onboarding.scope import require_may, session_for
from onboarding.selectors import reference_of
from onboarding.start_views import capabilities_on, named_connection, step_incomplete, visible_session
from onboarding.steps import open_before
from onboarding.words import session_url
from operations import chains
from operations.chain_data import bootstrap_outcome_data
from operations.chains import ChainStart
from operations.http import OutcomeView, decided, start_key, user_id
from operations.inputs import CONNECTION, SURFACE, StartInput, read_input, read_surface
from operations.outcomes import ChainOutcome, StartOutcome
from operations.registry import OperationType
from operations.schemas import BOOTSTRAP_SCHEMAS
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.core.http import FORMS, PageRenderer, VendorJSON, invalid_input


class BootstrapJSON(VendorJSON):
    media_type = "application/vnd.tenantpilot.onboarding-bootstrap-start-outcome+json"
    schema_name = "OnboardingBootstrapStartOutcome"


class BootstrapStart(OutcomeView):
    """POST: start the first syncs, one after another on the session's connection."""

    reads_body = True
    body_required = True
    body_schema = "OnboardingBootstrapStartRequest"
    component_schemas = BOOTSTRAP_SCHEMAS
    renderer_classes = [PageRenderer, BootstrapJSON]

    def post(self, request: Request, **url: Any) -> HttpResponse:
        http = request._request
        sent = read_input(http, in_context=False)
        seen = visible_session(request, url["session"])
        require_may(seen)
        operations, surface = _read(sent, form=http.content_type in FORMS)
        for operation in operations if seen.standing.target else ():
            require(capabilities_on(seen), operation.capability)
        key = start_key(request, sent.payload)
        before = open_before(seen.standing, StepName.BOOTSTRAP)
        if before is not None:
            first = operations[0].name
            outcome: StartOutcome = decided(
                lambda: step_incomplete(seen, first, user_id(request), key, ChainOutcome)
            )
            return self.answer(http, outcome, capabilities_on(seen))
        start = ChainStart(
            operations=operations,
            target=named_connection(request, seen, sent),
            actor_id=user_id(request),
            surface=surface,
            reference=reference_of(seen.session.pk),
        )
        outcome = decided(lambda: chains.start(start, key=key))
        return self.answer(http, outcome, capabilities_on(seen))

    def outcome_data(self, outcome: StartOutcome, capabilities: frozenset[str]) -> dict[str, Any]:
        assert isinstance(outcome, ChainOutcome)
        return bootstrap_outcome_data(outcome, capabilities)


@page("POST")
def onboarding_cancel(request: SignedInRequest, session: int) -> HttpResponse:
    """Stop the first syncs: the one at work is asked to stop, the rest does not begin."""
    seen = session_for(request.user, session)
    chain = bootstrap.chain_of(seen.session)
    if chain is None:
        raise Http404
    done = chains.cancel(chain.id, request.user.pk)
    words = {
        "ended": _("The first syncs are stopped."),
        "requested": _("The sync at work is asked to stop. The others do not begin."),
        None: _("They had ended already."),
    }
    messages.info(request, words[done])
    return HttpResponseRedirect(session_url(session, StepName.BOOTSTRAP))


def _read(sent: StartInput, *, form: bool) -> tuple[list[OperationType], str]:
    """Return the selection and the surface that the body names. Raises Problem (400) that names each wrong field."""
    if sent.problem is not None:
        raise sent.problem
    wrong: dict[str, str] = {}
    if sent.payload.get(CONNECTION) in (None, ""):
        wrong[CONNECTION] = _("Send the ID of the session's connection.")
    operations, told = bootstrap.read_selection(sent.payload.get(FIELD), form=form)
    if told:
        wrong[FIELD] = told
    surface = read_surface(sent.payload.get(SURFACE), wrong) or bootstrap.SURFACE
    if wrong:
        raise invalid_input(wrong)
    return operations, surface
