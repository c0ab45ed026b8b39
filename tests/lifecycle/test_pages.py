"""The pages of a tenant's later life, and what every other page makes of an archived tenant."""

import re

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from operations.models import OperationRun
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tenantpilot.lifecycle import archive, erase, sweep
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.choices import TenantState
from tenantpilot.tenancy.models import Membership, Tenant
from tests import factories
from tests.console.rows import signed_in, text_of
from tests.contracts.conftest import OUTCOME
from tests.lifecycle.conftest import end, fill, own_connection, running

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

PAGE = "/admin/t/contoso"


def state_of(tenant):
    return Tenant.objects.get(pk=tenant.pk).state


def statements(client, url):
    with CaptureQueriesContext(database) as queries:
        answer = client.get(url)
    assert answer.status_code in {200, 286}
    return len(queries)


def test_the_question_says_what_archiving_does(world):
    running(world.connection)
    page = text_of(signed_in(world.manager).get(f"{PAGE}/archive"))
    for words in ("1 run is stopped first.", "credentials are wiped", "Archive tenant", "Keep in use"):
        assert words in page
    assert re.search(r"kept until \w+\.? \d+, \d{4}, then deleted", page)
    assert state_of(world.tenant) is TenantState.ACTIVE, "asking changes nothing"


def test_archiving_is_shown_live_with_what_it_waits_for(world):
    run = running(world.connection, operation_type="directory.groups.sync")
    client = signed_in(world.manager)
    assert client.post(f"{PAGE}/archive")["Location"] == PAGE
    page = text_of(client.get(PAGE))
    assert "Contoso is being archived." in page
    assert "It waits for a run to end." in page
    assert f'href="/admin/operations/{run.pk}"' in page
    assert f'hx-get="{PAGE}/archive/status"' in page
    assert "Asked to stop" in page

    part = client.get(f"{PAGE}/archive/status", headers={"HX-Request": "true"})
    assert part.status_code == 200
    end(run)
    sweep.sweep()
    part = client.get(f"{PAGE}/archive/status", headers={"HX-Request": "true"})
    assert (part.status_code, part["HX-Trigger"]) == (286, "tp:run-ended")
    assert "hx-trigger" not in text_of(part)
    assert 'id="page-badge" hx-swap-oob="true"' in text_of(part)


def test_a_reader_who_may_not_see_runs_is_told_how_many_it_waits_for(world, monkeypatch):
    running(world.connection)
    archive.archive(world.tenant, world.manager)
    from tenantpilot.lifecycle import shown
    from tenantpilot.tenancy.capabilities import Capability

    target = shown.Target(**{name: getattr(_target(world), name) for name in shown.Target.__slots__})
    blind = shown.Target(target.tenant, target.connection, target.capabilities - {Capability.VIEW_RUN})
    assert shown.leaving(blind)["runs"] == []
    assert "It waits for a run to end." in shown.leaving(blind)["texts"]


def _target(world):
    from providers.selectors import target_for_tenant

    return target_for_tenant(world.manager.pk, "contoso")


@pytest.mark.parametrize(
    ("who", "offers"),
    [
        ("readonly", {"Ask somebody who is Manager"}),
        ("operator", {"Ask somebody who is Manager"}),
        ("manager", {"Bring back"}),
        ("owner", {"Bring back", "Delete tenant"}),
    ],
)
def test_each_reader_is_offered_what_they_may_do(archived, who, offers):
    page = text_of(signed_in(getattr(archived, who)).get(PAGE))
    assert "Contoso is archived." in page
    assert re.search(r"Its data is kept until \w+\.? \d+, \d{4}, then deleted.", page)
    every = {"Ask somebody who is Manager", ">Bring back<", ">Delete tenant<"}
    assert {words.strip("><") for words in every if words in page} == offers
    for gone in ("Add connection", "Edit tenant ID", "Archive tenant"):
        assert gone not in page


@pytest.mark.parametrize(
    "where", ["tenants", "provider-connections", "search?q=contoso", "switch/tenant", ""]
)
def test_lists_do_not_show_it_unless_asked(archived, where):
    assert "/admin/t/contoso" not in text_of(signed_in(archived.owner).get(f"/admin/{where}"))


