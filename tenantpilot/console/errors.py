"""Error pages: a page in the shell, a fragment for htmx, problem+json for JSON clients."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from tenantpilot.console.http import is_htmx, own_path, page_of, sign_in_url
from tenantpilot.console.navigation import home_url, runs_url, tenants_url
from tenantpilot.core.negotiation import prefers_json

logger = logging.getLogger(__name__)

Steps = Sequence[dict[str, Any]]


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler400. Says nothing about the exception: its text may hold what the client sent."""
    return problem_response(request, 400, "bad_request", _("This request can't be read"))


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler403. A text given to `PermissionDenied` is a sentence for the reader and is shown."""
    detail = str(exception or "") or _("Ask a workspace owner for access.")
    return problem_response(request, 403, "permission_denied", _("No access"), detail=detail)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """handler404. The same words for "does not exist" and "you may not see it"."""
    return problem_response(request, 404, "not_found", _("Not found, or you have no access"))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW. The token is stale after a sign-in in another tab; a reload mends it.

    A stranger is told to sign in, whatever the token: the answer to one is the same at every address.
    """
    if not admin.site.has_permission(request) and request.path != sign_in_url():
        return HttpResponseRedirect(sign_in_url(page_of(request)))
    return stale_token(request)


def stale_token(request: HttpRequest) -> HttpResponse:
    """The answer to a signed-in person whose CSRF token is missing or stale."""
    page = request.headers.get("HX-Current-URL") or request.headers.get("Referer", "")
    step = {"label": _("Reload page"), "href": own_path(request, page) or home_url()}
    detail = _("Reload the page and try again.")
    return problem_response(request, 403, "csrf_failed", _("Your session changed"), [step], detail=detail)


def not_authenticated(request: HttpRequest) -> HttpResponse:
    """The answer to a JSON client that is not signed in; the same body for every address."""
    detail = _("Sign in and try again.")
    return problem_response(request, 403, "not_authenticated", _("Signed out"), detail=detail)


def method_not_allowed(request: HttpRequest, allowed: Sequence[str]) -> HttpResponse:
    """405, with the methods that the address takes."""
    response = problem_response(request, 405, "method_not_allowed", _("This address doesn't take that"))
    response["Allow"] = ", ".join(allowed)
    return response


def server_error(request: HttpRequest) -> HttpResponse:
    """handler500. Works without database and session: then the page comes without the shell."""
    reference = str(getattr(request, "request_id", "")) or secrets.token_hex(16)
    logger.error("Answered with an error page, reference %s", reference)
    title, detail = _("Something broke on our side"), ""
    step = {"label": _("Try again"), "href": request.path}
    if request.method != "GET":
        detail = _("We don't know if it started.")
        step = {"label": _("Open operations"), "href": runs_url()}
    return problem_response(
        request, 500, "internal_error", title, [step], detail=detail, reference=reference[:8]
    )


def problem_response(
    request: HttpRequest,
    status: int,
    code: str,
    title: str,
    steps: Steps | None = None,
    *,
    detail: str = "",
    reference: str = "",
    fields: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Answer with an error: problem+json (RFC 9457), a fragment for htmx, or a page; ``steps`` lead back by default."""
    problem: dict[str, Any] = {"status": status, "code": code, "title": title, "detail": detail or title}
    if reference:
        problem["reference"] = reference
    if fields:
        problem["errors"] = {name: str(words) for name, words in fields.items()}
    if prefers_json(request.headers.get("Accept", "")):
        response: HttpResponse = JsonResponse(problem, status=status, content_type="application/problem+json")
    else:
        shown = {**problem, "nextSteps": _back_to_tenants() if steps is None else steps}
        response = HttpResponse(_html(request, shown), status=status)
    patch_vary_headers(response, ["Accept", "HX-Request", "Cookie"])
    response["Cache-Control"] = "no-store, private"
    return response


def _html(request: HttpRequest, problem: dict[str, Any]) -> str:
    if is_htmx(request):
        return render_to_string("ui/_problem.html", problem)
    if problem["status"] != 500:
        return render_to_string("ui/problem.html", problem, request)
    try:
        return render_to_string("ui/problem.html", problem, request)
    except Exception:
        # Whatever broke the view (a database that is down, say) breaks the shell as well.
        logger.exception("The shell can't be drawn")
        return render_to_string("ui/problem.html", problem)


def _back_to_tenants() -> Steps:
    return [{"label": _("Back to tenants"), "href": tenants_url()}]
