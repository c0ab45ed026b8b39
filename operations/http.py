"""From a request to the gate and back: what every start surface does the same way."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from operations import gate, registry
from operations.answers import Key, KeyReused, payload_hash
from operations.choices import Origin, StartStatus, Surface
from operations.gate import Start
from operations.inputs import CONTEXT, StartInput, read_input
from operations.outcomes import StartOutcome
from operations.params import InvalidInput
from operations.ready import wait_for
from operations.registry import OperationType
from operations.schemas import OUTCOME_SCHEMAS
from operations.serializers import outcome_data, toast
from providers.selectors import MAX_ID, Target
from tenantpilot.console.http import is_htmx, own_path
from tenantpilot.console.messages import add_outcome
from tenantpilot.console.pages import require
from tenantpilot.core.http import PageRenderer, Problem, VendorJSON, invalid_input
from tenantpilot.core.http import Surface as SurfaceView

KEY_HEADER = "Idempotency-Key"
KEY_LENGTH = 255
RUNS_CHANGED = "tp:runs-changed"


class OutcomeJSON(VendorJSON):
    media_type = "application/vnd.tenantpilot.provider-start-outcome+json"
    schema_name = "ProviderStartOutcome"


class SeeOther(HttpResponseRedirect):
    """303: the form was taken; look there with GET."""

    status_code = 303


class OutcomeView(SurfaceView):
    """What answers with one of the four outcomes."""

    http_method_names = ["post"]
    renderer_classes = [PageRenderer, OutcomeJSON]
    component_schemas = OUTCOME_SCHEMAS
    statuses = (303, 400, 422)
    page_template = "operations/start_outcome.html"
    fragment_template = "operations/_start_outcome.html"

    def page_keys(self, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"wait": wait_for(self.request._request, data)}

    def outcome_data(self, outcome: StartOutcome, capabilities: frozenset[str]) -> dict[str, Any]:
        """Return the outcome as plain data, in the shape of this surface."""
        return outcome_data(outcome, capabilities)

    def answer(
        self, request: HttpRequest, outcome: StartOutcome, capabilities: frozenset[str]
    ) -> HttpResponse:
        """Return the outcome as the client reads it; a plain form goes back to the page that it names."""
        data = self.outcome_data(outcome, capabilities)
        if self.wants_page and not is_htmx(request):
            back = own_path(request, request.POST.get("next", ""))
            if back:
                add_outcome(request, data)
                return SeeOther(back)
        headers = _triggers(request, outcome, data) if self.wants_page else {}
        return Response(data, headers=headers)


class StartView(OutcomeView):
    """A start surface: subclasses find operation and target, the rest is the same for all."""

    in_context: ClassVar[bool] = True

    @abstractmethod
    def target(self, request: Request, sent: StartInput, **url: Any) -> Target | None:
        """Return what the URL names, or None when this person can't see it."""

    @abstractmethod
    def operation(self, **url: Any) -> OperationType:
        """Return the operation of this surface that the URL names. Raises Http404."""

    @abstractmethod
    def default_surface(self) -> str:
        """Return what the run keeps as its surface when the client names none."""

    def post(self, request: Request, **url: Any) -> HttpResponse:
        http = request._request
        sent = read_input(http, in_context=self.in_context) if self.reads_body else StartInput()
        target = self.target(request, sent, **url)
        if target is None:
            raise Http404
        operation = self.operation(**url)
        require(target.capabilities, operation.capability)
        if sent.problem is not None:
            raise sent.problem
        start = Start(
            operation,
            target,
            user_id(request),
            sent.data,
            origin=Origin.CONSOLE if self.wants_page else Origin.API,
            surface=sent.surface or self.default_surface(),
        )
        prefix = f"{CONTEXT}." if self.reads_body and self.in_context else ""
        outcome = decided(lambda: gate.start(start, key=start_key(request, sent.payload)), prefix)
        return self.answer(http, outcome, target.capabilities)


def decided(decide: Callable[[], StartOutcome], prefix: str = "") -> StartOutcome:
    """Return the gate's answer, its refusals of the input as problems that name the field with ``prefix``."""
    try:
        return decide()
    except InvalidInput as error:
        raise invalid_input({f"{prefix}{name}": words for name, words in error.errors.items()}) from None
    except KeyReused:
        detail = _("Send a new key with another body.")
        title = _("This key was used for another start")
        raise Problem(422, "idempotency_key_reused", title, detail) from None


def user_id(request: Request) -> int:
    """Return the id of the person who asks: ``Surface`` lets nobody else through."""
    assert request.user.pk is not None
    return request.user.pk


def start_key(request: Request, payload: Mapping[str, Any]) -> Key | None:
    """Return the client's key. Raises Problem (400) for one that can't be kept."""
    value = request.headers.get(KEY_HEADER, "")
    if not value:
        return None
    if len(value) > KEY_LENGTH or not value.isprintable():
        raise invalid_input({KEY_HEADER: _("Use at most %(count)s characters.") % {"count": KEY_LENGTH}})
    return Key(user_id(request), f"{request.method} {request.path}", value, payload_hash(payload))


def operation_on(surface: Surface, name: str) -> OperationType:
    """Return the operation type. Raises Http404 for one that does not exist or is none of this surface."""
    if not registry.knows(name) or surface not in registry.get(name).surfaces:
        raise Http404
    return registry.get(name)


def read_id(text: str) -> int:
    """Return an id from a path. Raises Http404 for what no row can have."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID):
        raise Http404
    return int(text)


def _triggers(request: HttpRequest, outcome: StartOutcome, data: Mapping[str, Any]) -> dict[str, str]:
    """Return htmx's headers: lists of runs hear of a new one; a page without a slot shows a toast."""
    if not is_htmx(request):
        return {}
    events: dict[str, Any] = {}
    if outcome.status is StartStatus.ACCEPTED:
        events[RUNS_CHANGED] = {}
    headers = {}
    if request.POST.get("slot") == "none":
        events["tp:toast"] = toast(data)
        headers["HX-Reswap"] = "none"
    return {**headers, "HX-Trigger": json.dumps(events)} if events else headers
