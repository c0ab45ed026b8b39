"""Paths of a tenant's later life."""

from django.urls import path

from tenantpilot.console.pages import page_path
from tenantpilot.lifecycle import views

urlpatterns = [
    *page_path("t/<slug:tenant>/archive", views.tenant_archive, "tenant_archive"),
    path("t/<slug:tenant>/archive/status", views.tenant_archive_status, name="tenant_archive_status"),
    path("t/<slug:tenant>/bring-back", views.tenant_bring_back, name="tenant_bring_back"),
    *page_path("t/<slug:tenant>/delete", views.tenant_delete, "tenant_delete"),
    *page_path("provider-connections/<int:connection>/remove", views.connection_remove, "connection_remove"),
]