def test_the_list_of_tenants_shows_archived_ones_when_asked(archived):
    factories.make_tenant(archived.workspace, "fabrikam")
    client = signed_in(archived.owner)
    only, every = client.get("/admin/tenants?life=archived"), client.get("/admin/tenants?life=all")
    assert [row["name"] for row in only.context["tenants"]] == ["Contoso"]
    assert [row["name"] for row in every.context["tenants"]] == ["Contoso", "Fabrikam"]
    assert "Archived" in text_of(only)
    assert "in 90 days" in text_of(only)
    export = b"".join(client.get("/admin/tenants/export?life=archived").streaming_content).decode()
    assert "Contoso,contoso.example,Contoso-Msp,Archived" in export


def test_a_deleted_tenant_is_on_no_list(archived):
    erase.delete(archived.tenant, archived.owner)
    client = signed_in(archived.owner)
    assert [row["life"] for row in client.get("/admin/tenants?life=all").context["tenants"]] == ["deleting"]
    sweep.sweep()
    assert client.get("/admin/tenants?life=all").context["tenants"] == []


CHANGES = [
    "t/contoso/edit",
    "t/contoso/connections/add",
    "provider-connections/{connection}/disable",
    "provider-connections/{connection}/secret",
    "provider-connections/{connection}/consent",
    "provider-connections/{connection}/remove",
]
ACTS = [
    *CHANGES[:-3],
    "provider-connections/{connection}/secret",
    "provider-connections/{connection}/remove",
    "provider-connections/{connection}/enable",
    "provider-connections/{connection}/default",
]


@pytest.mark.parametrize("path", CHANGES)
def test_pages_that_change_connections_lead_to_bringing_it_back(archived, path):
    answer = signed_in(archived.owner).get("/admin/" + path.format(connection=archived.connection.pk))
    assert answer.status_code == 409
    assert "Bring it back first." in text_of(answer)
    assert f'href="{PAGE}"' in text_of(answer)


