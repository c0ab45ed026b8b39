"""The dashboard: what it counts, whom it shows what, what it costs, and how it goes on while it is open."""

import itertools
import re
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations.choices import ExecutionStatus, RunOutcome
from operations.models import OperationRun
from providers.health import blockers_of, facts_in, health_of, status_of
from providers.lists import tenant_rows
from providers.models import AppRegistration, ProviderConnection
from tenantpilot.dashboard import heatmap, selectors
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.console.rows import make_runs, make_tenants, milliseconds, signed_in, text_of, weight
from tests.console.test_pages_lists import FACTS

pytestmark = pytest.mark.django_db


def tiles(answer) -> dict[str, int]:
    return {str(tile["label"]): tile["count"] for tile in answer.context["counts"]}


def make_unhealthy(world) -> None:
    """One tenant for each health but the healthy Contoso."""
    for name, facts in {"down": {"enabled": False}, "warn": {"granted_permissions": []}}.items():
        tenant = factories.make_tenant(world.workspace, name)
        connection = factories.make_connection(tenant, world.owner)
        ProviderConnection.objects.filter(pk=connection.pk).update(**facts)
    factories.make_tenant(world.workspace, "fresh")


def test_the_dashboard_is_the_front_door(world):
    assert signed_in(world.owner).get("/")["Location"] == "/admin/"
    page = text_of(signed_in(world.owner).get("/admin/"))
    assert "<title>Dashboard · TenantPilot</title>" in " ".join(page.split())
    assert page.count("<h1>") == 1
    assert 'aria-current="page"' in re.search(r'<a href="/admin/"[^>]*>.*?Dashboard', page, re.DOTALL).group()


@pytest.mark.parametrize("url", ["/admin/", "/admin/dashboard/map", "/admin/dashboard/live"])
def test_a_stranger_is_led_to_the_sign_in_page_and_a_post_is_refused(world, url):
    assert urlsplit(Client().get(url)["Location"]).path == "/admin/login/"
    assert signed_in(world.owner).post(url).status_code == 405


def test_each_count_leads_to_a_list_of_as_many(world):
    make_unhealthy(world)
    make_runs(world.connection, 2, status=ExecutionStatus.RUNNING)
    make_runs(world.connection, 3, status=ExecutionStatus.QUEUED)
    make_runs(world.connection, 1)
    client = signed_in(world.owner)
    answer = client.get("/admin/")
    assert tiles(answer) == {"Healthy": 1, "Needs attention": 1, "No access": 1, "Running now": 5}
    assert "3 waiting" in text_of(answer)
    for tile in answer.context["counts"]:
        listed = client.get(tile["url"]).context
        assert len(listed["runs"] if "runs" in listed else listed["tenants"]) == tile["count"]


def test_everybody_counts_only_what_they_see(world):
    make_unhealthy(world)
    hidden = make_tenants(world.workspace, world.owner, 1, prefix="hidden")[0]
    make_runs(hidden.connections.get(), 2, status=ExecutionStatus.RUNNING)
    assert tiles(signed_in(world.readonly).get("/admin/"))["Running now"] == 2
    answer = signed_in(world.operator).get("/admin/")
    assert tiles(answer) == {"Healthy": 1, "Needs attention": 0, "No access": 0, "Running now": 0}
    page = text_of(answer)
    assert "Hidden" not in page and "Down" not in page
    assert "No tenant needs attention." in page
    assert "No tenants yet." in text_of(signed_in(world.outsider).get("/admin/"))


def test_an_archived_tenant_is_not_counted(world):
    Tenant.objects.update(archived_at=timezone.now())
    assert "No tenants yet." in text_of(signed_in(world.owner).get("/admin/"))


def test_counting_in_sql_and_readiness_agree_on_every_pair_of_faults(world):
    pairs = list(itertools.combinations_with_replacement(FACTS, 2))
    tenants = make_tenants(world.workspace, world.owner, len(pairs), prefix="pair")
    for tenant, (one, two) in zip(tenants, pairs, strict=True):
        connection = factories.make_ready(tenant.connections.get())
        ProviderConnection.objects.filter(pk=connection.pk).update(**(FACTS[two] | FACTS[one]))
    factories.make_tenant(world.workspace, "none")
    blank = make_tenants(world.workspace, world.owner, 1, prefix="blank")[0]
    AppRegistration.objects.filter(connections__tenant=blank).update(credential_encrypted="")
    expected = {
        row["slug"]: health_of(status_of(blockers_of(facts_in(row)))) for row in tenant_rows(world.owner)
    }
    assert selectors.total(selectors.health_counts(world.owner)) == Counter(expected.values())
    drawn = {row["slug"]: row["health"] for row in selectors.cells(world.owner, limit=1000)}
    assert drawn == expected
    assert set(expected.values()) == {"ok", "warn", "down", "new"}


