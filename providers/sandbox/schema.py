"""Bodies of writes against Graph's own schemas: nothing unknown, nothing of the wrong type."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from providers.sandbox.data import JSON, load
from providers.sandbox.ids import is_guid

_BASE64 = re.compile(r"^[A-Za-z0-9+/_-]*={0,2}$")
_DURATION = re.compile(r"^-?P(?=.)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$")
_TIME_OF_DAY = re.compile(r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,7})?$")
NEVER = "0001-01-01T00:00:00Z"
_ZEROES: dict[str, Any] = {
    "date-time": NEVER,
    "date": "0001-01-01",
    "duration": "PT0S",
    "timeofday": "00:00:00.0000000",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


class BadBody(Exception):
    """One thing wrong with a body: `problem` is unknown, type, enum, missing or readonly."""

    def __init__(self, problem: str, path: str, detail: str = "") -> None:
        self.problem = problem
        self.path = path
        self.detail = detail
        super().__init__(f"{problem} at {path}: {detail}")


def _schemas(version: str) -> dict[str, JSON]:
    found: dict[str, JSON] = load(f"schemas-{version}.json")["components"]["schemas"]
    return found


def schema(version: str, name: str) -> JSON:
    return _schemas(version)[name]


def type_name(short: str) -> str:
    return f"microsoft.graph.{short}"


def has_type(version: str, name: str) -> bool:
    return name in _schemas(version)


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
            yield from _parts(version, schema(version, _target(part)))
        else:
            yield part
    yield definition


def _target(definition: JSON) -> str:
    return str(definition["$ref"]).rsplit("/", 1)[1]


@cache
def _parents(version: str) -> dict[str, str]:
    return {
        name: _target(part)
        for name, definition in _schemas(version).items()
        for part in definition.get("allOf", [])
        if "$ref" in part
    }


@cache
def is_a(version: str, name: str, base: str) -> bool:
    """Whether a type is `base` or derived from it."""
    at: str | None = name
    while at is not None and at != base:
        at = _parents(version).get(at)
    return at == base and name in _schemas(version)


@cache
def is_abstract(version: str, name: str) -> bool:
    definition = schema(version, name)
    parts = [definition, *(part for part in definition.get("allOf", []) if "$ref" not in part)]
    return any(part.get("x-abstract") for part in parts)


def is_navigation(definition: JSON) -> bool:
    return bool(definition.get("x-ms-navigationProperty"))


@cache
def navigations(version: str, name: str) -> dict[str, str]:
    """Navigation properties of a type, and the type each leads to."""
    return {
        key: item_type(definition)
        for key, definition in properties(version, name).items()
        if is_navigation(definition)
    }


def item_type(definition: JSON) -> str:
    """The named type of a property, or of its items; empty for plain values."""
    inner = definition.get("items", definition)
    for option in [inner, *inner.get("anyOf", [])]:
        if "$ref" in option:
            return _target(option)
    return ""


def blank_value(definition: JSON) -> Any:
    """What a property shows that was never set: an empty list, null, or the type's zero."""
    if definition.get("type") == "array":
        return []
    kinds = definition.get("type")
    return False if kinds == "boolean" else None


@cache
def blank(version: str, name: str) -> JSON:
    """Every plain property of a type with the value a new object has; callers must not change it."""
    return {
        key: _zero(version, definition)
        for key, definition in properties(version, name).items()
        if not is_navigation(definition) and "@" not in key
    }


def _zero(version: str, definition: JSON) -> Any:
    kind = definition.get("type")
    if kind == "array":
        return []
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return 0
    if kind == "string" and "x-ms-enum-flags" in definition:
        return schema(version, str(definition["x-ms-enum-flags"]).rsplit("/", 1)[1])["enum"][0]
    if kind == "string":
        return _ZEROES.get(str(definition.get("format")), "")
    if "$ref" in definition:
        return schema(version, _target(definition)).get("enum", [None])[0]
    return None


def check_body(version: str, name: str, body: Any, *, path: str = "", deep: Collection[str] = ()) -> None:
    """Raises BadBody for the first property that is unknown or has a value its type cannot hold.

    `deep` names the navigation properties that may be written together with the object.
    """
    _Check(version, deep).object(name, body, path)


@dataclass(frozen=True)
class _Check:
    version: str
    deep: Collection[str]

    def object(self, name: str, body: Any, path: str) -> None:
        if not isinstance(body, dict):
            raise BadBody("type", path or name, "expected an object")
        name = self._own_type(name, body, path)
        known = properties(self.version, name)
        for key, value in body.items():
            where = f"{path}.{key}" if path else key
            if "@" in key:
                continue
            if key not in known or (is_navigation(known[key]) and key not in self.deep):
                raise BadBody("unknown", where, name)
            self.value(known[key], value, where)

    def _own_type(self, declared: str, body: JSON, path: str) -> str:
        """The type a body says it is; it must be the declared one or derived from it, and concrete."""
        where = f"{path}.@odata.type" if path else "@odata.type"
        given = body.get("@odata.type")
        name = declared if given is None else str(given).removeprefix("#")
        if not isinstance(given, str | None) or not is_a(self.version, name, declared):
            raise BadBody("type", where, f"expected #{declared}")
        if is_abstract(self.version, name):
            raise BadBody("missing" if given is None else "type", where, f"a type derived from {declared}")
        return name

    def value(self, definition: JSON, value: Any, where: str) -> None:
        if "anyOf" in definition:
            options = definition["anyOf"]
            if value is not None or {"type": "null"} not in options:
                self.value(next(option for option in options if "$ref" in option), value, where)
            return
        if "$ref" in definition:
            self._reference(_target(definition), value, where)
            return
        kinds = definition.get("type", [])
        allowed = [kinds] if isinstance(kinds, str) else kinds
        if allowed and not any(_is_of(kind, value) for kind in allowed):
            raise BadBody("type", where, f"expected {' or '.join(allowed)}")
        if isinstance(value, list):
            for index, item in enumerate(value):
                self.value(definition["items"], item, f"{where}[{index}]")
        elif isinstance(value, str):
            self._text(definition, value, where)

    def _reference(self, name: str, value: Any, where: str) -> None:
        target = schema(self.version, name)
        if "enum" not in target:
            self.object(name, value, where)
        elif value not in target["enum"] or value == "unknownFutureValue":
            raise BadBody("enum", where, name)

    def _text(self, definition: JSON, value: str, where: str) -> None:
        if "x-ms-enum-flags" in definition:
            members = schema(self.version, str(definition["x-ms-enum-flags"]).rsplit("/", 1)[1])["enum"]
            if any(part.strip() not in members for part in value.split(",")):
                raise BadBody("enum", where, ", ".join(members))
        form = definition.get("format")
        if not _fits(form, value):
            raise BadBody("type", where, f"expected {form}")


def _fits(form: str | None, value: str) -> bool:
    if form == "uuid":
        return is_guid(value)
    if form == "date-time":
        return _is_time(value)
    if form == "date":
        return _is_date(value)
    patterns = {"base64url": _BASE64, "duration": _DURATION, "timeofday": _TIME_OF_DAY}
    return form not in patterns or patterns[form].match(value) is not None


def is_base64(value: object) -> bool:
    return isinstance(value, str) and _BASE64.match(value) is not None


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return False
    return "T" in value


def _is_date(value: str) -> bool:
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_of(kind: str, value: Any) -> bool:
    if kind in ("integer", "number"):
        whole = isinstance(value, int) or (kind == "number" and isinstance(value, float))
        return whole and not isinstance(value, bool)
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)
    }  # fmt: skip
    return isinstance(value, kinds[kind])
