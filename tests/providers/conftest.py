"""Operations run here as a worker runs them: through the gate, against the Graph sandbox over HTTP."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import QuerySet
from django.utils import timezone
from pytest_django import DjangoDbBlocker, Settings

from operations import execution
from operations.choices import ExecutionStatus, StartStatus
from operations.models import OperationRun
from operations.outcomes import StartOutcome
from providers import sessions
from providers.graph.client import GraphClient
from providers.graph.retry import RetryPolicy
from providers.models import DirectoryCollection, DirectoryGroup, ProviderConnection
from providers.sandbox.control import Control
from providers.sandbox.testing import SandboxServer
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant, User
from tests import factories
from tests.emptying import empty_tables

QUICK = RetryPolicy(tries=2, throttled_tries=2, base=0.01, cap=0.02, total_wait=1.0)
_numbers = itertools.count(1)


@dataclass
class Live:
    """A tenant that lives in the sandbox, connected and checked, with an operator who starts things on it."""

    sandbox: Control
    slug: str
    tenant: Tenant
    connection: ProviderConnection
    operator: User
    client_id: str
    secret: str

    def start(self, name: str, **data: Any) -> StartOutcome:
        return factories.start(name, self.tenant, self.operator, **data)

    def run(self, name: str, **data: Any) -> OperationRun:
        """Start the operation and work on it to its end, further attempts included."""
        outcome = self.start(name, **data)
        assert outcome.status is StartStatus.ACCEPTED, outcome
        assert outcome.run is not None
        return self.work(outcome.run.id)

    def work(self, run_id: int) -> OperationRun:
        """Work on an accepted run to its end, without the waits between its attempts."""
        for _ in range(5):
            OperationRun.objects.filter(pk=run_id, status="queued").update(
                not_before=timezone.now() - timedelta(seconds=1)
            )
            execution.execute(run_id)
            run = OperationRun.objects.get(pk=run_id)
            if run.status == ExecutionStatus.COMPLETED:
                return run
        raise AssertionError("The run does not end.")

    def check(self) -> OperationRun:
        return self.run("provider.connection.check")

    def sync(self, **data: Any) -> OperationRun:
        return self.run("directory.groups.sync", **data)

    def fail(self, path: str, **conditions: Any) -> None:
        """Let requests to ``path`` of this tenant fail."""
        self.sandbox.fault(tenant=self.slug, path=path, **conditions)

    def heal(self) -> None:
        self.sandbox.clear_faults()

    def collection(self, kind: str = "groups", key: str = "all_groups_v1") -> DirectoryCollection:
        return DirectoryCollection.objects.get(tenant=self.tenant, kind=kind, selection_key=key)

    def groups(self, key: str = "all_groups_v1") -> QuerySet[DirectoryGroup]:
        return DirectoryGroup.objects.filter(collection__tenant=self.tenant, collection__selection_key=key)

    def group(self, object_id: str, key: str = "all_groups_v1") -> DirectoryGroup:
        return self.groups(key).get(object_id=object_id)

    def present(self, key: str = "all_groups_v1") -> int:
        return self.groups(key).filter(gone_at=None).count()

    def facts(self) -> ProviderConnection:
        self.connection.refresh_from_db()
        return self.connection


@pytest.fixture(scope="session")
def sandbox_server() -> Iterator[SandboxServer]:
    with SandboxServer() as server:
        yield server


@pytest.fixture
def sandbox(
    sandbox_server: SandboxServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> Iterator[Control]:
    """The sandbox as this process's Microsoft, with short waits between the tries of one request."""
    settings.GRAPH_HOST_MAP = sandbox_server.host_map
    settings.RUN_RETRY_BASE = 0
    monkeypatch.setattr(sessions, "GraphClient", partial(GraphClient, retry=QUICK))
    sessions.transport.cache_clear()
    sessions.tokens.cache_clear()
    yield sandbox_server.control
    sandbox_server.control.clear_faults()
    sessions.transport().close()
    sessions.transport.cache_clear()
    sessions.tokens.cache_clear()


@pytest.fixture(scope="module")
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Real commits, as the gate and the heartbeat need them; emptied once per module, since that takes longest."""
    with django_db_blocker.unblock():
        yield
        empty_tables()


@pytest.fixture
def transactional_db(committed: None) -> None:
    """Here each test has a workspace of its own instead of empty tables, and none sees another's rows."""


@pytest.fixture
def live(transactional_db: None, sandbox: Control) -> Live:
    """A tenant with 120 groups in pages of 50, so that a read takes three."""
    return make_live(sandbox)


def new_slug(prefix: str) -> str:
    """A slug that no other tenant has; a test meets the same objects whatever ran before it.

    The sandbox picks a tenant's samples by the sum of its slug's bytes. Each digit has its complement here,
    so that the sum is one for all of a prefix.
    """
    digits = f"{next(_numbers):04d}"
    return f"{prefix}-{digits}-{''.join(str(9 - int(digit)) for digit in digits)}"


def make_live(sandbox: Control, *, ready: bool = True, **conditions: Any) -> Live:
    slug = new_slug("live")
    app = sandbox.add_app()
    sizes = {"groups": 120, "page_size": 50, "delta_page_size": 50}
    there = sandbox.add_tenant(slug, client_id=app["client_id"], **(sizes | conditions))
    workspace = factories.make_workspace()
    manager = factories.make_member(workspace, Role.MANAGER)
    tenant = factories.make_tenant(workspace, slug, entra_tenant_id=there["tenant_id"])
    registration = factories.make_app(
        workspace, manager, client_id=app["client_id"], secret=app["client_secret"]
    )
    connection = factories.make_connection(tenant, manager, app=registration, ready=ready)
    operator = factories.make_member(workspace, Role.OPERATOR)
    return Live(sandbox, slug, tenant, connection, operator, app["client_id"], app["client_secret"])
