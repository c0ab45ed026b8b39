"""Search, the switchers of the top bar, and the shortcuts' page parts."""

import re
from urllib.parse import urlsplit

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from providers.models import ProviderConnection
from tenantpilot.console.templatetags.found import marked
from tenantpilot.search import switching
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import membership_set
from tenantpilot.tenancy.models import Membership, Tenant
from tests import factories
from tests.console.rows import make_runs, make_tenants, milliseconds, signed_in, text_of, weight

pytestmark = pytest.mark.django_db
HTMX = {
    "HX-Request": "true",
    "HX-Current-URL": "http://testserver/admin/t/contoso/directory/groups?selection=all",
}
URLS = ["/admin/search?q=con", "/admin/switch/tenant", "/admin/switch/workspace"]


def found(client: Client, text: str) -> dict[str, list[str]]:
    groups = client.get("/admin/search", {"q": text}).context["groups"]
    return {str(group["label"]): [row["label"] for row in group["rows"]] for group in groups}


@pytest.mark.parametrize("url", URLS)
def test_search_and_switchers_want_a_sign_in_and_take_no_post(world, url):
    assert urlsplit(Client().get(url)["Location"]).path == "/admin/login/"
    assert signed_in(world.owner).post(url).status_code == 405


def test_names_domains_connections_and_run_numbers_are_found(world):
    run = make_runs(world.connection, 1)[0]
    client = signed_in(world.owner)
    assert found(client, "CONTO") == {"Tenants": ["Contoso"], "Provider connections": ["Contoso connection"]}
    assert found(client, "contoso.exam") == {"Tenants": ["Contoso"]}
    for text in (str(run.pk), f"#{run.pk}"):
        assert found(client, text)["Operations"] == [f"Sync groups {run.pk}"]


def test_five_are_shown_and_the_rest_is_a_link_to_the_list(world):
    make_tenants(world.workspace, world.owner, 12, prefix="acme")
    client = signed_in(world.owner)
    answer = client.get("/admin/search?q=acme")
    group = answer.context["groups"][0]
    assert (len(group["rows"]), group["count"]) == (5, 12)
    assert "All 12 in Tenants" in text_of(answer)
    assert len(client.get(group["allUrl"]).context["tenants"]) == 12


def test_what_begins_with_the_text_comes_first(world):
    for name in ("A last Zebra", "Zebra", "Other zebra"):
        factories.make_tenant(world.workspace, name=name, primary_domain="x.example")
    assert found(signed_in(world.owner), "zebra")["Tenants"] == ["Zebra", "A last Zebra", "Other zebra"]


def test_nobody_finds_what_they_may_not_see_not_even_by_number(world):
    hidden = make_tenants(world.workspace, world.owner, 1, prefix="contoso-hidden")[0]
    run = make_runs(hidden.connections.get(), 1)[0]
    operator = signed_in(world.operator)
    assert found(operator, "conto") == {
        "Tenants": ["Contoso"],
        "Provider connections": ["Contoso connection"],
    }
    for person in (operator, signed_in(world.outsider)):
        assert "Operations" not in found(person, str(run.pk))
    nothing = text_of(signed_in(world.outsider).get("/admin/search?q=contoso"))
    assert "Nothing found for 'contoso'." in nothing


def test_rights_are_asked_for_at_each_search(world):
    client = signed_in(world.readonly)
    assert found(client, "contoso")
    membership_set(workspace=world.workspace, user=world.readonly, role=Role.READONLY, all_tenants=False)
    assert found(client, "contoso") == {}


@pytest.mark.parametrize(
    "text", ["%", "_", "\\", "\x00", "' OR 1=1", "x" * 5000, "0", "99999999999999999999", "²"]
)
def test_any_text_is_only_a_text(world, text):
    assert found(signed_in(world.owner), text) == {}


def test_markup_in_text_and_names_stays_text(world):
    Tenant.objects.update(name="<script>alert(1)</script>")
    page = text_of(signed_in(world.owner).get("/admin/search", {"q": "<script>"}))
    assert "<script>alert" not in page
    assert "<mark>&lt;script&gt;</mark>alert" in page


@pytest.mark.parametrize(
    ("text", "wanted", "html"),
    [
        ("Contoso", "TO", "Con<mark>to</mark>so"),
        ("Contoso", "x", "Contoso"),
        ("Contoso", "", "Contoso"),
        ("a<b", "<", "a<mark>&lt;</mark>b"),
        ("İstanbul", "i", "İstanbul"),
    ],
)
def test_the_matched_part_is_marked(text, wanted, html):
    assert marked(text, wanted) == html


def test_a_search_over_many_costs_little(world):
    make_tenants(world.workspace, world.owner, 2000)
    client = signed_in(world.owner)
    with CaptureQueriesContext(database) as queries:
        answer = client.get("/admin/search?q=customer")
    assert len(queries) <= 10
    assert weight(answer) <= 20_000
    assert milliseconds(client, "/admin/search?q=customer") <= 240


