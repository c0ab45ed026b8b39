"""The OpenAPI document of the surfaces, drawn from what their views declare."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
ID = INTEGER
PATH_TYPES: dict[str, Schema] = {
    "tenant": TEXT,
    "operation": TEXT,
    "connection": ID,
    "run": ID,
    "session": ID,
    "restoreRun": ID,
}
PROBLEM: Schema = {
    "type": "object",
    "required": ["title", "status", "detail", "code"],
    "properties": {
        "title": TEXT,
        "status": INTEGER,
        "detail": TEXT,
        "code": TEXT,
        "errors": {"type": "object", "additionalProperties": TEXT},
        "reference": TEXT,
    },
}
SESSION: Schema = {"type": "apiKey", "in": "cookie", "name": "sessionid"}
REDIRECT: Schema = {"description": "Look there", "headers": {"Location": {"schema": TEXT}}}
WORDS = {
    200: "The answer",
    286: "The last answer: stop polling",
    302: "Sign in there",
    303: "The form was taken: look there",
    400: "The body can't be used",
    403: "Not signed in, a stale CSRF token, or a missing capability; the code tells which",
    404: "There is no such thing, or it is not visible",
    405: "The address does not take this method",
    406: "The address does not serve what Accept asks for",
    409: "Not in this state",
    415: "The body's media type is not read",
    422: "The Idempotency-Key was used with another body",
}


class SurfaceSchema(AutoSchema):
    """Describes a ``Surface`` by its renderers, ``statuses``, ``body_schema`` and ``schemas``."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Schema | None:
        view: Any = self.view
        self._keep(registry, view.component_schemas)
        operation: Schema = {
            "operationId": _operation_id(path, method),
            "summary": (inspect.getdoc(view) or "").partition("\n")[0],
            "tags": [path.split("/")[2]],
            "parameters": [*_path_parameters(path), *_headers(view, method)],
            "security": [{"session": []}],
        }
        if view.reads_body and method.lower() == "post":
            operation["requestBody"] = _request_body(view)
        operation["responses"] = {str(status): _response(view, status) for status in _statuses(view, method)}
        return operation

    @staticmethod
    def _keep(registry: ComponentRegistry, schemas: Mapping[str, Schema]) -> None:
        session = ResolvedComponent(
            name="session", type=ResolvedComponent.SECURITY_SCHEMA, schema=SESSION, object="session"
        )
        registry.register_on_missing(session)
        for name, schema in {**schemas, "Problem": PROBLEM}.items():
            component = ResolvedComponent(
                name=name, type=ResolvedComponent.SCHEMA, schema=schema, object=name
            )
            registry.register_on_missing(component)


def _operation_id(path: str, method: str) -> str:
    parts = path.replace("/admin/", "", 1).replace("{", "").replace("}", "").replace("-", "_").split("/")
    return "_".join([method.lower(), *parts])


def _path_parameters(path: str) -> Iterator[Schema]:
    for part in path.split("/"):
        if part.startswith("{"):
            name = part.strip("{}")
            yield {"name": name, "in": "path", "required": True, "schema": PATH_TYPES[name]}


def _headers(view: Any, method: str) -> Iterator[Schema]:
    if 422 in view.statuses and method.lower() == "post":
        schema = {**TEXT, "maxLength": 255}
        yield {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema}


def _request_body(view: Any) -> Schema:
    schema = {"$ref": f"#/components/schemas/{view.body_schema}"}
    return {"required": view.body_required, "content": {"application/json": {"schema": schema}}}


def _statuses(view: Any, method: str) -> list[int]:
    """Return every status of a method: its own, and those that every surface has."""
    own = set(view.statuses) if method.lower() == "post" else set(view.statuses) - {303, 400, 409, 422}
    body = {400, 415} if view.reads_body and method.lower() == "post" else set()
    return sorted({200, 302, 403, 404, 405, 406} | own | body)


def _response(view: Any, status: int) -> Schema:
    if status in {302, 303}:
        return {**REDIRECT, "description": WORDS[status]}
    html: Schema = {"text/html": {"schema": TEXT}}
    if status >= 400:
        problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
        content = {"application/problem+json": problem, **html}
        return {"description": WORDS[status], "content": content}
    content = {
        renderer.media_type: {"schema": {"$ref": f"#/components/schemas/{renderer.schema_name}"}}
        for renderer in view.renderer_classes
        if renderer.media_type not in html
    }
    return {"description": WORDS[status], "content": {**html, **content}}
