"""Every URL. Ours come first: the admin's catch-all would answer them with a 404."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

handler400 = "tenantpilot.console.errors.bad_request"
handler403 = "tenantpilot.console.errors.permission_denied"
handler404 = "tenantpilot.console.errors.page_not_found"
handler500 = "tenantpilot.console.errors.server_error"

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/"), name="home"),
    path("", include("tenantpilot.core.urls")),
    path("", include("operations.urls_health")),
    path("admin/", include("tenantpilot.dashboard.urls")),
    path("admin/", include("tenantpilot.search.urls")),
    path("admin/", include("tenantpilot.console.urls")),
    path("admin/", include("operations.urls_notices")),
    path("admin/", include("tenantpilot.audit.page.urls")),
    path("admin/", include("operations.urls")),
    path("admin/", include("providers.urls")),
    path("admin/", include("onboarding.urls")),
    path("admin/", include("tenantpilot.people.urls")),
    path("admin/", include("tenantpilot.lifecycle.urls")),
    path("admin/", include("tenantpilot.records.urls")),
    path("admin/", admin.site.urls),
]
