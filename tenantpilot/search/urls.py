"""Paths of search and of the switchers."""

from django.urls import path

from tenantpilot.console.pages import page_path
from tenantpilot.search import views

urlpatterns = [
    *page_path("search", views.search, "search"),
    path("switch/tenant", views.switch_tenant, name="switch_tenant"),
    path("switch/workspace", views.switch_workspace, name="switch_workspace"),
]
