"""The settings of an administrative template: added, changed and taken away in one request."""

from functools import partial
from typing import Any

from providers.catalogue import ObjectType
from providers.restore.bodies import stripped
from providers.restore.writers.same import part, same_part
from providers.restore.writers.step import ID, Content, Step

_PART = "definitionValues"
Value = dict[str, Any]


def steps(kind: ObjectType, wanted: Content, *, live: Content | None, origin: str) -> list[Step]:
    """One ``updateDefinitionValues``; none where there is nothing to say."""
    here, there = _by_definition(wanted), _by_definition(live or {})
    body = {
        "added": [_value(each, None, origin) for key, each in here.items() if key not in there],
        "updated": [
            _value(each, there[key], origin)
            for key, each in here.items()
            if key in there and _meaning(kind, each) != _meaning(kind, there[key])
        ],
        "deletedIds": [each["id"] for key, each in there.items() if key not in here],
    }
    if not any(body.values()):
        return []
    path = f"{kind.path}/{ID}/updateDefinitionValues"
    landed = partial(_landed, kind, wanted)
    return [
        Step(
            "updateDefinitionValues",
            "POST",
            path,
            kind.version,
            body,
            makes=bool(body["added"]),
            landed=landed,
        )
    ]


def _landed(kind: ObjectType, wanted: Content, now: Content) -> bool:
    return same_part(kind, wanted, now, _PART)


def _meaning(kind: ObjectType, value: Value) -> Any:
    return part(kind, {_PART: [value]}, _PART)


def _by_definition(content: Content) -> dict[str, Value]:
    return {_id_in(each, "definition"): each for each in content.get(_PART) or []}


def _id_in(value: Value, name: str) -> str:
    return str((value.get(name) or {}).get("id", ""))


def _value(value: Value, old: Value | None, origin: str) -> Value:
    definition = f"{origin}/beta/deviceManagement/groupPolicyDefinitions('{_id_in(value, 'definition')}')"
    known = {_id_in(each, "presentation"): each["id"] for each in (old or {}).get("presentationValues") or []}
    presented = []
    for each in value.get("presentationValues") or []:
        presentation = _id_in(each, "presentation")
        sent = {name: inner for name, inner in stripped(each).items() if name != "presentation"}
        sent["presentation@odata.bind"] = f"{definition}/presentations('{presentation}')"
        presented.append(sent | ({"id": known[presentation]} if presentation in known else {}))
    whole = {
        "enabled": value.get("enabled"),
        "definition@odata.bind": definition,
        "presentationValues": presented,
    }
    return whole | ({"id": old["id"]} if old else {})
