"""Encrypting contents of tenants with another key, in batches: they may be far more than fit in memory."""

from typing import Any

from django.db import transaction
from django.db.models import Model

from providers.backups.sealing import resealed
from providers.models import ContentVersion, RestorePlanItem, RestoreRun, RestoreSecret

BATCH = 200
SEALED: tuple[tuple[type[Model], str], ...] = (
    (ContentVersion, "content"),
    (RestoreRun, "reading"),
    (RestorePlanItem, "sealed"),
    (RestoreSecret, "sealed"),
)
"""Every column that holds content, encrypted."""


class ContentUnreadable(ValueError):
    """No key opens the content of the row that this names."""


def contents_rotate() -> int:
    """Encrypt all content with the first key; return how many versions and copies there were.

    Each batch is a transaction: an interrupted rotation keeps what it did and is simply run again.
    Raises ContentUnreadable.
    """
    return sum(_rotated(model, column) for model, column in SEALED)


def _rotated(model: type[Model], column: str) -> int:
    count, last = 0, 0
    while batch := _batch_after(model, column, last):
        with transaction.atomic():
            for pk, stored in batch:
                try:
                    content = resealed(stored)
                except ValueError:
                    raise ContentUnreadable(pk) from None
                model._base_manager.filter(pk=pk).update(**{column: content})
        count, last = count + len(batch), batch[-1][0]
    return count


def _batch_after(model: type[Model], column: str, last: int) -> list[tuple[int, Any]]:
    rows = model._base_manager.filter(pk__gt=last).exclude(**{column: None}).order_by("pk")
    return list(rows.values_list("pk", column)[:BATCH])
