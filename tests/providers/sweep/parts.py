"""What a sweep is made of: every type that a restore can bring back, in parts that are swept one after the other."""

from collections.abc import Iterator

from providers import catalogue
from providers.objects.lookups import TYPE_OF

RESTORED = tuple(kind.key for kind in catalogue.backup_types() if kind.restorable)
_SIZE = 6


def parts() -> list[tuple[str, ...]]:
    """All types, each once, those beside each other that lead to one another.

    A position costs as many requests as its part has, not as the whole tenant: thousands of positions take hours
    less. What nearly everything leads to (scope tags, filters) stands in the first part and is written there.
    """
    found: list[tuple[str, ...]] = []
    for together in _families():
        if found and len(found[-1]) + len(together) <= _SIZE:
            found[-1] += together
        else:
            found.append(together)
    return found


def _families() -> Iterator[tuple[str, ...]]:
    """A type with those that lead to it, in the order of the catalogue."""
    left = list(RESTORED)
    while left:
        family = {left[0]}
        while more := {key for key in left if key not in family and _linked(key, family)}:
            family |= more
        yield tuple(key for key in left if key in family)
        left = [key for key in left if key not in family]


_OF_ALL = {"roleScopeTags", "assignmentFilters"}


def _linked(key: str, family: set[str]) -> bool:
    return any(other in _led_to(key) or key in _led_to(other) for other in family - _OF_ALL)


def _led_to(key: str) -> set[str]:
    led = {TYPE_OF.get(reference.kind, "") for reference in catalogue.get(key).all_references}
    return led - _OF_ALL