def test_the_worst_come_first_with_the_reason_and_the_mend(world):
    make_unhealthy(world)
    for number in range(7):
        tenant = factories.make_tenant(world.workspace, f"a-warn-{number}")
        connection = factories.make_connection(tenant, world.owner)
        ProviderConnection.objects.filter(pk=connection.pk).update(consent_state="missing")
    answer = signed_in(world.owner).get("/admin/")
    shown = answer.context["attention"]
    assert len(shown) == 6
    assert shown[0]["health"] == "down"
    assert [item["health"] for item in shown] == sorted(item["health"] for item in shown)
    cells = selectors.cells(world.owner, limit=100)
    by_sql = selectors.needing_attention(world.owner, limit=20)
    by_cells = selectors.needing_attention(world.owner, limit=20, ids=selectors.worst_of(cells, 20))
    assert [row["slug"] for row in by_sql] == [row["slug"] for row in by_cells]
    assert len(by_sql) == 9
    page = text_of(answer)
    assert "All 8: No access" in page and "All 1: Needs attention" in page
    consent = next(item for item in shown if item["name"].startswith("A-Warn"))
    assert consent["step"]["label"] == "Grant consent"
    assert consent["step"]["href"].endswith("/consent")


def test_who_may_not_mend_reads_whom_to_ask_instead_of_a_button(world):
    ProviderConnection.objects.update(consent_state="missing")
    steps = {
        person.username: signed_in(person).get("/admin/").context["attention"][0]["step"]
        for person in (world.owner, world.operator, world.readonly)
    }
    assert steps["owner"]["actionType"] != "ask_role"
    assert steps["operator"]["actionType"] == steps["readonly"]["actionType"] == "ask_role"
    page = text_of(signed_in(world.operator).get("/admin/"))
    assert "/consent" not in page


def test_the_map_has_a_named_link_for_each_tenant_in_the_order_of_names(world):
    make_unhealthy(world)
    page = text_of(signed_in(world.owner).get("/admin/"))
    names = re.findall(r'<span class="tp-sr">([^<:]+): ([^<]+)</span></a></li>', page)
    assert names == [
        ("Contoso", "Healthy"), ("Down", "No access"), ("Fresh", "Not verified"), ("Warn", "Needs attention"),
    ]  # fmt: skip
    caption = "1 of 4 tenants is healthy, 1 needs attention, 1 has no access, 1 is not verified."
    assert caption.replace("tenants is", "tenants are") in page


def test_the_map_can_be_read_as_a_table_with_and_without_javascript(world):
    make_unhealthy(world)
    client = signed_in(world.owner)
    for url in ("/admin/?map=table", "/admin/dashboard/map?map=table"):
        page = text_of(client.get(url))
        assert re.search(r'<th scope="row"><a href="/admin/t/down">Down</a></th><td>No access</td>', page)
        assert "Show as picture" in page
    assert "<html" not in text_of(client.get("/admin/dashboard/map?map=table"))


def test_above_400_tenants_the_map_groups_by_first_letter_and_leads_to_those(world):
    make_tenants(world.workspace, world.owner, 400, prefix="customer")
    factories.make_tenant(world.workspace, "zwei", name="2 Brüder")
    factories.make_tenant(world.workspace, "oe", name="Öl AG")
    client = signed_in(world.owner)
    answer = client.get("/admin/")
    bars = answer.context["map"]["bars"]
    assert [(bar["letter"], bar["count"]) for bar in bars] == [("C", 401), ("Other", 2)]
    assert "<use" not in text_of(answer).split("tp-legend")[0].split("</defs>")[1]
    other = client.get(bars[1]["url"]).context
    assert {row["name"] for row in other["tenants"]} == {"2 Brüder", "Öl AG"}
    assert len(client.get(bars[0]["url"] + "&size=100").context["tenants"]) == 100
    assert "Begins with C" in text_of(client.get(bars[0]["url"]))
    table = text_of(client.get("/admin/?map=table"))
    assert '<td class="tp-num tp-end">401</td>' in table


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"ok": 1}, "1 tenant, healthy."),
        ({"ok": 3}, "All 3 tenants are healthy."),
        ({"new": 2}, "0 of 2 tenants are healthy, 2 are not verified."),
        ({"ok": 1, "down": 2, "warn": 1}, "1 of 4 tenants are healthy, 1 needs attention, 2 have no access."),
    ],
)
def test_the_sentence_says_what_the_map_shows(counts, words):
    assert heatmap.sentence(Counter(counts)) == words


def test_markup_in_a_name_stays_text(world):
    Tenant.objects.update(name='<script>alert(1)</script>"', primary_domain="x.example")
    ProviderConnection.objects.update(enabled=False)
    client = signed_in(world.owner)
    for url in ("/admin/", "/admin/?map=table"):
        assert "<script>alert" not in text_of(client.get(url))


