"""Secrets that people enter for a restore, since Graph never gave them back: sealed until a request needs them."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.utils import timezone

from providers import secrets
from providers.choices import WRITING_ACTIONS
from providers.models import RestorePlanItem, RestoreRun, RestoreSecret
from providers.objects.masking import is_setting
from providers.objects.ways import place_at
from providers.restore.model import Content
from providers.restore.store import LIFE

LONGEST = 10_000
"""Characters of one value."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The secrets of one object by the ways to them, sealed. Without any, contents come back as they are."""

    sealed: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.sealed)

    def without(self, content: Content) -> Content:
        """The content without these places. Graph masks them, so only what is left of two contents can be compared."""
        if not self.sealed:
            return content
        bare = deepcopy(content)
        for way in self.sealed:
            place = place_at(bare, way)
            if place is None:
                continue
            if is_setting(place):
                place.holder.pop("valueState", None)
            place.put(None)
        return bare

    def into(self, content: Content) -> Content:
        """The content with the values in clear, for the body of a request. Raises ValueError when no key opens them."""
        if not self.sealed:
            return content
        filled = deepcopy(content)
        for way, stored in self.sealed.items():
            place = place_at(filled, way)
            assert place is not None, "a plan without the place that it asked for"
            place.put(secrets.decrypt_bytes(stored).decode())
            if is_setting(place):
                place.holder["valueState"] = "notEncrypted"
        return filled


NOTHING = Entered()


def of_plan(restore: RestoreRun, items: Iterable[RestorePlanItem]) -> dict[int, Entered] | None:
    """The secrets with which these items of the plan were frozen, by item; None when one of them is gone."""
    stored = dict(restore.secrets.values_list("pk", "sealed"))
    found: dict[int, Entered] = {}
    for item in items:
        wanted = ids_in(item.secrets)
        if not stored.keys() >= set(wanted.values()):
            return None
        if wanted:
            found[item.pk] = Entered({way: bytes(stored[number]) for way, number in wanted.items()})
    return found


def lacking(restore: RestoreRun) -> list[int]:
    """The items that the current plan writes with secrets that are gone: an execution that did not write ended."""
    assert restore.plan is not None
    rows = restore.plan.items.filter(action__in=WRITING_ACTIONS).exclude(secrets=[])
    found = [(pk, set(ids_in(listed).values())) for pk, listed in rows.values_list("pk", "secrets")]
    if not any(ids for _pk, ids in found):
        return []
    there = set(restore.secrets.values_list("pk", flat=True))
    return [pk for pk, ids in found if not ids <= there]


def ids_in(listed: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The ids under which secrets of an item were entered, by the ways to them."""
    return {each["way"]: each["entered"] for each in listed if each["entered"] is not None}


def forget_expired() -> int:
    """Delete what was entered for previews that are too old to be executed; return how many."""
    before = timezone.now() - LIFE
    old = Q(restore_run__read_at=None, entered_at__lt=before) | Q(restore_run__read_at__lt=before)
    return RestoreSecret.objects.filter(old).delete()[0]
