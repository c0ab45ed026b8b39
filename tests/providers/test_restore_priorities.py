"""Priorities of enrolment configurations: planned with what they do to others, set one by one, undone."""

import random
from collections.abc import Mapping
from itertools import combinations, permutations
from typing import Any

import pytest

from operations.choices import RunOutcome
from providers import catalogue
from providers.choices import ItemOutcome, StepState
from providers.models import Backup, RestoreResult, RestoreRun, RestoreStep
from providers.restore import drafts
from providers.restore.model import Options, Reading, Source
from providers.restore.priorities import moves, reachable, standings
from tests.providers.backups import hashes
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, preview, restored
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick
from tests.providers.test_restore_execute import by_hand, meanings, outcomes, renamed, wiped
from tests.providers.test_restore_plan import live as reading_of
from tests.providers.test_restore_plan import plan, source

KIND = "deviceEnrollmentConfigurations"
LIMIT = "#microsoft.graph.deviceEnrollmentLimitConfiguration"
PATH = f"/deviceManagement/{KIND}"


def standing(keys: str) -> list[tuple[str, int]]:
    return [(key, place) for place, key in enumerate(keys, 1)]


def moved(keys: str, requests: list[tuple[str, int]]) -> str:
    """What the service makes of them: the object goes to the place, the others close up."""
    order = list(keys)
    for key, place in requests:
        order.remove(key)
        order.insert(place - 1, key)
    return "".join(order)


@pytest.mark.parametrize("keys", ["".join(keys) for keys in permutations("ABCD")])
def test_every_order_comes_from_every_other_one_by_the_fewest_moves(keys: str) -> None:
    found = moves(standing(keys), {"A": 1, "B": 2, "C": 3, "D": 4})
    assert moved(keys, found) == "ABCD"
    assert len({key for key, _place in found}) == len(found)
    kept = max(
        len(some) for size in range(5) for some in combinations(keys, size) if list(some) == sorted(some)
    )
    assert len(found) == 4 - kept


def test_only_chosen_objects_move_and_the_others_keep_their_order() -> None:
    draw = random.Random(7)
    for _ in range(300):
        keys = draw.sample("ABCDEFGH", draw.randint(1, 8))
        chosen = draw.sample(keys, draw.randint(1, len(keys)))
        wanted = dict(zip(chosen, draw.sample(range(1, len(keys) + 1), len(chosen)), strict=True))
        found = moves(standing("".join(keys)), wanted)
        after = moved("".join(keys), found)
        assert {key: after.index(key) + 1 for key in wanted} == wanted, (keys, wanted, found)
        assert [key for key in after if key not in wanted] == [key for key in keys if key not in wanted]
        assert {key for key, _place in found} <= wanted.keys()
        assert len({key for key, _place in found}) == len(found)


@pytest.mark.parametrize(
    ("keys", "wanted", "expected"),
    [
        ("", {"A": 4}, {"A": 1}),
        ("UV", {"A": 2, "B": 9}, {"A": 2, "B": 4}),
        ("AB", {"A": 1, "B": 2}, {"A": 1, "B": 2}),
        ("U", {"A": 3, "B": 3}, {"A": 2, "B": 3}),
    ],
)
def test_a_place_that_the_tenant_does_not_have_is_the_next_best_one(
    keys: str, wanted: Mapping[str, int], expected: Mapping[str, int]
) -> None:
    assert reachable(standing(keys), wanted) == expected


def test_holes_that_deleted_objects_left_are_no_reason_to_move_what_is_in_its_place() -> None:
    holed = [("A", 1), ("C", 3)]
    assert moves(holed, {"A": 1, "C": 3}) == []
    assert reachable(holed, {"C": 3}) == {"C": 3}
    assert moves(holed, {"C": 2}) == [("C", 2)], "In order already, and yet its number is wrong."


