"""One fault at each request of a backup and of a restore: what is said is true, nothing is doubled, nothing missing.

``make test`` tries some positions of a few types; ``make faults`` every position, on one object of every type, the
types in parts that are swept one after the other; ``FAULTS=whole`` sweeps all types in one run.
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
from tests.providers.sweep.parts import RESTORED, parts
from tests.providers.test_restore_execute import change, free_item, wiped

FAULTS_OF = os.environ.get("FAULTS", "")
STRIDE = int(os.environ.get("STRIDE", "1"))
SOME = ("roleScopeTags", "deviceCategories", "configurationPolicies", "deviceCompliancePolicies")
PARTS = {"": [SOME], "every": parts(), "whole": [RESTORED]}[FAULTS_OF]
pytestmark = [
    pytest.mark.timeout(7200 if FAULTS_OF else 180),
    pytest.mark.parametrize("types", PARTS, ids=lambda types: types[0]),
]

Originals = dict[str, list[dict[str, Any]]]
Scene = Callable[[Live, Backup, Originals], None]
Table = dict[tuple[str, str], Counter[str]]


def wiped_away(live: Live, backup: Backup, originals: Originals) -> None:
    """Every object that can be deleted is."""
    wiped(live, *originals)


def changed_by_hand(live: Live, backup: Backup, originals: Originals) -> None:
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
    if FAULTS_OF:
        yield from range(1, requests + 1, STRIDE)
        return
    between = {writes[0], writes[-1]} if writes else {requests // 2}
    yield from sorted({1, *between, requests})


@pytest.fixture(scope="module")
def table(pytestconfig: pytest.Config) -> Iterator[Table]:
    """How the runs ended, by operation and fault; ``make faults`` prints it."""
    rows: Table = {}
    yield rows
    if not FAULTS_OF:
        return
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print()
        for (operation, fault), ends in rows.items():
            words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ends.items()))
            print(f"| {operation} | {fault} | {ends.total()} | {words} |", flush=True)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.reads], ids=str)
def test_a_backup_tells_the_truth_wherever_it_meets(
    fault: Fault, types: tuple[str, ...], live: Live, table: Table
) -> None:
    ends = table.setdefault(("back up", str(fault)), Counter())
    with counted(live) as places:
        earlier = back_up(live, *types)
    (requests, _), before = places.of(fault), hashes(earlier)
    for number in positions(requests):
        outcome = live.start("policy.backup", objectTypes=list(types))
        assert outcome.run is not None
        with fault.at(live, number, types[0]):
            run = worked(live, outcome.run.id)
        ends[str(run.outcome)] += 1
        assert truth.of_backup(live, run, earlier) == [], f"request {number} of {requests}"
        assert hashes(earlier) == before


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
    fault: Fault, scene: Scene, types: tuple[str, ...], live: Live, table: Table
) -> None:
    words = "changed" if scene is changed_by_hand else "wiped"
    ends = table.setdefault((f"restore what was {words}", str(fault)), Counter())
    backup, kinds = back_up(live, *types), frozenset(types)
    originals = {key: live.sandbox.objects(live.slug, key) for key in types}
    names: truth.Names = {}
    wanted = truth.there(live, kinds, names)
    scene(live, backup, originals)
    requests, writes = clean_restore(live, backup).of(fault)
    assert truth.differing(truth.there(live, kinds, names), wanted) == []
    for number in positions(requests, writes):
        scene(live, backup, originals)
        before, restore = truth.there(live, kinds, names), planned(live, backup)
        newest = RestoreStep.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        outcome, since = start_execution(live, restore), live.sandbox.mark()
        assert outcome.run is not None
        with fault.at(live, number, types[0]):
            run = worked_once(outcome.run.id)
        restore.refresh_from_db()
        ends[str(run.outcome)] += 1
        where, aside = f"request {number} of {requests}", frozenset(types[:1] if fault.touches else ())
        assert truth.of_restore(live, restore, run, wanted, before, names, aside) == [], where
        assert truth.of_log(live, since, live.sandbox.mark(), newest) == [], where
        if not aside:
            made_whole(live, restore)
            assert truth.differing(truth.there(live, kinds, names), wanted) == [], where


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
