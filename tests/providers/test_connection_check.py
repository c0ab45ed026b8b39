"""The connection check: what it observes, and what the gate makes of it before and after the mend."""

import dataclasses
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection as database
from django.utils import timezone

from operations.choices import RunOutcome, StartStatus
from providers import services, sessions
from providers.choices import ConsentState, CredentialState
from providers.graph.auth import TokenSource
from providers.graph.client import GraphClient
from providers.models import ProviderConnection
from providers.permissions import PURPOSES
from providers.readiness import LICENCE_NAMES
from providers.sandbox import directory
from providers.sandbox.control import Control
from providers.sandbox.demo import demo_document
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.providers.conftest import Live, make_live

SYNC = "directory.groups.sync"
INTUNE = next(iter(LICENCE_NAMES))


@pytest.fixture
def fresh(transactional_db: None, sandbox: Control) -> Live:
    """A connection that nobody has checked yet."""
    return make_live(sandbox, ready=False)


def answer(live: Live, name: str = SYNC) -> tuple[StartStatus, str]:
    outcome = live.start(name)
    return outcome.status, outcome.reason_code


def blocked(live: Live, code: str) -> None:
    assert answer(live) == (StartStatus.BLOCKED, code)


def mended(live: Live) -> None:
    """A check succeeds and so does the work that was blocked."""
    run = live.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.SUCCEEDED, "")
    assert live.sync().outcome == RunOutcome.SUCCEEDED


def test_a_check_writes_every_fact_that_the_gate_reads(fresh: Live) -> None:
    blocked(fresh, "provider.connection_unverified")
    run = fresh.check()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert run.counts == {"application_permissions": len(PURPOSES), "service_plans": 2}
    facts = fresh.facts()
    assert facts.credential_state == CredentialState.VALID
    assert facts.consent_state == ConsentState.GRANTED
    assert set(facts.granted_permissions) == set(PURPOSES)
    assert INTUNE in facts.service_plans
    assert facts.verified_at is not None
    assert facts.facts_fence > 0
    assert answer(fresh)[0] is StartStatus.ACCEPTED


def test_granted_permissions_are_read_from_the_assignments(
    fresh: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new grant shows there at once, while tokens carry it minutes later."""
    monkeypatch.setattr(sessions, "roles", lambda token: frozenset({"Application.Read.All"}))
    fresh.check()
    assert set(fresh.facts().granted_permissions) == set(PURPOSES)


def test_without_the_right_to_read_assignments_the_token_tells(fresh: Live) -> None:
    fresh.sandbox.revoke(fresh.slug, ["Application.Read.All"])
    run = fresh.check()
    assert run.outcome == RunOutcome.SUCCEEDED
    assert set(fresh.facts().granted_permissions) == set(PURPOSES) - {"Application.Read.All"}
    assert run.cost["requests"] == 1


def test_a_refused_read_of_the_assignments_falls_back_to_the_token(fresh: Live) -> None:
    fresh.fail("servicePrincipals*", status=403)
    assert fresh.check().outcome == RunOutcome.SUCCEEDED
    assert set(fresh.facts().granted_permissions) == set(PURPOSES)


def test_a_check_takes_a_fresh_token(live: Live) -> None:
    live.check()
    live.sandbox.revoke(live.slug, ["GroupMember.Read.All", "Application.Read.All"])
    live.check()
    assert "GroupMember.Read.All" not in live.facts().granted_permissions


def test_what_a_check_finds_granted_is_good_in_every_process(
    fresh: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker process still has a token of before, which lacks the permission that was granted since."""
    fresh.sandbox.revoke(fresh.slug, ["GroupMember.Read.All"])
    other = TokenSource(sessions.transport())
    with monkeypatch.context() as there:
        there.setattr(sessions, "tokens", lambda: other)
        fresh.check()
    fresh.sandbox.grant(fresh.slug, ["GroupMember.Read.All"])
    assert fresh.check().outcome == RunOutcome.SUCCEEDED
    with monkeypatch.context() as there:
        there.setattr(sessions, "tokens", lambda: other)
        run = fresh.sync()
    assert (run.outcome, run.reason_code) == (RunOutcome.SUCCEEDED, "")


def test_missing_consent_blocks_until_it_is_granted(fresh: Live) -> None:
    fresh.sandbox.revoke(fresh.slug)
    run = fresh.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.consent_missing")
    blocked(fresh, "provider.consent_missing")
    fresh.sandbox.consent(fresh.slug)
    mended(fresh)


def test_consent_that_was_there_before_is_revoked_not_missing(live: Live) -> None:
    live.check()
    live.sandbox.revoke(live.slug)
    assert live.check().reason_code == "provider.consent_revoked"
    blocked(live, "provider.consent_revoked")
    assert live.facts().granted_permissions == []
    live.sandbox.consent(live.slug)
    mended(live)


def test_an_expired_secret_blocks_until_it_is_replaced(fresh: Live) -> None:
    fresh.sandbox.expire_secrets(fresh.slug)
    run = fresh.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.credential_expired")
    blocked(fresh, "provider.credential_expired")
    replace(fresh, fresh.sandbox.add_secret(fresh.slug))
    blocked(fresh, "provider.connection_unverified")
    mended(fresh)


def test_a_wrong_secret_blocks_until_it_is_replaced(live: Live) -> None:
    replace(live, "not-the-secret")
    assert live.check().reason_code == "provider.credential_invalid"
    blocked(live, "provider.credential_invalid")
    replace(live, live.secret)
    mended(live)


def test_a_missing_permission_blocks_just_the_operations_that_need_it(fresh: Live) -> None:
    fresh.sandbox.revoke(fresh.slug, ["GroupMember.Read.All"])
    run = fresh.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.PARTIALLY_SUCCEEDED, "provider.permission_missing")
    assert run.reason_facts == {"permissions": "GroupMember.Read.All"}
    assert run.failures == [
        {
            "type": SYNC,
            "code": "provider.permission_missing",
            "facts": {"permissions": "GroupMember.Read.All"},
        }
    ]
    assert fresh.facts().verified_at is not None
    blocked(fresh, "provider.permission_missing")
    assert fresh.run("directory.role_definitions.sync").outcome == RunOutcome.SUCCEEDED
    fresh.sandbox.grant(fresh.slug, ["GroupMember.Read.All"])
    mended(fresh)


