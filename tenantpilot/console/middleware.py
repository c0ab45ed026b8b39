"""What the console changes about every answer."""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from tenantpilot.console.errors import not_authenticated
from tenantpilot.console.http import htmx_sign_in, is_htmx, sign_in_url
from tenantpilot.core.negotiation import prefers_json


class ExpiredSessionMiddleware:
    """Where a browser is sent to sign in, an htmx click loads that page, and a JSON client is told by a code.

    htmx follows a redirect on its own and would swap the sign-in form into the panel that was clicked.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code not in (301, 302, 303, 307, 308):
            return response
        if urlsplit(response.get("Location", "")).path != sign_in_url():
            return response
        if is_htmx(request):
            return htmx_sign_in(request)
        signed_out = request.path == reverse("admin:logout")
        wants_json = prefers_json(request.headers.get("Accept", ""))
        return not_authenticated(request) if wants_json and not signed_out else response
