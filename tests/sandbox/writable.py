"""What a restore sends for an object that was read: nothing the service owns, secrets in clear."""

import json
from typing import Any

from providers.sandbox.policies.table import ALWAYS_COMPUTED, ObjectType
from tests.sandbox.inprocess import JSON, Direct

ZERO = "00000000-0000-4000-8000-000000000000"


def without_annotations(value: Any) -> Any:
    if isinstance(value, list):
        return [without_annotations(item) for item in value]
    if isinstance(value, dict):
        return {
            name: without_annotations(item)
            for name, item in value.items()
            if "@" not in name or name == "@odata.type"
        }
    return value


def writable(kind: ObjectType, item: JSON) -> JSON:
    """The body of a POST that makes the object again, from its stored form."""
    owned = {*ALWAYS_COMPUTED, *kind.computed, "lastModifiedDateTime"} - {*kind.accept_computed}
    parts = {*kind.children} - {*kind.deep}
    body: JSON = {
        name: value
        for name, value in without_annotations(item).items()
        if name not in owned and name not in parts
    }
    for setting in body.get("omaSettings", []):
        setting.pop("secretReferenceValueId")
        setting.pop("isEncrypted")
    for part in (*body.get("settings", []), *body.get("scheduledActionsForRule", []), *body.get("items", [])):
        for name in ("id", "status", "errorCode", "displayName", "itemType"):
            part.pop(name, None)
        for action in part.get("scheduledActionConfigurations", []):
            action.pop("id")
    body.pop("outOfBoxExperienceSettings", None)
    if kind.key == "groupPolicyUploadedDefinitionFiles":
        body["content"] = "YWRteA=="
    if kind.key == "policySets":
        body.pop("assignments")
    return body


def comparable(kind: ObjectType, item: JSON) -> JSON:
    """An object without what is new for every new object."""
    body = writable(kind, item)
    if "priority" in item:
        body.pop("priority", None)
    if kind.key == "windowsQualityUpdateProfiles":
        body.pop("releaseDateDisplayName", None)
    return body


def refused(tenant: Direct, method: str, path: str, body: Any, *words: str) -> None:
    status, message = tenant.refusal(method, path, body)
    assert status == 400, message
    assert all(word in message for word in words), message


def first(tenant: Direct, key: str, **facts: Any) -> JSON:
    """The first stored object of a type with these properties."""
    found = tenant.control.objects("contoso", key)
    return next(item for item in found if all(item.get(name) == value for name, value in facts.items()))


def changed(body: JSON, path: str, value: Any) -> JSON:
    """The body with one nested value replaced."""
    copy = json.loads(json.dumps(body))
    *steps, last = path.split(".")
    at = copy
    for step in steps:
        at = at[step]
    at[last] = value
    return copy
