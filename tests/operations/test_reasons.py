"""The catalogue of reasons: every code has words, and a way on."""

import re
from operator import attrgetter

import pytest

from operations import reasons as of_operations
from tenantpilot.core import reasons
from tenantpilot.core.reasons import NextStep, Reason
from tenantpilot.tenancy.capabilities import Capability

ALL = reasons.all_reasons()
CODES = {reason.code for reason in ALL}
STEPS = [(reason.code, step) for reason in ALL for step in reason.next_steps]
# Stopped on purpose, or overtaken: there is nothing to mend.
WITHOUT_STEPS = {"operation.cancelled", "provider.superseded"}
NEEDED = {
    "tenant.archived",
    *(
        f"provider.{name}"
        for name in [
            "connection_missing",
            "connection_disabled",
            "connection_unverified",
            "facts_stale",
            "credential_missing",
            "credential_invalid",
            "credential_expired",
            "consent_missing",
            "consent_revoked",
            "permission_missing",
            "role_missing",
            "licence_missing",
            "tenant_mismatch",
            "tenant_not_found",
            "throttled",
            "unreachable",
            "approval_required",
            "response_invalid",
        ]
    ),
    *(
        f"operation.{name}"
        for name in [
            "scope_busy",
            "already_running",
            "worker_lost",
            "worker_unavailable",
            "cancelled",
            "attempts_exhausted",
            "internal_error",
            "timed_out",
            "force_released",
        ]
    ),
    *(
        f"restore.{name}"
        for name in [
            "plan_missing",
            "plan_stale",
            "plan_changed",
            "source_incomplete",
            "target_unresolved",
            "item_failed",
        ]
    ),
}
FACTS = {
    "tenant": "Contoso", "workspace": "Contoso MSP", "connection": "Contoso connection", "holder": "Sync groups",
    "scope": "this connection",
    "permissions": "Group.Read.All", "until": "12:00", "since": "yesterday", "licence": "Microsoft Intune",
    "attempts": 3, "failed": 1, "requested": 2, "reference": "abcd1234", "incomplete": 1, "objects": 4,
    "count": 3, "name": "Baseline", "person": "Ada",
}  # fmt: skip


def test_every_reason_that_was_promised_is_declared() -> None:
    assert CODES >= NEEDED


@pytest.mark.parametrize("reason", ALL, ids=attrgetter("code"))
def test_every_reason_is_a_sentence_for_people(reason: Reason) -> None:
    words = reason.sentence(FACTS)
    assert words[0].isupper() or words[0].isdigit() or "%(" in str(reason.title)
    assert words.endswith(".")
    assert "%" not in words
    assert "–" not in words, "names a fact that nobody gives"


@pytest.mark.parametrize("reason", ALL, ids=attrgetter("code"))
def test_an_older_row_without_facts_still_reads(reason: Reason) -> None:
    assert "%(" not in reason.sentence({})


@pytest.mark.parametrize("reason", ALL, ids=attrgetter("code"))
def test_every_reason_leads_somewhere(reason: Reason) -> None:
    assert bool(reason.next_steps) is (reason.code not in WITHOUT_STEPS)


@pytest.mark.parametrize(("code", "step"), STEPS, ids=[f"{code}-{step.action_type}" for code, step in STEPS])
def test_every_step_has_words_a_place_and_a_sentence_for_who_may_not_take_it(
    code: str, step: NextStep
) -> None:
    assert str(step.label)
    assert step.route
    assert re.fullmatch(r"[a-z_]+", step.action_type)
    assert bool(step.capability) is bool(str(step.otherwise))
    assert not step.capability or step.capability in Capability.values


@pytest.mark.parametrize(
    "code", ["provider.connection_disabled", "Provider.x", "provider.What", "provider", "."]
)
def test_a_taken_or_malformed_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match=r"reason code|declared twice"):
        reasons.declare(Reason(code, "Words."))


def test_an_unknown_code_is_an_error() -> None:
    with pytest.raises(KeyError):
        reasons.get("operation.unheard_of")
    assert reasons.get("operation.cancelled") is of_operations.CANCELLED
