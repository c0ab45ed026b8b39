"""Starts that a form of onboarding makes, with the gate's answer shown on the next page."""

from django.http import Http404

from operations import gate, registry
from operations.buttons import CHECK_CONNECTION
from operations.choices import Surface
from operations.serializers import outcome_data
from providers.selectors import target_for_connection
from tenantpilot.console.messages import add_outcome
from tenantpilot.console.pages import SignedInRequest


def start_check(request: SignedInRequest, connection_id: int) -> None:
    """Start a connection check through the gate; its outcome, whichever it is, stands on the next page."""
    target = target_for_connection(request.user.pk, connection_id)
    if target is None:
        raise Http404
    start = gate.Start(registry.get(CHECK_CONNECTION), target, request.user.pk, surface=Surface.CONNECTION)
    add_outcome(request, outcome_data(gate.start(start), target.capabilities))
