"""Lists as CSV: the current view with all its pages, safe for spreadsheets, and an entry in the audit log."""

import csv
import io
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from providers.choices import ObjectKind
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tenantpilot.tenancy.models import Tenant
from tests.console.rows import (
    make_collection,
    make_groups,
    make_roles,
    make_runs,
    make_tenants,
    signed_in,
    text_of,
)

pytestmark = pytest.mark.django_db
LISTS = {
    "/admin/tenants": "/admin/tenants/export",
    "/admin/provider-connections": "/admin/provider-connections/export",
    "/admin/operations": "/admin/operations/export",
}


def lines(answer) -> list[list[str]]:
    assert answer.status_code == 200 and answer.streaming
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(answer.streaming_content).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize("url", LISTS.values())
def test_an_export_wants_a_sign_in_and_takes_no_post(world, url):
    assert urlsplit(Client().get(url)["Location"]).path == "/admin/login/"
    assert signed_in(world.owner).post(url).status_code == 405


@pytest.mark.parametrize("url", LISTS)
def test_a_list_offers_its_current_view(world, url):
    make_runs(world.connection, 1)
    page = text_of(signed_in(world.owner).get(f"{url}?workspace=contoso-msp&size=25"))
    assert f'href="{LISTS[url]}?workspace=contoso-msp"' in page


def test_all_pages_are_in_it_and_the_filters_count(world):
    make_tenants(world.workspace, world.owner, 700)
    make_runs(world.connection, 1200)
    client = signed_in(world.owner)
    assert len(lines(client.get("/admin/tenants/export"))) == 701
    assert len(lines(client.get("/admin/provider-connections/export"))) == 701
    runs = lines(client.get("/admin/operations/export"))
    assert len({run[0] for run in runs}) == len(runs) == 1200
    assert [row[0] for row in lines(client.get("/admin/tenants/export?health=ok"))] == ["Contoso"]
    assert [row[0] for row in lines(client.get("/admin/tenants/export?q=0042"))] == ["Customer 0042"]
    assert len(lines(client.get("/admin/tenants/export?begins=C&health=new"))) == 700
    assert lines(client.get("/admin/operations/export?state=failed")) == []


def test_everybody_exports_only_what_they_see(world):
    hidden = make_tenants(world.workspace, world.owner, 1, prefix="hidden")[0]
    make_runs(hidden.connections.get(), 2)
    make_runs(world.connection, 1)
    for url, count in zip(LISTS.values(), (1, 1, 1), strict=True):
        assert len(lines(signed_in(world.operator).get(url))) == count
        assert lines(signed_in(world.outsider).get(url)) == []


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_a_name_is_never_a_formula(world, name):
    Tenant.objects.update(name=name)
    ProviderConnection.objects.update(label=name)
    make_runs(world.connection, 1)
    client = signed_in(world.owner)
    for url in LISTS.values():
        cells = [cell for row in lines(client.get(url)) for cell in row]
        assert f"'{name}" in cells and name not in cells


def test_times_are_exact_and_carry_their_zone(world):
    make_runs(world.connection, 1)
    row = lines(signed_in(world.owner).get("/admin/operations/export"))[0]
    for text in row[-3:]:
        assert abs((datetime.fromisoformat(text) - timezone.now()).total_seconds()) < 60


@pytest.mark.parametrize("url", LISTS.values())
def test_an_export_is_written_down_with_its_filters(world, url):
    signed_in(world.owner).get(f"{url}?workspace=contoso-msp")
    entry = AuditEntry.objects.filter(action="list.exported").get()
    assert (entry.actor, entry.workspace) == (world.owner, world.workspace)
    assert entry.facts["workspace"] == "contoso-msp"


def test_a_directory_is_exported_with_what_is_gone_and_without_formulas(world):
    groups = make_collection(world.tenant, ObjectKind.GROUPS, "all_groups_v1")
    make_groups(groups, ["=cmd|' /C calc'!A0", "Finance"])
    make_groups(groups, ["Old"], gone_at=timezone.now())
    make_roles(make_collection(world.tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, ""), ["@Reader"])
    client = signed_in(world.operator)
    here = "/admin/t/contoso/directory"
    assert f'href="{here}/groups/export"' in text_of(client.get(f"{here}/groups"))
    rows = lines(client.get(f"{here}/groups/export"))
    assert [row[0] for row in rows] == ["'=cmd|' /C calc'!A0", "Finance", "Old"]
    assert {row[0]: row[4] for row in rows}["Old"] == "Gone"
    assert [row[0] for row in lines(client.get(f"{here}/groups/export?presence=present&q=fin"))] == [
        "Finance"
    ]
    assert lines(client.get(f"{here}/groups/export?selection=security_groups_v1")) == []
    assert [row[:3] for row in lines(client.get(f"{here}/role-definitions/export"))] == [
        ["'@Reader", "Entra", "Custom"]
    ]
    kept = AuditEntry.objects.filter(action="list.exported", object_id="groups").first()
    assert kept is not None and kept.facts["tenant"] == "contoso"


def test_people_are_exported_for_who_manages_them(world):
    rows = lines(signed_in(world.owner).get("/admin/people/export?role=operator"))
    assert [(row[0], row[2], row[3], row[4]) for row in rows] == [
        ("operator", "Operator", "1 tenant", "Active")
    ]
    assert signed_in(world.manager).get("/admin/people/export").status_code == 403