@pytest.mark.parametrize("path", ACTS)
def test_acts_on_connections_change_nothing(archived, path):
    before = list(ProviderConnection.objects.values())
    url = "/admin/" + path.format(connection=archived.connection.pk)
    form = {"secret": "x", "name": "App", "client_id": "0" * 32}
    answer = signed_in(archived.owner).post(url, form, headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (409, "tenant_archived")
    assert list(ProviderConnection.objects.values()) == before


def test_every_start_is_blocked_with_the_same_reason(archived):
    run = _ended_run(archived)
    connection = f"/admin/provider-connections/{archived.connection.pk}"
    for url in (
        f"{PAGE}/provider-actions/directory.groups.sync/start",
        f"{PAGE}/directory/groups/sync",
        f"{connection}/actions/provider.connection.check/start",
        f"/admin/operations/{run.pk}/retry",
    ):
        answer = signed_in(archived.manager).post(url, headers={"Accept": OUTCOME}).json()
        assert (answer["status"], answer["reasonCode"]) == ("blocked", "tenant.archived"), url
        assert answer["nextSteps"] == [{"label": "Bring back", "href": PAGE, "actionType": "bring_back"}]
    asked = signed_in(archived.operator).post(f"{PAGE}/directory/groups/sync", headers={"Accept": OUTCOME})
    assert asked.json()["nextSteps"][0]["actionType"] == "ask_role"


def _ended_run(world):
    run = running(
        world.connection, operation_type="directory.groups.sync", params={"selectionKey": "all_groups_v1"}
    )
    end(run, "failed")
    return OperationRun.objects.get(pk=run.pk)


def test_buttons_carry_the_reason(archived):
    starts = signed_in(archived.operator).get(PAGE).context["starts"]
    assert starts
    assert {start["reason"] for start in starts} == {"Contoso is archived."}


def test_its_data_stays_readable(world):
    fill(world.tenant, world.connection)
    archive.archive(world.tenant, world.manager)
    answer = signed_in(world.readonly).get(f"{PAGE}/directory/role-definitions")
    assert "Role 0" in text_of(answer)


def test_bring_back_says_what_is_next(archived):
    client = signed_in(archived.manager)
    answer = client.post(f"{PAGE}/bring-back", follow=True)
    page = text_of(answer)
    assert "Contoso is back. Enable its connections next." in page
    assert "is disabled" in page
    assert "Enable connection" in page
    assert state_of(archived.tenant) is TenantState.ACTIVE
    assert "Contoso is in use." in text_of(client.post(f"{PAGE}/bring-back", follow=True))


def test_archiving_twice_says_so(archived):
    client = signed_in(archived.manager)
    assert client.get(f"{PAGE}/archive")["Location"] == PAGE
    assert "Contoso is archived already." in text_of(client.post(f"{PAGE}/archive", follow=True))


@pytest.mark.parametrize("typed", ["", "contoso", "Contoso Ltd", "Contoso\x00"])
def test_deleting_wants_the_name(archived, typed):
    client = signed_in(archived.owner)
    assert "There is no way back." in text_of(client.get(f"{PAGE}/delete"))
    answer = client.post(f"{PAGE}/delete", {"name": typed})
    assert answer.status_code == 400
    assert state_of(archived.tenant) is TenantState.ARCHIVED


def test_a_deleted_tenant_leaves_a_page_that_says_so(archived):
    client = signed_in(archived.owner)
    assert client.post(f"{PAGE}/delete", {"name": "Contoso"})["Location"] == "/admin/tenants"
    assert "Contoso is being deleted." in text_of(client.get(PAGE))
    sweep.sweep()
    page = text_of(client.get(PAGE))
    assert "Contoso was deleted." in page
    assert "/admin/audit?tenant=contoso" in page
    assert "Delete tenant" in text_of(client.get("/admin/audit?tenant=contoso"))
    for path in ("directory/groups", "edit", "archive", "delete", "archive/status"):
        assert client.get(f"{PAGE}/{path}").status_code == 404
    assert client.post(f"{PAGE}/directory/groups/sync").status_code == 404


def test_nobody_gets_a_role_on_what_is_deleted(archived):
    member = Membership.objects.get(user=archived.operator)
    url = f"/admin/people/{member.pk}/tenants/contoso"
    client = signed_in(archived.owner)
    assert client.get(url).status_code == 200
    erase.delete(archived.tenant, archived.owner)
    assert client.get(url).status_code == 404
    assert client.post(url, {"role": "owner"}).status_code == 404


def test_the_tombstone_is_for_those_who_see_all_tenants(archived):
    bystander = factories.make_member(archived.workspace, Role.OWNER, all_tenants=False)
    erase.delete(archived.tenant, archived.owner)
    sweep.sweep()
    for person in (archived.operator, archived.outsider, bystander):
        assert signed_in(person).get(PAGE).status_code == 404
    assert (
        "/admin/audit"
        not in re.search(
            r"<main.*</main>", text_of(signed_in(archived.readonly).get(PAGE)), re.DOTALL
        ).group()
    )


def test_removing_a_connection_keeps_its_history(world):
    own = own_connection(world)
    run = running(own)
    end(run)
    client = signed_in(world.manager)
    url = f"/admin/provider-connections/{own.pk}"
    assert "out of use for good" in text_of(client.get(f"{url}/remove"))
    assert client.post(f"{url}/remove")["Location"] == PAGE
    assert client.get(url).status_code == 404
    assert str(own) in text_of(client.get(f"/admin/operations/{run.pk}"))
    assert url not in text_of(client.get(f"/admin/operations/{run.pk}"))
    assert AuditEntry.objects.get(action="connection.removed").actor == world.manager
    retried = client.post(f"/admin/operations/{run.pk}/retry", headers={"Accept": OUTCOME}).json()
    assert (retried["status"], retried["reasonCode"]) == ("blocked", "provider.connection_missing")


def test_a_connection_with_an_active_run_is_not_removed(world):
    run = running(world.connection)
    answer = signed_in(world.manager).post(f"/admin/provider-connections/{world.connection.pk}/remove")
    assert answer.status_code == 409
    assert f'href="/admin/operations/{run.pk}"' in text_of(answer)
    assert ProviderConnection.objects.get(pk=world.connection.pk).removed_at is None


def test_what_these_pages_cost(world):
    running(world.connection)
    fill(world.tenant, world.connection)
    client = signed_in(world.owner)
    in_use = statements(client, PAGE)
    archive.archive(world.tenant, world.manager)
    assert statements(client, f"{PAGE}/archive/status") <= 4, (
        "session, person, tenant, and the runs it waits for"
    )
    assert statements(client, PAGE) <= in_use + 1
