"""Paths of connecting a tenant. Those of the onboarding sessions come with them."""

from onboarding import consent_views, views
from tenantpilot.console.pages import page_path

urlpatterns = [
    *page_path("t/<slug:tenant>/edit", views.tenant_edit, "tenant_edit"),
    *page_path("t/<slug:tenant>/connections/add", views.connection_add, "connection_add"),
    *page_path("provider-connections/<int:connection>/secret", views.connection_secret, "connection_secret"),
    *page_path(
        "provider-connections/<int:connection>/consent",
        consent_views.connection_consent,
        "connection_consent",
    ),
    *page_path("consent/return", consent_views.consent_return, "consent_return"),
]
