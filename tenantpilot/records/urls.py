"""Paths of the records' start page; the pages of each model are the admin site's."""

from tenantpilot.console.pages import page_path
from tenantpilot.records import views

urlpatterns = [*page_path("records", views.records, "records")]