def test_defaults_stand_in_no_order() -> None:
    things = [thing("1", 2), thing("2", 1), thing("3", 0), thing("4", 1, platformType="ios")]
    found = standings(catalogue.get(KIND), things)
    assert found == {(LIMIT, ""): [("2", 1), ("1", 2)], (LIMIT, "ios"): [("4", 1)]}


def thing(number: str, priority: int, **more: Any) -> dict[str, Any]:
    return {"id": number, "@odata.type": LIMIT, "displayName": number, "priority": priority, **more}


def planned(sources: list[Source], reading: Reading, **more: Any) -> dict[str, tuple[str, int, list[str]]]:
    """What the plan does with each object: action, priority and warnings."""
    return {
        item.name: (
            str(item.action),
            (item.wanted or {}).get("object", {}).get("priority", 0),
            [note.code for note in item.warnings],
        )
        for item in plan(sources, reading, **more).items
    }


def enrolments(*things: dict[str, Any]) -> Reading:
    return reading_of(*things, type=KIND)


def of_backup(*things: dict[str, Any]) -> list[Source]:
    return [source(each, type=KIND) for each in things]


def test_another_priority_is_a_difference_and_the_plan_says_that_others_move() -> None:
    there = enrolments(thing("A", 2), thing("U", 1))
    assert planned(of_backup(thing("A", 1)), there) == {"A": ("update", 1, ["others_move"])}
    assert planned(of_backup(thing("A", 2)), there) == {"A": ("skip", 2, [])}


def test_what_is_moved_off_its_place_by_others_is_put_back() -> None:
    there = enrolments(thing("B", 1), thing("U", 2), thing("A", 3), thing("V", 4), thing("W", 5))
    backed_up = of_backup(thing("A", 3), thing("B", 5))
    assert planned(backed_up, there) == {
        "A": ("update", 3, ["priority_kept"]),
        "B": ("update", 5, ["others_move"]),
    }
    assert planned(backed_up, there, options=Options(update=False))["A"] == ("skip", 3, [])


def test_a_priority_out_of_reach_is_told() -> None:
    found = planned(of_backup(thing("A", 4), thing("B", 2)), enrolments(thing("U", 1)))
    assert found == {"A": ("create", 3, ["priority_limited"]), "B": ("create", 2, [])}


def test_the_priority_of_a_default_stays() -> None:
    found = planned(of_backup(thing("D", 0, limit=5)), enrolments(thing("D", 0, limit=7), thing("U", 1)))
    assert found == {"D": ("update", 0, [])}


def ordered(live: Live, names: str) -> Backup:
    """A tenant with one limit for each letter, in this order, and a backup of it."""
    wiped(live, KIND)
    for name in names:
        body = {"@odata.type": LIMIT, "displayName": name, "limit": 3}
        by_hand(live).send("POST", PATH, body, version="beta")
    return back_up(live, KIND)


def order(live: Live) -> str:
    found = [item for item in live.sandbox.objects(live.slug, KIND) if item["priority"]]
    return "".join(item["displayName"] for item in sorted(found, key=lambda item: int(item["priority"])))


def put(live: Live, name: str, place: int) -> None:
    """Somebody moves one in the console."""
    its_id = live.sandbox.object(live.slug, KIND, name)["id"]
    by_hand(live).send("POST", f"{PATH}/{its_id}/setPriority", {"priority": place}, version="beta")


def priority_steps(restore: RestoreRun) -> list[RestoreStep]:
    return list(
        RestoreStep.objects.filter(restore_run=restore, key__endswith="/setPriority")
        .select_related("item")
        .order_by("id")
    )


def test_a_wiped_order_comes_back(live: Live) -> None:
    before = ordered(live, "DBCA")
    wiped(live, KIND)
    restore, run = restored(live, before)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert order(live) == "DBCA"
    assert meanings(back_up(live, KIND), renamed(restore)) == meanings(before, {})
    steps = priority_steps(restore)
    assert {step.state for step in steps} == {StepState.CONFIRMED}
    created = RestoreStep.objects.filter(restore_run=restore, key__endswith="/create")
    assert max(created.values_list("id", flat=True)) < steps[0].pk, "All of them are there first."
    assert {step.sent_count for step in steps} == {1}


