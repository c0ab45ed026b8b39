"""What the console promises, walked through over HTTP against everything that runs in the demo."""

import os
import re
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tests.live import People
from tests.person import OUTCOME, RUN, Person
from tests.stack import DEMO, Stack, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHECK = "provider.connection.check"
GROUPS = "directory.groups.sync"
ROLES = "directory.role_definitions.sync"
CONTOSO_PAGES = (
    "/admin/t/contoso",
    "/admin/t/contoso/edit",
    "/admin/t/contoso/connections/add",
    "/admin/t/contoso/directory/groups",
    "/admin/t/contoso/directory/role-definitions",
    "/admin/provider-connections/{connection}",
    "/admin/provider-connections/{connection}/secret",
    "/admin/provider-connections/{connection}/consent",
    "/admin/provider-connections/{connection}/disable",
    "/admin/operations/{run}",
    "/admin/operations/{run}/status",
    "/admin/operations/{run}/cancel",
    "/admin/operations/{run}/force-release",
)
CONTOSO_POSTS = (
    f"/admin/t/contoso/provider-actions/{GROUPS}/start",
    "/admin/t/contoso/directory/groups/sync",
    "/admin/t/contoso/directory/role-definitions/sync",
    "/admin/provider-connections/{connection}/actions/" + GROUPS + "/start",
    "/admin/provider-connections/{connection}/enable",
    "/admin/provider-connections/{connection}/disable",
    "/admin/provider-connections/{connection}/default",
    "/admin/operations/{run}/retry",
    "/admin/operations/{run}/cancel",
    "/admin/operations/{run}/force-release",
)


def groups_present(stack: Stack, slug: str) -> int:
    """The groups of a tenant that are in the database and not gone."""
    query = (
        "SELECT count(*) FROM providers_directorygroup g "
        "JOIN providers_directorycollection c ON c.id = g.collection_id "
        "JOIN tenancy_tenant t ON t.id = c.tenant_id "
        "WHERE t.slug = %s AND c.selection_key = 'all_groups_v1' AND g.gone_at IS NULL"
    )
    return int(stack.rows(query, slug)[0][0])


def test_a_groups_sync_is_deduped_holds_its_connection_and_ends_with_every_group(
    stack: Stack, people: People
) -> None:
    operator = people("operator")
    with stack.held("contoso"):
        first = operator.start("contoso", GROUPS)
        again = operator.start("contoso", GROUPS)
        busy = operator.start("contoso", ROLES)
    assert (first["status"], first["operatorMessage"]) == ("accepted", "Sync groups queued")
    assert (again["status"], again["run"]["id"]) == ("deduped", first["run"]["id"])
    assert (busy["status"], busy["reasonCode"]) == ("scope_busy", "operation.scope_busy")
    assert re.match(
        r"Sync groups \(Operator, since \d\d:\d\d UTC\) is using this connection\.", busy["shortReason"]
    )
    assert busy["nextSteps"][0]["href"] == first["run"]["url"]

    run = operator.ended(first)
    assert (run["outcome"], run["attempts"]) == ("succeeded", 1)
    wanted = stack.sandbox("count", tenant="contoso")
    assert wanted == DEMO["contoso"]
    assert groups_present(stack, "contoso") == wanted
    assert run["counts"]["groups"] == wanted

    roles = operator.start("contoso", ROLES)
    assert roles["status"] == "accepted"
    assert operator.ended(roles)["outcome"] == "succeeded"


def test_what_changed_at_the_provider_arrives_with_the_next_sync(stack: Stack, people: People) -> None:
    operator = people("operator")
    assert operator.ended(operator.start("litware", GROUPS))["outcome"] == "succeeded"
    before = groups_present(stack, "litware")
    stack.sandbox("add_group", tenant="litware", name="A group made between two syncs")
    assert operator.ended(operator.start("litware", GROUPS))["outcome"] == "succeeded"
    assert groups_present(stack, "litware") == before + 1 == stack.sandbox("count", tenant="litware")


def test_a_killed_worker_costs_an_attempt_and_nothing_else(stack: Stack, people: People) -> None:
    owner = people("owner")
    with stack.held("contoso", path="groups/delta", page=2):
        started = owner.start("contoso", GROUPS)
        eventually(lambda: owner.run(started).get("progress", {}).get("done", 0) > 0)
        os.kill(stack.pid("worker"), signal.SIGKILL)

    run = owner.ended(started, seconds=90)
    assert (run["outcome"], run["attempts"]) == ("succeeded", 2)
    events = stack.rows("SELECT kind FROM operations_runevent WHERE run_id = %s", run["runId"])
    kinds = [kind for (kind,) in events]
    assert [kinds.count(kind) for kind in ("accepted", "claimed", "lost", "ended")] == [1, 2, 1, 1]
    wanted = stack.sandbox("count", tenant="contoso")
    assert groups_present(stack, "contoso") == wanted
    assert run["counts"]["groups"] == wanted
    twice = "SELECT collection_id, object_id FROM providers_directorygroup GROUP BY 1, 2 HAVING count(*) > 1"
    assert stack.rows(twice) == []
    last = "SELECT max(fence) FROM providers_directorycollection WHERE kind = 'groups'"
    fence = "SELECT fence FROM operations_operationrun WHERE id = %s"
    assert stack.rows(last) == stack.rows(fence, run["runId"])


