"""One fault at each request of a backup and of a restore: what is said is true, nothing is doubled, nothing missing.

``make test`` tries some positions of a few types; ``make faults`` every position, on one object of every type.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from operations import execution
from operations.choices import RunOutcome
from operations.models import OperationRun
from providers import catalogue
from providers.models import Backup, RestoreRun, RestoreStep
from providers.restore import drafts
from providers.sandbox.control import Control
from tests.providers.backups import hashes
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, make_restorable, preview, start_execution
from tests.providers.restoring import quick as quick
from tests.providers.sweep import truth
from tests.providers.sweep.faults import FAULTS, Fault, Killed, Places, counted, reaped
from tests.providers.test_restore_execute import change, free_item, wiped

EVERY = os.environ.get("FAULTS") == "every"
STRIDE = int(os.environ.get("STRIDE", "1"))
RESTORED = tuple(kind.key for kind in catalogue.backup_types() if kind.restorable)
SOME = ("roleScopeTags", "deviceCategories", "configurationPolicies", "deviceCompliancePolicies")
KINDS = RESTORED if EVERY else SOME
pytestmark = pytest.mark.timeout(7200 if EVERY else 180)


Scene = Callable[[Live, Backup, dict[str, list[dict[str, Any]]]], None]


def wiped_away(live: Live, backup: Backup, originals: dict[str, list[dict[str, Any]]]) -> None:
    """Every object that can be deleted is."""
    wiped(live, *KINDS)


def changed_by_hand(live: Live, backup: Backup, originals: dict[str, list[dict[str, Any]]]) -> None:
    """One object of each type is not what it was."""
    for key, items in originals.items():
        for item in items:
            live.sandbox.put_object(live.slug, key, item)
        change(live, catalogue.get(key), free_item(backup, catalogue.get(key)))


@pytest.fixture
def live(transactional_db: None, sandbox: Control, quick: None) -> Live:
    """One object of each type. Its provider does not throttle by itself: hundreds of restores follow each other."""
    return make_restorable(sandbox, throttle_intune=False)


def positions(requests: int, writes: Sequence[int] = ()) -> Iterator[int]:
    """All of them; or the first, the last, and between them a create and the last write, or the one in the middle."""
    if EVERY:
        yield from range(1, requests + 1, STRIDE)
        return
    between = {writes[0], writes[-1]} if writes else {requests // 2}
    yield from sorted({1, *between, requests})


def told(capsys: pytest.CaptureFixture[str], operation: str, fault: Fault, ends: Counter[str]) -> None:
    """A row of the table of ``make faults``."""
    if EVERY:
        words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ends.items()))
        with capsys.disabled():
            print(f"| {operation} | {fault} | {ends.total()} | {words} |", flush=True)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.reads], ids=str)
def test_a_backup_tells_the_truth_wherever_it_meets(
    fault: Fault, live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    types = () if EVERY else KINDS
    with counted(live) as places:
        earlier = back_up(live, *types)
    (requests, _), before, ends = places.of(fault), hashes(earlier), Counter[str]()
    for number in positions(requests):
        outcome = live.start("policy.backup", **({"objectTypes": list(types)} if types else {}))
        assert outcome.run is not None
        with fault.at(live, number):
            run = worked(live, outcome.run.id)
        ends[str(run.outcome)] += 1
        assert truth.of_backup(live, run, earlier) == [], f"request {number} of {requests}"
        assert hashes(earlier) == before
    told(capsys, "back up", fault, ends)


def worked(live: Live, run_id: int) -> OperationRun:
    """Work on the run to its end, by another worker where one was killed."""
    try:
        return live.work(run_id)
    except Killed:
        reaped(OperationRun.objects.get(pk=run_id))
        run = OperationRun.objects.get(pk=run_id)
        return run if run.outcome else live.work(run_id)


@pytest.mark.parametrize("scene", [wiped_away, changed_by_hand], ids=["wiped", "changed"])
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_restore_tells_the_truth_and_makes_nothing_twice_wherever_it_meets(
    fault: Fault, scene: Scene, live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, kinds = back_up(live, *KINDS), frozenset(KINDS)
    originals = {key: live.sandbox.objects(live.slug, key) for key in KINDS}
    wanted, ends = truth.there(live, kinds), Counter[str]()
    scene(live, backup, originals)
    requests, writes = clean_restore(live, backup).of(fault)
    assert truth.differing(truth.there(live, kinds), wanted) == []
    for number in positions(requests, writes):
        scene(live, backup, originals)
        before, restore = truth.there(live, kinds), planned(live, backup)
        newest = RestoreStep.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        outcome, since = start_execution(live, restore), live.sandbox.mark()
        assert outcome.run is not None
        with fault.at(live, number):
            run = worked_once(outcome.run.id)
        restore.refresh_from_db()
        ends[str(run.outcome)] += 1
        where, aside = f"request {number} of {requests}", frozenset({fault.touches} - {""})
        assert truth.of_restore(live, restore, run, wanted, before, aside) == [], where
        assert truth.of_log(live, since, live.sandbox.mark(), newest) == [], where
        if not aside:
            made_whole(live, restore)
            assert truth.differing(truth.there(live, kinds), wanted) == [], where
    words = "changed" if scene is changed_by_hand else "wiped"
    told(capsys, f"restore what was {words}", fault, ends)


def planned(live: Live, backup: Backup) -> RestoreRun:
    restore = draft(live, backup, state_as_backed_up=True)
    assert preview(live, restore).outcome == RunOutcome.SUCCEEDED
    return restore


def clean_restore(live: Live, backup: Backup) -> Places:
    """Restore once without a fault; say at how many places one could have happened."""
    restore = planned(live, backup)
    with counted(live) as places:
        run = execute(live, restore)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    return places


def worked_once(run_id: int) -> OperationRun:
    """A write has one attempt; a killed worker's run is lost with it."""
    try:
        execution.execute(run_id)
    except Killed:
        reaped(OperationRun.objects.get(pk=run_id))
    return OperationRun.objects.get(pk=run_id)


def made_whole(live: Live, restore: RestoreRun) -> None:
    """Without the fault: what never began is done again, what began is resumed with its rest."""
    again = restore
    if drafts.was_executed(restore):
        again = drafts.resume_create(restore=restore, actor=live.operator)
    run = preview(live, again)
    assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
    assert again.plan is not None
    if again.plan.items.exclude(action="skip").exists():
        run = execute(live, again)
        assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
