"""A plain client for the tests: a token, and requests as they stand in the documentation."""

import ssl
from types import TracebackType
from typing import Any, Self

import httpx

from providers.sandbox.data import app_roles
from providers.sandbox.testing import SandboxServer

DEFAULT_SCOPE = "https://graph.microsoft.com/.default"
JSON = dict[str, Any]
# Reading the system's certificates takes longer than most of these tests, and plain http needs none.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def token_request(
    sandbox: SandboxServer, tenant: str, client_id: str, secret: str | None, **changes: str
) -> httpx.Response:
    form = {"client_id": client_id, "grant_type": "client_credentials", "scope": DEFAULT_SCOPE}
    if secret is not None:
        form["client_secret"] = secret
    form |= changes
    headers = {"Host": "login.microsoftonline.com"}
    return httpx.post(
        f"{sandbox.url}/{tenant}/oauth2/v2.0/token",
        data=form,
        headers=headers,
        trust_env=False,
        verify=NO_TLS,
    )


class Graph:
    def __init__(self, sandbox: SandboxServer, tenant_id: str, client_id: str, secret: str) -> None:
        self.sandbox = sandbox
        self.tenant_id = tenant_id
        self.client_id = client_id
        self.secret = secret
        self.http = httpx.Client(base_url=sandbox.url, trust_env=False, verify=NO_TLS, timeout=10)
        self.renew()

    @classmethod
    def in_new_tenant(
        cls, sandbox: SandboxServer, tenant: str, *, permissions: list[str] | None = None, **settings: Any
    ) -> Self:
        """Register an app, make a tenant that consented to it, and sign in."""
        granted = list(app_roles()) if permissions is None else permissions
        app = sandbox.control.add_app(permissions=granted)
        made = sandbox.control.add_tenant(tenant, client_id=app["client_id"], **settings)
        return cls(sandbox, made["tenant_id"], app["client_id"], app["client_secret"])

    def renew(self) -> None:
        answer = token_request(self.sandbox, self.tenant_id, self.client_id, self.secret)
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.send("GET", path, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith(("http", "/_", "/beta")) else f"/v1.0{path}"
        return self.http.request(method, url, json=body, headers=named)

    def pages(self, path: str, **headers: str) -> list[JSON]:
        """Every page from `path` on, nextLinks followed as they are."""
        found = []
        link: str | None = path
        while link is not None:
            answer = self.get(link, **headers)
            assert answer.status_code == 200, answer.text
            found.append(answer.json())
            link = found[-1].get("@odata.nextLink")
        return found

    def objects(self, path: str, **headers: str) -> list[JSON]:
        return [item for page in self.pages(path, **headers) for item in page["value"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.close()


def error_of(answer: httpx.Response) -> JSON:
    error: JSON = answer.json()["error"]
    return error
