"""Paths of what belongs to no page: how a person likes the lists."""

from django.urls import path

from tenantpilot.console.table_views import table_columns

urlpatterns = [path("tables/<slug:table>", table_columns, name="table_columns")]
