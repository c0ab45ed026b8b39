"""What `admin/base_site.html` needs on every page, also on those the admin site did not draw."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.utils.functional import Promise, SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from tenantpilot.console.navigation import home_url, navigation, runs_url

ENVIRONMENT_WORDS: dict[str, str | Promise] = {"demo": _("Demo")}
"""Said in the top bar. Production is the normal case and says nothing."""


def shell(request: HttpRequest) -> dict[str, Any]:
    """Names for the shell, all lazy: a fragment that draws no shell costs no query for session or person."""
    return {
        "site_title": admin.site.site_title,
        "site_header": admin.site.site_header,
        "is_popup": False,
        "is_nav_sidebar_enabled": False,
        "shell": {
            "signed_in": SimpleLazyObject(lambda: admin.site.has_permission(request)),
            "navigation": SimpleLazyObject(lambda: navigation(request.path)),
            "home_url": SimpleLazyObject(home_url),
            "runs_url": SimpleLazyObject(runs_url),
            "environment": ENVIRONMENT_WORDS.get(settings.ENVIRONMENT, ""),
        },
    }
