"""Whether parts of two contents mean the same."""

from typing import Any

from providers.catalogue import ObjectType, Update
from providers.objects.canonical import canonical
from providers.restore.writers.step import Content

# Fields of the object that are written by requests of their own.
_APART = {
    Update.PATCH_MESSAGES: ("localizedNotificationMessages",),
    Update.PATCH_SCHEDULED_ACTIONS: ("scheduledActionsForRule",),
    Update.PATCH_COMBINATIONS: ("allowedCombinations",),
    Update.PATCH_TARGET_APPS: ("apps", "appGroupType"),
}
PUTS = frozenset({Update.PUT, Update.PUT_SCHEDULED_ACTIONS})


def part(kind: ObjectType, content: Content, name: str) -> Any:
    """One part of the content in its one form; an absent list is an empty one."""
    alone: Content = {"object": {}, name: content.get(name) or []}
    return canonical(kind, alone)[name]


def same_part(kind: ObjectType, left: Content, right: Content, name: str) -> bool:
    return bool(part(kind, left, name) == part(kind, right, name))


def same_field(kind: ObjectType, left: Content, right: Content, name: str) -> bool:
    """Whether a property of the object itself means the same."""
    return bool(_object(kind, left).get(name) == _object(kind, right).get(name))


def same_object(kind: ObjectType, left: Content, right: Content) -> bool:
    """Whether the object is the same but for what is written by requests of its own."""
    if kind.update in PUTS and "settings" in {*left, *right} and not same_part(kind, left, right, "settings"):
        return False
    one, other = _object(kind, left), _object(kind, right)
    apart = {*_APART.get(kind.update, ()), *((kind.priority.field,) if kind.priority else ())}
    names = (one.keys() | other.keys()) - apart
    return all(one.get(name) == other.get(name) for name in names)


def _object(kind: ObjectType, content: Content) -> Content:
    form: Content = canonical(kind, {"object": content.get("object") or {}})["object"]
    return form
