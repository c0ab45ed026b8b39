"""Starts on several tenants, and the run list, whose paths stand before `operations/<run>`: they share its place."""

from django.urls import path

from operations import views_bulk, views_daily, views_export, views_list
from tenantpilot.console.pages import page_path

urlpatterns = [
    *page_path("operations", views_list.run_list, "operations"),
    path("operations/rows", views_list.run_rows, name="operation_rows"),
    path("operations/days", views_daily.run_days, name="operation_days"),
    path("operations/export", views_export.run_export, name="operations_export"),
    path("tenants/start", views_bulk.tenants_start, name="tenants_start"),
    *page_path("tenants/start/<uuid:answer>", views_bulk.tenants_started, "tenants_started"),
    path("operations/recent", views_list.recent_runs, name="operation_recent"),
]
