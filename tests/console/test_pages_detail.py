"""The pages of a tenant and of a connection: state with its cause, buttons with the gate's reason, acts."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations.choices import ExecutionStatus
from operations.params import op_key
from providers.models import AppRegistration, ProviderConnection
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.console.rows import GROUPS, make_runs, milliseconds, signed_in, text_of, weight

pytestmark = pytest.mark.django_db

BUTTONS = [
    "Check connection",
    "Sync groups",
    "Sync role definitions",
    "Back up policies",
    "Sync inventory",
    "Snapshot compliance",
]


@pytest.fixture
def pages(world):
    return ["/admin/t/contoso", f"/admin/provider-connections/{world.connection.pk}"]


def starts_of(client, url):
    return {start["label"]: start for start in client.get(url).context["starts"]}


def set_facts(connection, **facts):
    ProviderConnection.objects.filter(pk=connection.pk).update(**facts)


def hold(connection, operation, **facts):
    """An active run of the operation in the connection's scope."""
    scope = f"connection:{connection.pk}"
    make_runs(
        connection, 1, status=ExecutionStatus.QUEUED, operation_type=operation, scope_key=scope, **facts
    )


def test_what_is_not_visible_and_what_does_not_exist_are_the_same_404(world, pages):
    client = signed_in(world.outsider)
    for invisible, absent in [
        (pages[0], "/admin/t/nowhere"),
        (pages[1], "/admin/provider-connections/999999"),
        (f"{pages[1]}/disable", "/admin/provider-connections/999999/disable"),
    ]:
        one, two = client.get(invisible), client.get(absent)
        assert one.status_code == two.status_code == 404
        assert _without_own_words(one, invisible) == _without_own_words(two, absent)


def _without_own_words(response, url):
    # The token is new each time, and the session has a second less to live.
    own = r'name="csrfmiddlewaretoken" value="[^"]+"|left="\d+"'
    return re.sub(own, "", text_of(response).replace(url, ""))


@pytest.mark.parametrize("number", [0, 2**63, 10**30])
def test_an_id_outside_the_database_is_a_404(world, number):
    assert signed_in(world.owner).get(f"/admin/provider-connections/{number}").status_code == 404


def test_a_healthy_pair_of_pages_says_so_and_offers_every_start(world, pages):
    client = signed_in(world.operator)
    for url, badge in zip(pages, ("Healthy", "Connected"), strict=True):
        page = text_of(client.get(url))
        assert badge in page
        starts = starts_of(client, url)
        assert sorted(starts) == sorted(BUTTONS)
        assert not [label for label, start in starts.items() if start.get("disabled")]


def test_starts_are_left_out_without_the_capability(world, pages):
    client = signed_in(world.readonly)
    for url in pages:
        answer = client.get(url)
        assert answer.context["starts"] == []
        assert not [label for label in BUTTONS if f">{label}</button>" in text_of(answer)]


def test_managing_is_offered_to_managers_only(world, pages):
    for person, offered in [
        (world.manager, True),
        (world.owner, True),
        (world.operator, False),
        (world.readonly, False),
    ]:
        tenant, connection = (text_of(signed_in(person).get(url)) for url in pages)
        assert ("/connections/add" in tenant) is offered
        assert ("Edit tenant ID" in tenant) is offered
        assert ("/disable" in connection) is offered
        assert ("Replace secret" in connection) is offered


def test_a_blocked_start_shows_the_gates_reason_and_keeps_the_check(world, pages):
    set_facts(world.connection, consent_state="missing", verified_at=None)
    for url in pages:
        starts = starts_of(signed_in(world.operator), url)
        assert not starts["Check connection"].get("disabled")
        for label in BUTTONS[1:]:
            assert starts[label]["disabled"]
            assert starts[label]["reason"] == "Contoso has not granted admin consent."


def test_the_reason_is_text_beside_the_disabled_button(world, pages):
    set_facts(world.connection, enabled=False)
    page = text_of(signed_in(world.operator).get(pages[0]))
    assert 'aria-describedby="start-reason-1"' in page
    assert "The connection Contoso connection is disabled." in page


