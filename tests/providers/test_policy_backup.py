"""Policy backup: everything of every type, the same bytes twice, and nothing claimed that was not read."""

import copy
import random
from collections import Counter
from typing import Any

import pytest

from operations.choices import RunOutcome
from operations.models import OperationRun
from providers import catalogue
from providers.backups.store import content_of
from providers.choices import BackupState
from providers.models import Backup, BackupReference, ContentVersion
from providers.sandbox.control import Control
from tests.objects.test_canonical import shuffled
from tests.providers.backups import (
    back_up,
    backup_run,
    hashes,
    items,
    live_with_policies,
    newest,
    widen_budget,
)
from tests.providers.conftest import Live

CATALOG, ADMX, OMA = "configurationPolicies", "groupPolicyConfigurations", "deviceConfigurations"
ACCESS, SCRIPTS = "conditionalAccessPolicies", "deviceHealthScripts"


@pytest.fixture
def live(transactional_db: None, sandbox: Control, monkeypatch: pytest.MonkeyPatch) -> Live:
    widen_budget(monkeypatch)
    return live_with_policies(sandbox, policies=2)


def there(live: Live, key: str) -> dict[str, dict[str, Any]]:
    """What the sandbox holds of a type, but for what Microsoft owns."""
    kind = catalogue.get(key)
    found = live.sandbox.objects(live.slug, key)
    return {each["id"]: each for each in found if kind.protection(each).value != "never"}


def put(live: Live, key: str, item: dict[str, Any]) -> None:
    live.sandbox._state.tenants[live.slug].policies.put(key, item)


def requested(live: Live) -> Counter[str]:
    """The paths that the sandbox was asked for, parts of batches included, each with how often."""
    log = live.sandbox.log(live.slug, limit=2_000)
    return Counter(entry["path"] for entry in log if entry["service"] == "graph")


def test_every_type_is_kept_with_settings_and_assignments(live: Live) -> None:
    run = backup_run(live)
    backup = newest(live)
    assert (run.outcome, run.failures, backup.state) == (RunOutcome.SUCCEEDED, [], BackupState.COMPLETE)
    assert run.counts.keys() == backup.results.keys() == {kind.key for kind in catalogue.backup_types()}
    for key in (CATALOG, ADMX, OMA, ACCESS, SCRIPTS, "intents", "mobileApps", "deviceCompliancePolicies"):
        assert items(backup, key).keys() == there(live, key).keys(), key
        assert run.counts[key] == len(there(live, key))
    assert all(row.complete for row in backup.items.all())
    assert backup.object_count == sum(run.counts.values())


def test_what_belongs_to_an_object_is_in_its_content(live: Live) -> None:
    backup = back_up(live)
    for key, row in items(backup, CATALOG).items():
        assert len(content_of(row)["settings"]) == len(there(live, CATALOG)[key]["settings"])
    admx = [content_of(row) for row in items(backup, ADMX).values()]
    values = [value for content in admx for value in content["definitionValues"]]
    assert values
    assert all(value["definition"]["id"] and "presentationValues" in value for value in values)
    assigned = [content_of(row)["assignments"] for row in items(backup, OMA).values()]
    assert any(assigned)
    script = next(iter(items(backup, SCRIPTS).values()))
    assert content_of(script)["object"]["detectionScriptContent"]


def test_two_backups_of_an_unchanged_tenant_are_the_same_and_stored_once(live: Live) -> None:
    first = back_up(live)
    stored = ContentVersion.objects.filter(tenant=live.tenant).count()
    second = back_up(live)
    assert hashes(first) == hashes(second)
    assert ContentVersion.objects.filter(tenant=live.tenant).count() == stored
    for found in second.results.values():
        assert (found["new"], found["changed"], found["gone"]) == (0, 0, 0)
        assert found["since"] == first.pk


