"""Paths of bringing a tenant in: the wizard with its start surfaces, app registrations, connections and consent."""

from django.urls import path

from onboarding import app_views, bootstrap_views, consent_views, link_views, live_views, session_views, views
from onboarding.start_views import OnboardingStart
from tenantpilot.console.pages import page_path

urlpatterns = [
    *page_path("onboarding", session_views.onboarding, "onboarding"),
    *page_path("onboarding/<int:session>", session_views.onboarding_session, "onboarding_session"),
    *page_path("onboarding/<int:session>/abandon", session_views.onboarding_abandon, "onboarding_abandon"),
    *page_path(
        "onboarding/<int:session>/hand-over", session_views.onboarding_hand_over, "onboarding_hand_over"
    ),
    path("onboarding/<int:session>/consent", live_views.onboarding_consent, name="onboarding_consent"),
    path("onboarding/<int:session>/live/<str:step>", live_views.onboarding_live, name="onboarding_live"),
    path(
        "onboarding/<int:session>/certificate",
        live_views.onboarding_certificate,
        name="onboarding_certificate",
    ),
    path("onboarding/<int:session>/cancel", bootstrap_views.onboarding_cancel, name="onboarding_cancel"),
    path(
        "onboarding/<str:session>/provider-bootstrap/start",
        bootstrap_views.BootstrapStart.as_view(),
        name="onboarding_bootstrap",
    ),
    path(
        "onboarding/<str:session>/provider-actions/<str:operation>/start",
        OnboardingStart.as_view(),
        name="onboarding_start",
    ),
    *page_path("app-registrations", app_views.app_registrations, "app_registrations"),
    *page_path("app-registrations/add", app_views.app_registration_add, "app_registration_add"),
    *page_path("app-registrations/<int:app>", app_views.app_registration, "app_registration"),
    *page_path(
        "app-registrations/<int:app>/credential",
        app_views.app_registration_credential,
        "app_registration_credential",
    ),
    *page_path("t/<slug:tenant>/edit", views.tenant_edit, "tenant_edit"),
    *page_path("t/<slug:tenant>/connections/add", views.connection_add, "connection_add"),
    *page_path("provider-connections/<int:connection>/secret", views.connection_secret, "connection_secret"),
    *page_path(
        "provider-connections/<int:connection>/consent",
        consent_views.connection_consent,
        "connection_consent",
    ),
    # Before the links: their tokens hold colons, so none of them is "return".
    *page_path("consent/return", consent_views.consent_return, "consent_return"),
    path("consent/<str:token>", link_views.consent_link, name="consent_link"),
]
