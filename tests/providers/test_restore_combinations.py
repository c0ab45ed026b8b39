"""The conditions that an authentication strength puts on single methods: exactly as backed up."""

from typing import Any

from operations.choices import RunOutcome
from providers import catalogue
from providers.backups.store import content_of
from providers.choices import ItemOutcome, StepState
from providers.models import RestoreRun, RestoreStep
from providers.objects.diff import Action, diff
from providers.restore import drafts
from tests.providers.backups import hashes
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, preview, restored
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick
from tests.providers.test_restore_execute import meanings, outcomes, renamed, wiped
from tests.providers.test_restore_plan import live as reading_of
from tests.providers.test_restore_plan import only, plan, source

KIND, PART = "authenticationStrengthPolicies", "combinationConfigurations"
KEYS = "#microsoft.graph.fido2CombinationConfiguration"
CARDS = "#microsoft.graph.x509CertificateCombinationConfiguration"


def strength(live: Live) -> dict[str, Any]:
    """The one of the tenant, which asks for certain keys and certain certificates."""
    (found,) = [item for item in live.sandbox.objects(live.slug, KIND) if item["policyType"] == "custom"]
    return found


def conditions(live: Live) -> dict[str, Any]:
    return {each["@odata.type"]: each for each in strength(live)[PART]}


def names(restore: RestoreRun) -> list[str]:
    rows = RestoreStep.objects.filter(restore_run=restore).order_by("id")
    return [f"{row.method} {row.key.rpartition('/')[2]}" for row in rows]


def test_a_backup_holds_them_and_a_deleted_strength_comes_back_with_them(live: Live) -> None:
    before = back_up(live, KIND)
    held = content_of(before.items.get())[PART]
    assert {each["@odata.type"] for each in held} == {KEYS, CARDS}
    wiped(live, KIND)
    restore, run = restored(live, before)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert sorted(names(restore)) == [
        "POST combination:fido2 fido2",
        "POST combination:x509Certificate x509CertificateMultiFactor",
        "POST create",
    ]
    assert meanings(back_up(live, KIND), renamed(restore)) == meanings(before, {})


def test_only_what_differs_is_sent_and_what_came_since_goes(live: Live) -> None:
    """Somebody allowed another key, forgot the certificates, and asks more of single-factor ones."""
    backup, there = back_up(live, KIND), strength(live)
    other = {"@odata.type": CARDS, "appliesToCombinations": ["x509CertificateSingleFactor"],
             "allowedPolicyOIDs": ["1.9"], "allowedIssuerSkis": [], "id": "0"}  # fmt: skip
    keys = conditions(live)[KEYS] | {"allowedAAGUIDs": ["00000000-0000-0000-0000-000000000009"]}
    allowed = ["fido2", "x509CertificateSingleFactor"]
    live.sandbox.put_object(live.slug, KIND, there | {PART: [keys, other], "allowedCombinations": allowed})
    restore, run = restored(live, backup)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert set(outcomes(restore).values()) == {ItemOutcome.VERIFIED}
    assert names(restore) == [
        "DELETE combination:x509Certificate x509CertificateSingleFactor",
        "POST updateAllowedCombinations",
        "PATCH combination:fido2 fido2",
        "POST combination:x509Certificate x509CertificateMultiFactor",
    ]
    assert hashes(back_up(live, KIND)) == hashes(backup)


def test_undo_puts_back_what_was_there(live: Live) -> None:
    backup, there = back_up(live, KIND), strength(live)
    live.sandbox.put_object(live.slug, KIND, there | {PART: []})
    before = hashes(back_up(live, KIND))
    restore, run = restored(live, backup)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    back = drafts.undo_create(restore=restore, actor=live.operator)
    preview(live, back)
    run = execute(live, back)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert hashes(back_up(live, KIND)) == before


def test_a_lost_answer_is_looked_up_and_a_condition_made_once(live: Live) -> None:
    backup, there = back_up(live, KIND), strength(live)
    live.sandbox.put_object(live.slug, KIND, there | {PART: [conditions(live)[CARDS]]})
    restore = draft(live, backup)
    preview(live, restore)
    live.fail(f"*/{PART}", kind="drop", method="POST", after_write=True)
    run = execute(live, restore)
    assert [fault["used"] for fault in live.sandbox.faults()] == [1]
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    (step,) = RestoreStep.objects.filter(restore_run=restore)
    assert (step.state, step.sent_count) == (StepState.CONFIRMED, 1)


def test_conditions_that_could_not_be_read_leave_the_object_incomplete(live: Live) -> None:
    live.fail(f"*/{PART}", status=403)
    run = live.run("policy.backup", objectTypes=[KIND])
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED


def test_a_backup_that_never_asked_for_them_leaves_them_as_they_are() -> None:
    thing = {"id": "1", "displayName": "Keys", "policyType": "custom", "allowedCombinations": ["fido2"]}
    older = source(thing | {"description": "was"}, type=KIND)
    there = reading_of(thing, type=KIND)
    condition = {"@odata.type": KEYS, "appliesToCombinations": ["fido2"], "allowedAAGUIDs": ["a"]}
    there.contents[KIND, "1"][PART] = [condition]
    item = only(plan([older], there))
    assert item.wanted is not None
    assert item.wanted[PART] == [condition]


def test_the_difference_names_the_combination_that_a_condition_is_for() -> None:
    kind = catalogue.get(KIND)
    cards = {"@odata.type": CARDS, "appliesToCombinations": ["x509CertificateMultiFactor"]}
    before = {"object": {}, PART: [cards | {"allowedPolicyOIDs": ["1"]}]}
    after = {"object": {}, PART: [cards | {"allowedPolicyOIDs": ["2"]}, {"@odata.type": KEYS,
             "appliesToCombinations": ["fido2"]}]}  # fmt: skip
    found = [(change.path[:2], change.action) for change in diff(kind, before, after)]
    assert ((PART, "fido2"), Action.ADDED) in found
    assert (PART, "x509CertificateMultiFactor") in [path for path, _action in found]
