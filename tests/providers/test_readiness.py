"""Readiness: every reason by itself, and which of two is *the* reason."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest

from providers import reasons
from providers.choices import ConsentState, CredentialState
from providers.permissions import READ_ENTRA_ROLES, READ_GROUPS
from providers.readiness import LICENCE_NAMES, ConnectionFacts, Facts, Needs, blockers, missing_permissions

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEEK = timedelta(days=7)
INTUNE = next(iter(LICENCE_NAMES))
NEEDS = Needs(permissions=(READ_GROUPS,), licences=((INTUNE,),))
CHECK = Needs(facts=Facts.CREDENTIAL)
READY = ConnectionFacts(
    id=1,
    label="Contoso",
    provider="microsoft",
    enabled=True,
    app_registration_id=1,
    has_credential=True,
    credential_expires_at=NOW + timedelta(days=90),
    credential_state=CredentialState.VALID,
    consent_state=ConsentState.GRANTED,
    granted_permissions=frozenset({"GroupMember.Read.All"}),
    permissions_observed_at=NOW - timedelta(days=1),
    service_plans=frozenset({INTUNE}),
    service_plans_observed_at=NOW - timedelta(days=1),
    checked_at=NOW - timedelta(days=1),
    verified_at=NOW - timedelta(days=1),
    fault_code="",
    fault_facts={},
    throttled_until=None,
)

# What makes each reason true, in the order in which the first of several is *the* reason.
CAUSES: list[tuple[str, dict[str, Any]]] = [
    ("provider.connection_disabled", {"enabled": False}),
    ("provider.credential_missing", {"has_credential": False}),
    ("provider.credential_expired", {"credential_expires_at": NOW}),
    ("provider.credential_expired", {"credential_state": CredentialState.EXPIRED}),
    ("provider.credential_invalid", {"credential_state": CredentialState.INVALID}),
    ("provider.tenant_not_found", {"fault_code": "provider.tenant_not_found"}),
    ("provider.tenant_mismatch", {"fault_code": "provider.tenant_mismatch"}),
    ("provider.consent_revoked", {"consent_state": ConsentState.REVOKED}),
    ("provider.consent_missing", {"consent_state": ConsentState.MISSING}),
    ("provider.connection_unverified", {"verified_at": None}),
    ("provider.unreachable", {"fault_code": "provider.unreachable"}),
    ("provider.throttled", {"throttled_until": NOW + timedelta(minutes=1)}),
    ("provider.permission_missing", {"granted_permissions": frozenset({"Organization.Read.All"})}),
    ("provider.role_missing", {"fault_code": "provider.role_missing"}),
    ("provider.licence_missing", {"fault_code": "provider.licence_missing"}),
    ("provider.licence_missing", {"service_plans": frozenset()}),
    ("provider.approval_required", {"fault_code": "provider.approval_required"}),
    ("provider.facts_stale", {"permissions_observed_at": NOW - WEEK - timedelta(seconds=1)}),
]
IDS = [f"{code.partition('.')[2]}-{'-'.join(changes)}" for code, changes in CAUSES]


def found(facts: ConnectionFacts | None, needs: Needs = NEEDS, *, archived: bool = False) -> list[str]:
    return [each.code for each in blockers(facts, needs, archived=archived, now=NOW, max_age=WEEK)]


def test_a_connection_with_every_fact_in_order_is_ready() -> None:
    assert found(READY) == []


@pytest.mark.parametrize(("code", "changes"), CAUSES, ids=IDS)
def test_each_cause_is_the_one_reason(code: str, changes: dict[str, Any]) -> None:
    assert found(replace(READY, **changes)) == [code]


def exclude_each_other(first: str, second: str) -> bool:
    """A missing or expired credential says all there is to say of it; a known fault says why nobody verified."""
    credential = first in {"provider.credential_missing", "provider.credential_expired"}
    return (credential and "credential_" in second) or "provider.connection_unverified" in {first, second}


def test_of_two_causes_the_earlier_one_is_the_reason_and_the_other_is_listed() -> None:
    pairs = 0
    for (first, changes), (second, others) in combinations(CAUSES, 2):
        if first == second or changes.keys() & others.keys() or exclude_each_other(first, second):
            continue
        pairs += 1
        assert found(replace(READY, **changes, **others)) == [first, second], (first, second)
    assert pairs > 90


@pytest.mark.parametrize("fault", ["unreachable", "tenant_mismatch", "tenant_not_found", "licence_missing"])
def test_a_known_fault_stands_before_unverified(fault: str) -> None:
    facts = replace(READY, verified_at=None, fault_code=f"provider.{fault}")
    assert found(facts) == [f"provider.{fault}"]


@pytest.mark.parametrize("state", [ConsentState.MISSING, ConsentState.REVOKED])
def test_refused_consent_stands_before_unverified(state: ConsentState) -> None:
    facts = replace(READY, verified_at=None, consent_state=state)
    assert found(facts)[0] == f"provider.consent_{state}"


def test_a_missing_credential_says_nothing_of_its_state() -> None:
    facts = replace(READY, has_credential=False, credential_state=CredentialState.EXPIRED)
    assert found(facts) == ["provider.credential_missing"]


def test_an_archived_tenant_and_a_missing_connection_are_the_only_reason() -> None:
    broken = replace(READY, enabled=False)
    assert found(broken, archived=True) == ["tenant.archived"]
    assert found(None, archived=True) == ["tenant.archived"]
    assert found(None) == ["provider.connection_missing"]


@pytest.mark.parametrize(("code", "changes"), CAUSES, ids=IDS)
def test_the_check_needs_no_more_than_an_enabled_connection_with_a_credential(
    code: str, changes: dict[str, Any]
) -> None:
    expected = [code] if code in {"provider.connection_disabled", "provider.credential_missing"} else []
    assert found(replace(READY, **changes), CHECK) == expected


def test_what_was_never_observed_is_no_reason() -> None:
    unknown = replace(
        READY,
        granted_permissions=frozenset(),
        permissions_observed_at=None,
        service_plans=frozenset(),
        service_plans_observed_at=None,
        consent_state=ConsentState.UNKNOWN,
        credential_state=CredentialState.UNKNOWN,
        credential_expires_at=None,
    )
    assert found(unknown) == []


def test_throttling_ends_by_itself() -> None:
    assert found(replace(READY, throttled_until=NOW)) == []


def test_facts_are_good_for_their_whole_age() -> None:
    assert found(replace(READY, permissions_observed_at=NOW - WEEK)) == []


def test_a_reason_carries_the_facts_that_its_words_need() -> None:
    until = NOW + timedelta(minutes=5)
    causes = {
        "throttled": ({"throttled_until": until}, {"until": until.isoformat()}),
        "permission_missing": ({"granted_permissions": frozenset()}, {"permissions": "GroupMember.Read.All"}),
        "licence_missing": ({"service_plans": frozenset()}, {"licence": "Microsoft Intune"}),
    }
    for name, (changes, expected) in causes.items():
        facts = replace(READY, **changes)
        (blocker,) = blockers(facts, NEEDS, archived=False, now=NOW, max_age=WEEK)
        assert (blocker.code, blocker.facts) == (f"provider.{name}", expected)
        assert "–" not in blocker.reason.sentence({"tenant": "Contoso", **blocker.facts})


def test_a_fault_carries_the_facts_it_was_observed_with() -> None:
    facts = replace(
        READY, fault_code=reasons.LICENCE_MISSING.code, fault_facts={"licence": "Microsoft Intune"}
    )
    (blocker,) = blockers(facts, NEEDS, archived=False, now=NOW, max_age=WEEK)
    assert blocker.facts == {"licence": "Microsoft Intune"}


@pytest.mark.parametrize("granted", READ_GROUPS)
def test_any_permission_of_a_set_will_do(granted: str) -> None:
    assert missing_permissions(NEEDS, frozenset({granted})) == []


def test_the_least_permission_of_each_unsatisfied_set_is_named() -> None:
    needs = Needs(permissions=(READ_GROUPS, READ_ENTRA_ROLES))
    assert missing_permissions(needs, frozenset({"User.Read.All"})) == [
        "GroupMember.Read.All",
        "RoleManagement.Read.Directory",
    ]


def test_what_one_permission_satisfies_is_named_once() -> None:
    writes, reads = ("Device.ReadWrite.All",), ("Device.Read.All", "Device.ReadWrite.All")
    needs = Needs(permissions=(writes, reads, writes, ("Group.Read.All",)))
    missing = missing_permissions(needs, frozenset())
    assert missing == ["Device.ReadWrite.All", "Group.Read.All"]
    words = reasons.PERMISSION_MISSING.sentence({"permissions": ", ".join(missing)})
    assert words == "The permissions Device.ReadWrite.All, Group.Read.All are missing."
