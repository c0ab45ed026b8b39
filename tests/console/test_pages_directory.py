"""Groups and role definitions: what was observed, when, and how far it can be trusted."""

from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from providers.choices import ObjectKind
from providers.models import DirectoryGroup
from tests.console.rows import (
    GROUPS,
    ROLES,
    make_collection,
    make_groups,
    make_roles,
    milliseconds,
    signed_in,
    text_of,
    weight,
)

pytestmark = pytest.mark.django_db

GROUP_PAGE = "/admin/t/contoso/directory/groups"
ROLE_PAGE = "/admin/t/contoso/directory/role-definitions"
ALL, SECURITY = "all_groups_v1", "security_groups_v1"


@pytest.fixture
def collection(world):
    return make_collection(world.tenant, ObjectKind.GROUPS, ALL)


def names(answer):
    page = "roleDefinitions" if "roleDefinitions" in answer.context else "groups"
    rows = answer.context[page]
    return [row["name"] for row in rows]


@pytest.mark.parametrize("url", [GROUP_PAGE, ROLE_PAGE])
def test_visible_to_everybody_on_the_tenant_and_to_nobody_else(world, url):
    for person in (world.owner, world.manager, world.operator, world.readonly):
        assert signed_in(person).get(url).status_code == 200
    assert signed_in(world.outsider).get(url).status_code == 404


@pytest.mark.parametrize(("url", "operation"), [(GROUP_PAGE, GROUPS), (ROLE_PAGE, ROLES)])
def test_the_page_offers_its_own_sync_only(world, url, operation):
    starts = signed_in(world.operator).get(url).context["starts"]
    assert len(starts) == 1
    assert starts[0]["primary"]
    assert not signed_in(world.readonly).get(url).context["starts"]


def test_what_was_never_read_says_so(world):
    client = signed_in(world.owner)
    assert "Groups were never read." in text_of(client.get(GROUP_PAGE))
    assert "Role definitions were never read." in text_of(client.get(ROLE_PAGE))


def test_groups_are_searched_by_name_and_by_object_id(world, collection):
    make_groups(collection, ["Finance", "Finance EMEA", "Legal"])
    client = signed_in(world.owner)
    assert names(client.get(GROUP_PAGE)) == ["Finance", "Finance EMEA", "Legal"]
    assert names(client.get(GROUP_PAGE, {"q": "emea"})) == ["Finance EMEA"]
    legal = DirectoryGroup.objects.get(display_name="Legal")
    assert names(client.get(GROUP_PAGE, {"q": legal.object_id.upper()})) == ["Legal"]
    none = text_of(client.get(GROUP_PAGE, {"q": "nothing"}))
    assert "No group matches." in none and "Clear filters" in none


def test_selections_are_kept_apart_and_the_button_syncs_the_one_shown(world, collection):
    make_groups(collection, ["Everybody"])
    make_groups(make_collection(world.tenant, ObjectKind.GROUPS, SECURITY), ["Guards"])
    client = signed_in(world.operator)
    assert names(client.get(GROUP_PAGE)) == ["Everybody"]
    answer = client.get(GROUP_PAGE, {"selection": SECURITY})
    assert names(answer) == ["Guards"]
    assert answer.context["starts"][0]["fields"] == [{"name": "selectionKey", "value": SECURITY}]
    assert [item["label"] for item in answer.context["quick"] if item["current"]] == ["Security groups"]
    assert names(client.get(GROUP_PAGE, {"selection": "no_such_v1"})) == ["Everybody"]


def test_a_search_keeps_the_selection(world):
    make_groups(make_collection(world.tenant, ObjectKind.GROUPS, SECURITY), ["Guards", "Keepers"])
    page = signed_in(world.operator).get(GROUP_PAGE, {"selection": SECURITY, "q": "guard"})
    assert names(page) == ["Guards"]
    assert {"name": "selection", "value": SECURITY} in page.context["filters"]["keep"]
    assert f"selection={SECURITY}" in page.context["clearUrl"]


def test_gone_groups_stay_with_their_date(world, collection):
    make_groups(collection, ["Here"])
    make_groups(collection, ["Left"], gone_at=timezone.now() - timedelta(days=3))
    client = signed_in(world.owner)
    page = client.get(GROUP_PAGE)
    assert names(page) == ["Here", "Left"]
    assert "3 days ago" in text_of(page)
    assert names(client.get(GROUP_PAGE, {"presence": "gone"})) == ["Left"]
    assert names(client.get(GROUP_PAGE, {"presence": "present"})) == ["Here"]


def test_an_incomplete_read_says_why_and_when_the_last_whole_one_was(world):
    now = timezone.now()
    collection = make_collection(
        world.tenant, ObjectKind.GROUPS, ALL, complete_at=now - timedelta(days=2), attempted_at=now,
        reason_code="provider.unreachable",
    )  # fmt: skip
    make_groups(collection, ["Old"])
    page = text_of(signed_in(world.owner).get(GROUP_PAGE))
    assert "The last read was incomplete." in page
    assert "Microsoft did not answer for Contoso." in page
    assert "2 days ago" in page
    assert names(signed_in(world.owner).get(GROUP_PAGE)) == ["Old"]


