from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from operations.choices import Access
from tests.conftest import World
from tests.factories import start
from tests.operations import probes


@pytest.fixture(autouse=True)
def types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two reads and a write on every connection."""
    probes.declare(monkeypatch, probes.READ)
    probes.declare(monkeypatch, probes.OTHER)
    probes.declare(monkeypatch, probes.WRITE, access=Access.WRITE)


@pytest.fixture
def queue(redis_url: str) -> Iterator[redis.Redis]:
    """The broker, emptied: ``queue.llen("runs")`` counts messages."""
    client = redis.Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.fixture
def run_id(world: World) -> int:
    """A read that was just accepted."""
    outcome = start(probes.READ, world.tenant, world.operator)
    assert outcome.run is not None
    return outcome.run.id


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """``together(call, count)`` calls on as many threads at once and returns what each returned."""

    def run(call: Callable[[int], Any], count: int) -> list[Any]:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(call, range(count)))

    return run
