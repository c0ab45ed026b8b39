"""Columns of lists: chosen by each person, kept, and given back."""

import re

import pytest

from operations.choices import ExecutionStatus
from providers.choices import ObjectKind
from tenantpilot.console import tables
from tenantpilot.console.models import TableSettings
from tests import factories
from tests.console.rows import make_collection, make_groups, make_roles, make_runs, signed_in, text_of

pytestmark = pytest.mark.django_db

LISTS = {
    "tenants": "/admin/tenants",
    "provider-connections": "/admin/provider-connections",
    "groups": "/admin/t/contoso/directory/groups",
    "role-definitions": "/admin/t/contoso/directory/role-definitions",
    "operations": "/admin/operations",
    "audit": "/admin/audit",
    "people": "/admin/people",
}


@pytest.fixture
def lists(world):
    """A row in every list."""
    make_groups(make_collection(world.tenant, ObjectKind.GROUPS, "all_groups_v1"), ["Finance"])
    make_roles(make_collection(world.tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, ""), ["Reader"])
    make_runs(world.connection, 1, initiator=world.owner)
    return signed_in(world.owner)


def headings(text: str) -> list[str]:
    table = re.sub(r"<label.*?</label>", "", text[text.index('<table class="tp-table">') :], flags=re.S)
    return [part.strip() for part in re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', table)]


def cells(text: str) -> int:
    """How many cells the first row has."""
    row = re.search(r"<tbody>\s*<tr.*?</tr>", text, re.S)
    assert row is not None
    return len(re.findall(r"<t[hd][ >]", row[0]))


def choose(client, name, shown, **more):
    return client.post(f"/admin/tables/{name}", {"column": shown, "next": LISTS.get(name, ""), **more})


@pytest.mark.parametrize("name", LISTS)
def test_every_list_lets_each_column_but_the_first_be_put_away(lists, name):
    before = text_of(lists.get(LISTS[name]))
    shown = tables.get(name)
    assert shown is not None
    offered = re.findall(r'name="column" value="(\w+)" checked', before)
    assert offered and shown.columns[0][0] not in offered
    for key in offered:
        answer = choose(lists, name, [other for other in offered if other != key])
        assert (answer.status_code, answer["Location"]) == (302, LISTS[name])
        after = text_of(lists.get(LISTS[name]))
        label = str(dict(shown.columns)[key])
        assert headings(after) == [heading for heading in headings(before) if heading != label]
        assert cells(after) == cells(before) - 1 == len(headings(after))


def test_no_column_at_all_leaves_the_first(lists):
    choose(lists, "tenants", [])
    assert headings(text_of(lists.get("/admin/tenants"))) == ["Tenant"]


def test_reset_table_shows_everything_again_and_keeps_nothing(lists):
    choose(lists, "tenants", ["health"])
    assert "Reset table" in text_of(lists.get("/admin/tenants"))
    choose(lists, "tenants", [], reset="1")
    text = text_of(lists.get("/admin/tenants"))
    assert headings(text) == ["Tenant", "Health", "Connection", "Last sync"]
    assert "Reset table" not in text
    assert not TableSettings.objects.exists()


def test_a_choice_is_of_one_person_and_one_list(world, lists):
    choose(lists, "tenants", ["health"])
    assert len(headings(text_of(signed_in(world.manager).get("/admin/tenants")))) == 4
    assert len(headings(text_of(lists.get("/admin/provider-connections")))) == 5


def test_a_column_that_is_no_more_is_ignored(world, lists):
    TableSettings.objects.create(user=world.owner, table="tenants", hidden=["drift", "tenant", "sync", 7])
    assert headings(text_of(lists.get("/admin/tenants"))) == ["Tenant", "Health", "Connection"]
    choose(lists, "tenants", ["health", "no-such-column"])
    assert TableSettings.objects.get().hidden == ["workspace", "connection", "sync"]


def test_a_column_that_has_nothing_to_show_here_keeps_its_choice(lists):
    text = text_of(lists.get("/admin/tenants"))
    assert '<input type="hidden" name="column" value="workspace">' in text


def test_a_list_that_is_none_is_a_404_and_a_foreign_address_leads_home(lists):
    assert choose(lists, "nowhere", []).status_code == 404
    assert choose(lists, "tenants", [], next="https://evil.example/")["Location"] == "/admin/"
    assert lists.get("/admin/tables/tenants").status_code == 405


def test_a_poll_draws_the_rows_as_the_page_did(world, lists):
    make_runs(world.connection, 1, status=ExecutionStatus.RUNNING, initiator=world.owner)
    choose(lists, "operations", ["state", "when"])
    page = text_of(lists.get("/admin/operations"))
    url = re.search(r'hx-get="(/admin/operations/rows[^"]+)"', page)
    assert url is not None
    polled = text_of(lists.get(url[1].replace("&amp;", "&")))
    assert len(re.findall(r"<t[hd][ >]", polled)) == 3


def test_a_page_may_have_25_50_or_100_rows(world, lists):
    make_runs(world.connection, 30, initiator=world.owner)
    text = text_of(lists.get("/admin/operations?size=25&state=succeeded"))
    assert text.count('<tr id="run-') == 25
    sizes = re.search(r'<span class="tp-sizes">.*?</span></a></span>', text, re.S)
    assert sizes is not None
    assert re.findall(r'href="([^"]+)"( aria-current="true")?', sizes[0]) == [
        ("?state=succeeded&amp;size=25", ' aria-current="true"'),
        ("?state=succeeded&amp;size=50", ""),
        ("?state=succeeded&amp;size=100", ""),
    ]


def test_operations_are_found_by_tenant_and_by_number(world, lists):

    other = factories.make_connection(factories.make_tenant(world.workspace, "fab_rikam"), world.owner)
    (run,) = make_runs(other, 1)
    found = lists.get("/admin/operations?q=FAB_R")
    assert re.findall(r'id="run-(\d+)"', text_of(found)) == [str(run.pk)]
    assert re.findall(r'id="run-(\d+)"', text_of(lists.get("/admin/operations?q=FABxR"))) == []
    assert re.findall(r'id="run-(\d+)"', text_of(lists.get(f"/admin/operations?q={run.pk}"))) == [str(run.pk)]
    assert re.findall(r'id="run-(\d+)"', text_of(lists.get("/admin/operations?q=%25"))) == []
    assert signed_in(world.outsider).get(f"/admin/operations?q={run.pk}").content.count(b'<tr id="run-') == 0
