"""``python -m tenantpilot.quickstart.prepare``: database and static files made ready for this code.

A process of its own, so that Django loads while PostgreSQL starts. On a second start it finds nothing to do.
"""

import hashlib
import sys
import time
from collections.abc import Iterator

import django
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from tenantpilot.quickstart.home import Home

DEMO_LOADED = "demo-loaded"
STATIC_COLLECTED = "static-collected"
DATABASE_SECONDS = 60


def main() -> None:
    """Migrate, load the demo once, collect static files: each only where there is something to do."""
    django.setup()
    home = Home.from_environment()
    _wait_for_database()
    if _migrations_waiting():
        _say("Creating the tables.")
        call_command("migrate", interactive=False, verbosity=0)
    _load_demo_once(home)
    _collect_static(home)


def _wait_for_database() -> None:
    deadline = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _migrations_waiting() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _load_demo_once(home: Home) -> None:
    from tenantpilot.quickstart import demo  # needs a set-up Django

    if home.remembered(DEMO_LOADED):
        return
    _say("Loading the demo.")
    demo.load()
    demo.start_first_checks()
    home.remember(DEMO_LOADED, "yes")


def _collect_static(home: Home) -> None:
    fingerprint = hashlib.sha256("\n".join(_static_files()).encode()).hexdigest()
    if home.remembered(STATIC_COLLECTED) == fingerprint:
        return
    _say("Collecting static files.")
    call_command("collectstatic", interactive=False, verbosity=0, clear=True)
    home.remember(STATIC_COLLECTED, fingerprint)


def _static_files() -> Iterator[str]:
    for finder in get_finders():
        for path, storage in finder.list([]):
            modified = storage.get_modified_time(path).timestamp()
            yield f"{path} {storage.size(path)} {modified}"


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    try:
        main()
    except DatabaseError as error:
        sys.exit(f"The database refused: {str(error).strip().splitlines()[0]}")
