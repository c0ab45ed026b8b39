"""Privacy controls of Windows device restrictions: read below the object, replaced by an action of their own."""

from typing import Any

import pytest

from operations.choices import RunOutcome
from providers.backups.store import content_of
from providers.choices import ItemOutcome, StepState
from providers.models import RestoreRun, RestoreStep
from providers.restore import drafts
from tests.providers.backups import hashes
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, execute, preview, restored
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick
from tests.providers.test_restore_execute import by_hand, meanings, outcomes, renamed, wiped

KIND, PART, ACTION = "deviceConfigurations", "privacyAccessControls", "windowsPrivacyAccessControls"
GENERAL = "microsoft.graph.windows10GeneralConfiguration"
PATH = f"/deviceManagement/{KIND}"
LOCATION = {"accessLevel": "forceDeny", "dataCategory": "location"}
CAMERA = {
    "accessLevel": "forceAllow",
    "dataCategory": "camera",
    "appPackageFamilyName": "MSTeams_8wekyb3d8bbwe",
}


@pytest.fixture
def restrictions(live: Live) -> str:
    """The only configuration of the tenant, with two controls; its id."""
    wiped(live, KIND)
    body = {"@odata.type": f"#{GENERAL}", "displayName": "Restrictions"}
    made = by_hand(live).send("POST", PATH, body, version="beta")
    say(live, str(made["id"]), LOCATION, CAMERA)
    return str(made["id"])


def say(live: Live, object_id: str, *controls: dict[str, Any]) -> None:
    """Somebody sets these controls, and no others."""
    by_hand(live).send("POST", f"{PATH}/{object_id}/{ACTION}", {ACTION: list(controls)}, version="beta")


def names(restore: RestoreRun) -> list[str]:
    rows = RestoreStep.objects.filter(restore_run=restore).order_by("id")
    return [row.key.rpartition("/")[2] for row in rows]


def test_a_deleted_policy_comes_back_with_its_controls(live: Live, restrictions: str) -> None:
    before = back_up(live, KIND)
    held = content_of(before.items.get())[PART]
    assert [each["dataCategory"] for each in held] == ["camera", "location"]
    wiped(live, KIND)
    restore, run = restored(live, before)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert names(restore) == ["create", ACTION]
    assert set(outcomes(restore).values()) == {ItemOutcome.VERIFIED}
    assert meanings(back_up(live, KIND), renamed(restore)) == meanings(before, {})


def test_controls_that_somebody_changed_are_replaced_alone_and_undone(live: Live, restrictions: str) -> None:
    backup = back_up(live, KIND)
    say(live, restrictions, {"accessLevel": "forceDeny", "dataCategory": "microphone"})
    changed = hashes(back_up(live, KIND))
    restore, run = restored(live, backup)
    assert (run.outcome, names(restore)) == (RunOutcome.SUCCEEDED, [ACTION]), run.failures
    assert hashes(back_up(live, KIND)) == hashes(backup)
    back = drafts.undo_create(restore=restore, actor=live.operator)
    preview(live, back)
    run = execute(live, back)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert hashes(back_up(live, KIND)) == changed


def test_a_policy_that_had_none_gets_none(live: Live, restrictions: str) -> None:
    say(live, restrictions)
    backup = back_up(live, KIND)
    say(live, restrictions, CAMERA)
    _restore, run = restored(live, backup)
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    assert hashes(back_up(live, KIND)) == hashes(backup)


def test_a_lost_answer_is_looked_up(live: Live, restrictions: str) -> None:
    backup = back_up(live, KIND)
    say(live, restrictions)
    restore = draft(live, backup)
    preview(live, restore)
    live.fail(f"*/{ACTION}", kind="drop", after_write=True)
    run = execute(live, restore)
    assert [fault["used"] for fault in live.sandbox.faults()] == [1]
    assert run.outcome == RunOutcome.SUCCEEDED, run.failures
    (step,) = RestoreStep.objects.filter(restore_run=restore)
    assert (step.state, step.sent_count) == (StepState.CONFIRMED, 1)


def test_only_the_type_that_has_them_is_asked_for_them(live: Live, restrictions: str) -> None:
    other = {"@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "Another type"}
    by_hand(live).send("POST", PATH, other, version="beta")
    since = live.sandbox.mark()
    backup = back_up(live, KIND)
    assert backup.items.filter(complete=True).count() == 2
    asked = [each["path"] for each in live.sandbox.log(live.slug, 200) if each["number"] > since]
    assert len([path for path in asked if PART in path]) == 1
    assert PART not in content_of(backup.items.get(name="Another type"))
