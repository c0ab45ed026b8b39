"""An organisation moves in: `manage.py setup`, three invitations, and each person may do exactly what the page says."""

import os
import re
import subprocess
import sys
import uuid
from contextlib import ExitStack
from html import unescape

import httpx
import pytest

from tenantpilot.quickstart.home import PROJECT
from tenantpilot.quickstart.people import PASSWORD
from tests.person import RUN, Person
from tests.stack import OURS, Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROLES = ("readonly", "operator", "manager")
TENANT = "moved-in"
CHECK = f"/admin/t/{TENANT}/provider-actions/provider.connection.check/start"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_RIGHT = re.compile(r'<li><span>([^<]+)<span class="tp-cell-note">(May not|May) ')


def manage(stack: Stack, *command: str, typed: str = "") -> str:
    """What an administrator types on the host."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(OURS)},
        "TENANTPILOT_HOME": str(stack.home),
        "DATABASE_URL": stack.database_url,
        "REDIS_URL": stack.redis_url,
    }
    done = subprocess.run(
        [sys.executable, "-m", "tenantpilot.quickstart", "manage", *command],
        cwd=PROJECT, env=environment, input=typed, capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def token_of(answer: httpx.Response) -> str:
    found = _TOKEN.search(answer.text)
    assert found is not None, answer.text[:500]
    return found[1]


def open_window(stack: Stack, windows: ExitStack) -> httpx.Client:
    return windows.enter_context(httpx.Client(base_url=stack.address, timeout=20))


def join(stack: Stack, windows: ExitStack, link: str, username: str) -> Person:
    """Open the link as a stranger, make an account, and be signed in by it."""
    window = open_window(stack, windows)
    form = {
        "username": username, "full_name": username.title(), "password1": PASSWORD, "password2": PASSWORD,
        "csrfmiddlewaretoken": token_of(window.get(link)),
    }  # fmt: skip
    answer = window.post(link, data=form)
    assert answer.status_code == 302, answer.text
    assert window.get("/admin/").status_code == 200
    used = open_window(stack, windows).get(link)
    assert used.status_code == 404, "a link works once"
    return Person(stack, username, window)


def invite(owner: Person, workspace: str, role: str) -> str:
    """Invite through the page; the path of the link that it shows."""
    page = f"/admin/people/invite?workspace={workspace}"
    form = {"addressee": f"{role}@moved.example", "role": role, "reach": "all"}
    answer = owner.post(page, data=form)
    assert answer.status_code == 200, answer.text
    link = re.search(r"https?://[^/\"]+(/admin/join/[\w-]+)", answer.text)
    assert link is not None
    return link[1]


def said_of(owner: Person, member: int) -> dict[str, bool]:
    """What the owner's page says that this person may do on the tenant."""
    answer = owner.get(f"/admin/people/{member}/tenants/{TENANT}")
    assert answer.status_code == 200
    return {unescape(label): word == "May" for label, word in _RIGHT.findall(answer.text)}


def does(person: Person, connection: int, run: int) -> dict[str, bool]:
    """What the console lets this person do, tried."""
    read, act = (lambda path: person.get(path).status_code), (lambda path: person.post(path).status_code)
    shown = person.get(f"/admin/operations/{run}", accept=RUN)
    tried = {
        "See the tenant and its data": read(f"/admin/t/{TENANT}"),
        "See operation runs": shown.status_code,
        "Check connection": act(CHECK),
        "Sync groups": act(f"/admin/t/{TENANT}/directory/groups/sync"),
        "Sync role definitions": act(f"/admin/t/{TENANT}/directory/role-definitions/sync"),
        "Manage connections and credentials": read(f"/admin/provider-connections/{connection}/secret"),
        "Force-release a scope": read(f"/admin/operations/{run}/force-release"),
        "Read the audit log": read("/admin/audit"),
    }
    assert set(tried.values()) <= {200, 403}, tried
    may = {label: status == 200 for label, status in tried.items()}
    return may | {"See diagnostics of runs": shown.json().get("diagnosticsAvailable") is True}


@pytest.fixture(scope="module")
def owner(stack: Stack):
    """A new workspace and its owner, by the command; signed in."""
    told = manage(
        stack, "setup", "--another", "--workspace", "Moved In MSP", "--slug", "moved-in-msp", "--owner", "grace",
        "--password-stdin", typed=f"{PASSWORD}\n",
    )  # fmt: skip
    assert "Moved In MSP (moved-in-msp) is set up. Sign in as grace." in told
    with ExitStack() as windows:
        person = Person(stack, "grace", open_window(stack, windows))
        person.sign_in()
        yield person


@pytest.fixture(scope="module")
def run(stack: Stack, owner: Person) -> int:
    """The workspace's first tenant, connected by its owner, and a run on it."""
    empty = owner.get("/admin/")
    assert "No tenants yet." in empty.text
    stack.rows(
        "INSERT INTO tenancy_tenant (workspace_id, name, slug, entra_tenant_id, primary_domain, created_at)"
        " SELECT id, 'Moved In', %s, %s, 'moved.example', now() FROM tenancy_workspace WHERE slug = 'moved-in-msp'"
        " RETURNING id",
        TENANT,
        uuid.uuid4(),
    )
    page = f"/admin/t/{TENANT}/connections/add?app=own"
    form = {
        "name": "Own app",
        "client_id": str(uuid.uuid4()),
        "cloud": "global",
        "secret": "a-secret-of-theirs",
    }
    answer = owner.post(page, data=form)
    assert answer.status_code == 302, answer.text
    return int(owner.start(TENANT, "provider.connection.check")["run"]["id"])


def test_three_people_are_invited_and_each_may_do_exactly_what_the_page_says(
    stack: Stack, owner: Person, run: int
) -> None:
    connection = stack.connection_id(TENANT)
    with ExitStack() as windows:
        people = {
            role: join(stack, windows, invite(owner, "moved-in-msp", role), f"moved-{role}") for role in ROLES
        }
        people["owner"] = owner
        seen = {}
        for role, person in people.items():
            query = (
                "SELECT m.id FROM tenancy_membership m JOIN tenancy_user u ON u.id = m.user_id "
                "WHERE u.username = %s"
            )
            said = said_of(owner, int(stack.rows(query, person.username)[0][0]))
            done = does(person, connection, run)
            assert done == {label: said[label] for label in done}, role
            seen[role] = sum(done.values())
            # The demo's workspaces are none of theirs.
            assert person.get("/admin/t/contoso").status_code == 404
            assert "Moved In" in person.get("/admin/tenants").text
            assert "Contoso" not in person.get("/admin/tenants").text
        assert seen["readonly"] < seen["operator"] < seen["manager"] < seen["owner"]


def test_the_demo_sees_nothing_of_it(people, run: int) -> None:
    for name in ("owner", "outsider"):
        assert people(name).get(f"/admin/t/{TENANT}").status_code == 404
        assert people(name).get(f"/admin/operations/{run}").status_code == 404


def test_a_second_setup_is_refused_without_being_asked_for(stack: Stack, owner: Person) -> None:
    with pytest.raises(AssertionError, match="A workspace exists"):
        manage(
            stack,
            "setup",
            "--workspace",
            "Third",
            "--owner",
            "eve",
            "--password-stdin",
            typed=f"{PASSWORD}\n",
        )
