"""The lists of tenants and connections: who sees what, search, filters, paging, and what they cost."""

import itertools
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from operations import registry
from providers.health import blockers_of, facts_in, health_of, status_in_sql, status_of
from providers.lists import HEALTHS, connection_rows, tenant_rows
from providers.models import AppRegistration, ProviderConnection
from providers.permissions import READ_GROUPS
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.console.rows import make_tenants, milliseconds, signed_in, text_of, weight

pytestmark = pytest.mark.django_db

LISTS = ["/admin/tenants", "/admin/provider-connections"]


@pytest.mark.parametrize("url", LISTS)
def test_a_list_wants_a_sign_in_and_leads_back(url):
    answer = Client().get(f"{url}?q=abc")
    assert answer.status_code == 302
    target = urlsplit(answer["Location"])
    assert target.path == "/admin/login/"
    assert parse_qs(target.query)["next"] == [f"{url}?q=abc"]


@pytest.mark.parametrize("url", LISTS)
def test_an_htmx_request_without_session_is_led_to_the_sign_in_page(url):
    answer = Client().get(url, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert answer["HX-Redirect"].startswith("/admin/login/")


@pytest.mark.parametrize("url", LISTS)
def test_the_slash_form_redirects_and_keeps_the_query(world, url):
    answer = signed_in(world.owner).get(f"{url}/?q=con")
    assert (answer.status_code, answer["Location"]) == (302, f"{url}?q=con")


@pytest.mark.parametrize("url", LISTS)
def test_a_list_takes_no_post(world, url):
    assert signed_in(world.owner).post(url).status_code == 405


@pytest.mark.parametrize("url", LISTS)
def test_a_list_shows_only_what_the_person_may_see(world, url):
    hidden = factories.make_tenant(world.workspace, "hidden")
    factories.make_connection(hidden, world.owner)
    for person, sees in [
        (world.owner, {"Contoso", "Hidden"}),
        (world.readonly, {"Contoso", "Hidden"}),
        (world.operator, {"Contoso"}),
        (world.outsider, set()),
    ]:
        page = text_of(signed_in(person).get(url))
        assert {name for name in ("Contoso", "Hidden") if f">{name}</a>" in page} == sees, person


def test_empty_and_none_match_are_told_apart(world):
    client = signed_in(world.outsider)
    assert "No tenants yet." in text_of(client.get("/admin/tenants"))
    assert "No connections." in text_of(client.get("/admin/provider-connections"))
    client = signed_in(world.owner)
    for url, words in zip(LISTS, ("No tenant matches.", "No connection matches."), strict=True):
        page = text_of(client.get(f"{url}?q=nothing-like-it"))
        assert words in page
        assert f'href="{url}">Clear filters</a>' in page


def test_search_finds_names_and_domains(world):
    factories.make_tenant(world.workspace, "fabrikam", primary_domain="logistics.example")
    client = signed_in(world.owner)
    for query, found in [("FABRI", "Fabrikam"), ("logistics", "Fabrikam"), ("conto", "Contoso"), ("%", "")]:
        page = text_of(client.get("/admin/tenants", {"q": query}))
        assert {name for name in ("Fabrikam", "Contoso") if f">{name}</a>" in page} == (
            {found} if found else set()
        )


@pytest.mark.parametrize("url", LISTS)
def test_a_search_with_a_nul_or_markup_is_harmless(world, url):
    answer = signed_in(world.owner).get(url, {"q": "\x00<script>alert(1)</script>"})
    assert answer.status_code == 200
    assert "<script>alert" not in text_of(answer)


def test_the_workspace_filter_narrows_and_a_foreign_workspace_changes_nothing(world):
    other = factories.make_workspace("second-msp")
    factories.make_tenant(other, "northwind")
    from tenantpilot.tenancy.grants import membership_set

    membership_set(workspace=other, user=world.owner, role=Role.OWNER, all_tenants=True)
    client = signed_in(world.owner)
    assert "Northwind" in text_of(client.get("/admin/tenants"))
    narrowed = text_of(client.get("/admin/tenants?workspace=second-msp"))
    assert ">Northwind</a>" in narrowed and ">Contoso</a>" not in narrowed
    assert ">Contoso</a>" in text_of(client.get("/admin/tenants?workspace=other-msp"))


def test_the_workspace_column_and_filter_appear_only_with_two_workspaces(world):
    page = text_of(signed_in(world.owner).get("/admin/tenants"))
    assert "All workspaces" not in page and ">Workspace</th>" not in page


@pytest.mark.parametrize("url", LISTS)
def test_paging_shows_every_row_once_in_both_directions(world, url):
    make_tenants(world.workspace, world.owner, 60)
    client = signed_in(world.owner)
    seen, address = [], f"{url}?size=25"
    while address:
        answer = client.get(address)
        seen.append(_names(answer.context))
        following = answer.context["pager"].get("nextUrl")
        last, address = address, following and url + following
    names = list(itertools.chain(*seen))
    assert len(names) == len(set(names)) == 61
    assert names == sorted(names)
    back = client.get(url + client.get(last).context["pager"]["backUrl"])
    assert _names(back.context) == seen[-2]


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("cursor", ["x", "W10", "WyJhIl0", "WzEsMV0", "WyJcdTAwMDAiLDFd", "WyJhIiwtMV0"])
def test_a_cursor_that_cannot_be_read_is_the_first_page(world, url, cursor):
    answer = signed_in(world.owner).get(f"{url}?after={cursor}")
    assert answer.status_code == 200
    assert _names(answer.context)


def _names(context):
    rows = context["tenants"] if "tenants" in context else [row["tenant"] for row in context["connections"]]
    return [row["name"] for row in rows]


@pytest.mark.parametrize("url", LISTS)
def test_a_hundred_rows_cost_little(world, url):
    make_tenants(world.workspace, world.owner, 100)
    client = signed_in(world.owner)
    address = f"{url}?size=100"
    with CaptureQueriesContext(
        database,
    ) as queries:
        answer = client.get(address)
    assert len(queries) <= 10
    assert weight(answer) <= 20_000
    assert milliseconds(client, address) <= 120


def test_no_list_reads_a_credential(world):
    client = signed_in(world.owner)
    for url in [*LISTS, f"/admin/provider-connections/{world.connection.pk}", "/admin/t/contoso"]:
        with CaptureQueriesContext(database) as queries:
            assert client.get(url).status_code == 200
        selected = [query["sql"].split(" FROM ")[0] for query in queries]
        assert not [sql for sql in selected if 'credential_encrypted"' in sql and "EXISTS" not in sql]


FACTS = {
    "nothing wrong": {},
    "disabled": {"enabled": False},
    "refused": {"credential_state": "invalid"},
    "expired": {"credential_state": "expired"},
    "not found": {"fault_code": "provider.tenant_not_found", "verified_at": None},
    "mismatch": {"fault_code": "provider.tenant_mismatch"},
    "revoked": {"consent_state": "revoked"},
    "consent missing": {"consent_state": "missing", "verified_at": None},
    "never checked": {"verified_at": None},
    "unreachable": {"fault_code": "provider.unreachable"},
    "throttled": {"throttled_until": timezone.now() + timedelta(hours=1)},
    "cooled down": {"throttled_until": timezone.now() - timedelta(hours=1)},
    "nothing granted": {"granted_permissions": []},
    "stronger grant": {
        "granted_permissions": ["Directory.Read.All", "DeviceManagementConfiguration.Read.All"]
    },
    "role": {"fault_code": "provider.role_missing"},
    "licence": {"fault_code": "provider.licence_missing"},
    "approval": {"fault_code": "provider.approval_required"},
    "stale": {"permissions_observed_at": timezone.now() - timedelta(days=8)},
}


def test_status_in_sql_and_readiness_agree_on_every_pair_of_faults(world):
    """Pairs, since precedence is what two implementations would lose first."""
    assert any(READ_GROUPS in kind.needs.permissions for kind in registry.all_types())
    pairs = list(itertools.combinations_with_replacement(FACTS, 2))
    tenants = make_tenants(world.workspace, world.owner, len(pairs), prefix="pair")
    for tenant, (one, two) in zip(tenants, pairs, strict=True):
        connection = factories.make_ready(tenant.connections.get())
        ProviderConnection.objects.filter(pk=connection.pk).update(**(FACTS[two] | FACTS[one]))
    for health in HEALTHS:
        listed = {row["slug"] for row in tenant_rows(world.owner, health=health)}
        connected = {row["tenant_slug"] for row in connection_rows(world.owner, health=health)}
        expected = {
            row["slug"]
            for row in tenant_rows(world.owner)
            if health_of(status_of(blockers_of(facts_in(row)))) == health
        }
        assert listed == connected == expected
        assert expected
    annotated = connection_rows(world.owner).annotate(status=status_in_sql()).values_list("id", "status")
    by_rule = {row["id"]: status_of(blockers_of(facts_in(row))) for row in connection_rows(world.owner)}
    assert dict(annotated) == by_rule
    assert len(set(by_rule.values())) >= 14


def test_health_of_a_tenant_without_connection_or_credential(world):
    factories.make_tenant(world.workspace, "relecloud")
    tailspin = factories.make_tenant(world.workspace, "tailspin")
    factories.make_ready(factories.make_connection(tailspin, world.owner))
    AppRegistration.objects.filter(connections__tenant=tailspin).update(credential_encrypted="")
    expired = factories.make_tenant(world.workspace, "expired")
    factories.make_connection(expired, world.owner)
    AppRegistration.objects.filter(connections__tenant=expired).update(
        credential_expires_at=timezone.now() - timedelta(days=1)
    )
    page = signed_in(world.owner).get("/admin/tenants").context["tenants"]
    found = {row["name"]: (row["health"], str(row.get("reason", ""))) for row in page}
    assert found == {
        "Contoso": ("ok", ""),
        "Relecloud": ("new", "No connection"),
        "Tailspin": ("down", "Secret missing"),
        "Expired": ("down", "Secret expired"),
    }
    for health, names in {"ok": {"Contoso"}, "new": {"Relecloud"}, "down": {"Tailspin", "Expired"}}.items():
        rows = signed_in(world.owner).get(f"/admin/tenants?health={health}").context["tenants"]
        assert {row["name"] for row in rows} == names


def test_an_expiring_credential_is_marked_by_its_days(world):
    looks = {}
    for days in (3, 20, 90):
        tenant = factories.make_tenant(world.workspace, f"days-{days}")
        factories.make_connection(tenant, world.owner)
        AppRegistration.objects.filter(connections__tenant=tenant).update(
            credential_expires_at=timezone.now() + timedelta(days=days)
        )
    for row in signed_in(world.owner).get("/admin/provider-connections").context["connections"]:
        looks[row["tenant"]["name"]] = row["credential"]["tone"]
    assert looks == {"Contoso": "mute", "Days-3": "bad", "Days-20": "warn", "Days-90": "mute"}


def test_an_archived_tenant_leaves_the_lists(world):
    world.tenant.archived_at = timezone.now()
    world.tenant.save()
    client = signed_in(world.owner)
    assert all("Contoso" not in text_of(client.get(url)) for url in LISTS)