@pytest.mark.parametrize(
    ("facts", "words", "mend"),
    [
        ({"consent_state": "missing"}, "Contoso has not granted admin consent.", "Grant consent"),
        ({"credential_state": "expired"}, "The credential of Contoso connection has expired.", "Replace secret"),
        ({"granted_permissions": ["DeviceManagementRBAC.Read.All", "DeviceManagementManagedDevices.Read.All",
                                  "RoleManagement.Read.Directory"]},
         "The permission GroupMember.Read.All is missing.", "Grant consent"),
        ({"fault_code": "provider.tenant_mismatch"}, "The connection leads to another tenant.", "Edit tenant ID"),
    ],
)  # fmt: skip
def test_the_banner_names_cause_and_mend_for_managers_and_the_role_for_operators(
    world, pages, facts, words, mend
):
    set_facts(world.connection, **facts)
    for url in pages:
        managers = signed_in(world.manager).get(url).context["banner"]
        assert managers["title"] == words
        assert mend in [step["label"] for step in managers["nextSteps"]]
        operators = signed_in(world.operator).get(url).context["banner"]
        labels = [step["label"] for step in operators["nextSteps"]]
        assert mend not in labels
        assert [label for label in labels if "Manager" in label]


def test_a_step_that_leads_to_the_page_itself_is_not_a_link_there(world, pages):
    set_facts(world.connection, verified_at=None)
    steps = signed_in(world.manager).get(pages[1]).context["banner"]["nextSteps"]
    assert pages[1] not in [step.get("href") for step in steps]
    assert pages[1] in [
        step["href"] for step in signed_in(world.manager).get(pages[0]).context["banner"]["nextSteps"]
    ]


def test_the_same_work_running_keeps_its_button_and_other_work_waits(world, pages):
    scope = f"connection:{world.connection.pk}"
    key = op_key(GROUPS, scope, {"selectionKey": "all_groups_v1"})
    hold(world.connection, GROUPS, op_key=key, initiator=world.manager)
    for url in pages:
        starts = starts_of(signed_in(world.operator), url)
        assert not starts["Sync groups"].get("disabled")
        assert starts["Sync role definitions"]["disabled"]
        assert "Sync groups (manager" in starts["Sync role definitions"]["reason"]
        assert [step["label"] for step in starts["Sync role definitions"]["nextSteps"]] == ["View run"]


def test_a_tenant_without_connection_says_so_and_leads_managers_to_the_mend(world):
    factories.make_tenant(world.workspace, "relecloud")
    answer = signed_in(world.manager).get("/admin/t/relecloud")
    assert answer.context["state"] == "new"
    assert "/admin/t/relecloud/connections/add" in text_of(answer)
    assert all(start["disabled"] for start in answer.context["starts"])


def test_missing_permissions_name_the_operations_that_wait_for_them(world, pages):
    set_facts(world.connection, granted_permissions=["Organization.Read.All"])
    missing = signed_in(world.operator).get(pages[1]).context["permissions"]["missing"]
    assert {each["name"]: each["why"] for each in missing} == {
        "GroupMember.Read.All": ["Sync groups"],
        "RoleManagement.Read.Directory": ["Sync role definitions"],
        "DeviceManagementRBAC.Read.All": ["Sync role definitions"],
        "DeviceManagementConfiguration.Read.All": ["Sync inventory", "Back up policies"],
        "DeviceManagementManagedDevices.Read.All": ["Snapshot compliance"],
    }


def test_recent_runs_are_those_of_this_tenant_and_of_this_connection(world, pages):
    other = factories.make_connection(factories.make_tenant(world.workspace, "fabrikam"), world.owner)
    second = factories.make_connection(world.tenant, world.owner)
    foreign, through_second, mine = (make_runs(each, 1)[0].pk for each in (other, second, world.connection))
    client = signed_in(world.operator)
    runs = [{run["runId"] for run in client.get(url).context["runs"]} for url in pages]
    assert runs == [{mine, through_second}, {mine}]
    assert foreign not in runs[0]


def test_the_parts_that_are_drawn_anew_when_a_run_ends_are_on_the_page(world, pages):
    for url in pages:
        page = text_of(signed_in(world.operator).get(url))
        parts = re.search(r'hx-select-oob="([^"]+)"', page).group(1).split(",")
        assert len(parts) >= 4
        for part in ["#starts", *parts]:
            assert page.count(f'id="{part[1:]}"') == 1


