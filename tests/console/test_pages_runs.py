"""The list of runs: every plan gives the same rows, filters, paging, live rows."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations import selectors
from operations.choices import ExecutionStatus, RunOutcome
from operations.models import OperationRun
from operations.selectors import RunFilter, reach_of, run_ids
from providers.models import ProviderConnection
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_set
from tenantpilot.tenancy.models import Workspace
from tenantpilot.tenancy.permissions import visible_to
from tests import factories
from tests.console.rows import (
    CHECK,
    GROUPS,
    make_runs,
    make_tenants,
    milliseconds,
    signed_in,
    text_of,
    weight,
)

pytestmark = pytest.mark.django_db

LIST = "/admin/operations"


@pytest.fixture
def busy_world(world):
    """Runs of every state on five tenants of one workspace and two of another."""
    make_tenants(world.workspace, world.owner, 4)
    other = Workspace.objects.get(slug="other-msp")
    make_tenants(other, world.outsider, 2, prefix="foreign")
    person = [world.operator, world.manager, None]
    connections = list(ProviderConnection.objects.select_related("tenant").order_by("pk"))
    for connection in connections:
        make_runs(connection, 1, created_at=timezone.now() - timedelta(days=2))
    for number, connection in enumerate(connections):
        initiator = person[number % 3]
        for outcome in RunOutcome:
            make_runs(connection, 2, outcome=outcome, initiator=initiator)
        make_runs(connection, 1, operation_type=CHECK)
        make_runs(connection, 1, status=ExecutionStatus.QUEUED, initiator=initiator)
        make_runs(connection, 1, status=ExecutionStatus.RUNNING)
    return world


FILTERS = {
    "nothing": RunFilter(),
    "active": RunFilter(state="active"),
    "queued": RunFilter(state="queued"),
    "failed": RunFilter(state="failed"),
    "operation": RunFilter(operation=CHECK),
    "workspace": RunFilter(workspace="contoso-msp"),
    "foreign workspace": RunFilter(workspace="other-msp"),
    "tenant": RunFilter(tenant="customer-1"),
    "foreign tenant": RunFilter(tenant="foreign-0"),
    "failed check": RunFilter(state="failed", operation=CHECK),
}


def expected_ids(person, wanted):
    """What rights and filters say, asked the plain way."""
    runs = visible_to(OperationRun.objects.all(), person, capability="view_run", path="tenant")
    if wanted.state == "active":
        runs = runs.filter(status__in=["queued", "running"])
    elif wanted.state == "queued":
        runs = runs.filter(status="queued")
    elif wanted.state:
        runs = runs.filter(outcome=wanted.state)
    exact = {
        "operation_type": wanted.operation,
        "tenant__workspace__slug": wanted.workspace,
        "tenant__slug": wanted.tenant,
        "initiator": wanted.initiator_id,
        "created_at__gte": wanted.since,
    }
    runs = runs.filter(**{name: value for name, value in exact.items() if value})
    return list(runs.order_by("-id").values_list("id", flat=True)[:50])


@pytest.mark.parametrize("few", [300, 0], ids=["few tenants", "many tenants"])
@pytest.mark.parametrize("name", FILTERS)
def test_every_plan_gives_the_same_rows(busy_world, monkeypatch, few, name):
    monkeypatch.setattr(selectors, "FEW_TENANTS", few)
    for person in (busy_world.owner, busy_world.readonly, busy_world.operator, busy_world.outsider):
        wanted = FILTERS[name]
        found = run_ids(reach_of(person, wanted), wanted, limit=50)
        assert found == expected_ids(person, wanted)
        for at in found[10:11]:
            reach = reach_of(person, wanted)
            assert run_ids(reach, wanted, limit=5, before=at) == found[11:16]
            assert run_ids(reach, wanted, limit=5, after=at) == found[5:10][::-1]


@pytest.mark.parametrize("few", [300, 0])
def test_mine_and_today_narrow_in_every_plan(busy_world, monkeypatch, few):
    monkeypatch.setattr(selectors, "FEW_TENANTS", few)
    today = timezone.now() - timedelta(hours=12)
    for wanted in (RunFilter(initiator_id=busy_world.manager.pk), RunFilter(since=today)):
        for person in (busy_world.owner, busy_world.operator):
            found = run_ids(reach_of(person, wanted), wanted, limit=50)
            assert found == expected_ids(person, wanted)
            assert found or person == busy_world.operator


def test_the_plan_fits_the_person(busy_world, monkeypatch):
    few = reach_of(busy_world.owner, RunFilter())
    assert few.tenants is not None and len(few.tenants) == 5
    monkeypatch.setattr(selectors, "FEW_TENANTS", 2)
    some = reach_of(busy_world.owner, RunFilter())
    assert some.tenants is None and not some.everything
    for workspace in Workspace.objects.all():
        membership_set(workspace=workspace, user=busy_world.owner, role=Role.READONLY, all_tenants=True)
    everything = reach_of(busy_world.owner, RunFilter())
    assert everything.everything
    assert run_ids(everything, RunFilter(), limit=50) == expected_ids(busy_world.owner, RunFilter())


def test_many_single_entitlements_are_read_run_by_run(busy_world, monkeypatch):
    person = factories.make_member(busy_world.workspace, Role.READONLY, all_tenants=False)
    for tenant in busy_world.workspace.tenants.exclude(slug="customer-2"):
        factories.entitle(person, tenant, Role.READONLY)
    monkeypatch.setattr(selectors, "FEW_TENANTS", 2)
    found = run_ids(reach_of(person, RunFilter()), RunFilter(), limit=50)
    assert found == expected_ids(person, RunFilter())
    assert not OperationRun.objects.filter(pk__in=found, tenant__slug="customer-2").exists()


def test_the_lateral_plan_reads_the_index_of_each_tenant(busy_world):
    reach = reach_of(busy_world.operator, RunFilter())
    with CaptureQueriesContext(database) as queries:
        run_ids(reach, RunFilter(), limit=50)
    assert "LATERAL" in queries[0]["sql"]


def ids_on(answer):
    return [run["runId"] for run in answer.context["runs"]]


def test_each_person_sees_the_runs_of_their_tenants(busy_world):
    for person, tenants in [
        (busy_world.operator, {"Contoso"}),
        (busy_world.outsider, {"Foreign 0000", "Foreign 0001"}),
    ]:
        answer = signed_in(person).get(f"{LIST}?size=100")
        assert {run["tenant"]["name"] for run in answer.context["runs"]} == tenants


def test_the_filters_of_the_page(busy_world):
    client = signed_in(busy_world.owner)
    for query, check in [
        ("state=active", lambda run: run["executionStatus"] in {"queued", "running"}),
        ("state=partially_succeeded", lambda run: run["outcome"] == "partially_succeeded"),
        (f"operation={CHECK}", lambda run: run["operatorVerb"] == "Check connection"),
        ("tenant=customer-1", lambda run: run["tenant"]["name"] == "Customer 0001"),
    ]:
        runs = client.get(f"{LIST}?{query}").context["runs"]
        assert runs and all(check(run) for run in runs), query
    mine = signed_in(busy_world.operator).get(f"{LIST}?mine=1").context["runs"]
    assert mine and {run["initiator"]["name"] for run in mine} == {"operator"}


def test_unknown_filter_values_change_nothing(busy_world):
    client = signed_in(busy_world.owner)
    everything = ids_on(client.get(LIST))
    assert ids_on(client.get(f"{LIST}?state=sleeping&operation=no.such&workspace=nowhere")) == everything
    assert ids_on(client.get(f"{LIST}?after=%%%&size=7")) == everything


def test_a_tenant_that_is_not_visible_gives_no_rows_and_no_name(busy_world):
    page = signed_in(busy_world.owner).get(f"{LIST}?tenant=foreign-0")
    assert ids_on(page) == []
    assert "No run matches." in text_of(page)
    assert "Foreign 0000" not in text_of(page)


def test_quick_filters_mark_the_one_that_is_set(world):
    client = signed_in(world.owner)
    for query, label in [("", "All"), ("state=active", "Running"), ("mine=1", "Mine"),
                         ("state=failed&since=today", "Failed today")]:  # fmt: skip
        quick = client.get(f"{LIST}?{query}").context["quick"]
        assert [item["label"] for item in quick if item["current"]] == [label]


def test_nothing_has_run_yet(world):
    page = text_of(signed_in(world.owner).get(LIST))
    assert "Nothing has run yet." in page and "Go to tenants" in page


def test_paging_shows_every_run_once_newest_first(busy_world):
    client = signed_in(busy_world.owner)
    seen, answer = [], client.get(f"{LIST}?size=25")
    while True:
        seen += ids_on(answer)
        following = answer.context["pager"].get("nextUrl")
        if not following:
            break
        answer = client.get(LIST + following)
    assert (
        len(seen)
        == len(set(seen))
        == OperationRun.objects.filter(tenant__workspace=busy_world.workspace).count()
    )
    assert seen == sorted(seen, reverse=True)
    back = client.get(LIST + answer.context["pager"]["backUrl"])
    assert ids_on(back) == seen[-len(ids_on(answer)) - 25 : -len(ids_on(answer))]


def test_a_hundred_rows_cost_little(world):
    make_runs(
        world.connection, 100, initiator=world.operator, reason_code="provider.unreachable", outcome="failed"
    )
    client = signed_in(world.owner)
    with CaptureQueriesContext(database) as queries:
        answer = client.get(f"{LIST}?size=100")
    assert len(ids_on(answer)) == 100
    assert len(queries) <= 10
    assert weight(answer) <= 20_000
    assert milliseconds(client, f"{LIST}?size=100") <= 120


def poll(client, url):
    return client.get(url, headers={"HX-Request": "true"})


def test_active_rows_are_polled_and_nothing_is_polled_without(world):
    client = signed_in(world.operator)
    assert client.get(LIST).context["poll"] is None
    active = make_runs(world.connection, 1, status=ExecutionStatus.RUNNING)[0]
    make_runs(world.connection, 1)
    url = client.get(LIST).context["poll"]["url"]
    assert f"ids={active.pk}&" in url
    answer = poll(client, url)
    assert answer.status_code == 200
    assert f'id="run-{active.pk}"' in text_of(answer)
    assert "HX-Trigger" not in answer


def test_polling_stops_with_the_last_active_run_and_tells_the_page(world):
    client = signed_in(world.operator)
    run = make_runs(world.connection, 1, status=ExecutionStatus.QUEUED)[0]
    url = client.get(LIST).context["poll"]["url"]
    OperationRun.objects.filter(pk=run.pk).update(
        status="completed", outcome="succeeded", completed_at=timezone.now()
    )
    answer = poll(client, url)
    assert answer.status_code == 286
    assert answer["HX-Trigger"] == "tp:run-ended"
    assert "data-tp-poll" not in text_of(answer)
    assert "Succeeded" in text_of(answer)


def test_new_runs_are_counted_under_the_same_filters_and_not_inserted(world):
    client = signed_in(world.operator)
    make_runs(world.connection, 1, status=ExecutionStatus.QUEUED)
    urls = [client.get(f"{LIST}?{query}").context["poll"]["url"] for query in ("", "state=queued")]
    make_runs(world.connection, 3)
    assert "3 new runs." in text_of(poll(client, urls[0]))
    assert "new run" not in text_of(poll(client, urls[1]))


def test_a_poll_shows_only_rows_the_person_may_read(busy_world):
    every = ",".join(str(pk) for pk in OperationRun.objects.values_list("pk", flat=True))
    seen = ids_on(poll(signed_in(busy_world.operator), f"{LIST}/rows?ids={every}&newest=1"))
    assert seen and set(seen) <= set(
        OperationRun.objects.filter(tenant__slug="contoso").values_list("pk", flat=True)
    )


@pytest.mark.parametrize(
    "query", ["", "ids=", "ids=a,b", "ids=99999999999999999999999", "ids=1&newest=x", "ids=-1"]
)
def test_a_poll_with_nonsense_ends_quietly(world, query):
    assert poll(signed_in(world.operator), f"{LIST}/rows?{query}").status_code == 286


def test_a_poll_costs_three_statements_and_little_time(world):
    run = make_runs(world.connection, 1, status=ExecutionStatus.RUNNING)[0]
    client = signed_in(world.operator)
    url = f"{LIST}/rows?ids={run.pk}&newest={run.pk}&list=1"
    with CaptureQueriesContext(database) as queries:
        answer = poll(client, url)
    assert len(queries) == 3
    assert weight(answer) <= 1_000
    assert milliseconds(client, url) <= 15


def test_the_recent_part_is_for_those_who_see_the_tenant(world):
    make_runs(world.connection, 1, operation_type=GROUPS)
    for place in ("tenant=contoso", f"connection={world.connection.pk}"):
        answer = poll(signed_in(world.operator), f"{LIST}/recent?{place}")
        assert answer.status_code == 200 and "Sync groups" in text_of(answer)
        assert poll(signed_in(world.outsider), f"{LIST}/recent?{place}").status_code == 404
    for place in ("", "tenant=nowhere", "connection=abc", "connection=99999999999999999999"):
        assert poll(signed_in(world.operator), f"{LIST}/recent?{place}").status_code == 404


def test_scheduled_and_system_runs_name_nobody(world):
    make_runs(world.connection, 1)
    run = signed_in(world.owner).get(LIST).context["runs"][0]
    assert "initiator" not in run


def test_a_run_of_an_operation_that_only_a_newer_version_knows_breaks_no_page(world):
    """While an upgrade is under way the old console meets rows of the new one."""
    ended, active = (
        make_runs(world.connection, 1, operation_type="probe.newer", **facts)[0]
        for facts in (
            {"outcome": RunOutcome.FAILED, "reason_code": "probe.too_new", "scope_key": "connection:1"},
            {"status": ExecutionStatus.QUEUED, "scope_key": "connection:2"},
        )
    )
    client = signed_in(world.owner)
    pages = [LIST, "/admin/", "/admin/t/contoso", f"/admin/search?q={ended.pk}", "/admin/audit"]
    pages += [f"{LIST}/{run.pk}{part}" for run in (ended, active) for part in ("", "/status")]
    for page in pages:
        assert client.get(page).status_code in {200, 286}, page
    assert "probe.newer" in text_of(client.get(f"{LIST}/{ended.pk}"))
