"""`$batch`: up to 20 requests, each on its own way with its own limits, faults and status."""

import base64
from typing import Any

import orjson

from providers.sandbox.answers import CloseConnection, GraphAnswer
from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError
from providers.sandbox.faults import Fault, Request
from providers.sandbox.graph import (
    GraphRequest,
    Passage,
    authenticate,
    common_headers,
    error_answer,
    finish,
    handle,
)
from providers.sandbox.scripts import refuse_afterwards, scripted_refusals
from providers.sandbox.state import SandboxState

LIMIT = 20
METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")


def handle_batch(state: SandboxState, request: GraphRequest) -> GraphAnswer:
    """200 with one response per item when the batch can be read, 400 otherwise."""
    passage = Passage(request, path="$batch")
    try:
        passage.token = token = authenticate(state, request)
        tenant = passage.tenant = state.tenants[token.tenant]
        if not tenant.settings.reachable:
            raise CloseConnection("hang" if tenant.settings.unreachable_mode == "hang" else "drop")
        with state.lock:
            asked = Request("graph", tenant.slug, "POST", passage.path)
            passage.faults = state.faults.matching(asked)
            scripted_refusals(state, passage.faults, tenant, token, "POST")
        answer = _answered(state, passage, _items(request))
        refuse_afterwards(passage.faults)
    except GraphError as error:
        answer = error_answer(passage, error)
    except CloseConnection as closed:
        answer = GraphAnswer(0, {}, transport=closed.transport)
    finish(state, passage, answer, "batch")
    return answer


def _answered(state: SandboxState, passage: Passage, items: list[JSON]) -> GraphAnswer:
    statuses: dict[str, int] = {}
    holds: list[Fault] = []
    responses, delay, objects, transport = [], 0.0, 0, "send"
    for item in items:
        answer = _item_answer(state, passage.request, passage, item, statuses)
        statuses[item["id"]] = answer.status
        delay, objects = max(delay, answer.delay_s), objects + answer.objects
        transport = answer.transport if answer.transport != "send" else transport
        holds += answer.holds
        responses.append(_response(item["id"], answer))
    # The service answers in the order things get done, so the last is often the first.
    content = orjson.dumps({"responses": responses[::-1]})
    headers = {**common_headers(passage), "Content-Type": "application/json"}
    return GraphAnswer(200, headers, content, delay, transport, objects, holds=holds)


def _items(request: GraphRequest) -> list[JSON]:
    try:
        document = orjson.loads(request.body or b"null")
    except orjson.JSONDecodeError:
        raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from None
    items = document.get("requests") if isinstance(document, dict) else None
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise GraphError(400, "BadRequest", "Invalid batch payload format.")
    if len(items) > LIMIT:
        message = f"Number of batch request steps exceeds the maximum value of {LIMIT}."
        raise GraphError(400, "BadRequest", message)
    checked = [_checked(item) for item in items]
    ids = [item["id"] for item in checked]
    if len(set(ids)) < len(ids):
        raise GraphError(400, "BadRequest", "Request Id has to be unique in a batch.")
    _check_dependencies(checked, ids)
    return checked


def _checked(item: JSON) -> JSON:
    identifier = item.get("id")
    if isinstance(identifier, bool) or not isinstance(identifier, str | int) or identifier == "":
        raise GraphError(400, "BadRequest", "Invalid batch payload format: a request has no id.")
    method = str(item.get("method", "")).upper()
    if method not in METHODS or not isinstance(item.get("url"), str):
        raise GraphError(400, "BadRequest", "Invalid batch payload format: method and url are required.")
    headers = {str(name).lower(): str(value) for name, value in (item.get("headers") or {}).items()}
    if item.get("body") is not None and "content-type" not in headers:
        message = f"Write request id : {identifier} does not contain Content-Type header or body."
        raise GraphError(400, "BadRequest", message)
    depends = [str(other) for other in item.get("dependsOn") or []]
    return {**item, "id": str(identifier), "method": method, "headers": headers, "dependsOn": depends}


def _check_dependencies(items: list[JSON], ids: list[str]) -> None:
    known: set[str] = set()
    for item in items:
        if any(other not in ids or other not in known for other in item["dependsOn"]):
            raise GraphError(400, "BadRequest", f"Invalid dependsOn of request '{item['id']}'.")
        known.add(item["id"])


def _item_answer(
    state: SandboxState, outer: GraphRequest, passage: Passage, item: JSON, statuses: dict[str, int]
) -> GraphAnswer:
    if any(statuses[other] >= 400 or statuses[other] == 0 for other in item["dependsOn"]):
        return error_answer(passage, GraphError(424))
    path, _, query = item["url"].partition("?")
    body: Any = item.get("body")
    inner = GraphRequest(
        method=item["method"],
        version=outer.version,
        raw_path=path.lstrip("/"),
        raw_query=query,
        headers={
            "authorization": outer.headers.get("authorization", ""),
            "client-request-id": outer.headers.get("client-request-id", ""),
            **item["headers"],
        },
        body=b"" if body is None else orjson.dumps(body),
        base=outer.base,
        in_batch=True,
    )
    return handle(state, inner)


def _response(identifier: str, answer: GraphAnswer) -> JSON:
    wanted = (
        "content-type",
        "retry-after",
        "location",
        "cache-control",
        "x-ms-resource-unit",
        "odata-version",
    )
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name.lower() in wanted or name.startswith("x-ms-throttle")
    }
    response: JSON = {"id": identifier, "status": answer.status or 502, "headers": headers}
    if answer.content:
        response["body"] = _body(answer)
    return response


def _body(answer: GraphAnswer) -> Any:
    """JSON as it is, anything else as base64."""
    if "json" in answer.headers.get("Content-Type", ""):
        return orjson.loads(answer.content)
    return base64.b64encode(answer.content).decode()
