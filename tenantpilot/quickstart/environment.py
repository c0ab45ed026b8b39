"""The environment that every process of the demo gets."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tenantpilot.quickstart import processes
from tenantpilot.quickstart.embedded import write_private
from tenantpilot.quickstart.home import PROJECT, CannotStart, Home
from tenantpilot.quickstart.preflight import EVERY_ADDRESS, Address

PUBLISHED = ("https://login.microsoftonline.com", "https://graph.microsoft.com")


@dataclass(frozen=True)
class Endpoints:
    """What the console talks to."""

    database_url: str
    redis_url: str
    sandbox_url: str


def demo_environment(home: Home, address: Address, endpoints: Endpoints) -> dict[str, str]:
    """Our own variables win over nothing that the caller has set, but for where the parts of the demo are."""
    defaults = {
        **home.secrets(),
        "TENANTPILOT_ALLOWED_HOSTS": _allowed_hosts(address),
        "TENANTPILOT_PUBLIC_URL": address.url,
        "TENANTPILOT_STATIC_ROOT": str(home.static),
        "DJANGO_SETTINGS_MODULE": "tenantpilot.settings",
    }
    fixed = {
        processes.HOME_VARIABLE: str(home.path),
        "TENANTPILOT_ENV": "demo",
        "DATABASE_URL": endpoints.database_url,
        "REDIS_URL": endpoints.redis_url,
        "GRAPH_HOST_MAP": ",".join(f"{origin}={endpoints.sandbox_url}" for origin in PUBLISHED),
        "GRAPH_SANDBOX_URL": endpoints.sandbox_url,
        "PROMETHEUS_MULTIPROC_DIR": str(home.metrics),
        "PYTHONPATH": str(PROJECT),
        "PYTHONUNBUFFERED": "1",
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)]),  # noqa: PTH120
    }
    return {**defaults, **os.environ, **fixed}


def keep_environment(home: Home, environment: dict[str, str]) -> None:
    """Keep what was added to the caller's environment, for commands beside the running demo."""
    added = {name: value for name, value in environment.items() if os.environ.get(name) != value}
    write_private(_kept(home), json.dumps(added))


def kept_environment(home: Home) -> dict[str, str]:
    """The environment of the last start, on top of the caller's. Raises CannotStart where there was none."""
    try:
        added: dict[str, str] = json.loads(_kept(home).read_text())
    except FileNotFoundError as error:
        raise CannotStart("There is no demo yet; make run starts one.") from error
    return {**os.environ, **added}


def _kept(home: Home) -> Path:
    return home.path / "run" / "environment.json"


def _allowed_hosts(address: Address) -> str:
    return "*" if address.host in EVERY_ADDRESS else f"{address.host},localhost,127.0.0.1,[::1]"
