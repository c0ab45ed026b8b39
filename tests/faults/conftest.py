from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from pytest_django import Settings

from operations import broker
from providers.sandbox.testing import SandboxServer
from tenantpilot.quickstart.servers import EmbeddedValkey
from tests.faults.stage import Worker, worker_environment
from tests.providers.conftest import Live, make_live


@pytest.fixture(scope="session")
def provider() -> Iterator[SandboxServer]:
    """A provider that takes its time, so that a run lasts some seconds."""
    with SandboxServer(delay_ms=200) as server:
        yield server


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    home = tmp_path_factory.mktemp("broker")
    server = EmbeddedValkey(home, die_with_parent=True)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def valkey(own_valkey: EmbeddedValkey, settings: Settings) -> Iterator[EmbeddedValkey]:
    """A broker that a test may stop, pause and empty."""
    settings.CELERY_BROKER_URL = own_valkey.start()
    broker.reset()
    yield own_valkey
    broker.reset()


@pytest.fixture
def queue(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(valkey.url)
    yield client
    client.close()


@pytest.fixture
def live(transactional_db: None, provider: SandboxServer) -> Live:
    """A tenant whose groups take some seconds to read."""
    return make_live(provider.control, groups=400)


@pytest.fixture(scope="module")
def crew(
    django_db_setup: None,
    own_valkey: EmbeddedValkey,
    provider: SandboxServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], Worker]]:
    """Each call is another worker; none outlives the module."""
    logs, made = tmp_path_factory.mktemp("workers"), list[Worker]()

    def hire() -> Worker:
        environment = worker_environment(own_valkey.url, provider)
        made.append(Worker(environment, Path(logs / f"worker-{len(made)}.log")))
        return made[-1].start()

    yield hire
    for worker in made:
        worker.kill()


@pytest.fixture(scope="module")
def veterans() -> list[Worker]:
    return []


@pytest.fixture
def worker(valkey: EmbeddedValkey, crew: Callable[[], Worker], veterans: list[Worker]) -> Worker:
    """The worker that the last test left, where it lives; starting one takes longest."""
    if not veterans or not veterans[0].alive():
        veterans[:] = [crew().ready()]
    veterans[0].turn_page()
    return veterans[0]


@pytest.fixture
def make_worker(
    valkey: EmbeddedValkey, crew: Callable[[], Worker], veterans: list[Worker]
) -> Callable[[], Worker]:
    """Another worker; the next test takes it over."""

    def make() -> Worker:
        veterans[:] = [crew()]
        return veterans[0]

    return make


@pytest.fixture
def no_worker(valkey: EmbeddedValkey, veterans: list[Worker]) -> None:
    """Nobody works until the test starts somebody."""
    for worker in veterans:
        worker.kill()
    veterans.clear()
