"""A secret is planted where people put secrets, and searched for wherever anybody could look."""

import logging

import pytest
from django.test import Client

from tenantpilot.tenancy import invitations
from tenantpilot.tenancy.capabilities import Role
from tests.console.rows import signed_in
from tests.factories import PASSWORD
from tests.security.conftest import Walk, body

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url")]

CANARY = "canary~T3ll.nobody_about-this/42=="


def test_a_secret_is_on_no_page_in_no_export_in_no_header_and_in_no_log(world, names, walk: Walk, caplog):
    caplog.set_level(logging.DEBUG)
    manager = signed_in(world.manager)
    url = f"/admin/provider-connections/{world.connection.pk}/secret"
    sent = manager.post(url, {"kind": "secret", "secret": CANARY})
    assert sent.status_code in {302, 303}, body(sent)[:2000]
    # A form that is refused shows what was typed in no field.
    refused = manager.post(url, {"kind": "secret", "secret": CANARY, "expires_on": "no date"})
    assert refused.status_code == 400 and CANARY not in body(refused)
    _invitation, token = invitations.invitation_create(
        workspace=world.workspace, actor=world.owner, addressee="eve@example.org", role=Role.OPERATOR,
        all_tenants=True, tenants=[],
    )  # fmt: skip
    signing_in = Client().post("/admin/login/", {"username": "owner", "password": PASSWORD + CANARY})
    assert CANARY not in body(signing_in)
    planted = (CANARY, token)
    looked = 0
    for rendering, page, answer in walk(signed_in(world.owner), "page", "json"):
        looked += 1
        text = body(answer) + str(answer.headers)
        assert [secret for secret in planted if secret in text] == [], (rendering, page)
    assert looked > 150
    assert caplog.records
    assert [secret for secret in planted if secret in caplog.text] == []


def test_neither_is_it_in_the_database_nor_what_opens_it(world):
    from django.conf import settings
    from django.db import connection

    manager = signed_in(world.manager)
    manager.post(
        f"/admin/provider-connections/{world.connection.pk}/secret", {"kind": "secret", "secret": CANARY}
    )
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for secret in (CANARY, PASSWORD, *settings.CREDENTIAL_KEYS, settings.SECRET_KEY):
                cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE strpos(t::text, %s) > 0', [secret])
                assert cursor.fetchone() == (0,), table


def test_a_page_that_breaks_shows_no_secret(world, monkeypatch):
    def broken(*_arguments, **_options):
        raise ValueError(CANARY)

    monkeypatch.setattr("providers.views.tenants.tenant_rows", broken)
    client = Client(raise_request_exception=False)
    client.force_login(world.owner)
    for headers in ({}, {"HX-Request": "true"}, {"Accept": "application/json"}):
        answer = client.get("/admin/tenants", headers=headers)
        assert answer.status_code == 500 and CANARY not in body(answer)
