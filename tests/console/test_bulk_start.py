"""One operation on several tenants, from the list: the toast, and the page that says what became of each."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from operations.models import OperationRun, StartAnswer
from operations.views_bulk import bulk_operations
from providers.models import ProviderConnection
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import entitlement_remove
from tests.console.rows import CHECK, GROUPS, signed_in, text_of
from tests.factories import entitle, make_connection, make_tenant

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]
URL = "/admin/tenants/start"


@pytest.fixture
def fabrikam(world):
    tenant = make_tenant(world.workspace, "fabrikam")
    make_connection(tenant, world.owner)
    return tenant


def post(person, *slugs, operation=GROUPS, **headers):
    return signed_in(person).post(URL, {"operation": operation, "tenant": slugs}, headers=headers)


def toast_of(answer):
    return json.loads(answer["HX-Trigger"])["tp:toast"]


def test_a_plain_form_leads_to_the_page_with_the_outcomes(world, fabrikam):
    ProviderConnection.objects.filter(tenant=fabrikam).update(enabled=False)
    answer = post(world.owner, "contoso", "fabrikam")
    assert answer.status_code == 303
    page = text_of(signed_in(world.owner).get(answer["Location"]))
    assert "1 queued, 1 blocked." in page
    assert page.index("Fabrikam") < page.index("Contoso</a>"), "what did not start comes first"
    assert "is disabled" in page
    assert OperationRun.objects.get().origin == "bulk"


def test_htmx_gets_a_toast_that_leads_there(world, fabrikam):
    ProviderConnection.objects.filter(tenant=fabrikam).update(enabled=False)
    answer = post(world.owner, "contoso", "fabrikam", HX_Request="true")
    shown = toast_of(answer)
    assert (answer.status_code, answer["HX-Reswap"], answer.content) == (200, "none", b"")
    assert (shown["text"], shown["label"], shown["outcome"]) == (
        "1 queued, 1 blocked.",
        "Show blocked",
        "scope_busy",
    )
    assert signed_in(world.owner).get(shown["href"]).status_code == 200


def test_when_all_is_queued_the_toast_leads_to_the_runs(world, fabrikam):
    shown = toast_of(post(world.owner, "contoso", "fabrikam", HX_Request="true"))
    assert (shown["text"], shown["outcome"], shown["href"]) == ("2 queued.", "accepted", "/admin/operations")
    shown = toast_of(post(world.owner, "contoso", "fabrikam", HX_Request="true"))
    assert (shown["text"], shown["outcome"]) == ("2 already running.", "accepted")


def test_busy_ones_are_counted_and_shown(world):
    post(world.owner, "contoso")
    shown = toast_of(post(world.owner, "contoso", operation=CHECK, HX_Request="true"))
    assert (shown["text"], shown["label"]) == ("1 busy.", "Show busy")


def test_one_that_is_not_visible_makes_it_all_a_404_and_starts_nothing(world, fabrikam):
    for slugs in (("contoso", "fabrikam"), ("contoso", "nowhere"), ("contoso", "no slug\0")):
        assert post(world.operator, *slugs).status_code == 404
    assert OperationRun.objects.count() == 0


def test_one_without_the_right_is_refused_and_the_other_goes_on(world, fabrikam):
    entitle(world.operator, fabrikam, Role.READONLY)
    answer = post(world.operator, "contoso", "fabrikam")
    page = text_of(signed_in(world.operator).get(answer["Location"]))
    assert "Your role on Fabrikam does not include this." in page
    assert OperationRun.objects.get().tenant == world.tenant


@pytest.mark.parametrize(
    ("operation", "slugs"),
    [("", ["contoso"]), ("no.such", ["contoso"]), (GROUPS, []), (GROUPS, ["x"] * 3)],
    ids=str,
)
def test_wrong_input_names_the_field(world, operation, slugs):
    answer = signed_in(world.owner).post(
        URL, {"operation": operation, "tenant": slugs}, headers={"Accept": "application/json"}
    )
    assert answer.status_code == (404 if slugs == ["x"] * 3 else 400)
    if answer.status_code == 400:
        assert answer.json()["detail"].startswith(("operation:", "tenant:"))


def test_a_thousand_fields_are_taken_and_more_refused(world):
    many = [f"n-{number}" for number in range(1001)]
    assert "at most 1000" in text_of(post(world.owner, *many))
    assert post(world.owner, *many[:1000]).status_code == 404


def test_the_page_is_for_who_asked_and_for_a_day(world, fabrikam):
    answer = post(world.owner, "contoso", "fabrikam")
    assert signed_in(world.manager).get(answer["Location"]).status_code == 404
    StartAnswer.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert signed_in(world.owner).get(answer["Location"]).status_code == 404


def test_what_the_person_lost_sight_of_is_not_shown(world, fabrikam):
    entitle(world.operator, fabrikam, Role.OPERATOR)
    there = post(world.operator, "contoso", "fabrikam")["Location"]
    entitlement_remove(tenant=fabrikam, user=world.operator)
    page = text_of(signed_in(world.operator).get(there))
    assert "Contoso" in page
    assert "Fabrikam" not in page


def test_reads_alone_may_be_started_on_many():
    names = {kind.name for kind in bulk_operations()}
    assert {CHECK, GROUPS} <= names
    assert "restore.execute" not in names
