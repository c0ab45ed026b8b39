"""The one admin site: our words and our sign-in page. The dashboard stands in place of its index."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tenantpilot.console.forms import SignInForm
from tenantpilot.console.http import sign_in_url

Extra = dict[str, Any] | None


class ConsoleSite(AdminSite):
    site_title = "TenantPilot"
    site_header = "TenantPilot"
    index_title = _("Dashboard")
    site_url = None
    enable_nav_sidebar = False
    login_form = SignInForm
    login_template = "console/sign_in.html"

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

    def password_change(self, request: HttpRequest, extra_context: Extra = None) -> HttpResponse:  # type: ignore[override]  # the stubs promise a template
        """Our own page counts wrong guesses and ends the other sessions; Django's does neither."""
        return HttpResponseRedirect(reverse("account_password"))

    def password_change_done(self, request: HttpRequest, extra_context: Extra = None) -> HttpResponse:  # type: ignore[override]  # the stubs promise a template
        """Nothing leads here any more."""
        return HttpResponseRedirect(reverse("account_password"))