def mend_tailspin(stack: Stack, manager: Person) -> None:
    form = {"secret": DEMO["renewed_secret"], "expires_on": "2099-01-01"}
    answer = manager.post(f"/admin/provider-connections/{stack.connection_id('tailspin')}/secret", data=form)
    assert answer.status_code == 302, answer.text


def mend_adatum(stack: Stack, manager: Person) -> None:
    answer = manager.post(f"/admin/provider-connections/{stack.connection_id('adatum')}/enable")
    assert answer.status_code in {302, 303}, answer.text


def mend_relecloud(stack: Stack, manager: Person) -> None:
    query = "SELECT id FROM providers_appregistration WHERE name = 'TenantPilot for Contoso MSP'"
    form = {"app_registration": stack.rows(query)[0][0]}
    answer = manager.post("/admin/t/relecloud/connections/add", data=form)
    assert answer.status_code == 302, answer.text


def at_the_provider(command: str, tenant: str, **arguments: Any) -> Callable[[Stack, Person], None]:
    return lambda stack, manager: stack.sandbox(command, tenant=tenant, **arguments)


BLOCKED = [
    ("tailspin", "provider.credential_expired", "Replace secret", mend_tailspin),
    ("adatum", "provider.connection_disabled", "Enable connection", mend_adatum),
    ("relecloud", "provider.connection_missing", "Add connection", mend_relecloud),
    ("northwind", "provider.consent_missing", "Grant consent", at_the_provider("consent", "northwind")),
    (
        "woodgrove",
        "provider.permission_missing",
        "Grant consent",
        at_the_provider("grant", "woodgrove", permissions=["GroupMember.Read.All"]),
    ),
    ("wingtip", "provider.unreachable", "Check connection", at_the_provider("reach", "wingtip")),
]


@pytest.mark.parametrize(("slug", "code", "mend", "do_it"), BLOCKED, ids=[row[0] for row in BLOCKED])
def test_a_blocked_tenant_says_who_mends_it_and_starts_once_it_is_mended(
    stack: Stack, people: People, slug: str, code: str, mend: str, do_it: Callable[[Stack, Person], None]
) -> None:
    operator, manager = people("operator"), people("manager")
    if slug == "wingtip":
        assert operator.ended(operator.start(slug, CHECK))["reasonCode"] == code

    blocked = operator.start(slug, GROUPS)
    assert (blocked["status"], blocked["reasonCode"]) == ("blocked", code)
    assert "run" not in blocked
    step = blocked["nextSteps"][0]
    # Checking is what an operator may do; all else needs a manager.
    assert step["label"] == ("Check connection" if slug == "wingtip" else "Ask a Manager of Contoso MSP.")
    assert operator.get(step["href"]).status_code == 200

    step = manager.start(slug, GROUPS)["nextSteps"][0]
    assert step["label"] == mend
    assert manager.get(step["href"]).status_code == 200

    do_it(stack, manager)
    check = manager.start(slug, CHECK)
    assert check["status"] == "accepted"
    assert manager.ended(check)["outcome"] == "succeeded"
    started = operator.start(slug, GROUPS)
    assert started["status"] == "accepted", started
    assert operator.ended(started)["outcome"] == "succeeded"
    assert groups_present(stack, slug) == stack.sandbox("count", tenant=slug) > 0


def test_an_operator_does_not_see_a_tenant_that_is_not_theirs(stack: Stack, people: People) -> None:
    operator = people("operator")
    there = operator.post(f"/admin/t/fabrikam/provider-actions/{GROUPS}/start", accept=OUTCOME, json={})
    nowhere = operator.post(f"/admin/t/nowhere/provider-actions/{GROUPS}/start", accept=OUTCOME, json={})
    assert there.status_code == nowhere.status_code == 404
    assert there.json() == nowhere.json()
    assert operator.get("/admin/t/fabrikam").status_code == 404
    assert operator.get(f"/admin/provider-connections/{stack.connection_id('fabrikam')}").status_code == 404
    assert "Fabrikam" not in operator.get("/admin/tenants").text
    assert "Fabrikam" not in operator.get("/admin/operations").text


def test_a_reader_may_look_and_not_start(stack: Stack, people: People) -> None:
    readonly = people("readonly")
    assert readonly.get("/admin/t/contoso").status_code == 200
    for path in (
        "/admin/t/contoso/directory/groups/sync",
        f"/admin/t/contoso/provider-actions/{GROUPS}/start",
    ):
        answer = readonly.post(path, accept=OUTCOME, json={})
        assert answer.status_code == 403
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "permission_denied"


def test_nothing_of_the_workspace_is_there_for_an_outsider(stack: Stack, people: People) -> None:
    outsider = people("outsider")
    query = (
        "SELECT r.id FROM operations_operationrun r JOIN tenancy_tenant t ON t.id = r.tenant_id "
        "WHERE t.slug = 'contoso'"
    )
    ids = {"connection": stack.connection_id("contoso"), "run": stack.rows(query)[0][0]}
    for path in CONTOSO_PAGES:
        assert outsider.get(path.format(**ids)).status_code == 404, path
    for path in CONTOSO_POSTS:
        assert outsider.post(path.format(**ids), accept=OUTCOME, json={}).status_code in {404, 406}, path
        assert outsider.post(path.format(**ids)).status_code == 404, path
    assert outsider.get("/admin/operations/{run}".format(**ids), accept=RUN).status_code == 404
    assert "Contoso" not in outsider.get("/admin/tenants").text
    assert "Proseware" in outsider.get("/admin/tenants").text
