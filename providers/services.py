"""What changes a connection: people's acts, and what runs observed at the provider."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Case, CharField, F, Q, When
from django.db.models.functions import Cast
from django.utils import timezone

from providers import reasons, secrets
from providers.choices import ConsentState, CredentialKind, CredentialState, Purpose
from providers.models import AppRegistration, MadeCertificate, ProviderConnection
from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.archive import hold_live
from tenantpilot.tenancy.models import Tenant, User, Workspace

LASTING_FAULTS = {
    reason.code
    for reason in (
        reasons.TENANT_NOT_FOUND,
        reasons.TENANT_MISMATCH,
        reasons.UNREACHABLE,
        reasons.ROLE_MISSING,
        reasons.LICENCE_MISSING,
        reasons.APPROVAL_REQUIRED,
    )
}
_CREDENTIAL_STATES = {
    reasons.CREDENTIAL_EXPIRED.code: CredentialState.EXPIRED,
    reasons.CREDENTIAL_INVALID.code: CredentialState.INVALID,
}
# Seconds, where the provider throttles without saying for how long.
COOL_DOWN = 60
_CONSENT_CODES = {reasons.CONSENT_MISSING.code, reasons.CONSENT_REVOKED.code}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a connection check found when everything was as it should be."""

    granted_permissions: frozenset[str]
    service_plans: frozenset[str]
    clock_skew: float | None = None
    organization: str = ""
    domain: str = ""


def _mine(connection_id: int, fence: int) -> Any:
    """The connection, unless a later run has written its facts already."""
    return ProviderConnection.objects.filter(pk=connection_id, facts_fence__lte=fence)


def verified_record(*, connection_id: int, fence: int, found: Verified) -> None:
    """Write that the connection works, which clears every fault. Call it inside the run's fence."""
    now = timezone.now()
    _mine(connection_id, fence).update(
        credential_state=CredentialState.VALID,
        credential_observed_at=now,
        consent_state=ConsentState.GRANTED,
        consent_observed_at=now,
        **_granted(found.granted_permissions),
        permissions_observed_at=now,
        service_plans=sorted(found.service_plans),
        service_plans_observed_at=now,
        checked_at=now,
        verified_at=now,
        fault_code="",
        fault_facts={},
        fault_observed_at=None,
        throttled_until=None,
        clock_skew=found.clock_skew,
        facts_fence=fence,
    )
    _name_tenant(connection_id, found)


def _name_tenant(connection_id: int, found: Verified) -> None:
    """Give a tenant its own name where it still goes by what it was looked up with; people's names stay."""
    tenants = Tenant.objects.filter(connections=connection_id)
    if found.organization:
        tenants.filter(name=F("primary_domain")).update(name=found.organization[:200])
    if found.domain:
        looked_up = Cast("entra_tenant_id", CharField())
        tenants.filter(primary_domain=looked_up).update(primary_domain=found.domain[:253])


def token_seen(*, connection_id: int, granted_permissions: frozenset[str]) -> None:
    """Write what a sign-in outside any run shows, as ``token_record`` does; a run that writes later stays right."""
    fence = ProviderConnection.objects.values_list("facts_fence", flat=True).get(pk=connection_id)
    token_record(connection_id=connection_id, fence=fence, granted_permissions=granted_permissions)


def token_record(*, connection_id: int, fence: int, granted_permissions: frozenset[str]) -> None:
    """Write what a token that was issued just now shows: the credential works, and these permissions are granted."""
    now = timezone.now()
    _mine(connection_id, fence).update(
        credential_state=CredentialState.VALID,
        credential_observed_at=now,
        consent_state=ConsentState.GRANTED,
        consent_observed_at=now,
        **_granted(granted_permissions),
        permissions_observed_at=now,
        facts_fence=fence,
    )


def _granted(permissions: frozenset[str]) -> dict[str, Any]:
    """What changes with the permissions seen. Others than before: every process forgets its tokens, which lack them."""
    seen = sorted(permissions)
    same = When(granted_permissions=seen, then=F("consent_version"))
    return {
        "granted_permissions": seen,
        "consent_version": Case(same, default=F("consent_version") + 1),
    }


def fault_record(
    *,
    connection_id: int,
    fence: int,
    code: str,
    facts: dict[str, Any],
    retry_after: float | None,
    check: bool,
) -> str:
    """Write what a failed run shows of the connection; return the code, sharper where the past says more.

    Consent that was there before and is not any more is "revoked". ``check`` says that the run was a connection check.
    """
    now = timezone.now()
    changes: dict[str, Any] = {"facts_fence": fence}
    if check:
        changes["checked_at"] = now
    if code in _CREDENTIAL_STATES:
        changes |= {"credential_state": _CREDENTIAL_STATES[code], "credential_observed_at": now}
    if code in _CONSENT_CODES:
        seen = ProviderConnection.objects.values_list("consent_state", flat=True).get(pk=connection_id)
        had = seen in {ConsentState.GRANTED, ConsentState.REVOKED}
        code = (reasons.CONSENT_REVOKED if had else reasons.CONSENT_MISSING).code
        state = ConsentState.REVOKED if had else ConsentState.MISSING
        changes |= {"consent_state": state, "consent_observed_at": now, "granted_permissions": []}
    if code in LASTING_FAULTS:
        changes |= {"fault_code": code, "fault_facts": facts, "fault_observed_at": now}
    if code == reasons.THROTTLED.code:
        changes["throttled_until"] = now + timedelta(seconds=retry_after or COOL_DOWN)
    _mine(connection_id, fence).update(**changes)
    return code


