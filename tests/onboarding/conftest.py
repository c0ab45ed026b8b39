"""A customer on the way in, with the Graph sandbox as Microsoft."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from onboarding.models import OnboardingSession
from operations import execution
from operations.models import OperationRun
from providers import sessions
from providers.models import AppRegistration
from providers.sandbox.control import Control
from providers.sandbox.testing import SandboxServer
from tenantpilot.tenancy.models import User
from tests import factories
from tests.conftest import World
from tests.console.rows import signed_in


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    with SandboxServer(scenario="demo", scale={"alpine": 40}) as server:
        yield server


@pytest.fixture
def sandbox(sandbox_server: SandboxServer, settings: Settings, redis_url: str) -> Iterator[Control]:
    """The demo's sandbox as this process's Microsoft, back to its start after each test."""
    settings.GRAPH_HOST_MAP = sandbox_server.host_map
    settings.RUN_RETRY_BASE = 0
    sessions.transport.cache_clear()
    sessions.tokens.cache_clear()
    yield sandbox_server.control
    sandbox_server.control.reset()
    sessions.transport().close()
    sessions.transport.cache_clear()
    sessions.tokens.cache_clear()


@dataclass
class Wizard:
    """One person's way through an onboarding, as a browser without script takes it."""

    sandbox: Control
    client: Client
    person: User
    app: AppRegistration
    pk: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"/admin/onboarding/{self.pk}"

    @property
    def session(self) -> OnboardingSession:
        return OnboardingSession.objects.select_related("tenant", "connection").get(pk=self.pk)

    def begin(self) -> HttpResponse:
        answer = self.client.post("/admin/onboarding", {"workspace": self.app.workspace.slug})
        self.pk = int(answer["Location"].rpartition("/")[2])
        return answer

    def act(self, name: str, /, **sent: Any) -> HttpResponse:
        """Send a form of the wizard as the page that is shown now would."""
        version = sent.pop("version", self.session.version)
        return self.client.post(self.url, {"act": name, "version": version, **sent})

    def page(self, step: str = "") -> HttpResponse:
        return self.client.get(f"{self.url}?step={step}" if step else self.url)

    def step(self) -> str:
        """The step that is next."""
        return str(self.page().context["step"])

    def identify(self, name: str = "alpine.example") -> None:
        self.begin()
        self.act("identify", name=name, cloud="global")
        self.act("add_tenant")

    def ask(self) -> None:
        """Through the workspace's app registration, as far as waiting for consent."""
        self.identify()
        self.act("use_app", app_registration=self.app.pk)

    def connect(self) -> None:
        self.ask()
        self.sandbox.consent("alpine")
        self.look()

    def look(self) -> HttpResponse:
        """What the page asks every few seconds."""
        OnboardingSession.objects.filter(pk=self.pk).update(tried_at=None)
        return self.client.post(f"{self.url}/consent", headers={"HX-Request": "true"})

    def start_check(self, **sent: Any) -> HttpResponse:
        return self.client.post(
            f"{self.url}/provider-actions/provider.connection.check/start", {"step": "verify", **sent}
        )

    def verify(self) -> None:
        self.connect()
        self.start_check()
        self.work()

    def work(self) -> OperationRun:
        """Carry out what was queued last, retries included."""
        run = OperationRun.objects.latest("id")
        for _ in range(4):
            OperationRun.objects.filter(pk=run.pk, status="queued").update(not_before=timezone.now())
            execution.execute(run.pk)
        run.refresh_from_db()
        return run

    def lines(self) -> dict[str, str]:
        """The state of each check."""
        return {line["key"]: line["state"] for line in self.page("verify").context["lines"]}


@pytest.fixture
def shared_app(world: World, sandbox: Control) -> AppRegistration:
    """The workspace's app registration, which the sandbox knows."""
    client_id = sandbox.tenant("alpine")["client_id"]
    secret = sandbox.add_secret("alpine")
    return factories.make_app(world.workspace, world.owner, client_id=client_id, secret=secret)


@pytest.fixture
def wizard(world: World, sandbox: Control, shared_app: AppRegistration) -> Wizard:
    return Wizard(sandbox, signed_in(world.manager), world.manager, shared_app)
