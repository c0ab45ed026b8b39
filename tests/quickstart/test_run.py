"""``make run`` as a person has it: started, hurt, ended; nothing is left behind and nothing is lost."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.home import PROJECT
from tenantpilot.quickstart.servers import EmbeddedPostgres

OURS = (
    "TENANTPILOT_",
    "SANDBOX_",
    "DATABASE_URL",
    "REDIS_URL",
    "GRAPH_",
    "DJANGO_",
    "HOST",
    "PORT",
    "PYTEST_",
)


class Console:
    """One start of the quickstart in a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.output = home.parent / "terminal.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self, **more: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return {
            **inherited, "TENANTPILOT_HOME": str(self.home), "PORT": "0", "SANDBOX_PORT": "0",
            "SANDBOX_DELAY_MS": "0", "SANDBOX_SCALE": "0.02", **more,
        }  # fmt: skip

    def start(self) -> str:
        """Start, and return the console's address once it is told."""
        with self.output.open("wb") as terminal:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tenantpilot.quickstart", "run"],
                cwd=PROJECT, env=self.environment(), stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
            )  # fmt: skip
        process = self.process
        eventually(lambda: "Ctrl-C ends everything" in self.told() or process.poll() is not None, seconds=120)
        found = re.search(r"Console +(http://\S+)/", self.told())
        assert found, self.told()
        return found[1]

    def told(self) -> str:
        return self.output.read_text()

    def send(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def command(self, name: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "tenantpilot.quickstart", name],
            cwd=PROJECT, env=self.environment(**more), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=60,
        )  # fmt: skip

    def pid(self, name: str) -> int:
        return int((self.home / "run" / f"{name}.pid").read_text())

    def left(self) -> list[psutil.Process]:
        return [one for one in psutil.process_iter() if processes.belongs(one, self.home)]


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    started = Console(tmp_path / "home")
    yield started
    if started.process is not None and started.process.poll() is None:
        started.send(signal.SIGKILL)
    eventually(lambda: not started.left(), seconds=40)


def eventually(true: Callable[[], object], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def sign_in_page(address: str) -> str:
    with urllib.request.urlopen(f"{address}/admin/login/", timeout=10) as response:
        return response.read().decode()


def people(console: Console) -> int:
    with psycopg.connect(EmbeddedPostgres(console.home).url) as connection:
        row = connection.execute("SELECT count(*) FROM tenancy_user").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_console_recovers_from_kills_and_ends_without_a_trace(console: Console) -> None:
    address = console.start()
    assert "csrfmiddlewaretoken" in sign_in_page(address)
    assert people(console) == 5

    second = console.command("run")
    assert second.returncode == 1
    assert "TenantPilot already runs from" in second.stderr
    assert "Traceback" not in second.stderr

    worker = console.pid("worker")
    os.kill(worker, signal.SIGKILL)
    eventually(
        lambda: console.pid("worker") != worker and psutil.pid_exists(console.pid("worker")), seconds=20
    )
    eventually(lambda: "worker ended unexpectedly and was started again" in console.told(), seconds=20)

    console.send(signal.SIGKILL)
    sign_in_page(console.start())
    assert people(console) == 5
    assert console.send(signal.SIGINT) == 0
    assert console.left() == []

    sign_in_page(console.start())
    assert people(console) == 5
    assert console.send(signal.SIGHUP) == 0
    assert console.left() == []

    refused = console.command("reset")
    assert refused.returncode == 1
    assert "FORCE=1" in refused.stderr
    assert console.home.exists()
    assert console.command("reset", FORCE="1").returncode == 0
    assert not console.home.exists()


def test_reset_ends_what_a_killed_start_left_behind(console: Console) -> None:
    (console.home / "run").mkdir(parents=True)
    postgres = EmbeddedPostgres(console.home, fast=True)
    postgres.start()
    assert console.command("reset", FORCE="1").returncode == 0
    assert console.left() == []


def test_reset_removes_no_folder_that_it_did_not_make(console: Console) -> None:
    console.home.mkdir()
    (console.home / "precious.txt").write_text("mine")
    refused = console.command("reset", FORCE="1")
    assert refused.returncode == 1
    assert "was not made by make run" in refused.stderr
    assert (console.home / "precious.txt").exists()
