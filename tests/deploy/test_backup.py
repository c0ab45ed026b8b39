"""Back up, restore, and go on: with the very scripts of docs/deploy and PostgreSQL's own programs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

from providers import secrets
from tenantpilot.audit.models import AuditLink
from tenantpilot.quickstart.home import PROJECT
from tenantpilot.quickstart.servers import postgres_program
from tests import factories
from tests.conftest import make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SCRIPTS = PROJECT / "docs" / "deploy"
# One of its own for each parallel worker.
RESTORED = f"restored_of_tests_{os.environ.get('PYTEST_XDIST_WORKER', '')}"
SECRET = "correct~horse-of-the-backup"


def address(name: str) -> str:
    known = connection.settings_dict
    password = quote(str(known["PASSWORD"] or ""), safe="")
    return f"postgresql://{known['USER']}:{password}@{known['HOST']}:{known['PORT']}/{name}"


@pytest.fixture
def empty() -> Iterator[str]:
    """A database with nothing in it, beside the one of the tests."""
    with psycopg.connect(address("postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(RESTORED)))
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(RESTORED)))
        yield address(RESTORED)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(RESTORED)))


def run(script: str, *arguments: object, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": f"{Path(postgres_program('pg_dump')).parent}:{os.environ['PATH']}",
        "MANAGE": f"{sys.executable} {PROJECT / 'manage.py'}",
        "DJANGO_SETTINGS_MODULE": "tenantpilot.settings",
        "TENANTPILOT_ENV": "test",
        "TENANTPILOT_SECRET_KEY": settings.SECRET_KEY,
        "TENANTPILOT_CREDENTIAL_KEYS": ",".join(settings.CREDENTIAL_KEYS),
        "DATABASE_URL": address(str(connection.settings_dict["NAME"])),
        "REDIS_URL": settings.REDIS_URL,
    }
    command = [str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.run(
        command, env=environment | changes, capture_output=True, text=True, check=False, timeout=120
    )


def test_a_dump_with_its_keys_makes_a_console_that_goes_on(empty: str, tmp_path: Path) -> None:
    world = make_world()
    app = factories.make_app(world.workspace, world.owner, secret=SECRET)
    factories.start("directory.groups.sync", world.tenant, world.operator)
    assert factories.seal_all(1) == 1
    last = AuditLink.objects.latest("seq")
    database, keys = tmp_path / "database", tmp_path / "keys"
    database.mkdir()
    keys.mkdir()

    saved = run("backup.sh", database, keys)
    assert saved.returncode == 0, saved.stderr
    dump = Path(saved.stdout.strip())
    assert dump.stat().st_mode & 0o077 == 0 and SECRET.encode() not in dump.read_bytes()
    (kept,) = keys.iterdir()
    assert kept.stat().st_mode & 0o077 == 0
    saved_keys = dict(line.split("=", 1) for line in kept.read_text().splitlines())

    restored = run("restore.sh", dump, DATABASE_URL=empty, **saved_keys)
    assert restored.returncode == 0, restored.stderr
    assert "2 credentials open." in restored.stdout
    assert f"Last link: {last.seq}:{bytes(last.hash).hex()}" in restored.stdout
    assert "1 run events sealed, unbroken" in restored.stdout
    with psycopg.connect(empty) as there:
        row = there.execute(
            "SELECT credential_encrypted FROM providers_appregistration WHERE id = %s", [app.pk]
        ).fetchone()
        assert row is not None and secrets.decrypt(row[0]) == SECRET
        # What the database keeps whatever Python does has come along.
        with pytest.raises(psycopg.errors.IntegrityError, match="append-only"):
            there.execute("DELETE FROM audit_auditentry")
        there.rollback()
        with pytest.raises(psycopg.errors.UniqueViolation, match="one_active_run_per_scope"):
            there.execute(
                "INSERT INTO operations_operationrun (tenant_id, connection_id, operation_type, op_key, identity,"
                " scope_key, params, origin) SELECT tenant_id, connection_id, operation_type, op_key, identity,"
                " scope_key, params, origin FROM operations_operationrun"
            )


def test_a_restore_with_other_keys_says_so(empty: str, tmp_path: Path) -> None:
    world = make_world()
    dumped = run("backup.sh", tmp_path, tmp_path)
    other = "nQ4nPQ2q2k0u0l8y5r7m3v1x9z6b4d2f0h8j6l4n2p0="
    restored = run("restore.sh", dumped.stdout.strip(), DATABASE_URL=empty, TENANTPILOT_CREDENTIAL_KEYS=other)
    assert restored.returncode != 0
    assert f"No key opens the credential of {world.connection.app_registration.name}." in restored.stderr
