"""The real thing for tests: web, worker, beat and sandbox under the supervisor, as ``make run`` starts them.

Database and broker are those that the test run has started (``tests/servers.py``), each stack with a database and a
broker number of its own. Lease and sweep times are short, the sandbox answers quickly.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import psutil
import psycopg
from psycopg import sql

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.home import PROJECT

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
START_SECONDS = 150
_DATA = json.loads((PROJECT / "tenantpilot" / "quickstart" / "demo_data.json").read_text())
DEMO = {
    "contoso": 1500,
    "renewed_secret": next(
        app["renewed_secret"] for app in _DATA["app_registrations"] if app["key"] == "tailspin"
    ),
}
QUICK = {
    "TENANTPILOT_LEASE_SECONDS": "6",
    "TENANTPILOT_SELF_FENCE_SECONDS": "4",
    "TENANTPILOT_HEARTBEAT_SECONDS": "1",
    "TENANTPILOT_REAPER_SECONDS": "1",
    "TENANTPILOT_RELAY_SECONDS": "0.3",
    "TENANTPILOT_RETRY_BASE_SECONDS": "1",
    "SANDBOX_DELAY_MS": "30",
    "SANDBOX_SCALE": f"contoso={DEMO['contoso']},fabrikam=300,litware=60,northwind=60,tailspin=60,woodgrove=60",
}


class Stack:
    """One running console with the demo in it."""

    def __init__(self, home: Path, *, name: str, broker_number: int) -> None:
        self.home = home
        self.name = name
        self.database_url = _with_path(os.environ["DATABASE_URL"], f"stack_{name}")
        self.redis_url = _with_path(os.environ["REDIS_URL"], str(broker_number))
        self.address = self.sandbox_url = ""
        self.terminal = home.parent / f"{name}.txt"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and return once the demo's first checks have ended."""
        self._make_database()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        own = {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "TENANTPILOT_HOME": str(self.home),
            "PORT": "0",
            "SANDBOX_PORT": "0",
        }
        with self.terminal.open("wb") as terminal:
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "tenantpilot.quickstart", "run"], cwd=PROJECT,
                env={**inherited, **QUICK, **own}, stdin=subprocess.DEVNULL,
                stdout=terminal, stderr=terminal,
            )  # fmt: skip
        eventually(lambda: "Ctrl-C ends" in self.told() or process.poll() is not None, seconds=START_SECONDS)
        told = re.search(r"Console +(http://\S+)/[\s\S]*Sandbox +(http://\S+)/", self.told())
        assert told, self.told()
        self.address, self.sandbox_url = told.groups()
        eventually(
            lambda: not self.rows("SELECT 1 FROM operations_operationrun WHERE outcome IS NULL"), seconds=60
        )

    def stop(self) -> None:
        """End it all at once: nothing in it is worth a soft landing."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(40)
        processes.kill([one for one in psutil.process_iter() if processes.belongs(one, self.home)])

    def told(self) -> str:
        return self.terminal.read_text()

    def pid(self, name: str) -> int:
        """The process id of web, worker, beat or sandbox."""
        return int((self.home / "run" / f"{name}.pid").read_text())

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What the database answers to one query."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def sandbox(self, command: str, **arguments: Any) -> Any:
        """What the command line of the sandbox would get (``providers.sandbox.ctl``)."""
        answer = httpx.post(f"{self.sandbox_url}/_sandbox/api/{command}", json=arguments, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    @contextmanager
    def held(self, tenant: str, **conditions: Any) -> Iterator[None]:
        """Keep back what the tenant answers until the block ends: what asks it is at work for as long.

        ``conditions`` are those of the sandbox's failure scripts. One request is held for 30 s at most, then the
        client gives up and asks again.
        """
        self.sandbox("fault", kind="hold", tenant=tenant, **conditions)
        try:
            yield
        finally:
            self.sandbox("clear_faults")

    def connection_id(self, slug: str) -> int:
        """The id of the tenant's default connection."""
        query = (
            "SELECT c.id FROM providers_providerconnection c JOIN tenancy_tenant t ON t.id = c.tenant_id "
            "WHERE t.slug = %s AND c.is_default"
        )
        return int(self.rows(query, slug)[0][0])

    def _make_database(self) -> None:
        database = sql.Identifier(f"stack_{self.name}")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(database))


@contextmanager
def running_stack(folder: Path, *, name: str, broker_number: int) -> Iterator[Stack]:
    """A stack that runs until the block ends."""
    stack = Stack(folder / "home", name=name, broker_number=broker_number)
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


def eventually(true: Callable[[], Any], *, seconds: float = 30, every: float = 0.1) -> Any:
    """Return the first true answer. Fails when there is none within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (answer := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)
    return answer


def _with_path(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{path}"))