@transaction.atomic
def connection_create(
    *, tenant: Tenant, app_registration: AppRegistration, label: str, actor: User
) -> ProviderConnection:
    """Connect ``tenant`` through ``app_registration``; the first connection of a tenant is its default.

    A later one never is by itself, even if the default was removed. Raises TenantArchived.
    """
    hold_live(tenant.pk)
    connection = ProviderConnection.objects.create(
        tenant=tenant,
        app_registration=app_registration,
        label=label,
        is_default=not tenant.connections.filter(removed_at=None).exists(),
    )
    connection_audit("connection.created", connection, actor, app_registration=app_registration.pk)
    return connection


@transaction.atomic
def connection_enable(*, connection: ProviderConnection, enabled: bool, actor: User) -> None:
    """Enable or disable the connection. Raises TenantArchived, and ConnectionRemoved when it is gone."""
    hold_live(connection.tenant_id)
    changed(present(connection).update(enabled=enabled))
    connection_audit("connection.enabled" if enabled else "connection.disabled", connection, actor)


@transaction.atomic
def connection_make_default(*, connection: ProviderConnection, actor: User) -> None:
    """Make this the connection that starts of its tenant take when none is named.

    Raises TenantArchived, and ConnectionRemoved when it is gone.
    """
    hold_live(connection.tenant_id)
    siblings = ProviderConnection.objects.filter(tenant=connection.tenant_id, provider=connection.provider)
    siblings.exclude(pk=connection.pk).update(is_default=False)
    changed(present(connection).update(is_default=True))
    connection_audit("connection.made_default", connection, actor)


class ConnectionRemoved(Exception):
    """The connection was removed meanwhile."""


def present(connection: ProviderConnection) -> Any:
    """Return the connection as a query that finds nothing once it is removed."""
    return ProviderConnection.objects.filter(pk=connection.pk, removed_at=None)


def changed(rows: int) -> None:
    """Raise ConnectionRemoved when an update of ``present`` found nothing."""
    if not rows:
        raise ConnectionRemoved


@transaction.atomic
def app_registration_create(
    *,
    workspace: Workspace,
    tenant: Tenant | None,
    name: str,
    client_id: str,
    cloud: str,
    purpose: str = Purpose.READ,
    actor: User,
) -> AppRegistration:
    """Register the application with which a workspace, or one tenant of it, is reached."""
    app = AppRegistration.objects.create(
        workspace=workspace, tenant=tenant, name=name, client_id=client_id, cloud=cloud, purpose=purpose
    )
    record(
        "app_registration.created",
        workspace_id=workspace.pk,
        tenant_id=tenant.pk if tenant else None,
        actor_id=actor.pk,
        about=About("app_registration", app.pk, app.name),
        after={"client_id": str(app.client_id), "purpose": app.purpose, "cloud": app.cloud},
    )
    return app


@transaction.atomic
def credential_replace(
    *,
    app_registration: AppRegistration,
    secret: str,
    certificate_pem: str = "",
    expires_at: datetime | None,
    actor: User,
) -> None:
    """Store a new client secret, or a certificate with its private key in ``secret``, encrypted.

    Every connection of the app wants a check before its next start: nobody has seen the new credential work. Raises
    TenantArchived for an app registration of an archived tenant.
    """
    if app_registration.tenant_id is not None:
        hold_live(app_registration.tenant_id)
    now = timezone.now()
    kind = CredentialKind.CERTIFICATE if certificate_pem else CredentialKind.SECRET
    before = _credential_facts(app_registration)
    AppRegistration.objects.filter(pk=app_registration.pk).update(
        credential_kind=kind,
        credential_encrypted=secrets.encrypt(secret),
        certificate_pem=certificate_pem,
        credential_set_at=now,
        credential_expires_at=expires_at,
        credential_version=F("credential_version") + 1,
    )
    app_registration.connections.update(
        credential_state=CredentialState.UNKNOWN, credential_observed_at=None, verified_at=None
    )
    record(
        "credential.replaced",
        workspace_id=app_registration.workspace_id,
        tenant_id=app_registration.tenant_id,
        actor_id=actor.pk,
        about=About("app_registration", app_registration.pk, app_registration.name),
        before=before,
        after={"kind": kind, "expires_at": expires_at, "version": before["version"] + 1},
    )


