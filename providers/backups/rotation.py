"""Encrypting the content of backups with another key, in batches: it may be far more than fits in memory."""

from django.db import transaction

from providers.backups.sealing import resealed
from providers.models import ContentVersion

BATCH = 200


class ContentUnreadable(ValueError):
    """No key opens the content of the version that this names."""


def contents_rotate() -> int:
    """Encrypt all content with the first key; return how many versions there were.

    Each batch is a transaction: an interrupted rotation keeps what it did and is simply run again.
    Raises ContentUnreadable.
    """
    count, last = 0, 0
    while batch := _batch_after(last):
        with transaction.atomic():
            for pk, stored in batch:
                try:
                    content = resealed(stored)
                except ValueError:
                    raise ContentUnreadable(pk) from None
                ContentVersion.objects.filter(pk=pk).update(content=content)
        count, last = count + len(batch), batch[-1][0]
    return count


def _batch_after(last: int) -> list[tuple[int, bytes | memoryview]]:
    return list(
        ContentVersion.objects.filter(pk__gt=last).order_by("pk").values_list("pk", "content")[:BATCH]
    )
