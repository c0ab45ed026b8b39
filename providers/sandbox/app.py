"""The ASGI application: Graph, the token service and the sandbox's own pages on one port."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from providers.sandbox import faults as fault_kinds
from providers.sandbox.answers import GraphAnswer
from providers.sandbox.batch import handle_batch
from providers.sandbox.graph import GraphRequest, answer_delay, handle
from providers.sandbox.pages import page_routes
from providers.sandbox.state import SandboxState
from providers.sandbox.tokenerrors import TokenError
from providers.sandbox.tokens import issue_token
from providers.sandbox.transport import client_base, deliver, login_base

logger = logging.getLogger("providers.sandbox")
SAVE_EVERY_S = 0.5


class SandboxApp:
    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.pages = Starlette(routes=page_routes(state), lifespan=self._lifespan)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        saver = asyncio.create_task(self._save_regularly())
        try:
            yield
        finally:
            saver.cancel()
            if self.state.dirty:
                self.state.save()

    async def _save_regularly(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            if self.state.dirty:
                await asyncio.to_thread(self.state.save)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Starlette wraps `send`; closing a socket needs the server's own.
        scope["sandbox.send"] = send
        if scope["type"] != "http":
            await self.pages(scope, receive, send)
            return
        path: str = scope["path"]
        if path.lower().lstrip("/").startswith(("v1.0/", "beta/")):
            await self._graph(scope, receive, send)
        elif scope["method"] == "POST" and path.endswith("/oauth2/v2.0/token"):
            await self._token(scope, receive, send)
        else:
            await self.pages(scope, receive, send)

    async def _graph(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = Request(scope, receive)
        body = await http.body()
        raw_path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        version, _, rest = raw_path.lstrip("/").partition("/")
        request = GraphRequest(
            method=scope["method"],
            version=version.lower(),
            raw_path=rest,
            raw_query=scope["query_string"].decode("latin-1"),
            headers={name.lower(): value for name, value in http.headers.items()},
            body=body,
            base=client_base(http),
        )
        is_batch = request.method == "POST" and rest.strip("/").lower().replace("%24", "$") == "$batch"
        answer = (handle_batch if is_batch else handle)(self.state, request)
        await deliver(answer, request.headers.get("accept-encoding", ""), receive, send)

    async def _token(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = Request(scope, receive)
        form = dict(parse_qsl((await http.body()).decode("utf-8", "replace"), keep_blank_values=True))
        answer = token_answer(self.state, http, scope["path"].strip("/").split("/")[0], form)
        await deliver(answer, "", receive, send)


def token_answer(state: SandboxState, http: Request, tenant_name: str, form: dict[str, str]) -> GraphAnswer:
    """Answer a token request, with the failure scripts and reachability of its tenant."""
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Cache-Control": "no-store",
        "Pragma": "no-cache",
    }
    correlation = http.headers.get("client-request-id") or form.get("client-request-id")
    client_id = form.get("client_id", "").lower()
    hosts = (login_base(http).removeprefix("https://"), client_base(http).partition("://")[2])
    with state.lock:
        tenant = state.find_tenant(tenant_name)
        slug = tenant.slug if tenant else ""
        scripts = state.faults.matching(fault_kinds.Request("token", slug, "POST", "oauth2/v2.0/token"))
        closing = next((fault.kind for fault in scripts if fault.kind in ("drop", "hang")), None)
        if tenant is not None and not tenant.settings.reachable:
            closing = "hang" if tenant.settings.unreachable_mode == "hang" else "drop"
        if closing is not None:
            answer = GraphAnswer(0, {}, transport=closing)
        else:
            answer = _token_body(state, tenant_name, form, http, hosts, scripts, correlation, headers)
        answer.tenant = slug
        answer.delay_s = answer_delay(state, tenant, 0) + sum(fault.delay_s for fault in scripts)
        answer.holds = [fault for fault in scripts if fault.kind == "hold"]
        state.log.add(slug, "token", "POST", "oauth2/v2.0/token", answer.status, client_id, correlation or "")
    return answer


def _token_body(
    state: SandboxState, tenant_name: str, form: dict[str, str], http: Request, hosts: tuple[str, str],
    scripts: list[fault_kinds.Fault], correlation: str | None, headers: dict[str, str],
) -> GraphAnswer:  # fmt: skip
    try:
        for fault in scripts:
            if fault.kind == "status":
                if fault.retry_after is not None:
                    headers["Retry-After"] = fault.retry_after
                code = int(fault.code) if fault.code else 90055 if fault.status == 429 else 90024
                raise TokenError(code, status=fault.status if fault.code is None else None)
        authorization = http.headers.get("authorization", "")
        return GraphAnswer(
            200, headers, orjson.dumps(issue_token(state, tenant_name, form, authorization, hosts))
        )
    except TokenError as error:
        return GraphAnswer(error.status, headers, orjson.dumps(error.body(correlation)))