def test_the_workspace_narrows_everything_and_a_foreign_one_nothing(world):
    second = factories.make_workspace("second-msp")
    from tenantpilot.tenancy.capabilities import Role
    from tenantpilot.tenancy.grants import membership_set

    membership_set(workspace=second, user=world.owner, role=Role.OWNER, all_tenants=True)
    tenant = factories.make_tenant(second, "northwind")
    connection = factories.make_connection(tenant, world.owner)
    make_runs(connection, 1, status=ExecutionStatus.RUNNING)
    make_runs(world.connection, 1)
    client = signed_in(world.owner)
    narrowed = client.get("/admin/?workspace=second-msp")
    assert [row["tenant"]["name"] for row in narrowed.context["runs"]] == ["Northwind"]
    assert tiles(narrowed) == {"Healthy": 1, "Needs attention": 0, "No access": 0, "Running now": 1}
    assert all("workspace=second-msp" in tile["url"] for tile in narrowed.context["counts"])
    assert "Contoso" not in text_of(narrowed)
    assert tiles(client.get("/admin/?workspace=other-msp"))["Healthy"] == 2
    live = client.get("/admin/dashboard/live?workspace=second-msp&newest=0")
    assert live.context["active"] == 1


def test_the_live_part_counts_anew_and_draws_the_shown_runs_in_place(world):
    run = make_runs(world.connection, 1, status=ExecutionStatus.RUNNING)[0]
    client = signed_in(world.owner)
    page = client.get("/admin/")
    url = page.context["poll"]["url"]
    assert page.context["poll"]["seconds"] == 30
    OperationRun.objects.update(
        status="completed",
        outcome=RunOutcome.FAILED,
        completed_at=timezone.now(),
        claim_token=None,
        lease_until=None,
    )
    make_runs(world.connection, 2, status=ExecutionStatus.QUEUED)
    answer = client.get(url, headers={"HX-Request": "true"})
    part = text_of(answer)
    assert answer.status_code == 200
    assert f'id="run-{run.pk}" hx-swap-oob="true"' in part and "Failed" in part
    assert "2 new runs." in part and "2 waiting" in part
    assert 'id="running-now" hx-swap-oob="true"' in part
    assert "every 30s" in part


def test_the_live_part_shows_no_run_that_the_person_lost_the_right_to(world):
    run = make_runs(world.connection, 1)[0]
    answer = signed_in(world.outsider).get(f"/admin/dashboard/live?ids={run.pk}&newest=0")
    assert answer.context["runs"] == [] and answer.context["active"] == 0
    assert answer.context["newRuns"]["count"] == 0


@pytest.mark.parametrize("query", ["ids=x,-1,99999999999999999999&newest=-1", "newest=²", "ids=%00", ""])
def test_the_live_part_takes_any_query(world, query):
    assert signed_in(world.owner).get(f"/admin/dashboard/live?{query}").status_code == 200


def test_the_live_part_costs_three_statements(world):
    runs = make_runs(world.connection, 6)
    ids = ",".join(str(run.pk) for run in runs)
    client = signed_in(world.owner)
    for query in (f"ids={ids}&newest={runs[-1].pk}", "newest=0"):
        with CaptureQueriesContext(database) as queries:
            client.get(f"/admin/dashboard/live?{query}", headers={"HX-Request": "true"})
        assert len(queries) <= 3


@pytest.mark.parametrize("count", [100, 399, 500])
def test_the_dashboard_costs_little(world, count):
    make_tenants(world.workspace, world.owner, count)
    make_runs(world.connection, 10)
    client = signed_in(world.owner)
    with CaptureQueriesContext(database) as queries:
        answer = client.get("/admin/")
    assert len(queries) <= 10, [query["sql"][:90] for query in queries]
    assert weight(answer) <= 20_000
    assert milliseconds(client, "/admin/") <= 120


def test_ten_thousand_tenants_stay_fast(world):
    for letter in "abcdefghij":
        tenants = make_tenants(world.workspace, world.owner, 1000, prefix=f"{letter}-customer")
        ProviderConnection.objects.filter(tenant__in=tenants[:900]).update(
            consent_state="granted", credential_state="valid", verified_at=timezone.now(),
            granted_permissions=world.connection.granted_permissions,
            permissions_observed_at=timezone.now() - timedelta(hours=1),
        )  # fmt: skip
    with database.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = signed_in(world.owner)
    answer = client.get("/admin/")
    assert sum(bar["count"] for bar in answer.context["map"]["bars"]) == 10_001
    assert weight(answer) <= 20_000
    assert milliseconds(client, "/admin/") <= 500


@pytest.mark.parametrize(
    ("person", "may"), [("owner", True), ("manager", True), ("operator", False), ("readonly", False)]
)
@pytest.mark.parametrize("full", [True, False])
def test_add_tenant_is_the_primary_action_of_who_may_add_one(world, person, may, full):
    if not full:
        Tenant.objects.update(archived_at=timezone.now())
    client = signed_in(getattr(world, person))
    for url in ("/admin/", "/admin/tenants"):
        text = text_of(client.get(url))
        assert ("No tenants yet." in text) is not full
        assert ('href="/admin/onboarding">Add tenant</a>' in text) is may, url
        assert ("Ask a Manager of the workspace to add one." in text) is (not may and not full)
