"""Whether starts would be taken and worked on, and the figures that say how well. Reveals no secret."""

import os
import secrets

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from operations import broker, metrics
from tenantpilot.core import health


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when database, migrations and broker are there, else 503; with the age of the oldest waiting run."""
    database = health.database_answers()
    migrated = database and health.migrations_applied()
    checks = {"database": database, "migrations": migrated, "broker": broker.ping()}
    return health.report(checks, oldestQueuedSeconds=_oldest() if migrated else None)


def _oldest() -> float | None:
    try:
        return round(metrics.oldest_due_seconds(), 1)
    except DatabaseError:
        return None


@require_safe
def metrics_page(request: HttpRequest) -> HttpResponse:
    """Prometheus text. There is no such page without ``TENANTPILOT_METRICS_TOKEN``, and a 401 without that token."""
    if not settings.METRICS_TOKEN:
        raise Http404
    expected = f"Bearer {settings.METRICS_TOKEN}".encode()
    if not secrets.compare_digest(request.headers.get("Authorization", "").encode(), expected):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})
    body = generate_latest(_counters()) + generate_latest(_gauges())
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _counters() -> CollectorRegistry:
    """Return the counters: of this process, or of all of them where they share a directory."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    shared = CollectorRegistry()
    MultiProcessCollector(shared)
    return shared


def _gauges() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(metrics.RunGauges())
    return registry
