"""What must be true before anything is started; each problem is one sentence."""

import os
import shutil
import sys
from dataclasses import dataclass

from tenantpilot.quickstart.embedded import port_is_free
from tenantpilot.quickstart.home import CannotStart, Home

LEAST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 500 * 1024 * 1024
EVERY_ADDRESS = {"0.0.0.0", "::"}  # noqa: S104 (compared with, not bound to)


@dataclass(frozen=True)
class Address:
    """Where the console listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """What to type into a browser on this machine."""
        host = "127.0.0.1" if self.host in EVERY_ADDRESS else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def address_from_environment() -> Address:
    """Read HOST and PORT. Raises CannotStart for a port that is none."""
    return Address(os.environ.get("HOST") or "127.0.0.1", port_from_environment("PORT", 8000))


def port_from_environment(name: str, default: int) -> int:
    """Read a TCP port; 0 stands for "any free one". Raises CannotStart for anything else."""
    raw = os.environ.get(name) or str(default)
    if not raw.isdecimal() or not 0 <= int(raw) <= 65535:
        raise CannotStart(f"{name} must be a number from 0 to 65535, not {raw!r}.")
    return int(raw)


def check_python() -> None:
    """Raises CannotStart for a Python that is too old."""
    if sys.version_info[:2] < LEAST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise CannotStart(f"TenantPilot needs Python 3.11 or newer; this is {found}.")


def check_disk(home: Home) -> None:
    """Raises CannotStart where the disk is nearly full; PostgreSQL would stop in the middle of its work."""
    free = shutil.disk_usage(home.path).free
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"The disk that holds {home.path} is full: {free // 1024**2} MB are free, "
            f"{LEAST_FREE_BYTES // 1024**2} MB are needed."
        )


def check_address(address: Address) -> None:
    """Raises CannotStart where nothing can listen on the address."""
    try:
        free = port_is_free(address.port, address.host)
    except OSError as error:
        raise CannotStart(
            f"The console cannot listen on HOST={address.host} PORT={address.port}: {error.strerror}."
        ) from error
    if not free:
        raise CannotStart(
            f"Port {address.port} of {address.host} is in use by another program; "
            f"choose another: PORT={min(address.port + 1, 65535)} make run."
        )
