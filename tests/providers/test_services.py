"""What people and runs write about connections."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from providers import secrets, services
from providers.choices import ConsentState, CredentialKind, CredentialState
from providers.models import ProviderConnection
from tenantpilot.audit.models import AuditEntry
from tests import factories
from tests.conftest import World

LATE, NOW = 5, 6


def facts(connection: ProviderConnection, **changes: Any) -> ProviderConnection:
    if changes:
        ProviderConnection.objects.filter(pk=connection.pk).update(**changes)
    connection.refresh_from_db()
    return connection


def fault(connection: ProviderConnection, code: str, *, fence: int = NOW, **more: Any) -> str:
    return services.fault_record(
        connection_id=connection.pk,
        fence=fence,
        code=code,
        facts=more.get("facts", {}),
        retry_after=more.get("retry_after"),
        check=more.get("check", False),
    )


def actions(connection: ProviderConnection) -> list[str]:
    rows = AuditEntry.objects.filter(tenant=connection.tenant_id).order_by("pk")
    return [row.action for row in rows]


def test_a_tenant_s_first_connection_is_its_default_and_the_next_is_not(world: World) -> None:
    assert world.connection.is_default
    second = factories.make_connection(world.tenant, world.manager)
    assert not second.is_default


def test_making_a_connection_the_default_takes_that_from_the_other(world: World) -> None:
    second = factories.make_connection(world.tenant, world.manager)
    services.connection_make_default(connection=second, actor=world.manager)
    assert facts(second).is_default
    assert not facts(world.connection).is_default
    assert actions(second)[-1] == "connection.made_default"


def test_the_database_allows_one_default_only(world: World) -> None:
    second = factories.make_connection(world.tenant, world.manager)
    with pytest.raises(IntegrityError), transaction.atomic():
        facts(second, is_default=True)


def test_disabling_and_enabling_are_audited(world: World) -> None:
    services.connection_enable(connection=world.connection, enabled=False, actor=world.manager)
    assert not facts(world.connection).enabled
    services.connection_enable(connection=world.connection, enabled=True, actor=world.manager)
    assert facts(world.connection).enabled
    assert actions(world.connection)[-2:] == ["connection.disabled", "connection.enabled"]


def test_a_new_secret_is_stored_encrypted_and_wants_a_check(world: World) -> None:
    app = world.connection.app_registration
    before = app.credential_version
    facts(world.connection, credential_state=CredentialState.EXPIRED)
    expires = timezone.now() + timedelta(days=30)
    services.credential_replace(
        app_registration=app, secret="new~secret", expires_at=expires, actor=world.manager
    )
    app.refresh_from_db()
    assert "new~secret" not in app.credential_encrypted
    assert secrets.decrypt(app.credential_encrypted) == "new~secret"
    assert (app.credential_kind, app.credential_version) == (CredentialKind.SECRET, before + 1)
    connection = facts(world.connection)
    assert connection.credential_state == CredentialState.UNKNOWN
    assert connection.verified_at is None


def test_the_audit_of_a_new_secret_does_not_hold_it(world: World) -> None:
    services.credential_replace(
        app_registration=world.connection.app_registration,
        secret="new~secret",
        expires_at=None,
        actor=world.manager,
    )
    entries = AuditEntry.objects.filter(action="credential.replaced")
    assert entries
    assert not any("new~secret" in str((entry.facts, entry.before, entry.after)) for entry in entries)


def test_a_new_secret_concerns_every_connection_of_its_app(world: World) -> None:
    other = factories.make_connection(
        factories.make_tenant(world.workspace), world.manager, app=world.connection.app_registration
    )
    services.credential_replace(
        app_registration=world.connection.app_registration, secret="x", expires_at=None, actor=world.manager
    )
    assert facts(other).verified_at is None


def test_returned_consent_drops_tokens_and_proves_nothing_yet(world: World) -> None:
    before = world.connection.consent_version
    services.consent_record(connection=world.connection, actor=world.manager)
    connection = facts(world.connection)
    assert connection.consent_version == before + 1
    assert connection.consent_state == ConsentState.UNKNOWN
    assert connection.verified_at is None


def test_a_check_clears_every_fault(world: World) -> None:
    facts(
        world.connection,
        fault_code="provider.unreachable",
        fault_facts={"a": 1},
        throttled_until=timezone.now(),
        consent_state=ConsentState.REVOKED,
        credential_state=CredentialState.EXPIRED,
    )
    found = services.Verified(frozenset({"B", "A"}), frozenset({"plan"}))
    services.verified_record(connection_id=world.connection.pk, fence=NOW, found=found)
    connection = facts(world.connection)
    assert (connection.fault_code, connection.fault_facts, connection.throttled_until) == ("", {}, None)
    assert (connection.consent_state, connection.credential_state) == (
        ConsentState.GRANTED,
        CredentialState.VALID,
    )
    assert (connection.granted_permissions, connection.service_plans) == (["A", "B"], ["plan"])
    assert connection.checked_at == connection.verified_at == connection.permissions_observed_at


def test_a_token_shows_what_is_granted_but_verifies_nothing(world: World) -> None:
    facts(world.connection, verified_at=None, fault_code="provider.unreachable")
    services.token_record(
        connection_id=world.connection.pk, fence=NOW, granted_permissions=frozenset({"User.Read.All"})
    )
    connection = facts(world.connection)
    assert connection.granted_permissions == ["User.Read.All"]
    assert connection.verified_at is None
    assert connection.fault_code == "provider.unreachable"


def test_facts_of_a_newer_run_are_not_overwritten(world: World) -> None:
    facts(world.connection, facts_fence=NOW, granted_permissions=["Newer"])
    found = services.Verified(frozenset({"Older"}), frozenset())
    services.verified_record(connection_id=world.connection.pk, fence=LATE, found=found)
    services.token_record(connection_id=world.connection.pk, fence=LATE, granted_permissions=frozenset())
    fault(world.connection, "provider.unreachable", fence=LATE)
    connection = facts(world.connection)
    assert connection.granted_permissions == ["Newer"]
    assert connection.fault_code == ""
    assert connection.facts_fence == NOW


@pytest.mark.parametrize(
    ("before", "code", "state"),
    [
        (ConsentState.UNKNOWN, "provider.consent_missing", ConsentState.MISSING),
        (ConsentState.MISSING, "provider.consent_missing", ConsentState.MISSING),
        (ConsentState.GRANTED, "provider.consent_revoked", ConsentState.REVOKED),
        (ConsentState.REVOKED, "provider.consent_revoked", ConsentState.REVOKED),
    ],
)
def test_consent_that_was_there_is_revoked(
    world: World, before: ConsentState, code: str, state: ConsentState
) -> None:
    facts(world.connection, consent_state=before)
    assert fault(world.connection, "provider.consent_missing") == code
    connection = facts(world.connection)
    assert connection.consent_state == state
    assert connection.granted_permissions == []


@pytest.mark.parametrize("code", sorted(services.LASTING_FAULTS))
def test_a_lasting_fault_is_kept_with_its_facts_and_its_time(world: World, code: str) -> None:
    assert fault(world.connection, code, facts={"licence": "Intune"}) == code
    connection = facts(world.connection)
    assert (connection.fault_code, connection.fault_facts) == (code, {"licence": "Intune"})
    assert connection.fault_observed_at is not None


@pytest.mark.parametrize(
    "code", ["provider.response_invalid", "provider.permission_missing", "operation.internal_error"]
)
def test_other_faults_say_nothing_of_the_connection(world: World, code: str) -> None:
    before = facts(world.connection)
    fault(world.connection, code)
    after = facts(ProviderConnection.objects.get(pk=world.connection.pk))
    assert (after.fault_code, after.consent_state, after.verified_at) == (
        "",
        before.consent_state,
        before.verified_at,
    )


@pytest.mark.parametrize(("retry_after", "seconds"), [(7.5, 7.5), (None, 60)])
def test_throttling_is_kept_as_a_time(world: World, retry_after: float | None, seconds: float) -> None:
    fault(world.connection, "provider.throttled", retry_after=retry_after)
    until = facts(world.connection).throttled_until
    assert until is not None
    assert abs((until - timezone.now()).total_seconds() - seconds) < 5


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("provider.credential_expired", CredentialState.EXPIRED),
        ("provider.credential_invalid", CredentialState.INVALID),
    ],
)
def test_a_refused_credential_is_kept_as_its_state(world: World, code: str, state: CredentialState) -> None:
    fault(world.connection, code)
    assert facts(world.connection).credential_state == state


def test_only_a_check_counts_as_checked(world: World) -> None:
    facts(world.connection, checked_at=None)
    fault(world.connection, "provider.unreachable")
    assert facts(world.connection).checked_at is None
    fault(world.connection, "provider.unreachable", check=True)
    assert facts(world.connection).checked_at is not None


def test_a_corrected_tenant_id_wants_a_check_and_clears_what_was_said_of_the_wrong_one(world: World) -> None:
    fault(world.connection, "provider.tenant_not_found")
    services.tenant_id_change(
        tenant=world.tenant, entra_tenant_id="0af008bb-d127-4e0a-b1c0-8b8da9f2f74f", actor=world.manager
    )
    connection = facts(world.connection)
    assert (connection.fault_code, connection.verified_at) == ("", None)
    assert actions(connection)[-1] == "tenant.id_changed"


def test_a_corrected_tenant_id_leaves_other_faults(world: World) -> None:
    fault(world.connection, "provider.unreachable")
    services.tenant_id_change(
        tenant=world.tenant, entra_tenant_id="0af008bb-d127-4e0a-b1c0-8b8da9f2f74f", actor=world.manager
    )
    assert facts(world.connection).fault_code == "provider.unreachable"
