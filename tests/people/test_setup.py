"""The first start in production: a workspace and its owner, the password never on the command line."""

import io

import pytest
from django.core.management import CommandError, call_command

from tenantpilot.tenancy.capabilities import Capability, Role
from tenantpilot.tenancy.models import Membership, Tenant, User, Workspace
from tenantpilot.tenancy.permissions import capabilities_on, workspaces_with
from tests import factories

pytestmark = pytest.mark.django_db

PASSWORD = "a-first-password"


def set_up(monkeypatch: pytest.MonkeyPatch, *options: str, stdin: str = f"{PASSWORD}\n") -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    out = io.StringIO()
    call_command("setup", *options, stdout=out)
    return out.getvalue()


ALL = ("--workspace", "Contoso MSP", "--owner", "ada", "--email", "ada@example.org", "--password-stdin")


def test_an_empty_installation_gets_a_workspace_and_its_owner_and_no_demo(monkeypatch):
    said = set_up(monkeypatch, *ALL)
    assert said == "Contoso MSP (contoso-msp) is set up. Sign in as ada.\n"
    ada = User.objects.get()
    assert ada.check_password(PASSWORD)
    assert (ada.is_staff, ada.is_superuser, ada.email) == (True, False, "ada@example.org")
    assert workspaces_with(ada, "manage_members").get().slug == "contoso-msp"
    assert not Tenant.objects.exists()
    tenant = factories.make_tenant(Workspace.objects.get())
    assert Capability.FORCE_RELEASE in capabilities_on(ada, tenant)


def test_a_second_set_up_is_refused_unless_asked_for(monkeypatch):
    set_up(monkeypatch, *ALL)
    with pytest.raises(CommandError, match="--another"):
        set_up(monkeypatch, *ALL)
    assert Workspace.objects.count() == 1
    set_up(monkeypatch, "--another", "--workspace", "Other MSP", "--owner", "ada")
    assert Membership.objects.filter(user__username="ada", role=Role.OWNER).count() == 2
    assert User.objects.get().check_password(PASSWORD)


@pytest.mark.parametrize(
    ("options", "stdin", "words"),
    [
        (ALL, "short\n", "too short"),
        (ALL, "", "too short"),
        ((*ALL, "--slug", "Contoso MSP"), f"{PASSWORD}\n", "small letters"),
        (("--workspace", "X", "--owner", "a b", "--password-stdin"), f"{PASSWORD}\n", "username"),
        (("--owner", "ada", "--password-stdin"), f"{PASSWORD}\n", "--workspace is missing"),
        (("--workspace", "X", "--password-stdin"), f"{PASSWORD}\n", "--owner is missing"),
        (("--workspace", "X", "--owner", "ada"), "", "--password-stdin"),
    ],
)
def test_what_is_missing_or_breaks_a_rule_makes_nothing(monkeypatch, options, stdin, words):
    with pytest.raises(CommandError, match=words):
        set_up(monkeypatch, *options, stdin=stdin)
    assert not Workspace.objects.exists()
    assert not User.objects.exists()


def test_the_password_is_no_option(monkeypatch):
    with pytest.raises((CommandError, SystemExit, TypeError)):
        set_up(monkeypatch, "--workspace", "X", "--owner", "ada", "--password", PASSWORD)


def test_at_a_terminal_it_asks(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = iter(["Contoso MSP", "ada"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda _question: next(answers))
    monkeypatch.setattr("getpass.getpass", lambda _question: PASSWORD)
    call_command("setup", stdout=io.StringIO())
    assert User.objects.get().check_password(PASSWORD)
