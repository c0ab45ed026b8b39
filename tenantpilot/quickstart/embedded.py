"""What every embedded server shares: started, found again after a killed parent, stopped.

Such a server outlives a parent that is killed. So each notes its process, port and password in its folder, and
a start adopts a live one and clears away what is left of a dead one. Several processes may use one folder.
"""

import contextlib
import errno
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from tenantpilot.quickstart import processes

HOST = "127.0.0.1"
START_SECONDS = 60  # crash recovery of PostgreSQL included


class ServerFailed(Exception):
    """A server did not come up; the text is one sentence for people, with the end of the log."""


@dataclass(frozen=True)
class Access:
    """Where a server listens and what it asks for; kept beside its data, readable by the owner only."""

    port: int
    password: str

    def __repr__(self) -> str:
        return f"Access(port={self.port})"


class EmbeddedServer(ABC):
    """One embedded server in ``home/<name>``.

    ``fast`` gives up durability for speed: tests only. ``die_with_parent`` ends the server when the thread
    that called ``start`` ends, even by SIGKILL (Linux only).
    """

    name: str
    title: str
    stop_signal = signal.SIGTERM
    unprivileged = False

    def __init__(self, home: Path | str, *, fast: bool = False, die_with_parent: bool = False) -> None:
        self.home = Path(home).resolve()
        self.folder = self.home / self.name
        self.fast = fast
        self.die_with_parent = die_with_parent
        self.pid_file = self.folder / "pid"
        self.log_file = self.folder / "log"
        self._access: Access | None = None
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server, or adopt the live one; returns its URL. Raises ServerFailed."""
        with self._locked():
            if self._adopt():
                return self.url
            self._prepare()
            with self.log_file.open("ab") as log:
                self._child = subprocess.Popen(
                    self.command(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    start_new_session=True,
                    env={**os.environ, processes.HOME_VARIABLE: str(self.home)},
                )
            self._wait_until_ready(self._child)
            return self.url

    def stop(self) -> None:
        """End the server, if it runs; the data stays. No process is left."""
        if not self.folder.exists():
            return
        with self._locked():
            self._stop()

    def kill(self) -> None:
        """End the server as a crash would: at once and without a word. The next start recovers."""
        with self._locked():
            processes.stop(self.pid_file, self.home, by=signal.SIGKILL)
            self._forget_child()

    def prepare(self) -> list[str]:
        """Clear away what an earlier start left; returns the command that runs the server in front."""
        with self._locked():
            self._stop()
            self._prepare()
            return self.command()

    def wait_until_ready(self) -> str:
        """Wait for a server that somebody else runs by ``prepare``'s command; returns its URL."""
        self._wait_until_ready(None)
        return self.url

    @property
    def url(self) -> str:
        """Where to connect, password included. For the environment of our own processes, never for a log."""
        return self._url(self._load_access())

    def command(self) -> list[str]:
        """The command that runs the server in the foreground."""
        return processes.launch_command(
            self._program(self._load_access()),
            pid_file=self.pid_file,
            unprivileged=self.unprivileged,
            die_with_parent=self.stop_signal if self.die_with_parent else None,
        )

    @abstractmethod
    def _program(self, access: Access) -> list[str]: ...

    @abstractmethod
    def _url(self, access: Access) -> str: ...

    @abstractmethod
    def _answers(self) -> bool: ...

    @abstractmethod
    def _prepare_data(self, access: Access) -> None: ...

    def _prepare(self) -> None:
        access = self._choose_access()
        self._prepare_data(access)

    def _stop(self) -> None:
        processes.stop(self.pid_file, self.home, by=self.stop_signal)
        self._forget_child()

    def _forget_child(self) -> None:
        if self._child is not None and self._child.poll() is not None:
            self._child = None

    def _adopt(self) -> bool:
        if processes.running(self.pid_file, self.home) is None:
            self._stop()
            return False
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and processes.running(self.pid_file, self.home):
            if self._answers():
                return True
            time.sleep(0.1)
        self._stop()
        return False

    def _wait_until_ready(self, child: subprocess.Popen[bytes] | None) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._answers():
                return
            if child is not None and child.poll() is not None:
                raise ServerFailed(f"{self.title} did not start: {self.last_words()}")
            time.sleep(0.05)
        raise ServerFailed(f"{self.title} did not answer within {START_SECONDS} seconds: {self.last_words()}")

    def last_words(self) -> str:
        """The last lines of the server's log."""
        try:
            lines = self.log_file.read_text(errors="replace").splitlines()
        except OSError:
            return "it wrote no log."
        return " / ".join(line.strip() for line in lines[-3:] if line.strip()) or "it wrote nothing."

    def _load_access(self) -> Access:
        if self._access is None:
            self._access = Access(**json.loads(self._access_file.read_text()))
        return self._access

    def _choose_access(self) -> Access:
        """The port and password of the last start, or another port where somebody has taken it meanwhile."""
        known = Access(**json.loads(self._access_file.read_text())) if self._access_file.exists() else None
        port = known.port if known and port_is_free(known.port) else free_port()
        self._access = Access(port, known.password if known else secrets.token_urlsafe(32))
        write_private(self._access_file, json.dumps(asdict(self._access)))
        return self._access

    @property
    def _access_file(self) -> Path:
        return self.folder / "access.json"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def free_port(host: str = HOST) -> int:
    """A TCP port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def port_is_free(port: int, host: str = HOST) -> bool:
    """Whether nobody listens on ``host:port``. Raises OSError where we may not, or the host is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        return True


def write_private(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all, readable by its owner only."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    new.replace(path)
