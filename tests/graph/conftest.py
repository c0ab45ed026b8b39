from collections.abc import Callable, Iterator

import pytest

from providers.graph.auth import TokenSource
from providers.graph.client import GraphClient
from providers.graph.clouds import Cloud
from providers.graph.credentials import AppIdentity, ClientSecret
from providers.graph.retry import RetryPolicy
from providers.graph.transport import Transport
from tests.graph.provider import Provider

SECRET = "s3cret~value.that-nobody+may/see"
QUICK = RetryPolicy(tries=3, throttled_tries=4, base=0.01, cap=0.05, total_wait=2.0)


@pytest.fixture
def provider() -> Iterator[Provider]:
    server = Provider()
    yield server
    server.stop()


@pytest.fixture
def transport(provider: Provider) -> Iterator[Transport]:
    opened = Transport(provider.host_map, connect_timeout=1, read_timeout=1)
    yield opened
    opened.close()


@pytest.fixture
def identity() -> AppIdentity:
    return AppIdentity(Cloud.GLOBAL, "contoso.example", "app-1", ClientSecret(SECRET), "conn:1:v1")


@pytest.fixture
def tokens(transport: Transport) -> TokenSource:
    return TokenSource(transport)


@pytest.fixture
def make_client(
    identity: AppIdentity, transport: Transport, tokens: TokenSource
) -> Callable[..., GraphClient]:
    def make(**options: object) -> GraphClient:
        return GraphClient(identity, transport=transport, tokens=tokens, **{"retry": QUICK, **options})

    return make


@pytest.fixture
def client(make_client: Callable[..., GraphClient]) -> GraphClient:
    return make_client()
