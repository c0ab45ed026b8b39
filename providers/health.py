"""What a connection's stored facts mean for the eye: its status, and the health of the tenant behind it.

Both are the first blocker of readiness, under the needs of every operation together. Lists filter by it in SQL, with
the same rules; a test holds the two alike.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from operations import registry
from operations.choices import Access
from providers import readiness, reasons
from providers.choices import ConsentState, CredentialState
from providers.models import AppRegistration
from providers.readiness import ConnectionFacts, Needs

CONNECTED = "connected"

_WARN = (
    reasons.THROTTLED,
    reasons.PERMISSION_MISSING,
    reasons.ROLE_MISSING,
    reasons.LICENCE_MISSING,
    reasons.APPROVAL_REQUIRED,
    reasons.FACTS_STALE,
)
_NEW = (reasons.CONNECTION_MISSING, reasons.CONNECTION_UNVERIFIED)
_WARN_CODES = frozenset(reason.code for reason in _WARN)
_NEW_CODES = frozenset(reason.code for reason in _NEW)

_FROM_APP = {"credential_expires_at": "app_registration__credential_expires_at"}
_APP_ID = "app_registration_id"


def needs_of_everything() -> Needs:
    """What all reads together need. Licences are left out: to have none is the customer's choice.

    So is what writes need: restore has a connection of its own, and a tenant without one is in good order.
    """
    reads = (kind for kind in registry.all_types() if kind.access is Access.READ)
    wanted = {any_of for kind in reads for any_of in kind.needs.permissions}
    return Needs(permissions=tuple(sorted(wanted)))


def blockers_of(
    facts: ConnectionFacts | None, needs: Needs | None = None, *, archived: bool = False
) -> list[readiness.Blocker]:
    """Why work with these needs can't start on this connection, the first being *the* reason; empty when it can.

    Without ``needs`` it is about everything together.
    """
    wanted = needs_of_everything() if needs is None else needs
    return readiness.blockers(facts, wanted, archived=archived, now=timezone.now(), max_age=_max_age())


def status_of(found: list[readiness.Blocker]) -> str:
    """The status of a connection: "connected", or the code of the first blocker."""
    return found[0].code if found else CONNECTED


def health_of(status: str) -> str:
    """The health of a tenant (ok, warn, down, new) whose default connection has this status."""
    if status == CONNECTED:
        return "ok"
    if status in _NEW_CODES:
        return "new"
    return "warn" if status in _WARN_CODES else "down"


def fact_columns(prefix: str = "") -> dict[str, Any]:
    """Annotations that bring a connection's facts along in a `values()` row, for `facts_in`."""
    columns: dict[str, Any] = {
        f"fact_{each.name}": F(f"{prefix}{_FROM_APP.get(each.name, each.name)}")
        for each in fields(ConnectionFacts)
        if each.name != "has_credential"
    }
    return columns | {"fact_has_credential": has_credential(prefix)}


def facts_in(row: Mapping[str, Any]) -> ConnectionFacts | None:
    """The facts in a row with `fact_columns`; None when the row has no connection."""
    if row["fact_id"] is None:
        return None
    values = {each.name: row[f"fact_{each.name}"] for each in fields(ConnectionFacts)}
    for name in ("granted_permissions", "service_plans"):
        values[name] = frozenset(values[name])
    return ConnectionFacts(**values)


def has_credential(prefix: str = "") -> Exists:
    """Whether a credential is stored; the credential itself never leaves the database for a list."""
    app = AppRegistration.objects.filter(pk=OuterRef(f"{prefix}{_APP_ID}"))
    return Exists(app.exclude(credential_encrypted=""))


def status_in_sql(prefix: str = "") -> Case:
    """`status_of(blockers_of(…))` as an expression; needs the annotation `fact_has_credential`."""
    return Case(
        *(When(rule, then=Value(code)) for code, rule in _rules(prefix)),
        default=Value(CONNECTED),
        output_field=CharField(),
    )


def statuses_with(health: str) -> Q:
    """A filter on the annotation `status` for tenants of this health."""
    if health == "ok":
        return Q(status=CONNECTED)
    if health == "new":
        return Q(status__in=sorted(_NEW_CODES))
    if health == "warn":
        return Q(status__in=sorted(_WARN_CODES))
    return ~Q(status__in=sorted({CONNECTED, *_NEW_CODES, *_WARN_CODES}))


def _rules(prefix: str) -> list[tuple[str, Q]]:
    """Conditions in the precedence of readiness; a `When` that holds ends the search."""

    def at(name: str, value: Any) -> Q:
        return Q(**{f"{prefix}{name}": value})

    def fault(reason: Any) -> tuple[str, Q]:
        return reason.code, at("fault_code", reason.code)

    ended = at("app_registration__credential_expires_at__lte", Now())
    lacking = Q()
    for any_of in needs_of_everything().permissions:
        lacking |= ~at("granted_permissions__overlap", list(any_of))
    observed = at("permissions_observed_at__isnull", False)
    permissions = [(reasons.PERMISSION_MISSING.code, observed & lacking)] if lacking else []
    stale: datetime = timezone.now() - _max_age()
    return [
        (reasons.CONNECTION_MISSING.code, at("id__isnull", True)),
        (reasons.CONNECTION_DISABLED.code, at("enabled", False)),
        (reasons.CREDENTIAL_MISSING.code, Q(fact_has_credential=False)),
        (reasons.CREDENTIAL_EXPIRED.code, at("credential_state", CredentialState.EXPIRED) | ended),
        (reasons.CREDENTIAL_INVALID.code, at("credential_state", CredentialState.INVALID)),
        fault(reasons.TENANT_NOT_FOUND),
        fault(reasons.TENANT_MISMATCH),
        (reasons.CONSENT_REVOKED.code, at("consent_state", ConsentState.REVOKED)),
        (reasons.CONSENT_MISSING.code, at("consent_state", ConsentState.MISSING)),
        (reasons.CONNECTION_UNVERIFIED.code, at("verified_at__isnull", True) & at("fault_code", "")),
        fault(reasons.UNREACHABLE),
        (reasons.THROTTLED.code, at("throttled_until__gt", Now())),
        *permissions,
        fault(reasons.ROLE_MISSING),
        fault(reasons.LICENCE_MISSING),
        fault(reasons.APPROVAL_REQUIRED),
        (reasons.FACTS_STALE.code, at("permissions_observed_at__lt", stale)),
    ]


def _max_age() -> timedelta:
    return timedelta(days=settings.FACTS_MAX_AGE_DAYS)
