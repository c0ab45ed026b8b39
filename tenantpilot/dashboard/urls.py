"""The dashboard is the front door: `/admin/` itself."""

from django.urls import path

from tenantpilot.dashboard import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("dashboard/map", views.dashboard_map, name="dashboard_map"),
    path("dashboard/live", views.dashboard_live, name="dashboard_live"),
]
