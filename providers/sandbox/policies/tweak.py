"""Changing one setting of an object, whatever its type is: for a demonstration of what a backup sees."""

from typing import Any

from providers.sandbox.data import JSON

_KEPT = frozenset(
    ("isAssigned", "supportsScopeTags", "isBuiltIn", "isEncrypted", "isDefault", "version", "priority",
     "settingCount", "deployedAppCount", "isGlobalScript", "isDefaultProfile", "isFeatured")
)  # fmt: skip


def tweaked(item: JSON) -> JSON:
    """The object with one setting changed: a choice or a number inside its settings, else a switch."""
    changed = dict(item)
    for name in ("settings", "definitionValues", "localizedNotificationMessages"):
        if changed.get(name):
            new, done = _tweak(changed[name])
            if done:
                return {**changed, name: new}
    for name, value in item.items():
        if name not in _KEPT and isinstance(value, bool):
            return {**changed, name: not value}
    return {**changed, "description": f"{item.get('description') or ''} (changed)".strip()}


def _tweak(value: Any) -> tuple[Any, bool]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            new, done = _tweak(inner)
            if done:
                return [*value[:index], new, *value[index + 1 :]], True
    if isinstance(value, dict):
        for name, inner in value.items():
            new, done = _tweak_property(name, inner)
            if done:
                return {**value, name: new}, True
    return value, False


def _tweak_property(name: str, value: Any) -> tuple[Any, bool]:
    if isinstance(value, list | dict):
        return _tweak(value)
    if isinstance(value, bool) and name not in _KEPT:
        return not value, True
    if isinstance(value, int) and name == "value":
        return value + 1, True
    if isinstance(value, str) and name == "value" and value.endswith(("_0", "_1")):
        return value[:-1] + ("1" if value.endswith("0") else "0"), True
    if name == "valueJson" and value in ("true", "false"):
        return "false" if value == "true" else "true", True
    if name in ("valueJson", "messageTemplate") and isinstance(value, str):
        return ('"block"' if name == "valueJson" else f"{value} Thank you."), True
    return value, False
