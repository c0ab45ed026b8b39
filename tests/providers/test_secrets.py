"""Secrets at rest, and the two commands that look after their keys."""

import os
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from pytest_django import Settings

from operations.choices import RunOutcome
from providers import secrets, sessions
from providers.models import AppRegistration
from providers.sandbox.control import Control
from providers.services import CredentialUnreadable, credentials_rotate
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.providers.conftest import make_live

OLD, NEW, OTHER = (Fernet.generate_key().decode() for _ in range(3))


def keys(settings: Settings, *values: str) -> None:
    settings.CREDENTIAL_KEYS = list(values)


def test_a_secret_comes_back_as_it_was_and_does_not_show_at_rest(settings: Settings) -> None:
    keys(settings, NEW)
    for clear in ("s3cret~value", "", "with\nlines\n", "ünïcode"):
        stored = secrets.encrypt(clear)
        assert secrets.decrypt(stored) == clear
        assert not clear or clear not in stored
    assert secrets.encrypt("same") != secrets.encrypt("same")


def test_the_first_key_writes_and_every_key_reads(settings: Settings) -> None:
    keys(settings, OLD)
    stored = secrets.encrypt("clear")
    keys(settings, NEW, OLD)
    assert secrets.decrypt(stored) == "clear"
    fresh = secrets.encrypt("clear")
    keys(settings, NEW)
    assert secrets.decrypt(fresh) == "clear"


def test_without_its_key_a_secret_stays_shut_and_the_error_names_neither(settings: Settings) -> None:
    keys(settings, OLD)
    stored = secrets.encrypt("clear")
    keys(settings, OTHER)
    with pytest.raises(ValueError, match="No key") as caught:
        secrets.decrypt(stored)
    assert stored not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_key_is_made_before_there_are_any_settings(settings: Settings) -> None:
    bare = {
        name: value for name, value in os.environ.items() if not name.startswith(("TENANTPILOT_", "DJANGO_"))
    }
    command = [sys.executable, "manage.py", "credential_key"]
    first, second = (
        subprocess.run(command, env=bare, capture_output=True, text=True, check=True).stdout.strip()
        for _ in range(2)
    )
    assert first != second
    keys(settings, first)
    assert secrets.decrypt(secrets.encrypt("clear")) == "clear"


def test_after_a_rotation_every_connection_gets_a_token_with_the_new_key_alone(
    transactional_db: None, sandbox: Control, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    keys(settings, OLD)
    first = make_live(sandbox, ready=False)
    keys(settings, OTHER)
    second = make_live(sandbox, ready=False)
    keys(settings, NEW, OTHER, OLD)
    call_command("credential_rotate")
    assert capsys.readouterr().out.startswith("2 credentials are encrypted")
    restart(settings, NEW)
    for live in (first, second):
        assert live.check().outcome == RunOutcome.SUCCEEDED


def restart(settings: Settings, *values: str) -> None:
    """Forget what a restart forgets: the old keys, and every token."""
    keys(settings, *values)
    secrets._fernet.cache_clear()
    sessions.tokens.cache_clear()
    sessions.transport.cache_clear()


@pytest.fixture
def apps(db: None, settings: Settings) -> list[AppRegistration]:
    """Three app registrations; the last has no credential."""
    keys(settings, OLD)
    workspace = factories.make_workspace()
    owner = factories.make_member(workspace, Role.OWNER)
    return [factories.make_app(workspace, owner, secret=secret) for secret in ("one", "two", "")]


def stored(apps: list[AppRegistration]) -> list[str]:
    rows = AppRegistration.objects.filter(pk__in=[app.pk for app in apps]).order_by("pk")
    return list(rows.values_list("credential_encrypted", flat=True))


def test_a_rotation_can_be_repeated(apps: list[AppRegistration], settings: Settings) -> None:
    keys(settings, NEW, OLD)
    assert credentials_rotate() == 2
    keys(settings, NEW)
    assert credentials_rotate() == 2
    assert [secrets.decrypt(each) for each in stored(apps)[:2]] == ["one", "two"]
    assert stored(apps)[2] == ""


def test_a_rotation_that_can_not_open_everything_changes_nothing(
    apps: list[AppRegistration], settings: Settings
) -> None:
    before = stored(apps)
    AppRegistration.objects.filter(pk=apps[1].pk).update(credential_encrypted="not-a-token")
    keys(settings, NEW, OLD)
    with pytest.raises(CredentialUnreadable, match=apps[1].name):
        credentials_rotate()
    assert stored(apps)[0] == before[0]
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("credential_rotate")


def test_a_rotation_keeps_the_tokens_at_hand(apps: list[AppRegistration], settings: Settings) -> None:
    """The secret is the same, so nobody has to sign in anew."""
    keys(settings, NEW, OLD)
    credentials_rotate()
    apps[0].refresh_from_db()
    assert apps[0].credential_version == 1


def test_one_credential_is_counted_as_one(
    apps: list[AppRegistration], settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    AppRegistration.objects.filter(pk=apps[1].pk).update(credential_encrypted="")
    call_command("credential_rotate")
    assert capsys.readouterr().out == "1 credential is encrypted with the first key now.\n"
