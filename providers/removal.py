"""Taking connections and credentials out of use: one connection, or all of a tenant that is archived."""

from typing import Any

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from providers.choices import ConsentState, CredentialState
from providers.models import AppRegistration, DirectoryCollection, ProviderConnection
from providers.services import changed, connection_audit, present
from tenantpilot.tenancy.archive import hold_live
from tenantpilot.tenancy.models import User

# Off, with a new cache key: no worker uses the tokens that it has.
_PUT_AWAY = {"enabled": False, "consent_version": F("consent_version") + 1}


@transaction.atomic
def connection_remove(*, connection: ProviderConnection, actor: User) -> None:
    """Take the connection out of use for good. Its row stays for the runs that went through it.

    No other connection becomes the default by itself. A credential that only this connection used is wiped. The
    caller has made sure that no run is active on it. Raises TenantArchived, and ConnectionRemoved when it is gone.
    """
    hold_live(connection.tenant_id)
    was_default = connection.is_default
    changed(present(connection).update(**_PUT_AWAY, is_default=False, removed_at=timezone.now()))
    # A delta link is good for the connection that it was given to.
    DirectoryCollection.objects.filter(connection=connection).update(connection=None, delta_link="")
    others = ProviderConnection.objects.filter(
        app_registration=connection.app_registration_id, removed_at=None
    )
    owned = AppRegistration.objects.filter(pk=connection.app_registration_id).exclude(tenant=None)
    wiped = 0 if others.exists() else credentials_wipe(owned)
    connection_audit(
        "connection.removed", connection, actor, was_default=was_default, credential_wiped=bool(wiped)
    )


def credentials_wipe(apps: Any) -> int:
    """Remove the credentials of these app registrations; return how many had one."""
    ProviderConnection.objects.filter(app_registration__in=apps).update(
        credential_state=CredentialState.UNKNOWN, credential_observed_at=None, verified_at=None
    )
    wiped: int = apps.exclude(credential_encrypted="").update(
        credential_encrypted="",
        certificate_pem="",
        credential_set_at=None,
        credential_expires_at=None,
        credential_version=F("credential_version") + 1,
    )
    return wiped


def connections_put_away(*, tenant_id: int) -> dict[str, int]:
    """Wipe the credentials that the tenant owns and disable its connections; return how many there were of each.

    Shared app registrations stay as they are. Part of archiving: call it in its transaction.
    """
    wiped = credentials_wipe(AppRegistration.objects.filter(tenant=tenant_id))
    connections = ProviderConnection.objects.filter(tenant=tenant_id, removed_at=None)
    disabled = connections.filter(enabled=True).count()
    connections.update(**_PUT_AWAY)
    return {"credentials_wiped": wiped, "connections_disabled": disabled}


def connections_empty(*, tenant_id: int) -> None:
    """Leave of the tenant's connections and app registrations what runs and audit name. Part of deleting it."""
    now = timezone.now()
    apps = AppRegistration.objects.filter(tenant=tenant_id)
    credentials_wipe(apps)
    ProviderConnection.objects.filter(tenant=tenant_id).update(
        enabled=False,
        is_default=False,
        removed_at=Coalesce("removed_at", Value(now)),
        consent_state=ConsentState.UNKNOWN,
        consent_observed_at=None,
        granted_permissions=[],
        permissions_observed_at=None,
        service_plans=[],
        service_plans_observed_at=None,
        credential_state=CredentialState.UNKNOWN,
        credential_observed_at=None,
        checked_at=None,
        verified_at=None,
        fault_code="",
        fault_facts={},
        fault_observed_at=None,
        throttled_until=None,
        clock_skew=None,
    )
