"""One Graph request on its way through the sandbox, and its answer."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.sandbox import schema
from providers.sandbox.data import JSON
from providers.sandbox.errors import DIRECTORY, INTUNE, GraphError, bad_request
from providers.sandbox.models import Tenant
from providers.sandbox.odata import Query, Segment
from providers.sandbox.state import SandboxState

NO_BODY = object()


@dataclass
class Call:
    """`base` is the address the client used, without a version; `path` has neither version nor slash."""

    state: SandboxState
    tenant: Tenant
    client_id: str
    method: str
    version: str
    path: str
    base: str
    query: Query
    headers: dict[str, str]
    body: Any = NO_BODY
    keys: list[Segment] = field(default_factory=list)
    page_limit: int | None = None
    style: str = DIRECTORY

    @property
    def root(self) -> str:
        return f"{self.base}/{self.version}"

    @property
    def eventual(self) -> bool:
        return self.headers.get("consistencylevel", "").lower() == "eventual"

    @property
    def metadata(self) -> str:
        """Level of annotations asked for: full, minimal or none."""
        accept = self.headers.get("accept", "").lower().replace(" ", "")
        for level in ("full", "none"):
            if f"odata.metadata={level}" in accept:
                return level
        return "minimal"

    def advanced(self) -> bool:
        """Whether the request asks for advanced query capabilities as Graph wants it asked."""
        return self.eventual and self.query.count

    def json_body(self) -> JSON:
        if not isinstance(self.body, dict):
            message = (
                "Unable to read JSON request payload. Please ensure Content-Type header is set "
                "and payload is of valid JSON format."
            )
            raise GraphError(400, "BadRequest", message)
        return self.body


@dataclass
class Reply:
    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = ""
    objects: int = 0
    more: bool = False


def collection(
    call: Call,
    context: str,
    items: list[JSON] | bytes,
    *,
    type_name: str,
    objects: int | None = None,
    count: int | None = None,
    next_link: str | None = None,
    delta_link: str | None = None,
) -> Reply:
    """The envelope of a collection; `items` may be encoded already."""
    head: JSON = {}
    if call.metadata != "none":
        head["@odata.context"] = f"{call.root}/$metadata#{context}"
    if count is not None:
        head["@odata.count"] = count
    if not call.query.select and call.style == DIRECTORY and call.method == "GET" and delta_link is None:
        head["@microsoft.graph.tips"] = (
            "Use $select to choose only the properties your app needs, as this can lead to "
            f"performance improvements. For example: GET {call.path}?$select=id"
        )
    if next_link is not None:
        head["@odata.nextLink"] = next_link
    if delta_link is not None:
        head["@odata.deltaLink"] = delta_link
    number = objects if objects is not None else len(items)
    encoded = items if isinstance(items, bytes) else orjson.dumps(annotate(call, items, type_name))
    start = orjson.dumps(head)[:-1]
    content = start + (b"," if head else b"") + b'"value":' + encoded + b"}"
    return Reply(200, content, objects=number, more=next_link is not None)


def entity(call: Call, context: str, item: JSON, *, type_name: str, status: int = 200) -> Reply:
    """One object with its context."""
    (annotated,) = annotate(call, [item], type_name)
    if call.metadata != "none":
        annotated = {"@odata.context": f"{call.root}/$metadata#{context}/$entity", **annotated}
    return Reply(status, orjson.dumps(annotated), objects=1)


def annotate(call: Call, items: list[JSON], type_name: str) -> list[JSON]:
    """Objects with the annotations of the metadata level that was asked for."""
    if call.metadata == "none":
        return [
            {key: value for key, value in item.items() if not key.startswith("@odata.t")} for item in items
        ]
    if call.metadata == "full":
        return [_fully_annotated(call, item, type_name) for item in items]
    return items


def _fully_annotated(call: Call, item: JSON, type_name: str) -> JSON:
    kind = item.get("@odata.type", f"#microsoft.graph.{type_name}")
    if "id" not in item:
        return {"@odata.type": kind, **item}
    link = f"{call.root}/{call.path.split('/')[0]}/{item['id']}"
    return {**item, "@odata.type": kind, "@odata.id": link, "@odata.editLink": link}


def no_content() -> Reply:
    return Reply(204)


def plain_number(number: int) -> Reply:
    return Reply(200, str(number).encode(), content_type="text/plain")


def select_names(call: Call, type_name: str) -> tuple[str, ...]:
    """`$select` with names as the schema writes them; raises 400 for a property the type lacks."""
    known = schema.properties(call.version, schema.type_name(type_name))
    by_lower = {name.lower(): name for name in known}
    chosen = []
    for wanted in call.query.select:
        name = by_lower.get(wanted.split("/")[0].lower())
        if name is None and wanted != "*":
            message = (
                f"Parsing OData Select and Expand failed: Could not find a property named '{wanted}' "
                f"on type 'microsoft.graph.{type_name}'."
            )
            raise GraphError(400, "BadRequest", message)
        if name is not None:
            chosen.append(name)
    return tuple(dict.fromkeys(chosen))


def projected(call: Call, item: JSON, names: tuple[str, ...], type_name: str) -> JSON:
    """The chosen properties of an object, in the order asked for; all of them for an empty choice."""
    if not names:
        return item
    known = schema.properties(call.version, schema.type_name(type_name))
    out = {key: item[key] for key in ("@odata.type",) if key in item}
    for name in names:
        if name in item:
            out[name] = item[name]
        elif not schema.is_navigation(known[name]):
            out[name] = schema.blank_value(known[name])
    return out


def context_of(base: str, names: tuple[str, ...]) -> str:
    return f"{base}({','.join(names)})" if names else base


def checked_body(
    call: Call, type_name: str, *, required: tuple[str, ...] = (), ignored: tuple[str, ...] = ()
) -> JSON:
    """The request's body once it fits the schema; raises the 400 of the service's own style."""
    body = call.json_body()
    known = schema.properties(call.version, schema.type_name(type_name))
    try:
        schema.check_body(call.version, schema.type_name(type_name), body)
        for name in required:
            if body.get(name) in (None, ""):
                raise schema.BadBody("missing", name)
        for name in body:
            if name not in ignored and known.get(name, {}).get("readOnly"):
                raise schema.BadBody("readonly", name)
    except schema.BadBody as bad:
        raise refused_body(call, bad, type_name) from None
    return body


def refused_body(call: Call, bad: schema.BadBody, type_name: str) -> GraphError:
    resource = type_name[0].upper() + type_name[1:]
    if bad.problem == "unknown":
        message = f"Invalid property '{bad.path}'."
        if call.style == INTUNE:
            message = (
                f"The property '{bad.path}' does not exist on type '{bad.detail}'. "
                "Make sure to only use property names that are defined by the type."
            )
    elif bad.problem == "missing":
        message = f"A value is required for property '{bad.path}' of resource '{resource}'."
    elif bad.problem == "readonly":
        message = f"Property '{bad.path}' is read-only and cannot be set."
    elif bad.problem == "enum":
        message = f"Invalid value specified for property '{bad.path}' of resource '{resource}'."
    else:
        message = f"Cannot convert the value of property '{bad.path}': {bad.detail}."
    if call.style == INTUNE:
        return GraphError(400, "BadRequest", message, style=INTUNE)
    error = bad_request(message)
    error.target = bad.path.split(".")[0].split("[")[0]
    return error
