"""Run events in the chain: batches of them are sealed by an entry that holds their hash.

A link for each event would make every start wait for every other. So the events of about a minute are hashed
together, and the hash is an entry of the log, which is chained as it commits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import connection, transaction

from tenantpilot.audit.models import SEALED, AuditEntry
from tenantpilot.audit.record import record

log = structlog.get_logger(__name__)

BATCH = 5000
MOST_BATCHES = 100
# The number is ours alone: "seal" in ASCII.
LOCK = 1936023916

_DIGEST = """
SELECT count(*), encode(sha256(convert_to(coalesce(string_agg(runevent_canonical(e), E'\\n' ORDER BY e.id), ''),
  'UTF8')), 'hex') FROM operations_runevent e WHERE e.id > %s AND e.id <= %s
"""
_END_OF_BATCH = """
SELECT max(id) FROM (
  SELECT id FROM operations_runevent WHERE id > %s AND id <= %s ORDER BY id LIMIT %s) batch
"""
_WAITING = """
SELECT count(*), extract(epoch FROM now() - min(at)) FROM (
  SELECT at FROM operations_runevent WHERE id > %s ORDER BY id LIMIT 100000) newer
"""


@dataclass(frozen=True, slots=True)
class Seal:
    """One batch: the events above ``after`` up to ``upto``; ``wrong`` is empty when they are as they were."""

    entry_id: int
    after: int
    upto: int
    count: int
    wrong: str = ""


def seal() -> int:
    """Seal what came in since the last time. Return how many events; 0 too while somebody writes or seals."""
    horizon = _horizon()
    sealed = 0
    for _turn in range(MOST_BATCHES if horizon else 0):
        count = _seal_batch(horizon)
        sealed += count
        if not count:
            break
    return sealed


def check() -> Iterator[Seal]:
    """Yield every seal in order, checked against the events that it covers."""
    after = 0
    seals = AuditEntry.objects.filter(action=SEALED).order_by("id").values_list("id", "facts")
    for entry_id, facts in seals.iterator():
        yield _checked(entry_id, facts, after)
        after = int(facts["upto"])


def waiting() -> tuple[int, float]:
    """How many events no seal covers yet (up to 100,000), and the age of the oldest in seconds."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [_sealed_upto()])
        count, age = cursor.fetchone()
    return count, float(age or 0)


def _horizon() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT runevent_horizon()")
        (horizon,) = cursor.fetchone()
    return int(horizon or 0)


def _seal_batch(horizon: int) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return 0
        after = _sealed_upto()
        cursor.execute(_END_OF_BATCH, [after, horizon, BATCH])
        upto = cursor.fetchone()[0]
        if upto is None:
            return 0
        count, digest = _digest(after, upto)
        facts = {"after": after, "upto": upto, "count": count, "sha256": digest}
        record(SEALED, workspace_id=None, actor_id=None, surface="system", facts=facts)
    log.info("run_events_sealed", upto=upto, count=count)
    return count


def _sealed_upto() -> int:
    last = AuditEntry.objects.filter(action=SEALED).order_by("-id").values_list("facts", flat=True).first()
    return int(last["upto"]) if last else 0


def _digest(after: int, upto: int) -> tuple[int, str]:
    with connection.cursor() as cursor:
        cursor.execute(_DIGEST, [after, upto])
        count, digest = cursor.fetchone()
    return count, digest


def _checked(entry_id: int, facts: dict[str, Any], after: int) -> Seal:
    upto, count = int(facts["upto"]), int(facts["count"])
    found, digest = _digest(int(facts["after"]), upto)
    wrong = ""
    if int(facts["after"]) != after:
        wrong = f"it does not begin where the one before it ends ({after})"
    elif found != count:
        wrong = f"{count} events were sealed and {found} are there"
    elif digest != facts["sha256"]:
        wrong = "an event, or the run that it tells of, was changed"
    return Seal(entry_id, after, upto, count, wrong)
