"""Pages that fail on purpose, behind the real admin site and the real error handlers."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.generic import RedirectView

handler400 = "tenantpilot.console.errors.bad_request"
handler403 = "tenantpilot.console.errors.permission_denied"
handler404 = "tenantpilot.console.errors.page_not_found"
handler500 = "tenantpilot.console.errors.server_error"


def _page(request: HttpRequest) -> HttpResponse:
    return render(request, "ui/page.html", {"title": "Tenants"})


def _broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("secret-of-the-exception")


def _forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("You need Operator on this tenant.")


def _bare(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def _suspicious(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("what-the-client-sent")


urlpatterns = [
    path("admin/", _page, name="dashboard"),
    path("moved", RedirectView.as_view(url="/admin/tenants")),
    path("admin/tenants", _page, name="tenants"),
    path("admin/provider-connections", _page, name="connections"),
    path("admin/operations", _page, name="operations"),
    path("admin/onboarding", _page, name="onboarding"),
    path("admin/app-registrations", _page, name="app_registrations"),
    path("admin/audit", _page, name="audit"),
    path("admin/notifications", _page, name="notifications"),
    path("admin/notifications/bell", _page, name="notification_bell"),
    path("signed-in", admin.site.admin_view(_page)),
    path("broken", _broken),
    path("forbidden", _forbidden),
    path("bare", _bare),
    path("suspicious", _suspicious),
    path("admin/", admin.site.urls),
]
