"""The embedded servers: found again, cleared up, never a stranger's process."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.embedded import EmbeddedServer
from tenantpilot.quickstart.home import PROJECT
from tenantpilot.quickstart.servers import EmbeddedPostgres, EmbeddedValkey

START_AND_DIE = """
import os, sys
from tenantpilot.quickstart.servers import EmbeddedPostgres
print(EmbeddedPostgres(sys.argv[1], fast=True, die_with_parent=sys.argv[2] == "yes").start(), flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def postgres(home: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(home, fast=True, die_with_parent=True)
    yield server
    server.stop()


@pytest.fixture
def valkey(home: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(home, die_with_parent=True)
    yield server
    server.stop()


def pid_of(server: EmbeddedServer) -> int:
    return int(server.pid_file.read_text())


def start_from_a_process_that_is_killed(home: Path, *, die_with_parent: str) -> None:
    owner = subprocess.run(
        [sys.executable, "-c", START_AND_DIE, str(home), die_with_parent],
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    assert owner.returncode == -signal.SIGKILL, owner.stderr


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_second_start_adopts_the_running_server(postgres: EmbeddedPostgres, home: Path) -> None:
    url = postgres.start()
    pid = pid_of(postgres)
    assert EmbeddedPostgres(home, fast=True).start() == url
    assert pid_of(postgres) == pid


def test_a_server_whose_owner_was_killed_is_adopted(postgres: EmbeddedPostgres, home: Path) -> None:
    start_from_a_process_that_is_killed(home, die_with_parent="no")
    pid = pid_of(postgres)
    postgres.start()
    assert pid_of(postgres) == pid


def test_a_server_that_shall_die_with_its_owner_does(postgres: EmbeddedPostgres, home: Path) -> None:
    start_from_a_process_that_is_killed(home, die_with_parent="yes")
    pid = pid_of(postgres)
    deadline = time.monotonic() + 10
    while not gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(pid)


def test_data_survives_a_crash_of_the_server(home: Path) -> None:
    durable = EmbeddedPostgres(home, die_with_parent=True)
    with psycopg.connect(durable.start(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    durable.kill()
    with psycopg.connect(durable.start()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    durable.stop()


def test_a_start_clears_away_sessions_that_outlived_the_main_process(postgres: EmbeddedPostgres) -> None:
    connection = psycopg.connect(postgres.start())
    session = connection.info.backend_pid
    os.kill(session, signal.SIGSTOP)  # it cannot notice the end of the main process
    os.kill(pid_of(postgres), signal.SIGKILL)
    postgres.start()
    assert gone(session)
    connection.close()


def test_stop_leaves_no_process(postgres: EmbeddedPostgres, home: Path) -> None:
    postgres.start()
    pid = pid_of(postgres)
    postgres.stop()
    assert gone(pid)
    assert not [one for one in psutil.process_iter() if processes.belongs(one, home)]


def test_a_reused_process_id_is_left_alone(valkey: EmbeddedValkey) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        valkey.folder.mkdir(parents=True)
        valkey.pid_file.write_text(f"{stranger.pid}\n")
        valkey.start()
        valkey.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_nobody_else_can_read_a_password(valkey: EmbeddedValkey) -> None:
    valkey.start()
    for name in ("access.json", "valkey.conf"):
        assert stat.S_IMODE((valkey.folder / name).stat().st_mode) == 0o600
    command_line = " ".join(psutil.Process(pid_of(valkey)).cmdline())
    password = valkey.url.split(":")[2].split("@")[0]
    assert password not in command_line
    assert password not in repr(valkey.__dict__)


def test_valkey_refuses_writes_rather_than_forget_a_message(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.start()) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_a_server_takes_another_port_when_its_own_was_taken(valkey: EmbeddedValkey) -> None:
    before = valkey.start()
    valkey.stop()
    with socket.create_server(("127.0.0.1", int(before.split(":")[3].split("/")[0]))):
        assert valkey.start() != before
