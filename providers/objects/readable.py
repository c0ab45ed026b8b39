"""Content in words: a tree of labels and values for a page, and the way to a change as labels."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

Names = Mapping[str, str]
_TYPE = "@odata.type"
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PREFIXES = (
    "device_vendor_msft_policy_config_",
    "user_vendor_msft_policy_config_",
    "device_vendor_msft_",
    "user_vendor_msft_",
    "vendor_msft_",
    "deviceConfiguration--",
)
# Steps that only hold a setting's value together.
_STRUCTURE = frozenset(
    {
        "settingInstance",
        "choiceSettingValue",
        "simpleSettingValue",
        "choiceSettingCollectionValue",
        "simpleSettingCollectionValue",
        "groupSettingValue",
        "groupSettingCollectionValue",
        "children",
        "value",
        "valueJson",
    }
)
_LISTS = frozenset({"omaSettings", "settings"})
_BOILERPLATE = frozenset({"settingInstanceTemplateReference", "settingValueTemplateReference"})
_BASE64 = re.compile(r"^[A-Za-z0-9+/\r\n]{16,}={0,2}$")
_TARGETS = {
    "groupAssignmentTarget": "group",
    "exclusionGroupAssignmentTarget": "excluded",
    "allDevicesAssignmentTarget": "all_devices",
    "allLicensedUsersAssignmentTarget": "all_users",
    "configurationManagerCollectionAssignmentTarget": "collection",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A label with a value or with parts. ``block``: the value has several lines."""

    label: str
    text: str = ""
    block: bool = False
    children: list["Node"] = field(default_factory=list)


def tree(value: Mapping[str, Any], names: Names) -> list[Node]:
    """An object as labels and values; empty ones are left out, ids that are known are named."""
    return [node(words(key), each, names) for key, each in value.items() if _shown(key, each)]


def elements(found: Sequence[Any], names: Names) -> list[Node]:
    """The elements of a list, each under what tells it apart."""
    return [_element(number, each, names) for number, each in enumerate(found, 1)]


def node(label: str, value: Any, names: Names) -> Node:
    """One value under its label."""
    if isinstance(value, Mapping):
        if "settingDefinitionId" in value:
            return _setting(value, names)
        return Node(label, type_words(value), children=tree(value, names))
    if isinstance(value, list):
        if all(not isinstance(each, (Mapping, list)) for each in value):
            return Node(label, ", ".join(plain(each, names) for each in value))
        return Node(label, children=elements(value, names))
    text = plain(value, names)
    return Node(label, text, block="\n" in text or len(text) > 200)


def _element(number: int, value: Any, names: Names) -> Node:
    if not isinstance(value, Mapping):
        return node(str(number), value, names)
    inner = value.get("settingInstance")
    if isinstance(inner, Mapping):
        return _setting(inner, names)
    if "settingDefinitionId" in value:
        return _setting(value, names)
    if "definitionId" in value and "valueJson" in value:
        return Node(setting_words(str(value["definitionId"])), str(value["valueJson"]))
    definition = value.get("definition")
    label = next(
        (
            str(value[key])
            for key in ("displayName", "name", "omaUri", "locale", "actionType")
            if value.get(key)
        ),
        str(definition.get("displayName"))
        if isinstance(definition, Mapping)
        else type_words(value) or str(number),
    )
    return Node(label, children=tree(value, names))


def _setting(instance: Mapping[str, Any], names: Names) -> Node:
    """A setting of the catalogue: its value beside its name, what depends on it below."""
    key = str(instance["settingDefinitionId"])
    label, texts, children = setting_words(key), [], []
    for holder in _values_of(instance):
        if not isinstance(holder, Mapping):
            continue
        if "value" in holder:
            texts.append(value_words(holder["value"], key, names))
        children += [
            _setting(each, names) for each in _listed(holder.get("children")) if isinstance(each, Mapping)
        ]
    text = ", ".join(texts)
    return Node(label, text, block="\n" in text or len(text) > 200, children=children)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _values_of(instance: Mapping[str, Any]) -> list[Any]:
    found = []
    for key, value in instance.items():
        if key in _STRUCTURE:
            found += value if isinstance(value, list) else [value]
    return found