def test_other_orders_and_new_ids_of_assignments_change_nothing(live: Live) -> None:
    first = back_up(live)
    rng = random.Random(7)
    for kind in catalogue.backup_types():
        if kind.key in ("roleDefinitions", "directoryRoleDefinitions"):
            continue
        for found in live.sandbox.objects(live.slug, kind.key):
            item = copy.deepcopy(found)
            for path in kind.all_unordered:
                name = path.removeprefix("object.")
                if name in item and isinstance(item[name], list):
                    rng.shuffle(item[name])
            for number, assignment in enumerate(item.get("assignments") or ()):
                assignment["id"] = f"{item['id']}_{number}"
            put(live, kind.key, item)
        keys = [each["id"] for each in live.sandbox.objects(live.slug, kind.key)]
        live.sandbox._state.tenants[live.slug].policies.order(kind.key, list(shuffled(keys, rng)))
    assert hashes(back_up(live)) == hashes(first)


def test_what_changed_since_the_last_backup_is_counted(live: Live) -> None:
    first = back_up(live, CATALOG)
    kept, gone = list(there(live, CATALOG).values())
    put(live, CATALOG, kept | {"description": "Changed by hand."})
    put(live, CATALOG, copy.deepcopy(gone) | {"id": "11111111-2222-3333-4444-555555555555", "name": "New"})
    live.sandbox._state.tenants[live.slug].policies.remove(CATALOG, gone["id"])
    second = back_up(live, CATALOG)
    found = second.results[CATALOG]
    assert (found["new"], found["changed"], found["gone"]) == (1, 1, 1)
    before, after = items(first, CATALOG)[kept["id"]], items(second, CATALOG)[kept["id"]]
    assert before.version_id != after.version_id
    assert content_of(after)["object"]["description"] == "Changed by hand."
    assert "Changed by hand." not in str(content_of(before))


@pytest.mark.parametrize("status", [403, 404])
def test_a_type_that_is_refused_is_not_observed_and_undoes_nothing(live: Live, status: int) -> None:
    first = back_up(live, CATALOG, SCRIPTS)
    live.fail(f"deviceManagement/{SCRIPTS}", status=status)
    run = backup_run(live, CATALOG, SCRIPTS)
    second = newest(live)
    assert (run.outcome, run.attempt) == (RunOutcome.PARTIALLY_SUCCEEDED, 1)
    assert [each["type"] for each in run.failures] == [SCRIPTS]
    assert (second.state, second.results[SCRIPTS]["complete"]) == (BackupState.PARTIAL, False)
    assert second.results[SCRIPTS]["code"] == run.failures[0]["code"]
    assert items(second, SCRIPTS) == {}
    assert len(items(first, SCRIPTS)) == 2
    assert "gone" not in second.results[SCRIPTS]
    live.heal()
    third = back_up(live, CATALOG, SCRIPTS)
    assert third.results[SCRIPTS]["since"] == first.pk
    assert third.results[CATALOG]["since"] == second.pk


@pytest.fixture(scope="module")
def backed_up_once() -> dict[str, tuple[Live, Backup]]:
    return {}


@pytest.fixture
def backed_up(
    transactional_db: None,
    sandbox: Control,
    monkeypatch: pytest.MonkeyPatch,
    backed_up_once: dict[str, tuple[Live, Backup]],
) -> tuple[Live, Backup]:
    """One tenant with one object of each type and a backup of all, for the questions that leave it as it was."""
    widen_budget(monkeypatch)
    if "it" not in backed_up_once:
        live = live_with_policies(sandbox, throttle_intune=False)
        backed_up_once["it"] = live, back_up(live)
    return backed_up_once["it"]


@pytest.mark.parametrize("key", [kind.key for kind in catalogue.backup_types()])
def test_each_type_that_fails_alone_keeps_what_was_kept_of_it_and_its_date(
    key: str, backed_up: tuple[Live, Backup]
) -> None:
    """Each type of the catalogue in turn refuses its list, beside one that does not."""
    live, earlier = backed_up
    beside, before = (ACCESS if key != ACCESS else CATALOG), (dict(earlier.results[key]), hashes(earlier))
    live.fail(catalogue.get(key).path.strip("/"), status=403, code="Forbidden", times=1)
    try:
        run = backup_run(live, key, beside)
    finally:
        live.heal()
    made = newest(live)
    assert (run.outcome, made.state) == (RunOutcome.PARTIALLY_SUCCEEDED, BackupState.PARTIAL)
    assert [each["type"] for each in run.failures] == [key]
    assert (made.results[key]["complete"], made.results[beside]["complete"]) == (False, True)
    assert made.results[key]["code"] == run.failures[0]["code"] != ""
    assert "gone" not in made.results[key]
    earlier.refresh_from_db()
    assert (earlier.results[key], hashes(earlier)) == before
    after = back_up(live, key)
    assert after.results[key]["since"] != made.pk, "a failed read is nobody's yardstick"


