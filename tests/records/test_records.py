"""The rows behind the console as pages to look at: what they never show, and what nobody can ask of them."""

import csv
import io
import re

import pytest
from django.contrib import admin
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from operations.models import OperationRun
from providers.models import AppRegistration
from tenantpilot.audit.models import AuditEntry
from tenantpilot.records.base import MOST_LISTED, RecordAdmin
from tenantpilot.tenancy.capabilities import Role
from tests import factories
from tests.console.rows import make_runs, make_tenants, signed_in, text_of

pytestmark = pytest.mark.django_db
RECORDS = [each for each in admin.site._registry.values() if isinstance(each, RecordAdmin)]
# Parts of names of columns that nobody is shown.
SECRET = re.compile(r"encrypted|pem|token|password|secret|delta_link|session_key")
RUNS = "/admin/operations/operationrun/"


def test_every_registered_model_is_a_record():
    assert RECORDS and len(RECORDS) == len(admin.site._registry)


@pytest.mark.parametrize("record", RECORDS, ids=lambda each: each.opts.model_name)
def test_a_record_names_what_it_shows_and_no_secret_is_among_it(record):
    assert record.fields, "without a list everything would be shown"
    shown = {*record.fields, *record.list_display, *record.list_filter, *record.search_fields}
    assert [name for name in shown if SECRET.search(name)] == []
    assert record.title and record.actions is None


def test_a_credential_is_on_no_page(world):
    app = world.connection.app_registration
    client = signed_in(world.owner)
    for path in ("", "export/", f"{app.pk}/change/", f"{app.pk}/history/"):
        answer = client.get(f"/admin/providers/appregistration/{path}")
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        assert app.name.encode() in body
        assert app.credential_encrypted.encode() not in body


@pytest.mark.parametrize(
    "query",
    [
        "credential_encrypted__startswith=g",
        "workspace__name__startswith=O",
        "client_id__gt=0",
        "_to_field=client_id",
    ],
)
def test_no_filter_tells_by_its_matches_what_is_not_shown(world, query):
    answer = signed_in(world.owner).get(f"/admin/providers/appregistration/?{query}")
    assert answer.status_code in {302, 400}


def test_a_list_is_of_ones_own_workspaces_and_visible_tenants(world):
    """An owner whose role does not cover all tenants sees the records of those tenants alone."""
    narrow = factories.make_member(world.workspace, Role.OWNER, all_tenants=False, username="narrow")
    hidden = factories.make_tenant(world.workspace, "hidden")
    factories.entitle(narrow, world.tenant, Role.READONLY)
    text = text_of(signed_in(narrow).get("/admin/tenancy/tenant/"))
    assert ">Contoso<" in text and ">Hidden<" not in text
    assert signed_in(narrow).get(f"/admin/tenancy/tenant/{hidden.pk}/change/").status_code == 404
    assert "Contoso" not in text_of(signed_in(world.outsider).get("/admin/tenancy/tenant/"))


def test_a_superuser_gets_no_shortcut(world):
    world.operator.is_superuser = True
    world.operator.save()
    client = signed_in(world.operator)
    assert client.get("/admin/tenancy/tenant/").status_code == 403
    assert client.get(f"/admin/tenancy/tenant/{world.tenant.pk}/change/").status_code == 403
    assert "Records" not in text_of(client.get("/admin/tenants"))


def test_an_owner_finds_the_records_in_the_side_bar(world):
    client = signed_in(world.owner)
    assert 'href="/admin/records"' in text_of(client.get("/admin/tenants"))
    start = text_of(client.get("/admin/records"))
    for record in RECORDS:
        assert f'href="/admin/{record.opts.app_label}/{record.opts.model_name}/"' in start


def test_a_posted_change_or_action_changes_nothing(world):
    (run,) = make_runs(world.connection, 1)
    client = signed_in(world.owner)
    assert client.post(f"{RUNS}{run.pk}/change/", {"status": "queued"}).status_code == 403
    data = {"action": "delete_selected", "_selected_action": [run.pk], "post": "yes"}
    assert client.post(RUNS, data).status_code in {200, 302, 403}
    assert OperationRun.objects.get(pk=run.pk).status == "completed"


@pytest.mark.parametrize(
    "bad", ["q=%00", "q=abc", "p=999999", "status__exact=%00", "o=-9", "e=1", "all=", "_popup=1"]
)
def test_a_query_that_makes_no_sense_breaks_nothing(world, bad):
    make_runs(world.connection, 1)
    assert signed_in(world.owner).get(f"{RUNS}?{bad}").status_code in {200, 302, 400}


@pytest.mark.parametrize("key", ["abc", "0", "-1", "9" * 30, "1_2F", "%00"])
def test_an_id_that_is_none_is_a_404(world, key):
    assert signed_in(world.owner).get(f"{RUNS}{key}/change/").status_code == 404


def test_a_list_counts_no_further_than_it_shows(world):
    make_runs(world.connection, MOST_LISTED + 20)
    client = signed_in(world.owner)
    with CaptureQueriesContext(database) as asked:
        text = text_of(client.get(RUNS))
    assert f"{MOST_LISTED} " in text.replace(",", "")
    assert [query for query in asked if "COUNT(*)" in query["sql"]] == []
    assert len(asked) <= 12


def test_an_export_has_every_row_without_formulas_and_is_written_down(world):
    make_tenants(world.workspace, world.owner, 3, prefix="=cmd")
    answer = signed_in(world.owner).get("/admin/tenancy/tenant/export/?q=cmd")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode().removeprefix("\ufeff"))))
    assert len(rows) == 4 and all(row[0].startswith("'=") for row in rows[1:])
    entry = AuditEntry.objects.filter(action="list.exported").get()
    assert (entry.object_id, entry.facts) == ("tenant", {"q": "cmd"})


def test_a_history_shows_the_acts_of_the_audit_log(world):
    app = AppRegistration.objects.get(pk=world.connection.app_registration_id)
    text = text_of(signed_in(world.owner).get(f"/admin/providers/appregistration/{app.pk}/history/"))
    assert "Add app registration" in text and "Replace secret" in text
