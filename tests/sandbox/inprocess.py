"""Graph requests without sockets: the sandbox's own way of a request, called directly."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from providers.sandbox.answers import GraphAnswer
from providers.sandbox.batch import handle_batch
from providers.sandbox.control import Control
from providers.sandbox.data import app_roles
from providers.sandbox.graph import GraphRequest, handle
from providers.sandbox.state import Options, SandboxState
from providers.sandbox.tokens import issue_token

JSON = dict[str, Any]
BASE = "https://graph.microsoft.com"
LOGIN = "login.microsoftonline.com"


@dataclass
class Direct:
    """A tenant with one app; `ask` returns the answer, `json` and `refusal` take it apart."""

    control: Control
    state: SandboxState
    token: str
    tenant: str = "contoso"
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def tenant_of(
        cls, state: SandboxState | None = None, *, permissions: list[str] | None = None, tenant: str = "contoso",
        **settings: Any,
    ) -> "Direct":  # fmt: skip
        """A tenant made for one test, unthrottled unless `settings` say otherwise."""
        state = state or SandboxState(Options())
        control = Control(state)
        app = control.add_app(permissions=list(app_roles()) if permissions is None else permissions)
        settings = {"groups": 40, "throttle_intune": False, "throttle_units": 10**6} | settings
        made = control.add_tenant(tenant, client_id=app["client_id"], **settings)
        form = {
            "client_id": app["client_id"], "client_secret": app["client_secret"],
            "grant_type": "client_credentials", "scope": f"{BASE}/.default",
        }  # fmt: skip
        token = issue_token(state, made["tenant_id"], form, "", (LOGIN, "graph.microsoft.com"))
        return cls(control, state, str(token["access_token"]), tenant)

    def ask(
        self, method: str, path: str, body: Any = None, version: str = "beta", **headers: str
    ) -> GraphAnswer:
        path = path.removeprefix(f"{BASE}/{version}/")
        raw, _, query = path.lstrip("/").partition("?")
        sent = {"authorization": f"Bearer {self.token}", "content-type": "application/json"} | self.headers
        sent |= {name.replace("_", "-").lower(): value for name, value in headers.items()}
        content = b"" if body is None else orjson.dumps(body)
        request = GraphRequest(method, version, raw, query, sent, content, BASE)
        return (handle_batch if raw == "$batch" else handle)(self.state, request)

    def json(self, method: str, path: str, body: Any = None, status: int | None = None, **more: Any) -> JSON:
        """The body of an answer that must be of the 200s (or of this status)."""
        answer = self.ask(method, path, body, **more)
        good = answer.status < 300 if status is None else answer.status == status
        assert good, f"{method} {path}: {answer.status} {answer.content.decode()}"
        found: JSON = orjson.loads(answer.content) if answer.content else {}
        return found

    def get(self, path: str, **more: Any) -> JSON:
        return self.json("GET", path, **more)

    def values(self, path: str, **more: Any) -> list[JSON]:
        """Every object of a collection, nextLinks followed."""
        found: list[JSON] = []
        link: str | None = path
        while link:
            page = self.get(link, **more)
            found += page["value"]
            link = page.get("@odata.nextLink")
        return found

    def refusal(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, str]:
        """Status and words of an answer that must be a refusal."""
        answer = self.ask(method, path, body, **more)
        assert answer.status >= 400, f"{method} {path}: {answer.status}"
        error = orjson.loads(answer.content)["error"]
        message = error["message"]
        if message.startswith("{"):
            message = orjson.loads(message)["Message"]
        return answer.status, f"{error['code']}: {message}"
