"""Paths for machines: liveness, readiness, metrics."""


urlpatterns: list = []
