"""Idempotency keys: the first answer to a start, given again to the network's retries for 24 h."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection
from django.utils import timezone

from operations.models import StartAnswer
from operations.outcomes import StartOutcome

T = TypeVar("T", bound=StartOutcome)


class KeyReused(Exception):
    """The same key came with another payload (IETF draft-ietf-httpapi-idempotency-key-header: 422)."""


@dataclass(frozen=True, slots=True)
class Key:
    """Whose key, on which method and path, over which payload."""

    initiator_id: int
    endpoint: str
    value: str
    payload_hash: str


def payload_hash(payload: Mapping[str, Any]) -> str:
    """Return a hash that is the same for the same JSON object in any order."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True, default=str).encode()).hexdigest()


# A parallel twin waits here for the first one's transaction; an expired row is taken over.
_CLAIM = """
INSERT INTO operations_startanswer (initiator_id, endpoint, key, payload_hash, expires_at)
VALUES (%(initiator)s, %(endpoint)s, %(key)s, %(hash)s, now() + %(hours)s * interval '1 hour')
ON CONFLICT (initiator_id, endpoint, key) DO UPDATE
  SET payload_hash = excluded.payload_hash, answer = NULL, expires_at = excluded.expires_at
  WHERE operations_startanswer.expires_at < now()
RETURNING id
"""


def first_answer(key: Key, decide: Callable[[], T], kind: type[T]) -> tuple[T, bool]:
    """Return the kept answer of this kind, or decide and keep it, and whether it is a fresh one.

    Must run inside the gate's transaction. Raises KeyReused.
    """
    answer_id = _claim(key)
    if answer_id is not None:
        outcome = decide()
        StartAnswer.objects.filter(pk=answer_id).update(answer=outcome.dump())
        return outcome, True
    kept = StartAnswer.objects.get(initiator_id=key.initiator_id, endpoint=key.endpoint, key=key.value)
    if kept.payload_hash != key.payload_hash:
        raise KeyReused
    assert kept.answer is not None
    return kind.load(kept.answer), False


def _claim(key: Key) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "initiator": key.initiator_id,
                "endpoint": key.endpoint,
                "key": key.value,
                "hash": key.payload_hash,
                "hours": settings.START_ANSWER_HOURS,
            },
        )
        row = cursor.fetchone()
    return row[0] if row else None


def forget_expired() -> int:
    """Remove answers whose 24 h are over; return how many."""
    return StartAnswer.objects.filter(expires_at__lt=timezone.now()).delete()[0]
