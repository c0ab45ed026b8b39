"""Paths into an object's content, as the catalogue writes them: ``object.omaSettings[].value``."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A value in its holder (a dict or a list), under ``key``."""

    holder: Any
    key: Any

    @property
    def value(self) -> Any:
        return self.holder[self.key]

    def put(self, value: Any) -> None:
        """Put another value there."""
        self.holder[self.key] = value


def places(content: Any, path: str) -> Iterator[Place]:
    """Every place that ``path`` leads to; none where something on the way is missing."""
    *way, last = _steps(path)
    holders = [content]
    for step in way:
        holders = _under(holders, step)
    for holder in holders:
        for key in _keys(holder, last):
            yield Place(holder, key)


def values(content: Any, path: str) -> Iterator[Any]:
    """Every value that ``path`` leads to."""
    return (place.value for place in places(content, path))


def drop(content: dict[str, Any], path: str) -> None:
    """Remove what ``path`` leads to, a member of some object."""
    for place in list(places(content, path)):
        del place.holder[place.key]


@cache
def _steps(path: str) -> tuple[str, ...]:
    steps: list[str] = []
    for part in path.split("."):
        name = part.removesuffix("[]")
        steps += [name, "[]"] if name != part else [name]
    return tuple(steps)


def _under(holders: list[Any], step: str) -> list[Any]:
    """What a step leads to from each of these; ``**`` leads to all that is below them, and to themselves."""
    if step == "**":
        return [each for holder in holders for each in _all_in(holder)]
    return [holder[key] for holder in holders for key in _keys(holder, step)]


def _all_in(holder: Any) -> Iterator[Any]:
    yield holder
    for child in _children(holder):
        yield from _all_in(child)


def _keys(holder: Any, step: str) -> Sequence[Any]:
    if step == "[]":
        return range(len(holder)) if isinstance(holder, list) else ()
    # Property names have dots only after "@odata", which paths never lead through.
    return (step,) if isinstance(holder, dict) and step in holder else ()


def _children(holder: Any) -> list[Any]:
    found = holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ()
    return [child for child in found if isinstance(child, (dict, list))]