def test_long_and_hostile_names_are_escaped(world, pages):
    world.tenant.name = '<script>alert("x")</script>' + "a" * 160
    world.tenant.save()
    set_facts(world.connection, label="<b>bold</b>", enabled=False)
    for url in pages:
        page = text_of(signed_in(world.owner).get(url))
        assert "<script>alert" not in page and "<b>bold" not in page


def test_both_pages_cost_little(world, pages):
    make_runs(world.connection, 100)
    client = signed_in(world.manager)
    for url in pages:
        with CaptureQueriesContext(database) as queries:
            answer = client.get(url)
        assert len(queries) <= 10, [query["sql"][:100] for query in queries]
        assert weight(answer) <= 20_000
        assert milliseconds(client, url) <= 120


# Acts


@pytest.mark.parametrize("act", ["enable", "disable", "default"])
def test_acts_are_for_managers_and_hidden_from_outsiders(world, pages, act):
    url = f"{pages[1]}/{act}"
    for person, status in [(world.operator, 403), (world.readonly, 403), (world.outsider, 404)]:
        answer = signed_in(person).post(url)
        assert answer.status_code == status
        if status == 403:
            assert "You need Manager on this tenant." in text_of(answer)
    assert signed_in(world.manager).post(url).status_code == 302


@pytest.mark.parametrize("act", ["enable", "default"])
def test_acts_change_nothing_on_get(world, pages, act):
    assert signed_in(world.manager).get(f"{pages[1]}/{act}").status_code == 405


def test_disabling_asks_first_and_enabling_does_not(world, pages):
    client = signed_in(world.manager)
    asked = client.get(f"{pages[1]}/disable")
    assert "This keeps every operation from using the connection." in text_of(asked)
    world.connection.refresh_from_db()
    assert world.connection.enabled
    client.post(f"{pages[1]}/disable")
    world.connection.refresh_from_db()
    assert not world.connection.enabled
    assert "Enable connection" in text_of(client.get(pages[1]))
    client.post(f"{pages[1]}/enable")
    world.connection.refresh_from_db()
    assert world.connection.enabled


def test_making_a_connection_the_default_moves_the_mark(world):
    second = factories.make_connection(world.tenant, world.owner)
    assert (
        signed_in(world.manager).post(f"/admin/provider-connections/{second.pk}/default").status_code == 302
    )
    assert list(ProviderConnection.objects.filter(is_default=True)) == [second]


def test_acts_want_a_csrf_token(world, pages):
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(world.manager)
    assert client.post(f"{pages[1]}/disable").status_code == 403
    world.connection.refresh_from_db()
    assert world.connection.enabled


def test_a_manager_of_one_tenant_only_acts_there(world):
    tenant = factories.make_tenant(world.workspace, "fabrikam")
    connection = factories.make_connection(tenant, world.owner)
    person = factories.make_member(world.workspace, Role.READONLY)
    factories.entitle(person, world.tenant, Role.MANAGER)
    client = signed_in(person)
    assert client.post(f"/admin/provider-connections/{world.connection.pk}/disable").status_code == 302
    assert client.post(f"/admin/provider-connections/{connection.pk}/disable").status_code == 403


def test_a_stale_fact_shows_its_age_not_its_absence(world, pages):
    at = timezone.now() - timedelta(days=9)
    set_facts(world.connection, permissions_observed_at=at)
    page = text_of(signed_in(world.operator).get(pages[1]))
    assert "What we know of this connection is too old." in page
    assert "9 days ago" in page


def test_a_credential_is_shown_by_age_only(world, pages):
    AppRegistration.objects.update(credential_encrypted="the-cipher-text")
    for person in (world.owner, world.readonly):
        for url in pages:
            assert "the-cipher-text" not in text_of(signed_in(person).get(url))


def test_an_unknown_operation_of_an_older_version_still_has_a_row(world, pages):
    make_runs(
        world.connection, 1, operation_type="gone.operation", outcome="failed", reason_code="gone.reason"
    )
    page = text_of(signed_in(world.operator).get(pages[0]))
    assert "gone.operation" in page and "gone.reason" in page
