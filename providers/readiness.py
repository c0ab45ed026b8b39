"""Readiness: can we work with this connection? One pure function over stored facts; it never calls the provider."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from providers import reasons
from providers.choices import ConsentState, CredentialState
from tenantpilot.core.reasons import Reason

AnyOf = frozenset[str]


class Facts(Enum):
    """How much must be known before an operation may start."""

    CREDENTIAL = (
        "credential"  # a live tenant, an enabled connection, a credential: enough to find out the rest
    )
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operation needs. Each of ``permissions`` and ``licences`` is satisfied by any of its members."""

    facts: Facts = Facts.ALL
    permissions: tuple[tuple[str, ...], ...] = ()
    licences: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """What is stored about a connection, its app registration and its tenant."""

    id: int
    label: str
    provider: str
    enabled: bool
    app_registration_id: int
    has_credential: bool
    credential_expires_at: datetime | None
    credential_state: str
    consent_state: str
    granted_permissions: frozenset[str]
    permissions_observed_at: datetime | None
    service_plans: frozenset[str]
    service_plans_observed_at: datetime | None
    checked_at: datetime | None
    verified_at: datetime | None
    fault_code: str
    fault_facts: dict[str, Any]
    throttled_until: datetime | None


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason with the facts that its words need."""

    reason: Reason
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return self.reason.code


LICENCE_NAMES = {"c1ec4a95-1f05-45b3-a911-aa3fa01094f5": "Microsoft Intune"}

# Faults that a run met and that last until a check succeeds, where they stand in the precedence of DESIGN section 14.
_BEFORE_CONSENT = (reasons.TENANT_NOT_FOUND, reasons.TENANT_MISMATCH)
_AFTER_PERMISSIONS = (reasons.ROLE_MISSING, reasons.LICENCE_MISSING, reasons.APPROVAL_REQUIRED)

_KNOWN_FAULTS = {reason.code for reason in (*_BEFORE_CONSENT, reasons.UNREACHABLE, *_AFTER_PERMISSIONS)}


def missing_permissions(needs: Needs, granted: frozenset[str]) -> list[str]:
    """Return the least permission of every any-of set that neither what is granted nor one named before satisfies."""
    named: dict[str, None] = {}
    for any_of in needs.permissions:
        if granted.isdisjoint(any_of) and named.keys().isdisjoint(any_of):
            named[any_of[0]] = None
    return list(named)


def blockers(
    facts: ConnectionFacts | None, needs: Needs, *, archived: bool, now: datetime, max_age: timedelta
) -> list[Blocker]:
    """Return why work on this connection can't succeed, the first one being *the* reason; empty when ready."""
    if archived:
        return [Blocker(reasons.TENANT_ARCHIVED)]
    if facts is None:
        return [Blocker(reasons.CONNECTION_MISSING)]
    found = _access(facts)
    if needs.facts is Facts.CREDENTIAL:
        return found
    return [
        *found,
        *_credential(facts, now),
        *_fault(facts, _BEFORE_CONSENT),
        *_consent(facts),
        *_reach(facts, now),
        *_grants(facts, needs),
        *_fault(facts, (reasons.ROLE_MISSING, reasons.LICENCE_MISSING)),
        *_licences(facts, needs),
        *_fault(facts, (reasons.APPROVAL_REQUIRED,)),
        *_age(facts, now, max_age),
    ]


def _access(facts: ConnectionFacts) -> list[Blocker]:
    found = []
    if not facts.enabled:
        found.append(Blocker(reasons.CONNECTION_DISABLED))
    if not facts.has_credential:
        found.append(Blocker(reasons.CREDENTIAL_MISSING))
    return found


def _credential(facts: ConnectionFacts, now: datetime) -> list[Blocker]:
    if not facts.has_credential:
        return []
    expires = facts.credential_expires_at
    if facts.credential_state == CredentialState.EXPIRED or (expires is not None and expires <= now):
        return [Blocker(reasons.CREDENTIAL_EXPIRED)]
    if facts.credential_state == CredentialState.INVALID:
        return [Blocker(reasons.CREDENTIAL_INVALID)]
    return []


def _fault(facts: ConnectionFacts, candidates: Sequence[Reason]) -> list[Blocker]:
    return [Blocker(reason, facts.fault_facts) for reason in candidates if reason.code == facts.fault_code]


def _consent(facts: ConnectionFacts) -> list[Blocker]:
    if facts.consent_state == ConsentState.REVOKED:
        return [Blocker(reasons.CONSENT_REVOKED)]
    if facts.consent_state == ConsentState.MISSING:
        return [Blocker(reasons.CONSENT_MISSING)]
    return []


def _reach(facts: ConnectionFacts, now: datetime) -> list[Blocker]:
    found = []
    if facts.verified_at is None and facts.fault_code not in _KNOWN_FAULTS:
        found.append(Blocker(reasons.CONNECTION_UNVERIFIED))
    found += _fault(facts, (reasons.UNREACHABLE,))
    if facts.throttled_until is not None and facts.throttled_until > now:
        found.append(Blocker(reasons.THROTTLED, {"until": facts.throttled_until.isoformat()}))
    return found


def _grants(facts: ConnectionFacts, needs: Needs) -> list[Blocker]:
    if facts.permissions_observed_at is None:
        return []
    missing = missing_permissions(needs, facts.granted_permissions)
    return [Blocker(reasons.PERMISSION_MISSING, {"permissions": ", ".join(missing)})] if missing else []


def _licences(facts: ConnectionFacts, needs: Needs) -> list[Blocker]:
    if facts.service_plans_observed_at is None or facts.fault_code == reasons.LICENCE_MISSING.code:
        return []
    missing = [any_of[0] for any_of in needs.licences if facts.service_plans.isdisjoint(any_of)]
    return [
        Blocker(reasons.LICENCE_MISSING, {"licence": LICENCE_NAMES.get(plan, plan)}) for plan in missing[:1]
    ]


def _age(facts: ConnectionFacts, now: datetime, max_age: timedelta) -> list[Blocker]:
    if facts.permissions_observed_at is None or facts.permissions_observed_at >= now - max_age:
        return []
    return [Blocker(reasons.FACTS_STALE, {"since": facts.permissions_observed_at.isoformat()})]
