"""What differs between two contents of an object: structural, by the identity of list elements, not by their place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson

from providers.catalogue import ObjectType
from providers.objects.canonical import canonical
from providers.objects.masking import HIDDEN, secret_places

Path = tuple[str, ...]
_TYPE = "@odata.type"
_TARGET = "target"

# What tells the elements of a list apart, tried in this order; dots lead into an element.
_KEYS = (
    "settingDefinitionId",
    "settingInstance.settingDefinitionId",
    "definitionId",
    "omaUri",
    "locale",
    "definition.id",
    "presentation.id",
    _TARGET,
    "mobileAppIdentifier",
    "payloadId",
    "actionType",
    "appliesToCombinations",
    "dataCategory",
    "displayName",
    "name",
    "id",
)


class Action(Enum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    REORDERED = "reordered"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``path`` leads to it by names and element identities; its first part is where it belongs:
    ``object``, ``assignments`` or a detail. ``before`` and ``after`` are None where there was or is nothing; secrets
    are hidden in both.
    """

    path: Path
    action: Action
    before: Any = None
    after: Any = None

    @property
    def part(self) -> str:
        return self.path[0]


class _Secret:
    """A hidden value, which still knows whether another is the same."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Secret) and other._value == self._value

    __hash__ = None  # type: ignore[assignment]


def diff(kind: ObjectType, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The differences from ``before`` to ``after``, in reading order; none where they mean the same."""
    return list(_compared((), _guarded(kind, before), _guarded(kind, after)))


def _guarded(kind: ObjectType, content: Mapping[str, Any]) -> dict[str, Any]:
    form = canonical(kind, content)
    for place in secret_places(kind, form):
        place.put(_Secret(place.value))
    return form


def _compared(path: Path, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _objects(path, before, after)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(path, before, after)
    elif before != after:
        yield Change(path, Action.CHANGED, shown(before), shown(after))


def _objects(path: Path, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        yield from _member((*path, key), key in before, key in after, before.get(key), after.get(key))


def _member(path: Path, had: bool, has: bool, before: Any, after: Any) -> Iterator[Change]:
    if had and has:
        yield from _compared(path, before, after)
    elif had:
        yield Change(path, Action.REMOVED, before=shown(before))
    else:
        yield Change(path, Action.ADDED, after=shown(after))


def _lists(path: Path, before: list[Any], after: list[Any]) -> Iterator[Change]:
    if before == after:
        return
    if _same_elements(before, after):
        yield Change(path, Action.REORDERED, shown(before), shown(after))
        return
    key = _key_of(before, after)
    if key is None:
        before, after = _apart(before, after), _apart(after, before)
    earlier, later = _labelled(before, key), _labelled(after, key)
    for label in dict.fromkeys((*earlier, *later)):
        yield from _member(
            (*path, label), label in earlier, label in later, earlier.get(label), later.get(label)
        )


def _same_elements(before: list[Any], after: list[Any]) -> bool:
    return len(before) == len(after) and sorted(map(_looks, before)) == sorted(map(_looks, after))


def _apart(mine: list[Any], others: list[Any]) -> list[Any]:
    """My elements without those that the other side has, too, each as often as it has it."""
    left = [_looks(each) for each in others]
    found = []
    for each in mine:
        looks = _looks(each)
        if looks in left:
            left.remove(looks)
        else:
            found.append(each)
    return found


def _key_of(*lists: Sequence[Any]) -> str | None:
    """The first property that tells the elements apart on both sides; None for lists of plain values."""
    elements = [each for found in lists for each in found]
    if not all(isinstance(each, dict) for each in elements):
        return None
    for key in _KEYS:
        if all(_unique([_at(each, key) for each in found]) for found in lists):
            return key
    return None


def _unique(found: list[Any]) -> bool:
    looks = [_looks(value) for value in found if value is not None]
    return len(looks) == len(found) == len(set(looks))


def _labelled(found: Sequence[Any], key: str | None) -> dict[str, Any]:
    """The elements under what tells them apart: their key, their value, or else their place."""
    if key is not None:
        return {label_of(_at(each, key)): each for each in found}
    if all(isinstance(each, (str, int, float, bool)) for each in found):
        return {_numbered(each, number, found): each for number, each in enumerate(found)}
    return {f"{number}": each for number, each in enumerate(found, 1)}


def _numbered(value: Any, place: int, found: Sequence[Any]) -> str:
    earlier = found[:place].count(value)
    return f"{value}" if not earlier else f"{value} ({earlier + 1})"


def label_of(value: Any) -> str:
    """What an element of a list is called in a path."""
    if isinstance(value, dict):
        named = [str(each) for key, each in value.items() if key != _TYPE and isinstance(each, (str, int))]
        kind = str(value.get(_TYPE, "")).rpartition(".")[2]
        return " ".join([kind, *named]).strip()
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return str(value)


def _at(element: Any, path: str) -> Any:
    if path == _TARGET:
        return _whom(element.get(_TARGET))
    for name in path.split("."):
        if not isinstance(element, dict):
            return None
        element = element.get(name)
    return element


def _whom(target: Any) -> Any:
    """Whom an assignment is for: its filter may change without making it another one."""
    if not isinstance(target, dict):
        return None
    return {key: target[key] for key in (_TYPE, "groupId", "collectionId") if key in target}


def _looks(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=_looks_of_secret)


def _looks_of_secret(value: Any) -> Any:
    return {"secret": value._value}


def shown(value: Any) -> Any:
    """The value with every secret in it hidden."""
    if isinstance(value, _Secret):
        return HIDDEN
    if isinstance(value, dict):
        return {key: shown(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shown(each) for each in value]
    return value
