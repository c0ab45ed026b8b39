"""Paths for machines that need nothing but this process; ``operations.urls_health`` has the others."""

from django.urls import path

from tenantpilot.core.health import livez

urlpatterns = [path("livez", livez, name="livez")]
