"""The one admin site: our words, our sign-in page, and the tenants list as its front door."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from tenantpilot.console.forms import SignInForm
from tenantpilot.console.http import sign_in_url
from tenantpilot.console.navigation import home_url

Extra = dict[str, Any] | None


class ConsoleSite(AdminSite):
    site_title = "TenantPilot"
    site_header = "TenantPilot"
    index_title = _("Tenants")
    site_url = None
    enable_nav_sidebar = False
    login_form = SignInForm
    login_template = "console/sign_in.html"

    def index(self, request: HttpRequest, extra_context: Extra = None) -> HttpResponse:  # type: ignore[override]  # the stubs promise a template
        """Send the person to the first page that answers a question."""
        return HttpResponseRedirect(home_url())

    def login(self, request: HttpRequest, extra_context: Extra = None) -> HttpResponse:
        """The sign-in page; tells a person whose session ended why they see it."""
        context = {"title": _("Sign in"), "session_ended": "ended" in request.GET, **(extra_context or {})}
        return super().login(request, context)

    def logout(self, request: HttpRequest, extra_context: Extra = None) -> HttpResponse:  # type: ignore[override]  # the stubs promise a template
        """End the session (POST only) and show the sign-in page again, not a page of its own."""
        response = super().logout(request, extra_context)
        if response.status_code == 200:
            return HttpResponseRedirect(sign_in_url())
        return response
