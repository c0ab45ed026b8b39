"""Bodies of writes: what fits the schema, what is required, and what only the service may set."""

from collections.abc import Collection
from typing import Any

from providers.sandbox import schema
from providers.sandbox.calls import Call, refused_body
from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError
from providers.sandbox.policies.table import ALWAYS_COMPUTED, ObjectType

REPLACED_WHOLE = {
    "configurationPolicies": (
        "name", "description", "platforms", "technologies", "templateReference", "roleScopeTagIds", "settings",
    ),
    "compliancePolicies": ("name", "description", "platforms", "technologies", "roleScopeTagIds", "settings"),
    "reusablePolicySettings": ("displayName", "description", "settingDefinitionId", "settingInstance"),
}  # fmt: skip


def refused(kind: ObjectType, message: str, status: int = 400) -> GraphError:
    """The service's own 400 for a body that is well formed but not allowed."""
    return GraphError(status, "BadRequest" if status == 400 else None, message, style=kind.style)


def checked(kind: ObjectType, call: Call, type_name: str, body: Any, deep: Collection[str] = ()) -> JSON:
    """A body that fits a type's schema; raises the 400 of the service's own style."""
    try:
        schema.check_body(call.version, type_name, body, deep=deep)
    except schema.BadBody as bad:
        raise refused_body(call, bad, kind.type) from None
    found: JSON = body
    return found


def required(kind: ObjectType, call: Call, body: JSON, names: Collection[str]) -> None:
    for name in names:
        if body.get(name) in (None, ""):
            raise refused_body(call, schema.BadBody("missing", name), kind.type)


def new_body(kind: ObjectType, call: Call) -> JSON:
    """What a POST may set."""
    _refuse_service_names(
        kind, call, call.json_body(), {*ALWAYS_COMPUTED, *kind.computed} - {*kind.accept_computed}
    )
    body = checked(kind, call, kind.full_type, call.json_body(), kind.deep)
    required(kind, call, body, kind.required)
    return settable(kind, call, body)


def changed_body(kind: ObjectType, call: Call, stored: JSON) -> JSON:
    """What a PATCH may set; a property that never changes may be repeated as it is."""
    if kind.say_type and "@odata.type" not in call.json_body():
        raise refused_body(call, schema.BadBody("missing", "@odata.type"), kind.type)
    body = checked(kind, call, kind.full_type, call.json_body(), kind.deep)
    own = str(stored.get("@odata.type", f"#{kind.full_type}")).removeprefix("#")
    if str(body.get("@odata.type", own)).removeprefix("#") != own:
        raise refused(kind, f"The type of an object cannot be changed; it is '#{own}'.")
    _refuse_service_names(kind, call, body, {*ALWAYS_COMPUTED} - {*kind.accept_computed})
    for name in kind.immutable:
        if name in body and body[name] != stored.get(name):
            raise refused_body(call, schema.BadBody("readonly", name), kind.type)
    for name in kind.required:
        if name in body and body[name] in (None, ""):
            raise refused_body(call, schema.BadBody("missing", name), kind.type)
    ignored = {*kind.computed, *kind.immutable} - {*kind.accept_computed}
    return {name: value for name, value in settable(kind, call, body).items() if name not in ignored}


def whole_body(kind: ObjectType, call: Call) -> JSON:
    """What a PUT must carry: the whole object, settings included."""
    body = checked(kind, call, kind.full_type, call.json_body(), kind.deep)
    _refuse_service_names(kind, call, body, {*ALWAYS_COMPUTED, "settingCount"})
    for name in REPLACED_WHOLE[kind.key]:
        if name not in body:
            raise refused_body(call, schema.BadBody("missing", name), kind.type)
    required(kind, call, body, kind.required)
    return {name: value for name, value in settable(kind, call, body).items() if name not in kind.computed}


def _refuse_service_names(kind: ObjectType, call: Call, body: JSON, names: Collection[str]) -> None:
    for name in body:
        if name in names:
            raise refused_body(call, schema.BadBody("readonly", name), kind.type)


def settable(kind: ObjectType, call: Call, body: JSON) -> JSON:
    """The body without annotations and without what the schema calls read only."""
    own = str(body.get("@odata.type", f"#{kind.full_type}")).removeprefix("#")
    known = schema.properties(call.version, own)
    plain = {
        name: value for name, value in body.items() if "@" not in name and not known[name].get("readOnly")
    }
    if "@odata.type" in body:
        plain["@odata.type"] = f"#{own}"
    return plain
