"""Two hundred clicks at once over HTTP, through the real server and the whole stack."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.db import connection
from django.test import Client

from operations.models import OperationRun
from tenantpilot.quickstart.embedded import free_port
from tenantpilot.tenancy.models import User
from tests.conftest import World

CLICKS = int(os.environ.get("RACE_CLICKS", "200"))
JSON = "application/vnd.tenantpilot.provider-start-outcome+json"
GROUPS, ROLES = "directory.groups.sync", "directory.role_definitions.sync"
TOKEN = "t" * 32
pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@dataclass(frozen=True)
class Answer:
    status: int
    outcome: str
    run: object
    seconds: float


@pytest.fixture
def address(transactional_db: None, redis_url: str) -> Iterator[str]:
    """The console served by granian with two workers, as ``make run`` serves it."""
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    environment = kept | {
        "DJANGO_SETTINGS_MODULE": "tenantpilot.settings_test",
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "REDIS_URL": redis_url,
        "TENANTPILOT_PROCESS": "web",
        "TENANTPILOT_LOG_LEVEL": "ERROR",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "2", "--blocking-threads", "1", "--no-ws", "tenantpilot.wsgi:application"],
        env=environment, start_new_session=True,
    )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_it_answers(url, process)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "The server ended."
        try:
            if httpx.get(f"{url}/livez", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("The server does not answer.")


def signed_in(person: User) -> dict[str, str]:
    """Cookies of a person who is signed in."""
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return {"sessionid": client.cookies["sessionid"].value, "csrftoken": TOKEN}


async def _click(client: httpx.AsyncClient, path: str, cookies: str, gun: asyncio.Event) -> Answer:
    await gun.wait()
    headers = {"Accept": JSON, "X-CSRFToken": TOKEN, "Cookie": cookies}
    began = time.perf_counter()
    response = await client.post(path, headers=headers)
    took = time.perf_counter() - began
    data = response.json() if response.status_code == 200 else {}
    return Answer(response.status_code, data.get("status", response.text[:200]), data.get("run"), took)


async def stampede(address: str, paths: list[str], people: list[dict[str, str]]) -> list[Answer]:
    gun = asyncio.Event()
    jars = ["; ".join(f"{name}={value}" for name, value in cookies.items()) for cookies in people]
    limits = httpx.Limits(max_connections=CLICKS, max_keepalive_connections=CLICKS)
    async with httpx.AsyncClient(base_url=address, limits=limits, timeout=60) as client:
        clicks = [
            asyncio.create_task(_click(client, paths[number % len(paths)], jars[number % len(jars)], gun))
            for number in range(CLICKS)
        ]
        await asyncio.sleep(0)
        gun.set()
        return list(await asyncio.gather(*clicks))


@pytest.mark.parametrize("names", [[GROUPS], [GROUPS, ROLES]], ids=["same operation", "mixed operations"])
def test_two_hundred_posts_at_once_make_one_run_and_no_error(
    world: World, address: str, names: list[str]
) -> None:
    people = [signed_in(person) for person in (world.operator, world.manager, world.owner)]
    paths = [f"/admin/t/{world.tenant.slug}/provider-actions/{name}/start" for name in names]
    answers = asyncio.run(stampede(address, paths, people))
    assert Counter(answer.status for answer in answers) == {200: CLICKS}, answers[0]
    run = OperationRun.objects.get()
    same = CLICKS if len(names) == 1 else CLICKS // 2
    expected = Counter(accepted=1, deduped=same - 1, scope_busy=CLICKS - same)
    assert Counter(answer.outcome for answer in answers) == expected
    assert all(answer.run and str(run.pk) in str(answer.run) for answer in answers)
    seconds = sorted(answer.seconds for answer in answers)
    print(f"p50 {seconds[CLICKS // 2] * 1000:.0f} ms, p99 {seconds[int(CLICKS * 0.99) - 1] * 1000:.0f} ms")
