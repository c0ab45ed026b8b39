"""Values that nobody is shown: what counts as one, and content without them."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.catalogue import ObjectType
from providers.objects import paths
from providers.objects.paths import Place

HIDDEN = "••••••"
# What Graph puts in place of an encrypted OMA value.
MASK = "****"

_TYPE = "@odata.type"
_SETTING_TYPE = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue"


@dataclass(frozen=True, slots=True)
class Flag:
    """Why an object can be restored in part only: ``code`` and where in the content."""

    code: str
    path: str

    def as_data(self) -> dict[str, str]:
        return {"code": self.code, "path": self.path}


VALUE_MASKED = "value_masked"
VALUE_TOKEN = "value_token"  # noqa: S105 - a word
VALUE_WRITE_ONLY = "value_write_only"


def secret_places(kind: ObjectType, content: Any) -> list[Place]:
    """Every place of ``content`` that holds a secret, readable or not."""
    found = list(_secrets(content, frozenset(path.rpartition(".")[2] for path in kind.secrets)))
    plain = kind.plain_values
    if plain is not None:
        listed = paths.values(content, f"object.{plain.name}[]")
        found += [
            Place(each, "value")
            for each in listed
            if isinstance(each, dict) and each.get(plain.flag) and "value" in each
        ]
    return found


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
    for place in secret_places(kind, content):
        if place.value is None:
            found.append(Flag(VALUE_WRITE_ONLY, place.key))
        elif place.value == MASK:
            found.append(Flag(VALUE_MASKED, place.key))
        if place.holder.get(_TYPE) == _SETTING_TYPE:
            found.append(Flag(VALUE_TOKEN, "settings"))
    return list(dict.fromkeys(found))


def without_secrets(kind: ObjectType, content: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return a copy of the content with Graph's own mask for each secret, and whether there was one to leave out."""
    bare: dict[str, Any] = copy.deepcopy(dict(content))
    found = False
    for place in secret_places(kind, bare):
        if place.value is not None and place.value != MASK:
            place.put(MASK)
            found = True
    return bare, found


def _secrets(value: Any, names: frozenset[str]) -> Iterator[Place]:
    """Members of these names, and values of settings-catalog secrets: Graph gives tokens for those."""
    if isinstance(value, dict):
        if value.get(_TYPE) == _SETTING_TYPE and "value" in value:
            yield Place(value, "value")
        for key, child in value.items():
            if key in names:
                yield Place(value, key)
            elif isinstance(child, (dict, list)):
                yield from _secrets(child, names)
    elif isinstance(value, list):
        for child in value:
            if isinstance(child, (dict, list)):
                yield from _secrets(child, names)
