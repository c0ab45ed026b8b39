"""Offering queued runs to the broker: once after the commit, then again and again until a worker claims them.

The message is a hint and carries the run's id and type only. Losing, doubling and reordering messages are harmless.
"""

import structlog
from django.conf import settings
from django.db import connection, transaction

from operations import broker

log = structlog.get_logger(__name__)

BATCH = 200
LOST_AFTER = 10  # seconds; a message that left the queue is a claim within moments

# A fresh run is left to the message of its own click for a second; nobody publishes for those of a bulk start.
_DUE = f"""
SELECT id, operation_type FROM operations_operationrun
WHERE status = 'queued' AND not_before <= now() AND (
  last_offered_at IS NULL AND (created_at < now() - interval '1 second' OR origin = 'bulk')
  OR last_offered_at + least(%s * power(2, least(greatest(offer_count - 1, 0), 30)), %s) * interval '1 second'
     <= now()
)
ORDER BY not_before, id LIMIT {BATCH} FOR UPDATE SKIP LOCKED
"""  # noqa: S608  # constants only
_OFFERED = """
UPDATE operations_operationrun SET last_offered_at = now(), offer_count = offer_count + 1
WHERE id = ANY(%s) AND status = 'queued'
"""


def offer(run_id: int, operation_type: str) -> bool:
    """Offer one run, best effort; the relay offers it again if nobody claims it."""
    return broker.publish(run_id, operation_type)


def offer_all() -> None:
    """Offer batch after batch until one is not full: a bulk start brings many at once."""
    while offer_waiting() == BATCH:
        pass


def offer_waiting() -> int:
    """Offer a batch of the queued runs that are due; return how many the broker took. Any number may do so at once."""
    base, cap = settings.RUN_OFFER_BACKOFF, settings.RUN_OFFER_BACKOFF_CAP
    if broker.waiting() == 0:
        # Offered, still queued, and no message left: the broker lost them (restart, FLUSHALL), or workers dropped them.
        cap = min(cap, LOST_AFTER)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [base, cap])
        due = cursor.fetchall()
        sent = [run_id for run_id, operation_type in due if broker.publish(run_id, operation_type)]
        # Published first, marked after: a crash in between doubles a message, never loses one.
        if sent:
            cursor.execute(_OFFERED, [sent])
    if due:
        log.info("relay", due=len(due), offered=len(sent))
    return len(sent)
