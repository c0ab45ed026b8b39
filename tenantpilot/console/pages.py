"""What every page has in common: sign-in first, rights before forms, nothing kept by caches."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.generic import RedirectView

from tenantpilot.console.errors import method_not_allowed, problem_response
from tenantpilot.console.http import page_of, sign_in_url
from tenantpilot.tenancy.archive import TenantArchived
from tenantpilot.tenancy.capabilities import least_role_with
from tenantpilot.tenancy.models import User

View = Callable[..., HttpResponse]


class SignedInRequest(HttpRequest):
    """A request that passed `page`: somebody is signed in."""

    user: User


def page(*methods: str) -> Callable[[View], View]:
    """Make a view a page for signed-in people: 405 for other methods, to the sign-in page for strangers.

    Without `methods` it answers GET. The view itself asks for visibility (404) and capability (403).
    """
    allowed = {*(methods or ("GET",))}
    if "GET" in allowed:
        allowed.add("HEAD")

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in allowed:
                return method_not_allowed(request, sorted(allowed))
            if admin.site.has_permission(request):
                response = _answered(view, request, *args, **kwargs)
            else:
                response = HttpResponseRedirect(sign_in_url(page_of(request)))
            patch_vary_headers(response, ["HX-Request"])
            response.headers.setdefault("Cache-Control", "no-store, private")
            return response

        return wrapped

    return decorate


def _answered(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """The view's answer; a change to an archived tenant is a 409 that leads to where it is brought back."""
    try:
        return view(request, *args, **kwargs)
    except TenantArchived as refused:
        title = _("%(tenant)s is archived") % {"tenant": refused.name}
        step = {"label": _("Open tenant"), "href": reverse("tenant", args=[refused.slug])}
        detail = _("Nothing was changed. Bring it back first.")
        return problem_response(request, 409, "tenant_archived", title, [step], detail=detail)


def require(held: frozenset[str], capability: str) -> None:
    """Raise PermissionDenied with the role to ask for, unless the person holds `capability`."""
    if capability in held:
        return
    role = least_role_with(capability).label
    raise PermissionDenied(_("You need %(role)s on this tenant.") % {"role": role})


def page_path(route: str, view: View, name: str) -> list[URLPattern]:
    """The path of a page, which has no trailing slash, and the redirect that mends the slash form."""
    mend = RedirectView.as_view(pattern_name=name, query_string=True, http_method_names=["get", "head"])
    return [path(route, view, name=name), path(f"{route}/", mend)]
