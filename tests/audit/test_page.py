"""The audit page: whose entries, which filters, what the file holds."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from operations import acts, transitions
from operations.models import OperationRun
from providers import services
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import User
from tests import factories
from tests.conftest import World
from tests.factories import PASSWORD, make_connection, make_member, make_tenant, make_workspace, start

pytestmark = pytest.mark.django_db

CHECK = "provider.connection.check"
PAGE = "/admin/audit"


def signed_in(client: Client, user: User) -> Client:
    client.logout()
    client.force_login(user)
    return client


def acts_on(html: str) -> list[str]:
    return [" ".join(found.split()) for found in re.findall(r'<th scope="row" class="tp-any">([^<]*)<', html)]


def page(client: Client, query: str = "") -> list[str]:
    response = client.get(f"{PAGE}?{query}")
    assert response.status_code == 200
    return acts_on(response.content.decode())


def lines(client: Client, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"{PAGE}/export?{query}")
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("person", "status"), [("owner", 200), ("manager", 200), ("operator", 403), ("readonly", 403)]
)
@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/export"])
def test_managers_and_owners_read_the_log(
    client: Client, world: World, person: str, status: int, path: str
) -> None:
    assert signed_in(client, getattr(world, person)).get(path).status_code == status


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/export"])
def test_strangers_are_sent_to_sign_in(client: Client, world: World, path: str) -> None:
    assert client.get(path).headers["Location"].startswith("/admin/login/")


def test_the_side_bar_offers_the_log_to_those_who_may_read_it(client: Client, world: World) -> None:
    assert 'href="/admin/audit"' in signed_in(client, world.manager).get("/admin/tenants").content.decode()
    assert (
        'href="/admin/audit"' not in signed_in(client, world.readonly).get("/admin/tenants").content.decode()
    )


@pytest.mark.django_db(transaction=True)
def test_acts_blocked_starts_and_starts_stand_in_one_list(client: Client, world: World) -> None:
    start(CHECK, world.tenant, world.operator)
    ProviderConnection.objects.update(enabled=False)
    start(CHECK, make_ready_tenant(world), world.owner)
    blocked = start("directory.groups.sync", world.tenant, world.operator)
    assert blocked.status == "blocked" or blocked.status == "scope_busy"
    services.connection_enable(connection=world.connection, enabled=True, actor=world.manager)
    shown = page(signed_in(client, world.owner))
    assert "Check connection" in shown
    assert "Enable connection" in shown
    assert shown.index("Enable connection") < shown.index("Check connection")


def make_ready_tenant(world: World) -> Any:
    tenant = make_tenant(world.workspace)
    make_connection(tenant, world.owner)
    return tenant


@pytest.mark.django_db(transaction=True)
def test_a_blocked_start_says_who_from_where_why_and_with_which_facts(client: Client, world: World) -> None:
    ProviderConnection.objects.update(enabled=False)
    client.force_login(world.operator)
    client.post(
        f"/admin/t/{world.tenant.slug}/provider-actions/{CHECK}/start",
        headers={"X-Request-ID": "the-request-of-this-test"},
        REMOTE_ADDR="203.0.113.9",
    )
    entry = AuditEntry.objects.get(action="start.blocked")
    assert (entry.actor_id, entry.ip, entry.request_id) == (
        world.operator.pk,
        "203.0.113.9",
        "the-request-of-this-test",
    )
    assert (entry.reason_code, entry.facts["enabled"]) == ("provider.connection_disabled", False)
    assert (entry.object_kind, entry.object_id) == ("connection", str(world.connection.pk))
    html = signed_in(client, world.owner).get(PAGE).content.decode()
    assert "Blocked start: Check connection" in acts_on(html)
    assert "203.0.113.9" in html
    assert "provider.connection_disabled" in html


@pytest.mark.django_db(transaction=True)
def test_a_start_carries_its_address_and_request(client: Client, world: World) -> None:
    client.force_login(world.operator)
    client.post(f"/admin/t/{world.tenant.slug}/provider-actions/{CHECK}/start", REMOTE_ADDR="203.0.113.9")
    rows = lines(signed_in(client, world.owner), "action=run.started")
    assert [(row["Person"], row["Act"], row["Address"]) for row in rows] == [
        ("operator", "Check connection", "203.0.113.9")
    ]
    assert rows[0]["Request"]


@pytest.mark.django_db(transaction=True)
def test_cancel_and_force_release_are_written_once(client: Client, world: World, settings: Any) -> None:
    settings.RUN_FORCE_RELEASE_AFTER = 0
    outcome = start(CHECK, world.tenant, world.operator)
    assert outcome.run
    OperationRun.objects.update(not_before=timezone.now() - timedelta(minutes=1))
    assert transitions.claim(outcome.run.id, "test:1")
    assert acts.cancel(outcome.run.id, world.operator.pk) == "requested"
    assert acts.cancel(outcome.run.id, world.operator.pk) is None
    assert acts.force_release(outcome.run.id, world.owner.pk)
    assert not acts.force_release(outcome.run.id, world.owner.pk)
    shown = page(signed_in(client, world.owner), "tenant=contoso")
    assert shown[:2] == ["Force-release: Check connection", "Cancel requested: Check connection"]
    assert shown.count("Force-release: Check connection") == 1


def test_other_workspaces_and_tenants_stay_out_of_sight(client: Client, world: World) -> None:
    elsewhere = make_workspace()
    hidden = make_tenant(elsewhere, name="Hidden")
    record("test.hidden", workspace_id=elsewhere.pk, tenant_id=hidden.pk, actor_id=None)
    record("test.hidden_too", workspace_id=elsewhere.pk, actor_id=None)
    record("test.of_nobody", workspace_id=None, actor_id=None)
    record("test.shown", workspace_id=world.workspace.pk, tenant_id=world.tenant.pk, actor_id=None)
    for query in ("", "q=Hidden", "tenant=Hidden", f"workspace={elsewhere.slug}", "q=test"):
        shown = page(signed_in(client, world.owner), query)
        assert not {"Test hidden", "Test hidden too", "Test of nobody"} & set(shown), query
    assert "Test shown" in page(client)
    assert not [
        row for row in lines(client) if row["Action"] in {"test.hidden", "test.hidden_too", "test.of_nobody"}
    ]


def test_a_manager_of_one_tenant_reads_that_tenants_entries_only(client: Client, world: World) -> None:
    other = make_tenant(world.workspace)
    person = make_member(world.workspace, Role.READONLY, all_tenants=False)
    factories.entitle(person, world.tenant, Role.MANAGER)
    record("test.mine", workspace_id=world.workspace.pk, tenant_id=world.tenant.pk, actor_id=None)
    record("test.other_tenant", workspace_id=world.workspace.pk, tenant_id=other.pk, actor_id=None)
    record("test.workspace", workspace_id=world.workspace.pk, actor_id=None)
    shown = page(signed_in(client, person))
    assert "Test mine" in shown
    assert not {"Test other tenant", "Test workspace"} & set(shown)


def test_filters_narrow_by_person_action_tenant_and_dates(client: Client, world: World) -> None:
    now = timezone.now()
    for number, (person, tenant) in enumerate([(world.owner, world.tenant), (world.manager, None)]):
        record(
            f"test.number_{number}",
            workspace_id=world.workspace.pk,
            tenant_id=tenant.pk if tenant else None,
            actor_id=person.pk,
            about=About("thing", 1, f"Thing {number}"),
            reason_code="provider.throttled" if number else "",
        )
    signed_in(client, world.owner)
    today, tomorrow = now.date().isoformat(), (now + timedelta(days=1)).date().isoformat()

    def numbers(query: str) -> list[str]:
        return [act for act in page(client, query) if act.startswith("Test number")]

    assert numbers("") == ["Test number 1", "Test number 0"]
    assert numbers("person=manager") == ["Test number 1"]
    assert numbers("tenant=contoso") == ["Test number 0"]
    assert numbers("q=thing 1") == ["Test number 1"]
    assert numbers("q=provider.throttled") == ["Test number 1"]
    assert numbers(f"since={today}&until={today}") == ["Test number 1", "Test number 0"]
    assert numbers(f"since={tomorrow}") == []
    assert numbers("until=2001-01-01") == []
    assert page(client, "action=connection.created") == ["Add connection"]
    assert client.get(f"{PAGE}?since=2026-02-31&until=x&action=nope&after=1.x&tenant=%00").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_paging_shows_every_row_once_in_both_directions(client: Client, world: World) -> None:
    for number in range(60):
        record(f"test.number_{number}", workspace_id=world.workspace.pk, actor_id=None)
        if number % 20 == 0:
            start(CHECK, make_ready_tenant(world), world.owner)
    signed_in(client, world.owner)
    url, pages = f"{PAGE}?size=25", []
    while url:
        response = client.get(url)
        html = response.content.decode()
        pages.append(acts_on(html))
        found = re.search(r'rel="next" href="([^"]*)"', html)
        back = re.search(r'rel="prev" href="([^"]*)"', html)
        url = PAGE + found[1].replace("&amp;", "&") if found else ""
    everything = [act for shown in pages for act in shown]
    assert [act for act in everything if act.startswith("Test number")] == [
        f"Test number {n}" for n in range(59, -1, -1)
    ]
    assert everything.count("Check connection") == 3
    assert len(pages[0]) == len(pages[1]) == 25
    walked = [pages[-1]]
    while back:
        html = client.get(PAGE + back[1].replace("&amp;", "&")).content.decode()
        walked.insert(0, acts_on(html))
        back = re.search(r'rel="prev" href="([^"]*)"', html)
    assert walked == pages


def test_the_file_holds_all_pages_and_no_formula(client: Client, world: World) -> None:
    for number in range(120):
        record(
            "test.act",
            workspace_id=world.workspace.pk,
            actor_id=None,
            about=About("thing", number, f"=cmd|{number}"),
        )
    rows = lines(signed_in(client, world.owner), "q=cmd")
    assert len(rows) == 120
    assert rows[0]["Thing"] == "'=cmd|119"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+00:00", rows[0]["Time"])
    assert not [cell for row in rows for cell in row.values() if cell[:1] in {"=", "+", "-", "@"}]


def test_an_export_is_an_entry_of_its_own(client: Client, world: World) -> None:
    lines(signed_in(client, world.manager), "person=owner")
    entry = AuditEntry.objects.get(action="list.exported")
    assert (entry.actor_id, entry.workspace_id, entry.facts) == (
        world.manager.pk,
        world.workspace.pk,
        {"person": "owner"},
    )


def test_names_from_outside_are_text(client: Client, world: World) -> None:
    record("test.act", workspace_id=world.workspace.pk, actor_id=None, about=About("x", 1, "<script>alert(1)</script>"),
           facts={"note": "<img src=x>"})  # fmt: skip
    html = signed_in(client, world.owner).get(PAGE).content.decode()
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_a_page_of_a_hundred_rows_costs_few_statements(
    client: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    for number in range(100):
        record(
            "test.act",
            workspace_id=world.workspace.pk,
            tenant_id=world.tenant.pk,
            actor_id=world.owner.pk,
            facts={"n": number},
        )
    signed_in(client, world.owner)
    with django_assert_max_num_queries(10):
        client.get(f"{PAGE}?size=100")


def test_sign_in_failed_sign_in_and_sign_out_are_written_for_each_workspace(
    client: Client, world: World
) -> None:
    other = make_workspace()
    factories.membership_set(workspace=other, user=world.operator, role=Role.READONLY, all_tenants=True)

    def post(name: str, password: str) -> None:
        client.post("/admin/login/", {"username": name, "password": password}, REMOTE_ADDR="203.0.113.9")

    post("operator", "wrong-one")
    post("the-password-in-the-wrong-field", "x")
    post("operator", PASSWORD)
    client.post("/admin/logout/")
    written = list(
        AuditEntry.objects.filter(action__startswith="session.")
        .order_by("id")
        .values_list("action", "workspace_id", "actor__username", "object_label")
    )
    both = (world.workspace.pk, other.pk)
    mine = [entry for entry in written if entry[3] == "operator"]
    assert [entry[0] for entry in mine] == [
        "session.sign_in_failed", "session.sign_in_failed", "session.signed_in", "session.signed_in",
        "session.signed_out", "session.signed_out",
    ]  # fmt: skip
    assert {entry[1] for entry in mine} == set(both)
    assert [entry[2] for entry in mine[:3]] == [None, None, "operator"]
    unknown = AuditEntry.objects.get(workspace=None)
    assert "the-password" not in str([unknown.facts, unknown.object_label])


def test_a_new_secret_leaves_no_trace_of_the_secret(world: World) -> None:
    services.credential_replace(
        app_registration=world.connection.app_registration,
        secret="canary-secret-7",
        expires_at=None,
        actor=world.owner,
    )
    entry = AuditEntry.objects.filter(action="credential.replaced").latest("id")
    assert entry.after["version"] == entry.before["version"] + 1
    assert "canary" not in str(AuditEntry.objects.filter(pk=entry.pk).values()[0])


def test_only_own_proxies_say_where_a_request_comes_from(client: Client, world: World, settings: Any) -> None:
    def ip(count: int) -> str | None:
        settings.PROXY_COUNT = count
        client.post(
            "/admin/login/",
            {"username": "operator", "password": "wrong"},
            REMOTE_ADDR="10.0.0.1",
            headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.7"},
        )
        return AuditEntry.objects.filter(action="session.sign_in_failed").latest("id").ip

    assert (ip(0), ip(1)) == ("10.0.0.1", "198.51.100.7")
