"""The folder that holds everything a demo installation keeps: data, secrets, logs, process ids."""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.embedded import write_private

PROJECT = Path(__file__).resolve().parents[2]


class CannotStart(Exception):
    """Why there is nothing to start, as one sentence for people."""


@dataclass(frozen=True)
class Home:
    """``TENANTPILOT_HOME``, by default ``.tenantpilot`` in the project."""

    path: Path

    @classmethod
    def from_environment(cls) -> "Home":
        return cls(
            Path(os.environ.get(processes.HOME_VARIABLE) or PROJECT / ".tenantpilot").expanduser().resolve()
        )

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def static(self) -> Path:
        return self.path / "static"

    @property
    def sandbox(self) -> Path:
        return self.path / "sandbox"

    @property
    def metrics(self) -> Path:
        """Where the processes of one start keep the counters that ``/metrics`` adds up."""
        return self.path / "run" / "metrics"

    def pid_file(self, name: str) -> Path:
        return self.path / "run" / f"{name}.pid"

    def log_file(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Make the folders. Raises CannotStart where that is not possible."""
        try:
            for folder in (self.path, self.logs, self.path / "run", self.sandbox):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotStart(f"The folder {self.path} cannot be made: {error.strerror}.") from error
        if not os.access(self.path, os.W_OK):
            raise CannotStart(f"The folder {self.path} cannot be written to by this user.")

    def forget_metrics(self) -> None:
        """Counters begin anew with each start."""
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have the folder to oneself until the process ends, however it ends. Raises CannotStart."""
        with (self.path / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                holder = lock.read().strip() or "unknown"
                raise CannotStart(
                    f"TenantPilot already runs from {self.path} (process {holder}); "
                    "end it with Ctrl-C where it was started."
                ) from error
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    def secrets(self) -> dict[str, str]:
        """Keys made at the first start and kept. Their ``demo-`` mark makes production refuse them."""
        kept = self.path / "secrets.json"
        if not kept.exists():
            write_private(kept, json.dumps(_new_secrets()))
        loaded: dict[str, str] = json.loads(kept.read_text())
        return loaded

    def remembered(self, name: str) -> str:
        """What ``remember`` kept under this name, or an empty string."""
        try:
            return (self.path / "run" / f"{name}.mark").read_text()
        except FileNotFoundError:
            return ""

    def remember(self, name: str, value: str) -> None:
        (self.path / "run" / f"{name}.mark").write_text(value)


def _new_secrets() -> dict[str, str]:
    # A Fernet key is 32 bytes in URL-safe base64: one that begins with "demo-" still has 226 random bits.
    key = "demo-" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()[5:]
    return {
        "TENANTPILOT_SECRET_KEY": f"demo-{secrets.token_urlsafe(50)}",
        "TENANTPILOT_CREDENTIAL_KEYS": key,
        "TENANTPILOT_METRICS_TOKEN": f"demo-{secrets.token_urlsafe(32)}",
    }
