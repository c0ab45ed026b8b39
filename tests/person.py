"""A signed-in person over HTTP, as an API client or a plain browser would be one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from tenantpilot.quickstart.people import PASSWORD
from tests.stack import Stack, eventually

OUTCOME = "application/vnd.tenantpilot.provider-start-outcome+json"
RUN = "application/vnd.tenantpilot.provider-backed-run-detail+json"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
Data = dict[str, Any]


class Person:
    """A member of the demo with a session; redirects are not followed."""

    def __init__(self, stack: Stack, username: str, client: httpx.Client) -> None:
        self.stack = stack
        self.username = username
        self.client = client

    def sign_in(self) -> None:
        """Sign in through the form. Fails unless it leads to the console."""
        token = _TOKEN.search(self.client.get("/admin/login/").text)
        assert token is not None
        form = {"username": self.username, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
        answer = self.client.post("/admin/login/", data=form)
        assert answer.status_code == 302, answer.text

    @property
    def headers(self) -> dict[str, str]:
        """The headers that make the session good for a POST."""
        return {"X-CSRFToken": self.client.cookies["csrftoken"], "Referer": self.stack.address}

    def get(self, path: str, accept: str = "text/html") -> httpx.Response:
        return self.client.get(path, headers={"Accept": accept})

    def post(self, path: str, *, accept: str = "text/html", **more: Any) -> httpx.Response:
        return self.client.post(path, headers={"Accept": accept, **self.headers}, **more)

    def start(self, tenant: str, operation: str, **body: Any) -> Data:
        """The outcome of a start on a tenant, as JSON."""
        answer = self.post(f"/admin/t/{tenant}/provider-actions/{operation}/start", accept=OUTCOME, json=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == OUTCOME
        return dict(answer.json())

    def run(self, outcome: Data) -> Data:
        """The detail of the run that an outcome names, as JSON."""
        answer = self.get(outcome["run"]["url"], accept=RUN)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ended(self, outcome: Data, *, seconds: float = 60) -> Data:
        """The same once the run has ended."""

        def look() -> Data | None:
            run = self.run(outcome)
            return run if run["executionStatus"] == "completed" else None

        return dict(eventually(look, seconds=seconds, every=0.2))


@contextmanager
def signed_in(stack: Stack, username: str) -> Iterator[Person]:
    with httpx.Client(base_url=stack.address, timeout=20) as client:
        person = Person(stack, username, client)
        person.sign_in()
        yield person