def _credential_facts(app: AppRegistration) -> dict[str, Any]:
    """What the audit log keeps of a credential: never the credential."""
    kind, expires_at, version = AppRegistration.objects.values_list(
        "credential_kind", "credential_expires_at", "credential_version"
    ).get(pk=app.pk)
    return {"kind": kind, "expires_at": expires_at, "version": version}


@transaction.atomic
def certificate_made(
    *, workspace: Workspace, certificate_pem: str, private_key_pem: str, actor: User
) -> MadeCertificate:
    """Keep a certificate that was made here, its key encrypted, until an app registration takes it over."""
    made = MadeCertificate.objects.create(
        workspace=workspace,
        certificate_pem=certificate_pem,
        private_key_encrypted=secrets.encrypt(private_key_pem),
        made_by=actor,
    )
    record(
        "certificate.made",
        workspace_id=workspace.pk,
        actor_id=actor.pk,
        about=About("certificate", made.pk, str(made)),
    )
    return made


class CredentialUnreadable(Exception):
    """None of the keys opens the credential of the app registration that this names."""


def credentials_check() -> int:
    """Open every credential and change nothing; return how many there are. Raises CredentialUnreadable."""
    rows = AppRegistration.objects.exclude(credential_encrypted="").order_by("pk")
    count = 0
    for name, token in rows.values_list("name", "credential_encrypted").iterator():
        try:
            secrets.decrypt(token)
        except ValueError:
            raise CredentialUnreadable(name) from None
        count += 1
    return count


@transaction.atomic
def credentials_rotate() -> int:
    """Encrypt every credential with the first key; return how many there are. Safe to run again.

    All or none: raises CredentialUnreadable when one can't be opened. The rows stay locked until the end, so that no
    secret set meanwhile is overwritten.
    """
    made = list(MadeCertificate.objects.select_for_update().order_by("pk"))
    for one in made:
        try:
            one.private_key_encrypted = secrets.rotate(one.private_key_encrypted)
        except ValueError:
            raise CredentialUnreadable(str(one)) from None
    MadeCertificate.objects.bulk_update(made, ["private_key_encrypted"], batch_size=500)
    apps = list(AppRegistration.objects.exclude(credential_encrypted="").select_for_update().order_by("pk"))
    for app in apps:
        try:
            app.credential_encrypted = secrets.rotate(app.credential_encrypted)
        except ValueError:
            raise CredentialUnreadable(app.name) from None
    AppRegistration.objects.bulk_update(apps, ["credential_encrypted"], batch_size=500)
    return len(apps) + len(made)


@transaction.atomic
def consent_record(*, connection: ProviderConnection, actor: User | None) -> None:
    """Note that consent was just given: old tokens are dropped, and a check has to see it before work starts.

    ``actor`` is None where the customer's administrator, who has no account here, came back with the answer.

    The redirect proves nothing by itself (Graph docs: get a token for that tenant and read /organization). Raises
    TenantArchived.
    """
    hold_live(connection.tenant_id)
    ProviderConnection.objects.filter(pk=connection.pk).update(
        consent_state=ConsentState.UNKNOWN,
        consent_observed_at=timezone.now(),
        consent_version=F("consent_version") + 1,
        verified_at=None,
    )
    connection_audit("consent.returned", connection, actor)


@transaction.atomic
def tenant_id_change(*, tenant: Tenant, entra_tenant_id: str, actor: User) -> None:
    """Correct the tenant's Entra tenant ID; its connections want a check again. Raises TenantArchived."""
    hold_live(tenant.pk)
    before = str(tenant.entra_tenant_id)
    Tenant.objects.filter(pk=tenant.pk).update(entra_tenant_id=entra_tenant_id)
    mistaken = Q(fault_code__in=[reasons.TENANT_MISMATCH.code, reasons.TENANT_NOT_FOUND.code])
    connections = ProviderConnection.objects.filter(tenant=tenant)
    connections.filter(mistaken).update(fault_code="", fault_facts={}, fault_observed_at=None)
    connections.update(verified_at=None, consent_version=F("consent_version") + 1)
    record(
        "tenant.id_changed",
        workspace_id=tenant.workspace_id,
        tenant_id=tenant.pk,
        actor_id=actor.pk,
        about=About("tenant", tenant.pk, tenant.name),
        before={"entra_tenant_id": before},
        after={"entra_tenant_id": str(entra_tenant_id)},
    )


def connection_audit(action: str, connection: ProviderConnection, actor: User | None, **facts: Any) -> None:
    """Write that somebody did this to the connection."""
    record(
        action,
        workspace_id=connection.tenant.workspace_id,
        tenant_id=connection.tenant_id,
        actor_id=actor.pk if actor else None,
        about=About("connection", connection.pk, connection.label),
        facts=facts,
    )