def test_a_complete_read_confirms_what_had_not_changed_but_not_what_is_gone(world, collection):
    old = timezone.now() - timedelta(days=20)
    make_groups(collection, ["Kept"], observed_at=old)
    make_groups(collection, ["Left"], observed_at=old, gone_at=timezone.now())
    rows = {
        row["name"]: row["observedAt"] for row in signed_in(world.owner).get(GROUP_PAGE).context["groups"]
    }
    collection.refresh_from_db()
    assert rows == {"Kept": collection.complete_at, "Left": old}


def test_the_kinds_of_groups(world, collection):
    make_groups(collection, ["a"], group_types=["Unified"], mail_enabled=True)
    make_groups(collection, ["b"], mail_enabled=True)
    make_groups(collection, ["c"], mail_enabled=True, security_enabled=False)
    make_groups(collection, ["d"])
    make_groups(collection, ["e"], security_enabled=False)
    kinds = [row["kind"] for row in signed_in(world.owner).get(GROUP_PAGE).context["groups"]]
    assert kinds == ["Microsoft 365", "Mail-enabled security", "Distribution", "Security", "Other"]


def test_names_from_the_provider_are_text(world, collection):
    make_groups(
        collection, ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'], description="<b>x</b>"
    )
    page = text_of(signed_in(world.owner).get(GROUP_PAGE))
    assert "<script>alert" not in page and "<img src=x" not in page and "<b>x</b>" not in page
    assert "&lt;script&gt;" in page


def test_paging_walks_through_groups_of_the_same_name(world, collection):
    make_groups(collection, ["Same"] * 60)
    client = signed_in(world.owner)
    first = client.get(f"{GROUP_PAGE}?size=25")
    seen = [row["objectId"] for row in first.context["groups"]]
    answer = first
    while "nextUrl" in answer.context["pager"]:
        answer = client.get(GROUP_PAGE + answer.context["pager"]["nextUrl"])
        seen += [row["objectId"] for row in answer.context["groups"]]
    assert len(seen) == len(set(seen)) == 60


def test_role_definitions_of_both_sources_stand_in_one_list(world):
    entra = make_collection(world.tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, "all_role_definitions_v1")
    intune = make_collection(
        world.tenant, ObjectKind.INTUNE_ROLE_DEFINITIONS, "all_role_definitions_v1", complete_at=None,
        reason_code="provider.licence_missing", reason_facts={"licence": "Microsoft Intune"},
    )  # fmt: skip
    make_roles(entra, ["Global Reader"], is_built_in=True, allowed_actions=["a/read", "b/read"])
    make_roles(entra, ["Helpdesk Tier 2"])
    make_roles(intune, ["Endpoint Manager"])
    client = signed_in(world.readonly)
    page = client.get(ROLE_PAGE)
    assert names(page) == ["Endpoint Manager", "Global Reader", "Helpdesk Tier 2"]
    assert "Contoso has no licence for Microsoft Intune." in text_of(page)
    assert [row["permissionCount"] for row in page.context["roleDefinitions"]] == [1, 2, 1]
    assert names(client.get(ROLE_PAGE, {"origin": "built_in"})) == ["Global Reader"]
    assert names(client.get(ROLE_PAGE, {"origin": "custom"})) == ["Endpoint Manager", "Helpdesk Tier 2"]
    assert names(client.get(ROLE_PAGE, {"source": "intune_role_definitions"})) == ["Endpoint Manager"]
    assert names(client.get(ROLE_PAGE, {"q": "global"})) == ["Global Reader"]


def test_another_tenants_objects_never_show(world, collection):
    from tests import factories

    other = factories.make_tenant(world.workspace, "fabrikam")
    make_groups(make_collection(other, ObjectKind.GROUPS, ALL), ["Foreign"])
    make_roles(
        make_collection(other, ObjectKind.ENTRA_ROLE_DEFINITIONS, "all_role_definitions_v1"), ["Foreign"]
    )
    client = signed_in(world.owner)
    assert names(client.get(GROUP_PAGE)) == names(client.get(ROLE_PAGE)) == []


def test_a_hundred_rows_cost_little(world, collection):
    make_groups(
        collection, [f"Group {number:03}" for number in range(120)], description="What it is for " * 3
    )
    entra = make_collection(world.tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, "all_role_definitions_v1")
    make_roles(entra, [f"Role {number:03}" for number in range(120)], description="What it may do " * 3)
    client = signed_in(world.operator)
    for url in (f"{GROUP_PAGE}?size=100", f"{ROLE_PAGE}?size=100"):
        with CaptureQueriesContext(database) as queries:
            answer = client.get(url)
        assert len(names(answer)) == 100
        assert len(queries) <= 10
        assert weight(answer) <= 20_000
        assert milliseconds(client, url) <= 120
