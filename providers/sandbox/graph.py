"""The way of one Graph request: token, faults, limits, route, permission, handler, answer."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.sandbox import faults as fault_kinds
from providers.sandbox.answers import CloseConnection, GraphAnswer
from providers.sandbox.calls import NO_BODY, Call, Reply
from providers.sandbox.errors import (
    GraphError,
    missing_privileges,
)
from providers.sandbox.models import Tenant
from providers.sandbox.odata import Query, Segment, parse_path, parse_query
from providers.sandbox.paging import page_number
from providers.sandbox.route import Route
from providers.sandbox.routes import accepted_permissions, find_route
from providers.sandbox.scripts import refuse_afterwards, scripted_refusals
from providers.sandbox.state import SandboxState
from providers.sandbox.throttle import INTUNE_LIMITS, Verdict, resource_units, retry_after, service_of
from providers.sandbox.tokens import AccessToken, read_access_token

JSON_TYPE = "application/json;odata.metadata={};odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
DIAGNOSTIC = (
    '{"ServerInfo":{"DataCenter":"Germany West Central","Slice":"E","Ring":"5",'
    '"ScaleUnit":"002","RoleInstance":"FR2PEPF00000001"}}'
)


@dataclass
class GraphRequest:
    """One request as it came in; `raw_path` starts after the version and is still percent-encoded."""

    method: str
    version: str
    raw_path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    base: str
    in_batch: bool = False


@dataclass
class Passage:
    """What is known about a request while it passes."""

    request: GraphRequest
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    token: AccessToken | None = None
    tenant: Tenant | None = None
    path: str = ""
    faults: list[fault_kinds.Fault] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    applied: bool = False

    @property
    def client_request_id(self) -> str:
        return self.request.headers.get("client-request-id") or self.request_id


def handle(state: SandboxState, request: GraphRequest) -> GraphAnswer:
    """Answer one Graph request (not a batch). Never raises for what a client did."""
    passage = Passage(request)
    with state.lock:
        try:
            reply = _pass(state, passage)
            passage.applied = request.method != "GET"
            refuse_afterwards(passage.faults)
            answer = _answer(passage, reply)
        except GraphError as error:
            answer = error_answer(passage, error)
        except CloseConnection as closed:
            answer = GraphAnswer(0, {}, transport=closed.transport)
        if passage.applied:
            state.dirty = True
        finish(state, passage, answer)
    return answer


def _pass(state: SandboxState, passage: Passage) -> Reply:
    request = passage.request
    steps = parse_path(request.raw_path)
    passage.path = "/".join(step.text for step in steps)
    passage.token = token = authenticate(state, request)
    tenant = passage.tenant = state.tenants[token.tenant]
    if not tenant.settings.reachable:
        raise CloseConnection("hang" if tenant.settings.unreachable_mode == "hang" else "drop")
    tenant.settle()
    query = parse_query(request.raw_query)
    page = page_number(
        state.cursor_key, tenant.slug, query.skiptoken, ("page", "delta page")
    )  # fmt: skip
    asked = fault_kinds.Request("graph", tenant.slug, request.method, passage.path, page, request.in_batch)
    passage.faults = state.faults.matching(asked)
    scripted_refusals(state, passage.faults, tenant, token, request.method)
    refuse_without_principal(tenant, token)
    _throttle(state, passage, query)
    route, keys = find_route(request.version, steps)
    call = _call(state, passage, route, keys, query)
    handler = route.handlers.get(request.method)
    if handler is None:
        raise GraphError(405, style=route.style)
    _refuse_without_permission(call, route, token)
    for fault in passage.faults:
        if fault.kind in ("empty_page", "short_page"):
            call.page_limit = 0 if fault.kind == "empty_page" else 3
    return handler(call)


def _call(
    state: SandboxState, passage: Passage, route: Route, keys: list[Segment], query: Query
) -> Call:  # fmt: skip
    request, token, tenant = passage.request, passage.token, passage.tenant
    assert token is not None and tenant is not None
    return Call(
        state=state,
        tenant=tenant,
        client_id=token.client_id,
        method=request.method,
        version=request.version,
        path=passage.path,
        base=request.base,
        query=query,
        headers=dict(request.headers),
        body=_body(request),
        keys=keys,
        style=route.style,
    )


def _body(request: GraphRequest) -> Any:
    if not request.body or "json" not in request.headers.get("content-type", ""):
        return NO_BODY
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError:
        return NO_BODY


def authenticate(state: SandboxState, request: GraphRequest) -> AccessToken:
    """The token's tenant, app and roles; raises 401 as Graph words it."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    challenge = {
        "WWW-Authenticate": 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/'
        'oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"'
    }
    if scheme.lower() != "bearer" or not text.strip():
        raise GraphError(401, message="Access token is empty.", headers=challenge)
    token = read_access_token(state, text.strip(), request.base)
    if isinstance(token, str):
        raise GraphError(401, message=token, headers=challenge)
    return token


