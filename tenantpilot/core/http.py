"""What every surface with a media type has in common: who is asked what in which order, renderings, errors."""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, UnreadablePostError
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.authentication import CSRFCheck, SessionAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from tenantpilot.console import errors
from tenantpilot.console.http import is_htmx, page_of, sign_in_url
from tenantpilot.core.negotiation import QNegotiation
from tenantpilot.core.openapi import Schema, SurfaceSchema

JSON = "application/json"
FORMS = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})
BODIES = FORMS | {JSON}


class Problem(Exception):
    """A request that can't be answered as asked: ``code`` for machines, ``title`` and ``detail`` for people.

    ``fields`` maps each input that is wrong to a sentence.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.fields = dict(fields or {})


def invalid_input(fields: Mapping[str, str]) -> Problem:
    """Return the 400 for a body that was read but can't be used."""
    sentences = " ".join(dict.fromkeys(str(words) for words in fields.values()))
    return Problem(400, "invalid_input", _("This input can't be used"), sentences, fields)


def unreadable(detail: str) -> Problem:
    """Return the 400 for a body that can't be read at all."""
    return Problem(400, "bad_request", _("This request can't be read"), detail)


def _no_response(request: HttpRequest) -> HttpResponseBase:
    """Stand in for the view, which the check of a token never calls."""
    return HttpResponse()


class CsrfFailed(exceptions.PermissionDenied):
    """The CSRF token is missing or stale."""


class ConsoleAuthentication(SessionAuthentication):
    """The console's session. A stranger is told so before the CSRF token is looked at."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        http = request._request
        if not admin.site.has_permission(http):
            return None
        self.enforce_csrf(http)
        return http.user, None

    def enforce_csrf(self, request: HttpRequest) -> None:
        """Check the token of a Django request: REST framework's own request would parse the body first."""
        check = CSRFCheck(_no_response)
        check.process_request(request)
        if check.process_view(request, _no_response, (), {}):
            raise CsrfFailed


class PageRenderer(BaseRenderer):
    """The view's page, or for htmx its fragment, drawn from the data that a JSON client gets."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        view: Surface = renderer_context["view"]
        request = view.request._request
        template = view.fragment_template if is_htmx(request) else view.page_template
        context = {**data, **view.page_keys(data), "fragment": is_htmx(request)}
        return render_to_string(template, context, request).encode()


class VendorJSON(BaseRenderer):
    """Compact JSON under a media type of our own; subclasses name it."""

    format = "json"
    charset = None
    render_style = "binary"
    schema_name: ClassVar[str] = ""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None
    ) -> bytes:
        return orjson.dumps(data)


class Surface(APIView):
    """A view with media types. Errors come in this order, so that none tells more than the one before it:

    method, media type of the body, Accept; signed in; CSRF; then what the view asks: visible, operation, capability,
    body.
    """

    authentication_classes = [ConsoleAuthentication]
    permission_classes = []
    content_negotiation_class: type[BaseContentNegotiation] = QNegotiation
    schema = SurfaceSchema()
    reads_body: ClassVar[bool] = False
    # For the OpenAPI document: the body's schema, statuses beyond those of every surface, and the shapes they name.
    body_schema: ClassVar[str] = ""
    body_required: ClassVar[bool] = False
    statuses: ClassVar[tuple[int, ...]] = ()
    component_schemas: ClassVar[Mapping[str, Schema]] = {}
    page_template = ""
    fragment_template = ""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if str(request.method).lower() not in _methods(self):
            raise exceptions.MethodNotAllowed(str(request.method))
        if self.reads_body and not _readable(request._request):
            raise exceptions.UnsupportedMediaType(request._request.content_type or "")
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        if not request.user.is_authenticated:
            raise exceptions.NotAuthenticated

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        if not getattr(response, "exception", False):
            patch_vary_headers(response, ["Accept", "HX-Request", "Cookie"])
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    def page_keys(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the page needs beside the data."""
        return {}

    @property
    def wants_page(self) -> bool:
        """Whether the answer is HTML."""
        return self.request.accepted_renderer.format == PageRenderer.format


def _readable(request: HttpRequest) -> bool:
    """Whether the body's media type is one we read. No body needs none."""
    if request.content_type:
        return request.content_type in BODIES
    return request.META.get("CONTENT_LENGTH") in (None, "", "0")


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """REST framework's hook: the answer to an error, in the rendering that the client reads. None: a fault of ours."""
    request: HttpRequest = context["request"]._request
    response = _answer(request, error, context["view"])
    if response is not None:
        patch_vary_headers(response, ["Accept", "HX-Request", "Cookie"])
        response.headers.setdefault("Cache-Control", "no-store, private")
    return response


def _answer(request: HttpRequest, error: Exception, view: APIView) -> HttpResponseBase | None:
    match error:
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            # The middleware says the same to htmx and to JSON clients in their own way.
            return HttpResponseRedirect(sign_in_url(page_of(request)))
        case CsrfFailed():
            return errors.stale_token(request)
        case Http404() | exceptions.NotFound():
            return errors.page_not_found(request)
        case PermissionDenied() | exceptions.PermissionDenied():
            return errors.permission_denied(request, error)
        case exceptions.MethodNotAllowed():
            return errors.method_not_allowed(request, [name.upper() for name in _methods(view)])
        case exceptions.UnsupportedMediaType():
            detail = _("Send JSON or a form.")
            return _drawn(
                request, Problem(415, "unsupported_media_type", _("This media type isn't read"), detail)
            )
        case exceptions.NotAcceptable():
            served = ", ".join(renderer.media_type for renderer in view.renderer_classes)
            detail = _("This address serves %(types)s.") % {"types": served}
            return _drawn(request, Problem(406, "not_acceptable", _("This media type isn't served"), detail))
        case UnreadablePostError():
            return _drawn(request, unreadable(_("The body ended early.")))
        case Problem():
            return _drawn(request, error)
    return None


def _methods(view: APIView) -> list[str]:
    return [name for name in view.http_method_names if hasattr(view, name) and name != "options"]


def _drawn(request: HttpRequest, problem: Problem) -> HttpResponse:
    return errors.problem_response(
        request, problem.status, problem.code, problem.title, detail=problem.detail, fields=problem.fields
    )
