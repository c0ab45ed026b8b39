"""Pytest plugin: PostgreSQL and Valkey for the whole run, started before Django reads its settings.

The controller starts them once; parallel workers inherit the addresses, each with a database and a broker number of
its own. DATABASE_URL and REDIS_URL name servers of your own instead.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tenantpilot.quickstart.servers import EmbeddedPostgres, EmbeddedValkey

_THROWN_AWAY = "TESTS_SERVER_IS_THROWN_AWAY"
_started: list[EmbeddedPostgres | EmbeddedValkey] = []
_home = ""


def _start() -> None:
    global _home
    if os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"):
        return
    _home = tempfile.mkdtemp(prefix="tenantpilot-tests-")
    Path(_home).chmod(0o755)
    postgres = EmbeddedPostgres(Path(_home), fast=True, die_with_parent=True)
    valkey = EmbeddedValkey(Path(_home), die_with_parent=True)
    _started.extend([postgres, valkey])
    os.environ["DATABASE_URL"] = postgres.start()
    os.environ[_THROWN_AWAY] = "1"
    os.environ["REDIS_URL"] = valkey.start()


def _own_broker_number() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker.startswith("gw"):
        base = os.environ["REDIS_URL"].rstrip("/")
        base = base.rpartition("/")[0] if base.rpartition("/")[2].isdigit() else base
        os.environ["REDIS_URL"] = f"{base}/{int(worker[2:]) + 1}"


_start()
_own_broker_number()


def pytest_configure(config: pytest.Config) -> None:
    # Dropping a database removes a file for each table that was ever rewritten: a minute for what goes with its server.
    if os.environ.get(_THROWN_AWAY):
        config.option.reuse_db = True


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    for server in reversed(_started):
        server.kill()
    if _home:
        shutil.rmtree(_home, ignore_errors=True)
