"""Routes beside Graph and the token endpoint: discovery, consent, the control API and its page."""

import inspect
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from providers.sandbox.answers import GraphAnswer
from providers.sandbox.consent import consent_decision, consent_page
from providers.sandbox.console import act, console_page
from providers.sandbox.control import COMMANDS, READING, Control
from providers.sandbox.data import DATA_DIR
from providers.sandbox.lookups import ControlError
from providers.sandbox.models import Tenant
from providers.sandbox.policypage import policy_act, policy_page
from providers.sandbox.state import SandboxState
from providers.sandbox.tokenerrors import TokenError
from providers.sandbox.tokens import discovery_document, instance_document
from providers.sandbox.transport import deliver, login_base


def json_response(content: Any, status: int = 200) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
    return Response(body, status, {"Cache-Control": "no-store"}, "application/json")


def page_routes(state: SandboxState) -> list[BaseRoute]:
    pages = _Pages(state)
    static = StaticFiles(directory=DATA_DIR.parent / "static")
    return [
        Route("/", lambda request: RedirectResponse("/_sandbox/")),
        Route("/_sandbox", lambda request: RedirectResponse("/_sandbox/")),
        Route("/_sandbox/", pages.console),
        Route("/_sandbox/act", pages.act, methods=["POST"]),
        Route("/_sandbox/t/{tenant}", pages.policies),
        Route("/_sandbox/policies", pages.policy_act, methods=["POST"]),
        Route("/_sandbox/api/{command}", pages.api, methods=["GET", "POST"]),
        Mount("/_sandbox/static", static),
        Route("/{common}/discovery/instance", pages.instance),
        Route("/{tenant}/v2.0/.well-known/openid-configuration", pages.discovery),
        Route("/{tenant}/discovery/v2.0/keys", pages.keys),
        Route("/{tenant}/v2.0/adminconsent", pages.consent, methods=["GET", "POST"]),
        Route("/{tenant}/adminconsent", pages.consent, methods=["GET", "POST"]),
    ]


def _crosses_origins(http: Request) -> bool:
    """Whether a browser says that another site's page sent this."""
    return http.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def _form(http: Request) -> dict[str, str]:
    return dict(parse_qsl((await http.body()).decode("utf-8", "replace"), keep_blank_values=True))


class _Pages:
    def __init__(self, state: SandboxState) -> None:
        self.state = state
        self.control = Control(state)

    async def console(self, http: Request) -> Response:
        return console_page(self.control, http.query_params.get("done", ""))

    async def act(self, http: Request) -> Response:
        if _crosses_origins(http):
            return json_response({"error": "Refused: sent by another site."}, 403)
        response = act(self.control, await _form(http))
        self.state.save()
        return response

    async def policies(self, http: Request) -> Response:
        query = http.query_params
        try:
            return policy_page(
                self.control, http.path_params["tenant"], query.get("done", ""), query.get("type", "")
            )
        except ControlError as error:
            return json_response({"error": str(error)}, 404)

    async def policy_act(self, http: Request) -> Response:
        if _crosses_origins(http):
            return json_response({"error": "Refused: sent by another site."}, 403)
        try:
            response = policy_act(self.control, await _form(http))
        except ControlError as error:
            return json_response({"error": str(error)}, 404)
        self.state.save()
        return response

    async def consent(self, http: Request) -> Response:
        if http.method == "GET":
            return consent_page(self.state, http)
        if _crosses_origins(http):
            return json_response({"error": "Refused: sent by another site."}, 403)
        return consent_decision(self.state, http, await _form(http))

    async def discovery(self, http: Request) -> Response:
        name = http.path_params["tenant"]
        tenant = self.state.find_tenant(name)
        if tenant is not None and not tenant.settings.reachable:
            return _Closed(tenant)
        try:
            return json_response(discovery_document(self.state, name, login_base(http)))
        except TokenError as error:
            return json_response(error.body(http.headers.get("client-request-id")), error.status)

    async def keys(self, http: Request) -> Response:
        return json_response({"keys": [self.state.key.public_jwk()]})

    async def instance(self, http: Request) -> Response:
        return json_response(instance_document(login_base(http).removeprefix("https://")))

    async def api(self, http: Request) -> Response:
        """One command with its arguments as a JSON object (or, for reading, as a query)."""
        name = http.path_params["command"].replace("-", "_")
        if name not in COMMANDS or (http.method == "GET" and name not in READING):
            return json_response({"error": f"Unknown command {name!r}; known: {', '.join(COMMANDS)}."}, 404)
        if _crosses_origins(http):
            return json_response({"error": "Refused: sent by another site."}, 403)
        try:
            arguments = await _arguments(http)
            result = _run(getattr(self.control, name), arguments)
        except ControlError as error:
            return json_response({"error": str(error)}, 400)
        if name not in READING:
            self.state.save()
        return json_response({"result": result})


async def _arguments(http: Request) -> dict[str, Any]:
    if http.method == "GET":
        return {name: int(value) if value.isdigit() else value for name, value in http.query_params.items()}
    body = await http.body()
    try:
        loaded = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        raise ControlError("The body must be a JSON object.") from None
    if not isinstance(loaded, dict):
        raise ControlError("The body must be a JSON object.")
    return loaded


def _run(method: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    try:
        inspect.signature(method).bind(**arguments)
    except TypeError as error:
        raise ControlError(f"{method.__name__}: {error}.") from None
    return method(**arguments)


class _Closed(Response):
    """The connection is closed without an answer, as for a tenant that cannot be reached."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__()
        self._mode = tenant.settings.unreachable_mode

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        answer = GraphAnswer(0, {}, transport="hang" if self._mode == "hang" else "drop")
        await deliver(answer, "", receive, scope["sandbox.send"])
