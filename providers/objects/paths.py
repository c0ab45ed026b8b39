"""Paths into an object's content, as the catalogue writes them: ``object.omaSettings[].value``."""

from collections.abc import Iterator
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
    yield from _walk(content, _steps(path))


def values(content: Any, path: str) -> Iterator[Any]:
    """Every value that ``path`` leads to."""
    return (place.value for place in places(content, path))


def drop(content: dict[str, Any], path: str) -> None:
    """Remove what ``path`` leads to, a member of some object."""
    for place in list(places(content, path)):
        del place.holder[place.key]


def _steps(path: str) -> tuple[str, ...]:
    steps: list[str] = []
    for part in path.split("."):
        name = part.removesuffix("[]")
        steps += [name, "[]"] if name != part else [name]
    return tuple(steps)


def _walk(holder: Any, steps: tuple[str, ...]) -> Iterator[Place]:
    step, rest = steps[0], steps[1:]
    if step == "**":
        yield from _walk(holder, rest)
        for child in _children(holder):
            yield from _walk(child, steps)
        return
    for key in _keys(holder, step):
        place = Place(holder, key)
        if rest:
            yield from _walk(place.value, rest)
        else:
            yield place


def _keys(holder: Any, step: str) -> list[Any]:
    if step == "[]":
        return list(range(len(holder))) if isinstance(holder, list) else []
    # Property names have dots only after "@odata", which paths never lead through.
    return [step] if isinstance(holder, dict) and step in holder else []


def _children(holder: Any) -> list[Any]:
    found = holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ()
    return [child for child in found if isinstance(child, (dict, list))]
