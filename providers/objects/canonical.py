"""The one form of an object's content: what its administrators wrote, without what the service adds to it.

Two reads of an unchanged object give the same bytes, whatever order lists came in, whichever ids the service gave to
assignments, and whether an unset property came as null or not at all.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson

from providers import catalogue
from providers.catalogue import ObjectType
from providers.objects import paths

Content = dict[str, Any]

# Written by the service on every object, at every level.
_OWNED = frozenset(
    {
        "createdDateTime",
        "lastModifiedDateTime",
        "modifiedDateTime",
        "version",
        "isAssigned",
        "supportsScopeTags",
    }
)
_TYPE = "@odata.type"
_OF_ASSIGNMENT = ("id", "source", "sourceId", _TYPE)
_FILTER_ID = "deviceAndAppManagementAssignmentFilterId"
_FILTER_TYPE = "deviceAndAppManagementAssignmentFilterType"
_NO_FILTER = ("", "00000000-0000-0000-0000-000000000000")


def canonical(kind: ObjectType, content: Mapping[str, Any]) -> Content:
    """Return the content in its one form; canonical content comes back unchanged."""
    rules = _rules(kind.key)
    form: Content = {name: _cleaned(value, rules, name) for name, value in content.items()}
    for path in kind.strip_create:
        if path not in kind.written_apart:
            paths.drop(form["object"], path)
    if "assignments" in form:
        form["assignments"] = [_assignment(each) for each in form["assignments"]]
    _reduced_strength(form["object"])
    # The deepest lists first: an outer list is sorted by what its elements look like in the end.
    for path in rules.unordered:
        _sort(form, path)
    return form


def dumps(form: Mapping[str, Any]) -> bytes:
    """The bytes of canonical content."""
    return orjson.dumps(form, option=orjson.OPT_SORT_KEYS)


def content_hash(kind: ObjectType, content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the content in its one form, with the type it is of."""
    return hash_of(kind, dumps(canonical(kind, content)))


def hash_of(kind: ObjectType, written: bytes) -> str:
    """Return the hash of canonical content that is at hand as bytes."""
    return hashlib.sha256(kind.key.encode() + b"\n" + written).hexdigest()


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a type's form needs at every value: whose ids are content, which lists mean no order wherever they stand."""

    kept: frozenset[str]
    anywhere: frozenset[str]
    unordered: tuple[str, ...]


@cache
def _rules(key: str) -> _Rules:
    kind = catalogue.get(key)
    deep = {path for path in kind.all_unordered if "**" in path}
    return _Rules(
        frozenset(kind.keep_ids),
        frozenset(path.rpartition(".")[2] for path in deep),
        tuple(
            sorted(
                (path for path in kind.all_unordered if path not in deep), key=lambda path: -path.count(".")
            )
        ),
    )


def _cleaned(value: Any, rules: _Rules, name: str) -> Any:
    if isinstance(value, dict):
        return {
            key: _cleaned(each, rules, key)
            for key, each in value.items()
            if each is not None and _is_content(key, name, rules.kept)
        }
    if isinstance(value, list):
        found = [_cleaned(each, rules, name) for each in value]
        if name in rules.anywhere:
            found.sort(key=_by_looks)
        return found
    return value


def _is_content(key: str, holder: str, kept: frozenset[str]) -> bool:
    if key == "id":
        return holder in kept
    if key == _TYPE:
        return True
    return key not in _OWNED and "@" not in key and not key.startswith("#")


def _assignment(each: Content) -> Content:
    form = {key: value for key, value in each.items() if key not in _OF_ASSIGNMENT}
    target = form.get("target")
    if isinstance(target, dict) and target.get(_FILTER_ID, "") in _NO_FILTER:
        form["target"] = {
            key: value for key, value in target.items() if key not in (_FILTER_ID, _FILTER_TYPE)
        }
    return form


def _reduced_strength(item: Content) -> None:
    """Keep the id alone of the copy that a policy holds of its authentication strength, an object of its own."""
    for place in list(paths.places(item, "grantControls.authenticationStrength")):
        if isinstance(place.value, dict):
            place.put({key: value for key, value in place.value.items() if key == "id"})


def _sort(form: Content, path: str) -> None:
    for place in paths.places(form, path):
        if isinstance(place.value, list):
            place.value.sort(key=_by_looks)


def _by_looks(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
