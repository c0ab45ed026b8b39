"""A supervisord of our own: started, asked, watched, ended."""

import contextlib
import os
import pwd
import secrets
import signal
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.embedded import free_port
from tenantpilot.quickstart.home import CannotStart, Home
from tenantpilot.quickstart.programs import Program, write_configuration

NAME = "supervisord"
LAST_TO_FIRST = ("web", "beat", "worker", "prepare", "sandbox")
HURRIED = ("web", "beat", "worker", "sandbox")


@dataclass(frozen=True)
class Incident:
    """A process that ended by itself, or could not be kept up."""

    name: str
    text: str


class Supervisor:
    """Keeps the programs running; the order of their end is theirs (see ``programs``)."""

    def __init__(self, home: Home, programs: Sequence[Program]) -> None:
        self.home = home
        self.programs = programs
        self._password = secrets.token_urlsafe(24)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._pids: dict[str, int] = {}
        self._failed: set[str] = set()

    def start(self, environment: Mapping[str, str]) -> None:
        """Start supervisord in a session of its own, so that Ctrl-C of the terminal reaches us alone.

        It ends in order when this process is killed (Linux). Call from the main thread. Raises CannotStart.
        """
        user = pwd.getpwuid(os.geteuid()).pw_name
        configuration = write_configuration(
            self.home, self.programs, port=self._port, password=self._password, user=user
        )
        program = [str(Path(sys.executable).with_name(NAME)), "-c", str(configuration)]
        with self.home.log_file(NAME).open("ab") as log:
            self._process = subprocess.Popen(
                processes.launch_command(
                    program, pid_file=self.home.pid_file(NAME), die_with_parent=signal.SIGTERM
                ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.alive:
            with contextlib.suppress(OSError, xmlrpc.client.Error):
                self._ask.getState()
                return
            time.sleep(0.05)
        raise CannotStart(f"The process supervisor did not start; see {self.home.log_file(NAME)}.")

    def start_program(self, name: str) -> None:
        """Start one of the programs that were not started at once; does not wait for it."""
        self._ask.startProcess(name, False)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def incidents(self) -> Iterator[Incident]:
        """What happened to the programs since the last question."""
        try:
            states = cast("list[dict[str, Any]]", self._ask.getAllProcessInfo())
        except (OSError, xmlrpc.client.Error):
            return
        for state in states:
            yield from self._compare(state)

    def _compare(self, state: Mapping[str, Any]) -> Iterator[Incident]:
        name, pid = str(state["name"]), int(state["pid"])
        log = self.home.log_file(name)
        if state["statename"] == "FATAL" and name not in self._failed:
            self._failed.add(name)
            yield Incident(name, f"{name} does not stay up and was given up; see {log}.")
        if not pid:
            return
        before = self._pids.get(name)
        self._pids[name] = pid
        if before is not None and before != pid:
            yield Incident(name, f"{name} ended unexpectedly and was started again; see {log}.")

    def end(self) -> None:
        """Ask for the end, in order; does not wait."""
        if self.alive and self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> bool:
        """Whether supervisord and with it every program has ended within ``seconds``."""
        if self._process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return not self.alive

    def hurry(self) -> None:
        """Kill what need not end well; PostgreSQL still closes its files."""
        for name in HURRIED:
            processes.stop(self.home.pid_file(name), self.home.path, by=signal.SIGKILL, wait=2)

    @property
    def _ask(self) -> Any:
        url = f"http://quickstart:{self._password}@127.0.0.1:{self._port}/RPC2"
        return xmlrpc.client.ServerProxy(url).supervisor


def clear_leftovers(home: Home) -> None:
    """End what an earlier, killed start left behind, the servers excepted: those clear up for themselves."""
    processes.stop(home.pid_file(NAME), home.path, by=signal.SIGKILL)
    for name in LAST_TO_FIRST:
        processes.stop(home.pid_file(name), home.path, wait=3)
