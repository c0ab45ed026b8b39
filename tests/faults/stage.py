"""A real Celery worker against the test database, and a broker and a provider that a test may break."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from django.db import connection
from psycopg import sql

from operations import identity
from operations.models import OperationRun
from providers.sandbox.testing import SandboxServer
from tenantpilot.quickstart.servers import EmbeddedValkey

LEASE = 4.0
QUICKLY = {
    "TENANTPILOT_LEASE_SECONDS": str(LEASE),
    "TENANTPILOT_SELF_FENCE_SECONDS": "2.5",
    "TENANTPILOT_HEARTBEAT_SECONDS": "0.5",
    "TENANTPILOT_REAPER_SECONDS": "0.5",
    "TENANTPILOT_RELAY_SECONDS": "0.3",
    "TENANTPILOT_RETRY_BASE_SECONDS": "0.2",
    "TENANTPILOT_PROCESS": "worker",
    "REMAP_SIGTERM": "SIGQUIT",
}


def wait_for(condition: Callable[[], object], seconds: float, words: str = "") -> float:
    """Wait until ``condition`` holds; returns the seconds it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"{words or 'It'} did not happen within {seconds} s"
        time.sleep(0.05)
    return time.monotonic() - began


def row(run_id: int) -> OperationRun:
    return OperationRun.objects.get(pk=run_id)


def kinds(run_id: int) -> list[str]:
    return list(row(run_id).events.order_by("seq").values_list("kind", flat=True))


def ended(run_id: int) -> bool:
    return row(run_id).status == "completed"


def working(run_id: int) -> bool:
    """Whether the run was claimed and has met the provider."""
    return row(run_id).status == "running" and "stage" in kinds(run_id)


def database_url() -> str:
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    return f"{server}/{connection.settings_dict['NAME']}"


@dataclass
class Worker:
    """One ``celery worker`` with two children, in a process group of its own."""

    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    page: int = 0

    def start(self) -> "Worker":
        command = [
            sys.executable, "-m", "celery", "-A", "tenantpilot", "worker", "--pool", "prefork", "--concurrency", "2",
            "--without-gossip", "--without-mingle", "--loglevel", "INFO",
        ]  # fmt: skip
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command, env=self.environment, stdout=out, stderr=out, start_new_session=True
            )
        return self

    def ready(self) -> "Worker":
        wait_for(lambda: " ready." in self.words(), 60, f"A worker's start ({self.log})")
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.pid).children()]

    def child_of(self, run_id: int) -> int:
        """The process that works on the run."""
        return identity.process_id(row(run_id).claimed_by)

    def terminate(self, seconds: float = 40) -> int:
        """Ask it to end as the supervisor does, and wait for it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=seconds)

    def kill(self) -> None:
        """Main process and children at once, as a power cut would."""
        if self.process is None:
            return
        # The children are of its group, also those that a killed main process left behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait(timeout=10)
        self.process = None

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def words(self) -> str:
        """What it logged since the page was turned."""
        return self.log.read_text(errors="replace")[self.page :]

    def turn_page(self) -> None:
        self.page = len(self.log.read_text(errors="replace"))


def worker_environment(broker_url: str, provider: SandboxServer) -> dict[str, str]:
    mapped = ",".join(f"{published}={address}" for published, address in provider.host_map.items())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return kept | QUICKLY | {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": broker_url,
        "GRAPH_HOST_MAP": mapped,
    }  # fmt: skip


def pause(valkey: EmbeddedValkey) -> None:
    os.kill(int(valkey.pid_file.read_text().split()[0]), signal.SIGSTOP)


def resume(valkey: EmbeddedValkey) -> None:
    os.kill(int(valkey.pid_file.read_text().split()[0]), signal.SIGCONT)


def end_database_sessions() -> None:
    """Every session of the test database but this one's, as a restart of the server ends them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def database_away(away: bool) -> None:
    """Refuse new sessions, or take them again; this one goes on."""
    name = sql.Identifier(connection.settings_dict["NAME"])
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as other:
        other.execute(
            sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}").format(name, sql.Literal(not away))
        )