def test_switching_keeps_the_kind_of_page(world):
    make_tenants(world.workspace, world.owner, 1, prefix="fabrikam")
    options = signed_in(world.owner).get("/admin/switch/tenant", headers=HTMX).context["options"]
    assert [(option["name"], option["url"], option["current"]) for option in options] == [
        ("Contoso", "/admin/t/contoso/directory/groups?selection=all", True),
        ("Fabrikam 0000", "/admin/t/fabrikam-0/directory/groups?selection=all", False),
    ]


@pytest.mark.parametrize(
    ("page", "url"),
    [
        ("/admin/t/contoso", "/admin/t/other"),
        (
            "/admin/t/contoso/directory/role-definitions?q=x&after=abc",
            "/admin/t/other/directory/role-definitions",
        ),
        ("/admin/t/contoso/edit", "/admin/t/other"),
        (
            "/admin/operations?tenant=contoso&state=failed&after=x",
            "/admin/operations?state=failed&tenant=other",
        ),
        ("/admin/operations/12", "/admin/t/other"),
        ("/admin/", "/admin/t/other"),
        ("https://evil.example/admin/t/contoso", "/admin/t/other"),
        ("//evil", "/admin/t/other"),
        ("", "/admin/t/other"),
    ],
)
def test_a_page_of_another_tenant(page, url):
    assert switching.tenant_page(page, "other") == url


@pytest.mark.parametrize(
    ("page", "url"),
    [
        ("/admin/tenants?health=down&workspace=a", "/admin/tenants?health=down&workspace=other"),
        ("/admin/", "/admin/?workspace=other"),
        ("/admin/t/contoso", "/admin/?workspace=other"),
        ("/admin/operations?state=failed&tenant=contoso", "/admin/operations?state=failed&workspace=other"),
    ],
)
def test_a_list_of_another_workspace(page, url):
    assert switching.workspace_page(page, "other") == url


def test_the_switcher_offers_only_what_the_person_sees_and_filters(world):
    make_tenants(world.workspace, world.owner, 30)
    assert [o["name"] for o in signed_in(world.operator).get("/admin/switch/tenant").context["options"]] == [
        "Contoso"
    ]
    owner = signed_in(world.owner)
    answer = owner.get("/admin/switch/tenant", headers=HTMX)
    assert len(answer.context["options"]) == 20 and "Type to find more." in text_of(answer)
    found = owner.get("/admin/switch/tenant?q=0007", headers=HTMX).context["options"]
    assert [option["name"] for option in found] == ["Customer 0007"]


def test_the_switcher_is_a_page_without_javascript(world):
    client, url = signed_in(world.owner), "/admin/t/contoso/directory/groups"
    for address, headers in [
        (f"/admin/switch/tenant?at={url}", {}),
        ("/admin/switch/tenant", {"Referer": f"http://testserver{url}"}),
    ]:
        page = text_of(client.get(address, headers=headers))
        assert f'href="{url}"' in page and "<h1>" in page
    assert "evil" not in text_of(
        client.get("/admin/switch/tenant", headers={"Referer": "https://evil.example/"})
    )


def test_the_workspace_switcher_appears_with_the_second_workspace(world):
    client = signed_in(world.owner)
    assert "/admin/switch/workspace" not in text_of(client.get("/admin/tenants"))
    second = factories.make_workspace("second-msp")
    membership_set(workspace=second, user=world.owner, role=Role.OWNER, all_tenants=True)
    assert Membership.objects.filter(user=world.owner).count() == 2
    assert "/admin/switch/workspace" in text_of(client.get("/admin/tenants"))
    options = client.get("/admin/switch/workspace?at=/admin/tenants").context["options"]
    assert [option["url"] for option in options] == [
        "/admin/tenants", "/admin/tenants?workspace=contoso-msp", "/admin/tenants?workspace=second-msp",
    ]  # fmt: skip


def test_the_top_bar_names_the_tenant_of_the_page_and_costs_no_statement(world):
    client = signed_in(world.owner)
    page = text_of(client.get("/admin/t/contoso"))
    bar = re.search(r'<header class="tp-top">.*?</header>', page, re.DOTALL).group()
    assert "Contoso" in bar
    connection = text_of(client.get(f"/admin/provider-connections/{ProviderConnection.objects.get().pk}"))
    assert "Contoso" in re.search(r'<header class="tp-top">.*?</header>', connection, re.DOTALL).group()
    with CaptureQueriesContext(database) as queries:
        client.get("/admin/search")
    assert len(queries) <= 3


def test_the_list_of_shortcuts_is_on_every_page_and_can_be_switched_off(world):
    page = text_of(signed_in(world.owner).get("/admin/operations"))
    assert 'id="tp-keys"' in page and 'type="checkbox" id="tp-keys-on"' in page
    assert 'data-dashboard="/admin/"' in page and 'data-search="/admin/search"' in page