def test_a_check_names_every_missing_permission_once(fresh: Live) -> None:
    fresh.sandbox.revoke(
        fresh.slug,
        ["GroupMember.Read.All", "DeviceManagementRBAC.Read.All", "DeviceManagementConfiguration.Read.All"],
    )
    run = fresh.check()
    assert run.reason_facts == {"permissions": "GroupMember.Read.All, DeviceManagementRBAC.Read.All"}
    assert [each["type"] for each in run.failures] == [SYNC, "directory.role_definitions.sync"]


def test_a_check_that_may_not_read_the_organization_says_which_permission_it_wants(fresh: Live) -> None:
    fresh.sandbox.revoke(fresh.slug, ["Organization.Read.All"])
    run = fresh.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.permission_missing")
    assert run.reason_facts == {"permissions": "Organization.Read.All"}
    facts = fresh.facts()
    assert facts.verified_at is None
    assert facts.consent_state == ConsentState.GRANTED
    assert "Organization.Read.All" not in facts.granted_permissions
    fresh.sandbox.grant(fresh.slug, ["Organization.Read.All"])
    mended(fresh)


@pytest.mark.parametrize("ready", [True, False], ids=["checked before", "never checked"])
def test_an_unreachable_tenant_blocks_until_a_check_succeeds(
    transactional_db: None, sandbox: Control, ready: bool
) -> None:
    live = make_live(sandbox, ready=ready)
    live.sandbox.unreach(live.slug)
    run = live.check()
    assert (run.outcome, run.reason_code, run.attempt) == (RunOutcome.FAILED, "provider.unreachable", 3)
    blocked(live, "provider.unreachable")
    live.sandbox.reach(live.slug)
    blocked(live, "provider.unreachable")
    mended(live)


