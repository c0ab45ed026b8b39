"""Two parts of ``make test`` that need an environment of their own: ``python -m tenantpilot.quickstart.checks``."""

import argparse
import base64
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tenantpilot.quickstart.home import PROJECT
from tenantpilot.quickstart.servers import EmbeddedPostgres


def main() -> int:
    """Run the check that is asked for; returns its exit status."""
    parser = argparse.ArgumentParser(prog="tenantpilot.quickstart.checks")
    parser.add_argument("check", choices=["migrations", "deploy"])
    return migrations() if parser.parse_args().check == "migrations" else deploy()


def migrations() -> int:
    """Whether every model has its migration. Django compares with a real database."""
    with tempfile.TemporaryDirectory(prefix="tenantpilot-check-") as folder:
        Path(folder).chmod(0o755)
        postgres = EmbeddedPostgres(folder, fast=True, die_with_parent=True)
        try:
            environment = {"TENANTPILOT_ENV": "test", "DATABASE_URL": postgres.start()}
            return _manage(environment, "makemigrations", "--check", "--dry-run")
        finally:
            postgres.stop()


def deploy() -> int:
    """Whether Django finds nothing to warn of in production's settings."""
    environment = {
        "TENANTPILOT_ENV": "production",
        "TENANTPILOT_ALLOWED_HOSTS": "console.example.com",
        "TENANTPILOT_PUBLIC_URL": "https://console.example.com",
    }
    return _manage(environment, "check", "--deploy", "--fail-level", "WARNING")


def _manage(environment: Mapping[str, str], *command: str) -> int:
    keys = {
        "TENANTPILOT_SECRET_KEY": secrets.token_urlsafe(64),
        "TENANTPILOT_CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }
    inherited = {name: value for name, value in os.environ.items() if not _ours(name)}
    return subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=PROJECT,
        env={**inherited, **keys, **environment, "DJANGO_SETTINGS_MODULE": "tenantpilot.settings"},
        check=False,
    ).returncode


def _ours(name: str) -> bool:
    return name.startswith("TENANTPILOT_") or name in {"DATABASE_URL", "REDIS_URL", "GRAPH_HOST_MAP"}


if __name__ == "__main__":
    sys.exit(main())