def value_words(value: Any, definition: str, names: Names) -> str:
    """A choice says its definition again before what was chosen; the rest is the value."""
    if isinstance(value, str) and value.startswith(f"{definition}_"):
        return value[len(definition) + 1 :]
    return plain(value, names)


def plain(value: Any, names: Names) -> str:
    """A value as text: yes and no, known ids by name, encoded text decoded."""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, str):
        return names.get(value) or _decoded(value)
    return "–" if value is None else str(value)


def _decoded(value: str) -> str:
    """Text that Graph carries in base64, such as a script."""
    if not _BASE64.match(value) or len(re.sub(r"\s", "", value)) % 4:
        return value
    try:
        text = base64.b64decode(value, validate=False).decode("utf-8-sig")
    except (binascii.Error, UnicodeDecodeError):
        return value
    return (
        text if text.isprintable() or all(char.isprintable() or char in "\r\n\t" for char in text) else value
    )


def words(key: str) -> str:
    """``displayName`` as people write it."""
    if key == _TYPE:
        return _("Kind")
    text = _WORD.sub(" ", key).strip()
    return text[:1].upper() + "".join(
        part if part.isupper() else part.lower() for part in re.split(r"(\s+)", text[1:])
    )


def setting_words(definition: str) -> str:
    """What of a setting's id tells people something."""
    for prefix in _PREFIXES:
        if definition.lower().startswith(prefix.lower()):
            definition = definition[len(prefix) :]
            break
    return definition.replace("_", " ").replace("--", " ").strip() or _("(no name)")


def type_words(value: Mapping[str, Any]) -> str:
    """The kind of an object, from its type name."""
    return words(str(value.get(_TYPE, "")).rpartition(".")[2])


def target_words(target: Mapping[str, Any], names: Names) -> tuple[str, str]:
    """Whom an assignment is for: what it is (``group``, ``excluded``, ``all_devices`` …) and a name."""
    kind = _TARGETS.get(str(target.get(_TYPE, "")).rpartition(".")[2], "other")
    key = str(target.get("groupId") or target.get("collectionId") or "")
    return kind, names.get(key) or key


def filter_words(target: Mapping[str, Any], names: Names) -> tuple[str, str]:
    """The filter of an assignment: ``include`` or ``exclude`` and its name; empty where there is none."""
    key = str(target.get("deviceAndAppManagementAssignmentFilterId") or "")
    way = str(target.get("deviceAndAppManagementAssignmentFilterType") or "")
    return (way, names.get(key) or key) if key else ("", "")


def way_to(path: Sequence[str], names: Names) -> list[str]:
    """The way to a change as labels, without what only holds things together."""
    found = [_step(step, names) for step in path if step not in _STRUCTURE]
    return found or [words(path[-1])]


def secret_words(steps: Sequence[str]) -> str:
    """What people call the secret to which these steps lead: by its URI, its setting, or its property."""
    known = {"preSharedKey": _("Pre-shared key")}
    told = [step for step in steps[1:] if step not in _STRUCTURE and step not in _LISTS]
    return " · ".join(known.get(step) or _secret_step(step) for step in told or steps[-1:])


def _secret_step(step: str) -> str:
    if step.isdigit():
        return str(int(step) + 1)
    if step.startswith("./"):
        return step
    return setting_words(step) if "_" in step else words(step)


def _step(step: str, names: Names) -> str:
    if step in names:
        return names[step]
    kind, _space, key = step.partition(" ")
    if kind in _TARGETS:
        return names.get(key) or key or words(kind)
    if "_" in step or step.startswith("deviceConfiguration--"):
        return setting_words(step)
    return words(step)


def _shown(key: str, value: Any) -> bool:
    return key != _TYPE and key not in _BOILERPLATE and value not in (None, "", [], {})
