"""The way to one value of a content: it leads to the same value in every copy, whatever order its lists come in.

A way is written like a JSON pointer, but an element of a list is named by what tells it apart, if anything does, and
else by its place.
"""

from collections.abc import Sequence
from typing import Any

from providers.objects.paths import Place

_APART = ("omaUri", "settingDefinitionId")


def way_of(steps: Sequence[str]) -> str:
    """The way that takes these steps."""
    return "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


def steps_of(way: str) -> list[str]:
    """The steps of a way."""
    return [step.replace("~1", "/").replace("~0", "~") for step in way.split("/")]


def element_step(siblings: Sequence[Any], number: int) -> str:
    """How a way names this element of a list."""
    name = _name_of(siblings[number])
    return name if name and _named(siblings, name) == [number] else str(number)


def place_at(content: Any, way: str) -> Place | None:
    """Where the way leads; None where something before its last step is missing. The last may be missing itself."""
    *before, last = steps_of(way)
    holder = content
    for step in before:
        holder = _down(holder, step)
    if isinstance(holder, list):
        found = _number(holder, last)
        return None if found is None else Place(holder, found)
    return Place(holder, last) if isinstance(holder, dict) else None


def leads_somewhere(way: str) -> bool:
    """Whether the way leads into a part of a content; flags of early backups name a property alone."""
    return "/" in way


def _down(holder: Any, step: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(step)
    if isinstance(holder, list) and (number := _number(holder, step)) is not None:
        return holder[number]
    return None


def _number(siblings: Sequence[Any], step: str) -> int | None:
    named = _named(siblings, step)
    if len(named) == 1:
        return named[0]
    return int(step) if step.isascii() and step.isdigit() and int(step) < len(siblings) else None


def _named(siblings: Sequence[Any], name: str) -> list[int]:
    return [number for number, each in enumerate(siblings) if _name_of(each) == name]


def _name_of(element: Any) -> str:
    if not isinstance(element, dict):
        return ""
    inner = element.get("settingInstance")
    named = inner if isinstance(inner, dict) else element
    return next((str(named[key]) for key in _APART if named.get(key)), "")
