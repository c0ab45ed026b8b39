"""One fault at each request of a backup and of a restore: what is said is true, nothing is doubled, nothing missing.

``make test`` tries some positions of a few types; ``make faults`` every position, on one object of every type.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from operations import execution
from operations.choices import RunOutcome
from operations.models import OperationRun
from providers import catalogue
from providers.choices import RestoreState
from providers.models import Backup, RestoreRun
from providers.restore import drafts
from providers.sandbox.control import Control
from tests.providers.backups import hashes
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, make_restorable, preview, start_execution
from tests.providers.restoring import quick as quick
from tests.providers.sweep import truth
from tests.providers.sweep.faults import FAULTS, Fault, Killed, reaped
from tests.providers.test_restore_execute import wiped

EVERY = os.environ.get("FAULTS") == "every"
STRIDE = int(os.environ.get("STRIDE", "1"))
RESTORED = tuple(kind.key for kind in catalogue.backup_types() if kind.restorable)
SOME = ("roleScopeTags", "deviceCategories", "configurationPolicies", "deviceCompliancePolicies")
KINDS = RESTORED if EVERY else SOME
pytestmark = pytest.mark.timeout(7200 if EVERY else 180)


@pytest.fixture
def live(transactional_db: None, sandbox: Control, quick: None) -> Live:
    """One object of each type. Its provider does not throttle by itself: hundreds of restores follow each other."""
    return make_restorable(sandbox, throttle_intune=False)


def positions(requests: int) -> Iterator[int]:
    """All of them, or the first, one in the middle and the last."""
    if EVERY:
        yield from range(1, requests + 1, STRIDE)
        return
    yield from sorted({1, requests // 2, requests})


def told(capsys: pytest.CaptureFixture[str], operation: str, fault: Fault, ends: Counter[str]) -> None:
    """A row of the table of ``make faults``."""
    if EVERY:
        words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(ends.items()))
        with capsys.disabled():
            print(f"| {operation} | {fault} | {ends.total()} | {words} |", flush=True)


def requests_of(live: Live) -> int:
    """How many requests came since the log was cleared, those inside of batches among them."""
    found = [entry for entry in live.sandbox.log(live.slug, 5000) if entry["service"] in ("graph", "batch")]
    return len(found)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.reads], ids=str)
def test_a_backup_tells_the_truth_wherever_it_meets(
    fault: Fault, live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    types = () if EVERY else KINDS
    live.sandbox.clear_log()
    earlier = back_up(live, *types)
    requests, before, ends = requests_of(live), hashes(earlier), Counter[str]()
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


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_restore_tells_the_truth_and_makes_nothing_twice_wherever_it_meets(
    fault: Fault, live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = back_up(live, *KINDS)
    wanted = truth.there(live, frozenset(KINDS))
    requests, ends = clean_restore(live, backup), Counter[str]()
    for number in positions(requests):
        wiped(live, *KINDS)
        restore, since = planned(live, backup), live.sandbox.mark()
        outcome = start_execution(live, restore)
        assert outcome.run is not None
        with fault.at(live, number):
            run = worked_once(outcome.run.id)
        restore.refresh_from_db()
        ends[str(run.outcome)] += 1
        where = f"request {number} of {requests}"
        assert truth.of_restore(live, restore, run, wanted) == [], where
        made_whole(live, restore)
        assert truth.there(live, frozenset(KINDS)) == wanted, where
        assert truth.of_log(live, since, wanted) == [], where
    told(capsys, "restore", fault, ends)


def planned(live: Live, backup: Backup) -> RestoreRun:
    restore = draft(live, backup, state_as_backed_up=True)
    assert preview(live, restore).outcome == RunOutcome.SUCCEEDED
    return restore


def clean_restore(live: Live, backup: Backup) -> int:
    """Restore once without a fault; say how many requests that took."""
    wiped(live, *KINDS)
    restore = planned(live, backup)
    live.sandbox.clear_log()
    run = execute(live, restore)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    return requests_of(live)


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
    if restore.state == RestoreState.EXECUTED or restore.run is not None:
        again = drafts.resume_create(restore=restore, actor=live.operator)
    run = preview(live, again)
    assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
    assert again.plan is not None
    if again.plan.items.exclude(action="skip").exists():
        run = execute(live, again)
        assert run.outcome == RunOutcome.SUCCEEDED, (run.reason_code, run.failures)
