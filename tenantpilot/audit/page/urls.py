"""Paths of the audit log."""

from django.urls import path

from tenantpilot.audit.page import views
from tenantpilot.console.pages import page_path

urlpatterns = [
    *page_path("audit", views.audit_list, "audit"),
    path("audit/export", views.audit_export, name="audit_export"),
]
