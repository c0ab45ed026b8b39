"""200 clients click the same thing at once: through the gate, and over HTTP through the real server.

python -m bench.hot_scope [--clients 200] [--rounds 5]
"""

import argparse
import collections
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.common import machine, p, servers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with servers():
        _measure(options.clients, options.rounds)


def _measure(clients: int, rounds: int) -> None:
    from bench.world import Scopes

    scopes = Scopes(rounds * 2 + 2)
    _through_the_gate(scopes, clients, rounds)
    _over_http(scopes, clients, rounds)


def _at_once(
    work: Callable[[int], str], clients: int, ready: Callable[[], object] = int
) -> tuple[collections.Counter[str], list[float]]:
    """Let every client begin at the same instant; return the answers and how long each took in ms."""
    gun = threading.Barrier(clients)
    answers: collections.Counter[str] = collections.Counter()
    took: list[float] = []

    def client(number: int) -> None:
        ready()
        gun.wait()
        began = time.perf_counter()
        answer = work(number)
        took.append((time.perf_counter() - began) * 1000)
        answers[answer] += 1

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, took


def _tell(title: str, answers: collections.Counter[str], took: list[float]) -> None:
    print(f"{title} ({machine()}): {dict(answers)}; p50 {p(took, 50):.0f} ms, p99 {p(took, 99):.0f} ms")


def _through_the_gate(scopes: object, clients: int, rounds: int) -> None:
    from django.db import connection

    from bench.world import Scopes
    from operations import gate

    assert isinstance(scopes, Scopes)
    total, took = collections.Counter[str](), []
    for _ in range(rounds):
        request = scopes.fresh()

        def click(_: int, request: gate.Start = request) -> str:
            try:
                return str(gate.start(request).status)
            finally:
                connection.close()

        answers, times = _at_once(click, clients, connection.ensure_connection)
        total += answers
        took += times
    _tell(f"Gate, {clients} threads with a database connection each, {rounds} rounds", total, took)


def _over_http(scopes: object, clients: int, rounds: int) -> None:
    import httpx
    from django.test import Client

    from bench.world import CHECK, Scopes

    assert isinstance(scopes, Scopes)
    browser = Client()
    browser.force_login(scopes.world.owner)
    browser.get("/admin/tenants")
    cookies = {name: morsel.value for name, morsel in browser.cookies.items()}
    headers = {
        "Accept": "application/vnd.tenantpilot.provider-start-outcome+json",
        "X-CSRFToken": cookies.get("csrftoken", ""),
    }
    total, took = collections.Counter[str](), []
    with _server() as address:
        sessions = [httpx.Client(cookies=cookies, headers=headers, timeout=30) for _ in range(clients)]
        for session in sessions:
            session.get(f"{address}/livez")
        for _ in range(rounds):
            url = f"{address}/admin/provider-connections/{next(scopes.ids)}/actions/{CHECK}/start"

            def click(number: int, url: str = url) -> str:
                answer = sessions[number].post(url)
                return answer.json().get("status", str(answer.status_code))

            answers, times = _at_once(click, clients)
            total += answers
            took += times
    _tell(f"HTTP, {clients} clients, {rounds} rounds", total, took)


@contextmanager
def _server() -> Iterator[str]:
    """The real server with two workers, as ``make run`` starts it."""
    import httpx

    port = "8977"
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", port),
        *(
            "--workers",
            "2",
            "--blocking-threads",
            "1",
            "--log-level",
            "error",
            "tenantpilot.wsgi:application",
        ),
    ]
    process = subprocess.Popen(command, env=os.environ | {"TENANTPILOT_PROCESS": "web"})
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                httpx.get(f"{address}/livez")
                break
            except httpx.TransportError:
                time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
