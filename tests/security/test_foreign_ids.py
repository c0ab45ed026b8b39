"""Ids of another workspace in every form field and JSON key of every address that takes a POST."""

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.db import transaction
from django.test import Client

from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Membership, Tenant, User, Workspace
from tests import factories
from tests.console.rows import make_runs, signed_in
from tests.contracts.permission_table import TABLE, Row
from tests.contracts.test_permission_matrix import address
from tests.security.conftest import body

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

POSTS = [row for row in TABLE if row.method == "POST" and "logout" not in row.route]
# Keys of the contract and of our forms that name a thing, beside whatever fields the page itself has.
KEYS = (
    "providerConnectionId", "connection", "connection_id", "connectionId", "tenant", "tenant_id", "tenants",
    "workspace", "workspace_id", "run", "run_id", "retry_of", "retryOf", "member", "membership", "user", "user_id",
    "person",
    "invitation", "app", "app_registration", "appRegistration", "restoreRun", "backup", "session", "notice",
    "selectionKey", "operation", "operations", "entra_tenant_id", "id",
)  # fmt: skip
SECRET_NAME = "Foreign-7c1f"


@pytest.fixture
def foreign(world) -> dict[str, Any]:
    """Things of the other workspace, whose names say so."""
    other = Workspace.objects.get(slug="other-msp")
    Workspace.objects.filter(pk=other.pk).update(name=f"{SECRET_NAME} workspace")
    tenant = factories.make_tenant(other, "foreign", name=f"{SECRET_NAME} tenant")
    connection = factories.make_connection(tenant, world.outsider)
    connection.label = f"{SECRET_NAME} connection"
    connection.save()
    (run,) = make_runs(connection, 1, initiator=world.outsider)
    stranger = factories.make_member(other, Role.OPERATOR, username=f"{SECRET_NAME}-person")
    member = Membership.objects.get(workspace=other, user=stranger)
    return {
        "workspace": other, "tenant": tenant, "connection": connection, "run": run, "member": member, "user": stranger
    }  # fmt: skip


def written(foreign: dict[str, Any], keys: list[str]) -> list[dict[str, Any]]:
    """Fields and keys with the other workspace's things in them: by number, by slug, and by Entra tenant id."""
    things = ("tenant", "run", "member", "user", "workspace")
    numbers = {
        key: next((foreign[name].pk for name in things if name in key.lower()),
                  foreign["connection"].pk)
        for key in keys
    }  # fmt: skip
    slugs = {key: foreign["workspace" if "workspace" in key else "tenant"].slug for key in keys}
    return [numbers, slugs, dict.fromkeys(keys, str(foreign["tenant"].entra_tenant_id))]


def rows_of(foreign: dict[str, Any]) -> dict[str, list[Any]]:
    """All that belongs to the other workspace, to be compared."""
    kept: dict[str, list[Any]] = {}
    for model in apps.get_models():
        if model._meta.app_label not in {"tenancy", "providers", "operations", "onboarding"}:
            continue
        for field in model._meta.concrete_fields:
            if field.related_model is Tenant:
                rows = model._base_manager.filter(**{field.name: foreign["tenant"]})
            elif field.related_model is Workspace:
                rows = model._base_manager.filter(**{field.name: foreign["workspace"]})
            else:
                continue
            kept[f"{model.__name__}.{field.name}"] = list(rows.order_by("pk").values())
    kept["people"] = list(User.objects.filter(pk=foreign["user"].pk).values())
    return kept


def fields_of(client: Any, url: str) -> set[str]:
    """What the page of the same address lets one fill in."""
    answer = client.get(url)
    text = answer.content.decode() if answer.status_code == 200 and not answer.streaming else ""
    return set(re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', text)) - {
        "csrfmiddlewaretoken",
        "next",
    }


def test_no_id_of_another_workspace_reaches_anything(world, names, foreign):
    """One world for all addresses: each is asked, compared, and taken back."""
    client = signed_in(world.owner)
    for row in POSTS:
        kept, session = transaction.savepoint(), client.cookies["sessionid"].value
        try_everything(client, row, address(row, row.names, names), foreign)
        transaction.savepoint_rollback(kept)
        client.cookies["sessionid"] = session


def try_everything(client: Client, row: Row, url: str, foreign: dict[str, Any]) -> None:
    before = rows_of(foreign)
    keys = sorted({*KEYS, *fields_of(client, url)})
    for form in written(foreign, keys):
        nested = {key: {"id": value} for key, value in form.items()} | {"targetContext": form}
        for data, kind in (
            (form | row.data, None),
            (json.dumps(form), "application/json"),
            (json.dumps(nested), "application/json"),
        ):
            sent = {"content_type": kind} if kind else {}
            answer = client.post(url, data, headers={"Accept": "*/*"}, **sent)
            assert answer.status_code < 500, (url, form, kind)
            # What was typed comes back into its own field; the names of things do not come with it.
            assert SECRET_NAME not in body(answer), (url, form, kind)
            assert SECRET_NAME not in json.dumps(dict(answer.headers)), url
    assert rows_of(foreign) == before, url
