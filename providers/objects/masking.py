"""Values that nobody is shown: what counts as one, and content without them."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from providers import catalogue
from providers.catalogue import ObjectType
from providers.objects import paths
from providers.objects.paths import Place
from providers.objects.ways import element_step, leads_somewhere, place_at, way_of

HIDDEN = "••••••"
# What Graph puts in place of an encrypted OMA value.
MASK = "****"

_TYPE = "@odata.type"
_SETTING_TYPE = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue"
# What leads to a value: names of members, and lists with the place in them.
_Trail = tuple[str | tuple[list[Any], int], ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """Why an object can be restored in part only: ``code``, and the way to the secret (``providers.objects.ways``)."""

    code: str
    path: str

    def as_data(self) -> dict[str, str]:
        return {"code": self.code, "path": self.path}


VALUE_MASKED = "value_masked"
VALUE_TOKEN = "value_token"  # noqa: S105 - a word
VALUE_WRITE_ONLY = "value_write_only"


def secret_places(kind: ObjectType, content: Any) -> list[Place]:
    """Every place of ``content`` that holds a secret, readable or not."""
    return [place for place, _trail in _all_secrets(kind, content)]


def masked(kind: ObjectType, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of the content in which every secret is hidden."""
    shown: dict[str, Any] = copy.deepcopy(dict(content))
    for place in secret_places(kind, shown):
        if place.value is not None:
            place.put(HIDDEN)
    return shown


def flags_of(kind: ObjectType, content: Mapping[str, Any]) -> list[Flag]:
    """Return which secrets of content as it was read could not be read, or mean nothing in another tenant."""
    found = []
    for place, trail in _all_secrets(kind, content):
        way = _way(trail)
        if place.value is None:
            found.append(Flag(VALUE_WRITE_ONLY, way))
        elif place.value == MASK:
            found.append(Flag(VALUE_MASKED, way))
        if is_setting(place):
            found.append(Flag(VALUE_TOKEN, way))
    return list(dict.fromkeys(found))


def lacks(kind: ObjectType, content: Mapping[str, Any], way: str) -> bool:
    """Whether the way leads to a secret of this type that the content is without."""
    place = place_at(content, way) if leads_somewhere(way) else None
    if place is None or not isinstance(place.holder, dict):
        return False
    return place.key in _names(kind.key) and place.holder.get(place.key) is None


def is_setting(place: Place) -> bool:
    """Whether the secret is one of the settings catalog, which Graph keeps as a token."""
    return bool(isinstance(place.holder, dict) and place.holder.get(_TYPE) == _SETTING_TYPE)


def without_secrets(kind: ObjectType, content: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a copy of the content with Graph's own mask for each secret, and whether there was one to leave out."""
    bare: dict[str, Any] = copy.deepcopy(dict(content))
    found = False
    for place in secret_places(kind, bare):
        if place.value is not None and place.value != MASK:
            place.put(MASK)
            found = True
    return bare, found


def _all_secrets(kind: ObjectType, content: Any) -> list[tuple[Place, _Trail]]:
    found = list(_secrets(content, _names(kind.key), ()))
    plain = kind.plain_values
    if plain is not None:
        for listed in paths.values(content, f"object.{plain.name}"):
            for number, each in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(each, dict) and each.get(plain.flag) and "value" in each:
                    found.append((Place(each, "value"), ("object", plain.name, (listed, number), "value")))
    return found


@cache
def _names(key: str) -> frozenset[str]:
    return frozenset(path.rpartition(".")[2] for path in catalogue.get(key).secrets)


def _secrets(value: Any, names: frozenset[str], trail: _Trail) -> Iterator[tuple[Place, _Trail]]:
    """Members of these names, and values of settings-catalog secrets: Graph gives tokens for those."""
    if isinstance(value, dict):
        if value.get(_TYPE) == _SETTING_TYPE and "value" in value:
            yield Place(value, "value"), (*trail, "value")
        for key, child in value.items():
            if key in names:
                yield Place(value, key), (*trail, key)
            elif isinstance(child, (dict, list)):
                yield from _secrets(child, names, (*trail, key))
    elif isinstance(value, list):
        for number, child in enumerate(value):
            if isinstance(child, (dict, list)):
                yield from _secrets(child, names, (*trail, (value, number)))


def _way(trail: _Trail) -> str:
    return way_of([step if isinstance(step, str) else element_step(*step) for step in trail])
