"""What to watch (GATE G5): counters of this process, gauges read from the database at each scrape."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tenantpilot.audit import seals

START_ANSWERS = Counter(
    "tenantpilot_start_answers", "Answers of the dispatch gate.", ["operation", "outcome", "reason"]
)
RUNS_ENDED = Counter("tenantpilot_runs_ended", "Runs ended by this process.", ["operation", "outcome"])
FENCED_OUT = Counter("tenantpilot_fenced_out_writes", "Writes refused since the run had a newer fence.")
STALE_RESULTS = Counter(
    "tenantpilot_stale_results", "Results dropped since the run was not this worker's any more."
)
PUBLISH_FAILURES = Counter("tenantpilot_publish_failures", "Messages that the broker did not take.")

_GAUGES = """
SELECT coalesce(extract(epoch FROM
         max(now() - not_before) FILTER (WHERE status = 'queued' AND not_before <= now())), 0),
       coalesce(max(offer_count) FILTER (WHERE status = 'queued'), 0),
       count(*) FILTER (WHERE status = 'running' AND lease_until < now()),
       count(*) FILTER (WHERE status = 'queued'),
       count(*) FILTER (WHERE status = 'running')
FROM operations_operationrun WHERE status IN ('queued', 'running')
"""
_NAMES = (
    (
        "tenantpilot_oldest_due_queued_seconds",
        "Age of the oldest run that is due and not claimed, in seconds.",
    ),
    ("tenantpilot_offers_per_run_max", "Most offers of one queued run to the broker."),
    ("tenantpilot_expired_leases", "Running runs whose lease is over."),
    ("tenantpilot_runs_queued", "Queued runs."),
    ("tenantpilot_runs_running", "Running runs."),
)


class RunGauges(Collector):
    """Gauges of the whole installation, the same from every process."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with connection.cursor() as cursor:
            cursor.execute(_GAUGES)
            row = cursor.fetchone()
        for (name, words), value in zip(_NAMES, row or (), strict=True):
            gauge = GaugeMetricFamily(name, words)
            gauge.add_metric([], float(value))
            yield gauge
        yield _unsealed()


def _unsealed() -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(
        "tenantpilot_unsealed_events_seconds",
        "Age of the oldest run event that no seal of the audit log covers, in seconds.",
    )
    gauge.add_metric([], seals.waiting()[1])
    return gauge


def oldest_due_seconds() -> float:
    """Return the age of the oldest due queued run in seconds, 0 when there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_GAUGES)
        row = cursor.fetchone()
    return float(row[0]) if row else 0.0
