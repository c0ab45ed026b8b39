"""Bodies of writes against Graph's own schemas: nothing unknown, nothing of the wrong type."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

from providers.sandbox.data import JSON, load
from providers.sandbox.models import is_guid

_BASE64 = re.compile(r"^[A-Za-z0-9+/_-]*={0,2}$")


class BadBody(Exception):
    """One thing wrong with a body: `problem` is unknown, type, enum, missing or readonly."""

    def __init__(self, problem: str, path: str, detail: str = "") -> None:
        self.problem = problem
        self.path = path
        self.detail = detail
        super().__init__(f"{problem} at {path}: {detail}")


def schema(version: str, name: str) -> JSON:
    found: JSON = load(f"schemas-{version}.json")["components"]["schemas"][name]
    return found


def type_name(short: str) -> str:
    return f"microsoft.graph.{short}"


@cache
def properties(version: str, name: str) -> dict[str, JSON]:
    """Property schemas of a type, with those it inherits."""
    found: dict[str, JSON] = {}
    for part in _parts(version, schema(version, name)):
        found.update(part.get("properties", {}))
    return found


def _parts(version: str, definition: JSON) -> Iterator[JSON]:
    for part in definition.get("allOf", []):
        if "$ref" in part:
            yield from _parts(version, schema(version, part["$ref"].rsplit("/", 1)[1]))
        else:
            yield part
    yield definition


def is_navigation(definition: JSON) -> bool:
    return bool(definition.get("x-ms-navigationProperty"))


def blank_value(definition: JSON) -> Any:
    """What a property shows that was never set: an empty list, null, or the type's zero."""
    if definition.get("type") == "array":
        return []
    kinds = definition.get("type")
    return False if kinds == "boolean" else None


def check_body(version: str, name: str, body: Any, *, path: str = "") -> None:
    """Raises BadBody for the first property that is unknown or has a value its type cannot hold."""
    if not isinstance(body, dict):
        raise BadBody("type", path or name, "expected an object")
    known = properties(version, name)
    for key, value in body.items():
        where = f"{path}.{key}" if path else key
        if key == "@odata.type":
            _check_type_annotation(name, value, where)
        elif "@" in key:
            continue
        elif key not in known or is_navigation(known[key]):
            raise BadBody("unknown", where, name)
        else:
            _check_value(version, known[key], value, where)


def _check_type_annotation(name: str, value: Any, where: str) -> None:
    if value not in (f"#{name}", name):
        raise BadBody("type", where, f"expected #{name}")


def _check_value(version: str, definition: JSON, value: Any, where: str) -> None:
    if "anyOf" in definition:
        options = definition["anyOf"]
        if value is None and {"type": "null"} in options:
            return
        _check_value(version, next(option for option in options if "$ref" in option), value, where)
        return
    if "$ref" in definition:
        _check_reference(version, definition["$ref"].rsplit("/", 1)[1], value, where)
        return
    kinds = definition.get("type", [])
    allowed = [kinds] if isinstance(kinds, str) else kinds
    if not any(_is_of(kind, value) for kind in allowed):
        raise BadBody("type", where, f"expected {' or '.join(allowed)}")
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_value(version, definition["items"], item, f"{where}[{index}]")
    elif isinstance(value, str):
        _check_text(version, definition, value, where)


def _check_reference(version: str, name: str, value: Any, where: str) -> None:
    target = schema(version, name)
    if "enum" not in target:
        check_body(version, name, value, path=where)
    elif value not in target["enum"] or value == "unknownFutureValue":
        raise BadBody("enum", where, name)


def _check_text(version: str, definition: JSON, value: str, where: str) -> None:
    if "x-ms-enum-flags" in definition:
        members = schema(version, definition["x-ms-enum-flags"].rsplit("/", 1)[1])["enum"]
        if any(part.strip() not in members for part in value.split(",")):
            raise BadBody("enum", where, ", ".join(members))
    form = definition.get("format")
    fits = True
    if form == "uuid":
        fits = is_guid(value)
    elif form == "date-time":
        fits = _is_time(value)
    elif form == "base64url":
        fits = _BASE64.match(value) is not None
    if not fits:
        raise BadBody("type", where, f"expected {form}")


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return False
    return "T" in value


def _is_of(kind: str, value: Any) -> bool:
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (kind == "number" and isinstance(value, float))
        return whole and not isinstance(value, bool)
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)
    }  # fmt: skip
    return isinstance(value, kinds[kind])