def refuse_without_principal(tenant: Tenant, token: AccessToken) -> None:
    """A token outlives consent by a while, but the service no longer knows who is calling."""
    if tenant.principal(token.client_id) is None:
        message = "The identity of the calling application could not be established."
        raise GraphError(401, "Authorization_IdentityNotFound", message)


def _refuse_without_permission(call: Call, route: Route, token: AccessToken) -> None:
    accepted = accepted_permissions(route, call.method)
    needed = route.together if call.method != "GET" else ()
    if not token.roles.intersection(accepted) or not token.roles.issuperset(needed):
        raise missing_privileges(route.style, accepted)


def _throttle(state: SandboxState, passage: Passage, query: Query) -> None:
    tenant, token = passage.tenant, passage.token
    assert tenant is not None and token is not None
    path, settings = passage.path.lower(), tenant.settings
    service = service_of(path)
    if service == "access" and not settings.throttle_conditional_access:
        service = "directory"
    if service in INTUNE_LIMITS and not settings.throttle_intune:
        return
    write = passage.request.method != "GET"
    cost = resource_units(path, select=bool(query.select), expand=bool(query.expand), top=query.top)
    verdict = state.throttle.ask(
        tenant.slug, token.client_id, service=service, write=write, cost=cost,
        units=settings.throttle_units, window_s=settings.throttle_window_s,
    )  # fmt: skip
    if service == "directory":
        passage.headers["x-ms-resource-unit"] = str(cost)
        if verdict.share >= 0.8:
            passage.headers["x-ms-throttle-limit-percentage"] = f"{verdict.share:.2f}"
    if verdict.wait is not None:
        raise _throttled(tenant, token, verdict, service)


def _throttled(tenant: Tenant, token: AccessToken, verdict: Verdict, service: str) -> GraphError:
    headers = {
        "x-ms-throttle-scope": f"Tenant_Application/ReadWrite/{token.client_id}/{tenant.tenant_id}",
        "x-ms-throttle-information": verdict.information,
    }
    # Conditional access often says nothing about how long.
    mode = "missing" if service == "access" else tenant.settings.retry_after
    wait = retry_after(mode, verdict.wait or 0.0)
    if wait is not None:
        headers["Retry-After"] = wait
    return GraphError(429, headers=headers)


def _answer(passage: Passage, reply: Reply) -> GraphAnswer:
    headers = {**common_headers(passage), **reply.headers}
    if reply.content:
        level = _metadata_level(passage.request.headers.get("accept", ""))
        headers["Content-Type"] = reply.content_type or JSON_TYPE.format(level)
    return GraphAnswer(reply.status, headers, reply.content, objects=reply.objects)


def _metadata_level(accept: str) -> str:
    return next((level for level in ("full", "none") if f"odata.metadata={level}" in accept), "minimal")


def common_headers(passage: Passage) -> dict[str, str]:
    return {
        "request-id": passage.request_id,
        "client-request-id": passage.client_request_id,
        "x-ms-ags-diagnostic": DIAGNOSTIC,
        "OData-Version": "4.0",
        "Vary": "Accept-Encoding",
        "Strict-Transport-Security": "max-age=31536000",
        "Cache-Control": "no-cache",
        **passage.headers,
    }


def error_answer(passage: Passage, error: GraphError) -> GraphAnswer:
    body = error.body(passage.request_id, passage.client_request_id, passage.path)
    headers = {**common_headers(passage), **error.headers, "Content-Type": "application/json"}
    return GraphAnswer(error.status, headers, orjson.dumps(body))


def finish(state: SandboxState, passage: Passage, answer: GraphAnswer, service: str = "graph") -> None:
    """Write the log, and tell the transport how late and how broken the answer is to be."""
    request = passage.request
    tenant = passage.tenant.slug if passage.tenant else ""
    client_id = passage.token.client_id if passage.token else ""
    answer.tenant = tenant
    if service == "graph":
        answer.delay_s = answer_delay(state, passage.tenant, answer.objects)
    for fault in passage.faults:
        answer.delay_s += fault.delay_s
        if fault.kind == "hold":
            answer.holds.append(fault)
        if fault.kind == "truncate":
            answer.transport = "truncate"
    state.log.add(
        tenant, service, request.method, passage.path, answer.status, client_id, passage.request_id,
        request.in_batch, applied=passage.applied, body=request.body if service == "graph" else b"",
    )  # fmt: skip


def answer_delay(state: SandboxState, tenant: Tenant | None, objects: int) -> float:
    """Seconds an answer takes with the delays the sandbox was started with."""
    options = state.options
    per_object = options.delay_per_object_ms
    if per_object is None:
        per_object = tenant.settings.delay_per_object_ms if tenant and options.delay_ms > 0 else 0.0
    return (options.delay_ms + objects * per_object) / 1000