def test_another_tenant_s_answer_blocks_until_the_id_is_right(
    fresh: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    def foreign(tenant: Any) -> dict[str, Any]:
        return {**honest(tenant), "id": str(uuid4())}

    honest = directory.organization
    monkeypatch.setattr(directory, "organization", foreign)
    run = fresh.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.tenant_mismatch")
    blocked(fresh, "provider.tenant_mismatch")
    assert fresh.facts().verified_at is None
    monkeypatch.setattr(directory, "organization", honest)
    mended(fresh)


def test_an_unknown_tenant_blocks_until_its_id_is_mended(fresh: Live) -> None:
    right = fresh.tenant.entra_tenant_id
    Tenant.objects.filter(pk=fresh.tenant.pk).update(entra_tenant_id=uuid4())
    assert fresh.check().reason_code == "provider.tenant_not_found"
    blocked(fresh, "provider.tenant_not_found")
    fresh.tenant.refresh_from_db()
    services.tenant_id_change(tenant=fresh.tenant, entra_tenant_id=str(right), actor=fresh.operator)
    blocked(fresh, "provider.connection_unverified")
    mended(fresh)


@pytest.mark.parametrize("body", [{"value": []}, {"value": [{"id": "not-an-id"}]}, {"value": [{}, {}]}])
def test_an_answer_that_names_no_tenant_verifies_nothing(
    fresh: Live, monkeypatch: pytest.MonkeyPatch, body: dict[str, Any]
) -> None:
    get = GraphClient.get
    monkeypatch.setattr(
        GraphClient,
        "get",
        lambda self, path, **more: body if path == "/organization" else get(self, path, **more),
    )
    run = fresh.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.response_invalid")
    assert fresh.facts().verified_at is None


def test_a_disabled_connection_is_not_checked(live: Live) -> None:
    services.connection_enable(connection=live.connection, enabled=False, actor=live.operator)
    assert answer(live, "provider.connection.check") == (StartStatus.BLOCKED, "provider.connection_disabled")
    blocked(live, "provider.connection_disabled")
    services.connection_enable(connection=live.connection, enabled=True, actor=live.operator)
    mended(live)


def test_a_tenant_without_a_connection_is_not_checked(transactional_db: None, sandbox: Control) -> None:
    workspace = factories.make_workspace()
    operator = factories.make_member(workspace, Role.OPERATOR)
    tenant = factories.make_tenant(workspace)
    for name in ("provider.connection.check", SYNC):
        outcome = factories.start(name, tenant, operator)
        assert (outcome.status, outcome.reason_code) == (StartStatus.BLOCKED, "provider.connection_missing")


def test_service_plans_are_those_that_are_enabled(transactional_db: None, sandbox: Control) -> None:
    live = make_live(sandbox, ready=False, intune=False)
    live.check()
    plans = live.facts().service_plans
    assert plans
    assert INTUNE not in plans


def test_a_check_mends_facts_that_grew_old(live: Live) -> None:
    ProviderConnection.objects.filter(pk=live.connection.pk).update(
        permissions_observed_at=timezone.now() - timedelta(days=8)
    )
    blocked(live, "provider.facts_stale")
    mended(live)


def test_a_check_clears_a_fault_and_a_cool_down(live: Live) -> None:
    ProviderConnection.objects.filter(pk=live.connection.pk).update(
        fault_code="provider.unreachable", throttled_until=timezone.now() + timedelta(hours=1)
    )
    blocked(live, "provider.unreachable")
    mended(live)


def test_a_late_check_changes_no_newer_facts(live: Live) -> None:
    ProviderConnection.objects.filter(pk=live.connection.pk).update(facts_fence=2**40, verified_at=None)
    live.check()
    assert live.facts().verified_at is None


def test_a_throttled_check_cools_the_tenant_down(live: Live) -> None:
    live.fail("organization", status=429, retry_after="2")
    run = live.check()
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.throttled")
    blocked(live, "provider.throttled")


def test_a_certificate_signs_in_as_well_as_a_secret(transactional_db: None, sandbox: Control) -> None:
    demo = next(
        each for each in demo_document()["app_registrations"] if each["key"] == "fabrikam-certificate"
    )
    key, certificate = demo["demo_private_key_pem"], demo["demo_certificate_pem"]
    live = make_live(sandbox, ready=False)
    app = sandbox.add_app(certificate_pem=certificate)
    sandbox.add_tenant(f"{live.slug}-cert", client_id=app["client_id"], groups=3)
    there = sandbox.tenant(f"{live.slug}-cert")
    Tenant.objects.filter(pk=live.tenant.pk).update(entra_tenant_id=there["tenant_id"])
    registration = live.connection.app_registration
    type(registration).objects.filter(pk=registration.pk).update(client_id=app["client_id"])
    services.credential_replace(
        app_registration=registration,
        secret=key,
        certificate_pem=certificate,
        expires_at=None,
        actor=live.operator,
    )
    mended(dataclasses.replace(live, slug=f"{live.slug}-cert"))


def test_no_secret_shows_in_rows_or_logs(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    """The clear secret is a canary: planted in the credential, searched for in everything that a run leaves."""
    caplog.set_level("DEBUG")
    canary = "canary~T3ll.nobody-about_this+one/42=="
    live.sandbox.add_secret(live.slug, value=canary)
    replace(live, canary)
    live.check()
    live.sync()
    live.sandbox.revoke(live.slug)
    live.check()
    live.sandbox.expire_secrets(live.slug)
    live.check()
    with database.cursor() as cursor:
        tables = database.introspection.table_names(cursor)
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{canary}%"])
            assert cursor.fetchone() == (0,), table
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', ["%eyJ%.eyJ%"])
            assert cursor.fetchone() == (0,), table
    assert "providers_appregistration" in tables
    assert caplog.records
    assert canary not in caplog.text
    assert "eyJ" not in caplog.text


def replace(live: Live, secret: str) -> None:
    services.credential_replace(
        app_registration=live.connection.app_registration, secret=secret, expires_at=None, actor=live.operator
    )
