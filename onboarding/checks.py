"""What verifying access means, line by line: each is read from the facts that a connection check wrote.

A line is ok, missing or not checked. Verification is complete only when every required line is ok; whoever can't have
a permission may leave it out on purpose, and is told what will not work.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from operations import registry
from operations.choices import Access
from providers import reasons
from providers.choices import ConsentState, CredentialState
from providers.permissions import PURPOSES, READ_ORGANIZATION
from providers.readiness import LICENCE_NAMES, ConnectionFacts
from tenantpilot.core.reasons import Reason

OK, MISSING, UNKNOWN, LEFT_OUT = "ok", "missing", "unknown", "left_out"
# Tokens and signed assertions are good for five minutes around the provider's time.
MAX_SKEW = 300
INTUNE = next(iter(LICENCE_NAMES))


@dataclass(frozen=True, slots=True)
class Line:
    """One check: what it is for (``why``), and where it is missing the reason, whose next steps are its mend."""

    key: str
    label: str
    state: str
    why: str
    required: bool = True
    reason: Reason | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    words: str = ""


def lines(facts: ConnectionFacts, left_out: Iterable[str], skew: float | None) -> list[Line]:
    """Every check of a connection, in the order in which people mend them."""
    return [
        _token(facts),
        _tenant(facts),
        _directory(facts),
        *_permissions(facts, frozenset(left_out)),
        _licence(facts),
        _clock(skew),
    ]


def complete(found: Sequence[Line]) -> bool:
    """Whether every required check is ok."""
    return all(line.state == OK for line in found if line.required)


def is_verified(facts: ConnectionFacts | None, left_out: Iterable[str]) -> bool:
    """Whether the required checks of this connection are all ok; the clock is none of them."""
    return facts is not None and facts.enabled and complete(lines(facts, left_out, None))


def wanted_permissions() -> dict[str, tuple[tuple[str, ...], list[str]]]:
    """What the reads need, by the least permission: what else would do, and the verbs of those that wait for it."""
    wanted: dict[str, tuple[tuple[str, ...], list[str]]] = {}
    for kind in registry.all_types():
        if kind.access is not Access.READ:
            continue
        for any_of in kind.needs.permissions:
            wanted.setdefault(any_of[0], (any_of, []))[1].append(str(kind.verb))
    return wanted


def _token(facts: ConnectionFacts) -> Line:
    reason = _sign_in_fault(facts)
    state = MISSING if reason else OK if facts.credential_state == CredentialState.VALID else UNKNOWN
    return Line("token", _("Sign-in"), state, _("The app registration gets a token."), reason=reason)


def _sign_in_fault(facts: ConnectionFacts) -> Reason | None:
    if not facts.has_credential:
        return reasons.CREDENTIAL_MISSING
    ended = facts.credential_expires_at is not None and facts.credential_expires_at <= timezone.now()
    if ended or facts.credential_state == CredentialState.EXPIRED:
        return reasons.CREDENTIAL_EXPIRED
    if facts.credential_state == CredentialState.INVALID:
        return reasons.CREDENTIAL_INVALID
    if facts.fault_code == reasons.TENANT_NOT_FOUND.code:
        return reasons.TENANT_NOT_FOUND
    consent = {
        ConsentState.REVOKED.value: reasons.CONSENT_REVOKED,
        ConsentState.MISSING.value: reasons.CONSENT_MISSING,
    }
    return consent.get(facts.consent_state)


def _tenant(facts: ConnectionFacts) -> Line:
    mismatch = facts.fault_code == reasons.TENANT_MISMATCH.code
    return Line(
        "tenant",
        _("Tenant"),
        MISSING if mismatch else OK if facts.verified_at else UNKNOWN,
        _("The tenant that answers is the one that was named."),
        reason=reasons.TENANT_MISMATCH if mismatch else None,
    )


def _directory(facts: ConnectionFacts) -> Line:
    reason, told = _reach_fault(facts)
    return Line(
        "directory",
        _("Directory"),
        MISSING if reason else OK if facts.verified_at else UNKNOWN,
        _("The directory answers, and tells its name and licences."),
        reason=reason,
        facts=told,
    )


def _reach_fault(facts: ConnectionFacts) -> tuple[Reason | None, dict[str, Any]]:
    if facts.fault_code == reasons.UNREACHABLE.code:
        return reasons.UNREACHABLE, facts.fault_facts
    if facts.throttled_until is not None and facts.throttled_until > timezone.now():
        return reasons.THROTTLED, {"until": facts.throttled_until.isoformat()}
    if facts.permissions_observed_at and facts.granted_permissions.isdisjoint(READ_ORGANIZATION):
        return reasons.PERMISSION_MISSING, {"permissions": READ_ORGANIZATION[0]}
    return None, {}


def _permissions(facts: ConnectionFacts, left_out: frozenset[str]) -> list[Line]:
    wanted = wanted_permissions()
    needed = [_permission(facts, name, any_of, verbs, left_out) for name, (any_of, verbs) in wanted.items()]
    others = [name for name in PURPOSES if name not in wanted and name not in READ_ORGANIZATION]
    return [*needed, *(_permission(facts, name, (name,), [], left_out) for name in others)]


def _permission(
    facts: ConnectionFacts, name: str, any_of: tuple[str, ...], verbs: list[str], left_out: frozenset[str]
) -> Line:
    known, granted = (
        facts.permissions_observed_at is not None,
        not facts.granted_permissions.isdisjoint(any_of),
    )
    out = name in left_out and not granted
    purpose = str(PURPOSES.get(name, ""))
    waits = _("Without it this will not work.")
    if verbs:
        waits = _("Without it these will not work: %(verbs)s.") % {"verbs": ", ".join(verbs)}
    state = OK if granted else UNKNOWN if not known else LEFT_OUT if out else MISSING
    return Line(
        name,
        name,
        state,
        purpose or ", ".join(verbs),
        required=bool(verbs) and not out,
        reason=reasons.PERMISSION_MISSING if state == MISSING else None,
        facts={"permissions": name},
        words=waits if state in {MISSING, LEFT_OUT} else "",
    )


def _licence(facts: ConnectionFacts) -> Line:
    known, has = facts.service_plans_observed_at is not None, INTUNE in facts.service_plans
    state = UNKNOWN if not known else OK if has else MISSING
    words = _("Without it nothing of Intune can be read.") if state == MISSING else ""
    why = _("Policies, devices and Intune roles come from it.")
    return Line("licence", _("Intune licence"), state, why, required=False, words=words)


def _clock(skew: float | None) -> Line:
    state = UNKNOWN if skew is None else OK if abs(skew) <= MAX_SKEW else MISSING
    words = ""
    if state == MISSING and skew is not None:
        words = _("This server's clock is %(minutes)s minutes off. Certificates will be refused.") % {
            "minutes": round(abs(skew) / 60)
        }
    why = _("This server's clock agrees with the provider's.")
    return Line("clock", _("Clock"), state, why, required=False, words=words)
