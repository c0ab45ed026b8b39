"""``make run``: from an empty folder to a console that answers, and back to nothing left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

from tenantpilot.quickstart import preflight, processes, programs
from tenantpilot.quickstart.embedded import EmbeddedServer, free_port, port_is_free
from tenantpilot.quickstart.environment import Endpoints, demo_environment, keep_environment
from tenantpilot.quickstart.home import PROJECT, CannotStart, Home
from tenantpilot.quickstart.logs import ErrorWatch
from tenantpilot.quickstart.people import PASSWORD, PEOPLE
from tenantpilot.quickstart.preflight import Address
from tenantpilot.quickstart.programs import Program
from tenantpilot.quickstart.servers import EmbeddedPostgres, EmbeddedValkey
from tenantpilot.quickstart.supervision import Supervisor, clear_leftovers

SIGN_IN = "/admin/login/"
SIGN_IN_SECONDS = 90
OK = 200
USUAL_SANDBOX_PORT = 8400
SANDBOX_VARIABLES = {"DELAY_MS": "150", "DELAY_PER_OBJECT_MS": "", "SCALE": ""}
WATCHED = ("web", "worker", "beat", "sandbox", "postgres", "valkey")
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(BaseException):
    """Somebody asked for the end: Ctrl-C, a signal, a closed terminal."""


def run() -> int:
    """Run until the end is asked for; returns the exit status."""
    home = Home.from_environment()
    preflight.check_python()
    home.create()
    preflight.check_disk(home)
    address = preflight.address_from_environment()
    with home.held():
        return _Console(home, address).run()


class _Console:
    def __init__(self, home: Home, address: Address) -> None:
        self.home = home
        self.address = address if address.port else Address(address.host, free_port(address.host))
        self.servers: list[EmbeddedServer] = []
        if not os.environ.get("DATABASE_URL"):
            self.servers.append(EmbeddedPostgres(home.path, die_with_parent=True))
        if not os.environ.get("REDIS_URL"):
            self.servers.append(EmbeddedValkey(home.path, die_with_parent=True))
        self.supervisor: Supervisor | None = None
        self.began = time.monotonic()
        self.asked_to_end = 0

    def run(self) -> int:
        for number in END_SIGNALS:
            signal.signal(number, self._on_signal)
        try:
            self._start()
            return self._watch()
        except _Ended:
            return 0
        finally:
            self._end()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.asked_to_end += 1
        if number == signal.SIGHUP:  # the terminal is gone, and with it the place to print to
            sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (lives as long as the process)
        if self.asked_to_end == 1:
            raise _Ended

    def _start(self) -> None:
        clear_leftovers(self.home)
        preflight.check_address(self.address)
        _say(
            "Starting. The first start takes a minute."
            if not self.home.remembered("demo-loaded")
            else "Starting."
        )
        with ThreadPoolExecutor(2) as pool:
            commands = list(pool.map(lambda server: server.prepare(), self.servers))
        endpoints = self._endpoints()
        self.home.forget_metrics()
        environment = demo_environment(self.home, self.address, endpoints)
        keep_environment(self.home, environment)
        self.errors = ErrorWatch(self.home.logs, WATCHED)
        self.supervisor = Supervisor(self.home, self._programs(commands, endpoints))
        self.supervisor.start(environment)
        self._prepare(environment)
        for name in ("web", "worker", "beat"):
            self.supervisor.start_program(name)
        self._wait_for_sign_in()
        self._greet(endpoints)

    def _endpoints(self) -> Endpoints:
        urls = {server.name: server.url for server in self.servers}
        port = _sandbox_port()
        return Endpoints(
            database_url=urls.get("postgres") or os.environ["DATABASE_URL"],
            redis_url=urls.get("valkey") or os.environ["REDIS_URL"],
            sandbox_url=f"http://127.0.0.1:{port}",
        )

    def _programs(self, commands: Sequence[list[str]], endpoints: Endpoints) -> list[Program]:
        embedded = [
            programs.server(
                server.name,
                command,
                priority=10 + place,
                stop_signal=server.stop_signal,
                folder=server.folder,
            )
            for place, (server, command) in enumerate(zip(self.servers, commands, strict=True))
        ]
        port = int(endpoints.sandbox_url.rpartition(":")[2])
        return [
            *embedded,
            programs.sandbox(self.home, port, sandbox_options(self.home, os.environ)),
            programs.worker(self.home),
            programs.beat(self.home),
            programs.web(self.home, self.address),
        ]

    def _prepare(self, environment: Mapping[str, str]) -> None:
        """Load Django beside the starting servers, then bring the database up to date."""
        program = [sys.executable, "-m", "tenantpilot.quickstart.prepare"]
        log_path = self.home.log_file("prepare")
        with log_path.open("wb") as log:
            preparation = subprocess.Popen(
                processes.launch_command(
                    program, pid_file=self.home.pid_file("prepare"), die_with_parent=signal.SIGTERM
                ),
                cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stderr=log, start_new_session=True,
            )  # fmt: skip
        for server in self.servers:
            server.wait_until_ready()
        if preparation.wait() != 0:
            last = (log_path.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise CannotStart(f"The database could not be prepared: {last} (all of it in {log_path})")

    def _wait_for_sign_in(self) -> None:
        log = self.home.log_file("web")
        deadline = time.monotonic() + SIGN_IN_SECONDS
        while (status := _status_of(self.address.url + "/livez")) != OK:
            if time.monotonic() > deadline:
                raise CannotStart(f"The console did not answer within {SIGN_IN_SECONDS} seconds; see {log}.")
            self._tell_news()
            time.sleep(0.1 if status is None else 1)
        if (status := _status_of(self.address.url + SIGN_IN)) != OK:
            raise CannotStart(f"The sign-in page answers {status or 'nothing'} instead of {OK}; see {log}.")

    def _greet(self, endpoints: Endpoints) -> None:
        _say(
            f"\nTenantPilot is ready after {time.monotonic() - self.began:.0f} s.\n\n"
            f"  Console   {self.address.url}/\n"
            f"  Sign in   {', '.join(one.username for one in PEOPLE)}; password {PASSWORD}\n"
            f"  Sandbox   {endpoints.sandbox_url}/ (stands in for Microsoft Graph)\n"
            f"  Logs      {self.home.logs}\n\n"
            "Ctrl-C ends everything and keeps the data; make reset starts over."
        )

    def _watch(self) -> int:
        while self.supervisor is not None and self.supervisor.alive:
            self._tell_news()
            time.sleep(1)
        _say(f"The process supervisor ended unexpectedly; see {self.home.log_file('supervisord')}.")
        return 1

    def _tell_news(self) -> None:
        if self.supervisor is None:
            return
        for incident in self.supervisor.incidents():
            _say(incident.text)
        for line in self.errors.new_errors():
            _say(line)

    def _end(self) -> None:
        self.asked_to_end = max(self.asked_to_end, 1)  # from here on a signal hurries, and interrupts nothing
        processes.stop(self.home.pid_file("prepare"), self.home.path, wait=3)
        if self.supervisor is not None:
            self._end_supervisor(self.supervisor)
        clear_leftovers(self.home)
        for server in reversed(self.servers):
            server.stop()

    def _end_supervisor(self, supervisor: Supervisor) -> None:
        _say(
            "\nEnding web, beat, worker, sandbox and servers. "
            "Runs in hand get 30 s; Ctrl-C again ends them now."
        )
        supervisor.end()
        hurried = False
        while not supervisor.wait(0.2):
            if self.asked_to_end > 1 and not hurried:
                hurried = True
                _say("Ending at once.")
                supervisor.hurry()
        _say("Ended.")


def _sandbox_port() -> int:
    """SANDBOX_PORT, else the usual one, else, where that is taken, a free one."""
    wanted = preflight.port_from_environment("SANDBOX_PORT", USUAL_SANDBOX_PORT)
    return wanted if wanted and port_is_free(wanted) else free_port()


def sandbox_options(home: Home, environment: Mapping[str, str]) -> list[str]:
    """How the demo's sandbox behaves; the SANDBOX_ variables change it."""
    options = ["--scenario", "demo", "--state", str(home.sandbox)]
    for name, default in SANDBOX_VARIABLES.items():
        if value := environment.get(f"SANDBOX_{name}") or default:
            options += [f"--{name.lower().replace('_', '-')}", value]
    return options


def _status_of(url: str) -> int | None:
    """The status that a page answers with; None where nothing answers."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 (our own address)
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        print(text, flush=True)