def test_a_missing_permission_is_named(live: Live) -> None:
    live.sandbox.revoke(live.slug, ["DeviceManagementScripts.Read.All"])
    run = backup_run(live, CATALOG, SCRIPTS)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert run.failures[0]["code"] == "provider.permission_missing"
    assert "DeviceManagementScripts.Read.All" in run.failures[0]["facts"]["permissions"]


def test_a_missing_licence_leaves_what_needs_none(
    transactional_db: None, sandbox: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    widen_budget(monkeypatch)
    live = live_with_policies(sandbox, intune=False)
    run = backup_run(live, ACCESS, CATALOG)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert run.failures == [
        {"type": CATALOG, "code": "provider.licence_missing", "facts": {"licence": "Microsoft Intune"}}
    ]


def test_nothing_that_could_be_read_is_a_failed_run(live: Live) -> None:
    live.fail("deviceManagement/*", status=403)
    run = backup_run(live, CATALOG, SCRIPTS)
    assert run.outcome == RunOutcome.FAILED
    assert newest(live).state == BackupState.FAILED


@pytest.mark.parametrize(("part", "key"), [("settings", CATALOG), ("assignments", SCRIPTS)])
def test_an_object_whose_part_was_refused_is_incomplete(live: Live, part: str, key: str) -> None:
    broken = next(iter(there(live, key)))
    live.fail(f"deviceManagement/{key}/{broken}/{part}", status=403)
    run = backup_run(live, key)
    backup = newest(live)
    rows = items(backup, key)
    assert (run.outcome, backup.state) == (RunOutcome.PARTIALLY_SUCCEEDED, BackupState.PARTIAL)
    assert run.failures == [
        {"type": key, "code": "backup.objects_incomplete", "facts": {"incomplete": 1, "objects": 2}}
    ]
    assert [each["part"] for each in rows[broken].incomplete_parts] == [part]
    assert not rows[broken].complete
    assert sum(row.complete for row in rows.values()) == 1


def test_a_fault_that_passes_is_tried_again_for_its_type_alone(live: Live) -> None:
    live.fail(f"deviceManagement/{SCRIPTS}", status=503, times=2)
    live.sandbox.clear_log()
    run = backup_run(live, CATALOG, SCRIPTS)
    assert (run.outcome, run.attempt, run.failures) == (RunOutcome.SUCCEEDED, 2, [])
    assert newest(live).state == BackupState.COMPLETE
    assert requested(live)[f"deviceManagement/{CATALOG}"] == 1


def test_a_part_that_fails_for_the_moment_costs_another_attempt_and_no_doubles(live: Live) -> None:
    live.fail(f"deviceManagement/{CATALOG}/*/settings", status=503, times=5)
    run = backup_run(live, CATALOG)
    assert run.outcome == RunOutcome.SUCCEEDED
    assert run.attempt > 1
    assert items(newest(live), CATALOG).keys() == there(live, CATALOG).keys()


def test_a_fault_that_stays_is_told_after_the_last_attempt(live: Live) -> None:
    live.fail(f"deviceManagement/{CATALOG}/*/settings", status=503)
    run = backup_run(live, CATALOG, SCRIPTS)
    assert (run.outcome, run.attempt) == (RunOutcome.PARTIALLY_SUCCEEDED, 3)
    assert not any(row.complete for row in items(newest(live), CATALOG).values())
    assert all(row.complete for row in items(newest(live), SCRIPTS).values())


def test_throttled_parts_of_a_batch_are_asked_again_after_their_own_wait(live: Live) -> None:
    live.fail(f"deviceManagement/{CATALOG}/*/settings", status=429, retry_after="0.01", times=2, batch=True)
    run = backup_run(live, CATALOG)
    assert (run.outcome, run.failures) == (RunOutcome.SUCCEEDED, [])
    assert run.cost["throttledSeconds"] > 0


def test_a_list_that_ends_early_is_no_complete_read(live: Live) -> None:
    live.fail(f"deviceManagement/{SCRIPTS}", kind="truncate")
    run = backup_run(live, CATALOG, SCRIPTS)
    assert [each["type"] for each in run.failures] == [SCRIPTS]


def test_an_object_deleted_while_the_backup_runs_is_left_out(live: Live) -> None:
    gone = next(iter(there(live, SCRIPTS)))
    live.fail(f"deviceManagement/{SCRIPTS}/{gone}*", status=404)
    run = backup_run(live, SCRIPTS)
    assert run.outcome == RunOutcome.SUCCEEDED
    assert gone not in items(newest(live), SCRIPTS)


def test_plain_values_are_kept_and_flagged_where_they_are_refused(
    transactional_db: None, sandbox: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    widen_budget(monkeypatch)
    live = live_with_policies(sandbox, policy_counts={OMA: 10})
    secret = {
        row["id"]: each["value"]
        for row in live.sandbox.objects(live.slug, OMA)
        for each in row.get("omaSettings") or ()
        if each.get("isEncrypted")
    }
    assert secret
    readable = items(back_up(live, OMA), OMA)
    live.fail("deviceManagement/deviceConfigurations/*/getOmaSettingPlainTextValue*", status=403)
    run = backup_run(live, OMA)
    assert run.outcome == RunOutcome.SUCCEEDED
    refused = items(newest(live), OMA)
    for key in secret:
        values = [each["value"] for each in content_of(readable[key])["object"]["omaSettings"]]
        assert "****" not in values
        assert readable[key].flags == []
        assert {flag["code"] for flag in refused[key].flags} == {"value_masked"}


def test_each_group_and_filter_is_looked_up_once(live: Live) -> None:
    live.sandbox.clear_log()
    backup = back_up(live)
    groups = BackupReference.objects.filter(backup=backup, kind="group")
    assert groups.count() > 2
    assert all(row.name for row in groups)
    asked = requested(live)
    for row in groups:
        assert asked[f"groups/{row.object_id}"] == 1
    assert not [path for path in asked if path.startswith("deviceManagement/assignmentFilters/")], (
        "What the backup itself holds needs no look-up."
    )


def test_filters_outside_the_backup_are_looked_up(live: Live) -> None:
    backup = back_up(live, OMA, SCRIPTS, CATALOG)
    row = BackupReference.objects.get(backup=backup, kind="filter")
    assert row.name
    assert row.facts["platform"]


def test_a_group_that_is_gone_is_told(live: Live) -> None:
    live.fail("groups/*", status=404)
    run = backup_run(live, CATALOG, SCRIPTS, OMA)
    assert run.outcome == RunOutcome.SUCCEEDED
    rows = BackupReference.objects.filter(backup=newest(live), kind="group")
    assert all((row.name, row.facts["missing"]) == ("", True) for row in rows)


def test_without_a_token_nothing_is_asked(live: Live) -> None:
    live.sandbox.expire_secrets(live.slug)
    run = backup_run(live, CATALOG)
    assert (run.outcome, run.reason_code) == (RunOutcome.FAILED, "provider.credential_expired")
    assert run.cost["requests"] == 0


def test_a_backup_whose_run_was_lost_is_ended_by_the_next(live: Live) -> None:
    done = backup_run(live, SCRIPTS)
    left = Backup.objects.create(tenant=live.tenant, run_id=done.pk, kind="safety", object_types=[SCRIPTS])
    back_up(live, SCRIPTS)
    left.refresh_from_db()
    assert left.state == BackupState.STOPPED
    assert left.completed_at is not None


def test_no_content_reaches_the_run(live: Live) -> None:
    run = backup_run(live)
    row = OperationRun.objects.filter(pk=run.pk).values().get()
    assert "ScriptContent" not in str(row)
    assert "omaSettings" not in str(row)
