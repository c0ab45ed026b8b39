"""A restore's execution is admitted only for a plan that is fresh, whole, and the one that was confirmed."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations.choices import StartStatus
from operations.params import InvalidInput
from providers.models import BackupItem, RestorePlan, RestoreRun
from providers.restore import drafts
from tests.providers.conftest import Live
from tests.providers.restoring import back_up, draft, planned, preview, start_execution
from tests.providers.restoring import live as live
from tests.providers.restoring import quick as quick

CATEGORIES = "deviceCategories"


@pytest.fixture
def restore(live: Live) -> RestoreRun:
    """A draft of one category that was deleted since, previewed."""
    backup = back_up(live, CATEGORIES)
    live.sandbox.wipe(live.slug, CATEGORIES)
    made = draft(live, backup)
    preview(live, made)
    return made


def refused(live: Live, restore: RestoreRun, **data: Any) -> tuple[str, dict[str, Any]]:
    outcome = start_execution(live, restore, **data)
    assert outcome.status is StartStatus.BLOCKED, outcome
    return outcome.reason_code, dict(outcome.reason_facts)


def test_the_current_plan_is_accepted_and_a_second_click_joins(live: Live, restore: RestoreRun) -> None:
    first, second = start_execution(live, restore), start_execution(live, restore)
    assert (first.status, second.status) == (StartStatus.ACCEPTED, StartStatus.DEDUPED)
    assert first.run is not None
    assert second.run is not None
    assert first.run.id == second.run.id


def test_without_a_preview_there_is_no_plan(live: Live, restore: RestoreRun) -> None:
    other = draft(live, restore.backup)
    code, facts = refused(live, other)
    assert (code, facts["restoreRun"]) == ("restore.plan_missing", other.pk)


def test_a_plan_lives_for_30_minutes_from_its_reading(live: Live, restore: RestoreRun) -> None:
    aged(restore, minutes=31)
    assert refused(live, restore)[0] == "restore.plan_stale"
    aged(restore, minutes=29)
    assert start_execution(live, restore).status is StartStatus.ACCEPTED


def aged(restore: RestoreRun, *, minutes: int) -> None:
    read_at = timezone.now() - timedelta(minutes=minutes)
    RestorePlan.objects.filter(pk=restore.plan_id).update(read_at=read_at)


def test_another_hash_than_the_current_one_is_a_changed_plan(live: Live, restore: RestoreRun) -> None:
    assert refused(live, restore, planHash="0" * 64)[0] == "restore.plan_changed"
    with pytest.raises(InvalidInput) as caught:
        start_execution(live, restore, planHash="no hash")
    assert caught.value.errors.keys() == {"planHash"}


def test_a_plan_that_changes_nothing_has_nothing_to_do(live: Live) -> None:
    made = draft(live, back_up(live, CATEGORIES))
    preview(live, made)
    assert refused(live, made)[0] == "restore.nothing_to_do"


def test_a_connection_that_may_not_write_names_the_least_permission(live: Live, restore: RestoreRun) -> None:
    live.connection.granted_permissions = ["DeviceManagementConfiguration.Read.All"]
    live.connection.save()
    code, facts = refused(live, restore)
    assert (code, facts) == (
        "provider.permission_missing",
        {"permissions": "DeviceManagementConfiguration.ReadWrite.All"},
    )


def test_an_object_that_was_not_backed_up_whole_is_no_source(live: Live) -> None:
    live.fail("*/configurationPolicies/*/assignments", status=403)
    run = live.run("policy.backup", objectTypes=["configurationPolicies"])
    live.heal()
    item = BackupItem.objects.get(backup__run_id=run.pk)
    assert not item.complete
    live.sandbox.wipe(live.slug, "configurationPolicies")
    made = draft(live, item.backup)
    preview(live, made)
    assert planned(made) == {item.name: "unresolved"}
    code, facts = refused(live, made)
    assert (code, facts["count"]) == ("restore.source_incomplete", 1)
    drafts.selection_change(
        restore_id=made.pk, version=made.version, choices={item.pk: "skip"}, actor=live.operator
    )
    made.refresh_from_db()
    assert refused(live, made)[0] == "restore.nothing_to_do"


def test_another_tenants_restore_run_is_none_of_this_one(live: Live, restore: RestoreRun) -> None:
    with pytest.raises(InvalidInput) as caught:
        live.start("restore.preview", restoreRun=10**9)
    assert caught.value.errors.keys() == {"restoreRun"}
    with pytest.raises(InvalidInput):
        live.start("restore.preview")
