"""What `admin/base_site.html` needs on every page, also on those the admin site did not draw."""

from typing import Any, cast

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from operations.notices import Bar, bar_of
from tenantpilot.console.navigation import (
    add_tenant_url,
    home_url,
    is_below_tenants,
    navigation,
    runs_url,
    tenants_url,
)
from tenantpilot.tenancy.sessions import seconds_left

ENVIRONMENT_WORDS: dict[str, str | Promise] = {"demo": _("Demo")}
"""Said in the top bar. Production is the normal case and says nothing."""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Names for the shell, all lazy: a fragment that draws no shell costs no query for session or person."""
    bar = cast(Bar, SimpleLazyObject(lambda: bar_of(request.user)))
    return {
        "site_title": admin.site.site_title,
        "site_header": admin.site.site_header,
        "is_popup": False,
        "is_nav_sidebar_enabled": False,
        "shell": {
            "signed_in": SimpleLazyObject(lambda: admin.site.has_permission(request)),
            "bar": bar,
            "navigation": SimpleLazyObject(lambda: navigation(request.path, held=bar.held)),
            "session_left": SimpleLazyObject(lambda: seconds_left(request.session)),
            "home_url": SimpleLazyObject(home_url),
            "tenants_url": SimpleLazyObject(tenants_url),
            "below_tenants": is_below_tenants(request.path),
            "runs_url": SimpleLazyObject(runs_url),
            "add_tenant_url": SimpleLazyObject(lambda: add_tenant_url(bar.held)),
            "environment": ENVIRONMENT_WORDS.get(settings.ENVIRONMENT, ""),
        },
    }
