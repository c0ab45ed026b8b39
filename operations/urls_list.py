"""Paths of the run list. They stand before `operations/<run>`, whose place they would share otherwise."""

from django.urls import path

from operations import views_daily, views_export, views_list
from tenantpilot.console.pages import page_path

urlpatterns = [
    *page_path("operations", views_list.run_list, "operations"),
    path("operations/rows", views_list.run_rows, name="operation_rows"),
    path("operations/days", views_daily.run_days, name="operation_days"),
    path("operations/export", views_export.run_export, name="operations_export"),
    path("operations/recent", views_list.recent_runs, name="operation_recent"),
]