def test_an_order_that_somebody_changed_comes_back_by_moves_alone(live: Live) -> None:
    backup = ordered(live, "ABCDE")
    put(live, "E", 1)
    since = live.sandbox.mark()
    restore, run = restored(live, backup)
    assert (run.outcome, order(live)) == (RunOutcome.SUCCEEDED, "ABCDE")
    assert [step.item.name for step in priority_steps(restore)] == ["E"]
    sent = live.sandbox.writes(live.slug, since)
    assert [each["path"].rpartition("/")[2] for each in sent] == ["setPriority"]
    assert set(outcomes(restore).values()) == {ItemOutcome.VERIFIED}


def test_undo_puts_the_order_back_that_was_there_before(live: Live) -> None:
    backup = ordered(live, "ABCDE")
    live.sandbox.delete_object(live.slug, KIND, "B")
    put(live, "E", 1)
    before, was = back_up(live, KIND), order(live)
    restore, run = restored(live, backup)
    assert (run.outcome, order(live)) == (RunOutcome.SUCCEEDED, "ABCDE")
    back = drafts.undo_create(restore=restore, actor=live.operator)
    preview(live, back)
    run = execute(live, back)
    assert (run.outcome, order(live)) == (RunOutcome.SUCCEEDED, was), run.failures
    assert hashes(back_up(live, KIND)) == hashes(before)


def test_a_lost_answer_to_a_move_is_looked_up_and_not_sent_again(live: Live) -> None:
    backup = ordered(live, "ABC")
    put(live, "C", 1)
    restore = draft(live, backup)
    preview(live, restore)
    live.fail("*/setPriority", kind="drop", after_write=True)
    run = execute(live, restore)
    assert [fault["used"] for fault in live.sandbox.faults()] == [1]
    assert (run.outcome, order(live)) == (RunOutcome.SUCCEEDED, "ABC"), run.failures
    (step,) = priority_steps(restore)
    assert (step.state, step.sent_count) == (StepState.CONFIRMED, 1)


def test_a_refused_move_fails_its_object_alone_and_a_resume_does_it(live: Live) -> None:
    backup = ordered(live, "ABC")
    put(live, "C", 1)
    live.sandbox.change_object(live.slug, KIND, "A", {"limit": 9})
    restore = draft(live, backup)
    preview(live, restore)
    live.fail("*/setPriority", status=403)
    run = execute(live, restore)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    said = dict(RestoreResult.objects.filter(restore_run=restore).values_list("item__name", "outcome"))
    assert said["C"] == ItemOutcome.FAILED
    assert said["A"] == ItemOutcome.DIFFERS, "It stands where C kept it."
    live.heal()
    again = drafts.resume_create(restore=restore, actor=live.operator)
    preview(live, again)
    run = execute(live, again)
    assert (run.outcome, order(live)) == (RunOutcome.SUCCEEDED, "ABC"), run.failures


def test_a_run_that_ends_before_the_order_is_set_says_so(live: Live) -> None:
    """Two of three are there when the token is refused for good."""
    backup = ordered(live, "CBA")
    wiped(live, KIND)
    restore = draft(live, backup)
    preview(live, restore)
    live.fail(PATH, method="POST", nth=3, kind="approval")
    run = execute(live, restore)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    rows = RestoreResult.objects.filter(restore_run=restore)
    said = dict(rows.values_list("item__name", "outcome"))
    assert said == {"A": "unverified", "B": "unverified", "C": "failed"}
    assert set(rows.filter(outcome="unverified").values_list("reason_code", flat=True)) == {"unplaced"}
    live.heal()
    again = drafts.resume_create(restore=restore, actor=live.operator)
    preview(live, again)
    run = execute(live, again)
    assert (run.outcome, order(live)) == (RunOutcome.SUCCEEDED, "CBA"), run.failures
