"""Bring a tenant in, step by step, against the sandbox: each step's way, and each way it can go wrong."""

import pytest

from tests.console.rows import text_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_whole_way_through_the_workspaces_app_registration(wizard):
    wizard.begin()
    assert wizard.step() == "identify"
    wizard.act("identify", name="Alpine.example", cloud="global")
    found = text_of(wizard.page())
    assert "What we found" in found and wizard.sandbox.tenant("alpine")["tenant_id"] in found
    wizard.act("add_tenant")
    assert wizard.step() == "connect"
    wizard.act("use_app", app_registration=wizard.app.pk)
    assert "Waiting for consent" in text_of(wizard.page())
    assert "Waiting for consent" in text_of(wizard.look())
    wizard.sandbox.consent("alpine")
    arrived = wizard.look()
    assert arrived.status_code == 286 and "Connected" in text_of(arrived)
    assert wizard.step() == "verify"
    assert set(wizard.lines().values()) >= {"unknown"}
    wizard.start_check()
    wizard.work()
    assert set(wizard.lines().values()) == {"ok"}
    assert wizard.session.tenant.name == "Alpine Ski House"
    assert wizard.step() == "bootstrap"
