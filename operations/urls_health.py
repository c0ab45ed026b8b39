"""Paths for machines that watch the installation."""

from django.urls import path

from operations.health import metrics_page, readyz

urlpatterns = [
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics_page, name="metrics"),
]
