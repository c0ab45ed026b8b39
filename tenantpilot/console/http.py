"""Where a signed-out click goes, for browsers, for htmx and for whoever handles errors."""

from urllib.parse import urlencode, urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme


def sign_in_url(next_path: str = "", *, ended: bool = False) -> str:
    """The sign-in page; `next_path` is where it leads, `ended` makes it say that the session ended."""
    query = {}
    if next_path:
        query[REDIRECT_FIELD_NAME] = next_path
    if ended:
        query["ended"] = "1"
    url = reverse("admin:login")
    return f"{url}?{urlencode(query)}" if query else url


def is_htmx(request: HttpRequest) -> bool:
    """Whether the answer is swapped into a page: asked by htmx, and not to restore its history."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and headers.get("HX-History-Restore-Request") != "true"


def own_path(request: HttpRequest, url: str) -> str:
    """Path and query of `url`, which the client sent; empty unless it lies on this host."""
    if not url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure()):
        return ""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def page_of(request: HttpRequest) -> str:
    """The page to come back to after signing in: this one, or the one that a form was sent from."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    return own_path(request, request.headers.get("Referer", ""))


def htmx_sign_in(request: HttpRequest) -> HttpResponse:
    """Tell htmx to load the sign-in page in place of swapping it into a panel; back to the page after it."""
    came_from = own_path(request, request.headers.get("HX-Current-URL", ""))
    response = HttpResponse(headers={"HX-Redirect": sign_in_url(came_from, ended=True)})
    response["Cache-Control"] = "no-store, private"
    patch_vary_headers(response, ["HX-Request"])
    return response
