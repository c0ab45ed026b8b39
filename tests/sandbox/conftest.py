from collections.abc import Iterator

import pytest

from providers.sandbox.testing import SandboxServer
from tests.sandbox.client import Graph
from tests.sandbox.inprocess import Direct


@pytest.fixture(scope="session")
def server() -> Iterator[SandboxServer]:
    with SandboxServer() as running:
        yield running


@pytest.fixture
def sandbox(server: SandboxServer) -> SandboxServer:
    """A blank sandbox: what earlier tests did is gone."""
    server.control.reset()
    return server


@pytest.fixture
def graph(sandbox: SandboxServer) -> Iterator[Graph]:
    """A client with every permission in tenant `contoso` of 250 groups."""
    with Graph.in_new_tenant(sandbox, "contoso", groups=250) as client:
        yield client


@pytest.fixture(scope="session")
def demo_server() -> Iterator[SandboxServer]:
    with SandboxServer(scenario="demo", scale={"contoso": 250, "fabrikam": 1500}) as running:
        yield running


@pytest.fixture
def demo(demo_server: SandboxServer) -> SandboxServer:
    demo_server.control.reset()
    return demo_server


@pytest.fixture
def tenant() -> Direct:
    """A tenant of its own with three objects of each type, asked without sockets."""
    return Direct.tenant_of(policies=3)
