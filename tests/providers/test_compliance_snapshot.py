"""Compliance snapshots: three parts, each with a time or a reason of its own; devices and since when."""

from datetime import timedelta
from typing import Any

import pytest

from operations.choices import RunOutcome
from operations.models import OperationRun
from providers.compliance import store
from providers.compliance.shapes import FAILED_POLICIES, OUT_OF_COMPLIANCE
from providers.models import ComplianceDevice, ComplianceSnapshot, ObjectChange
from providers.sandbox.control import Control
from tests.providers.conftest import Live, make_live

DEVICES, SUMMARY, POLICIES = "compliance_devices", "device_summary", "compliance_policies"
PATHS = {
    DEVICES: "deviceManagement/managedDevices",
    SUMMARY: "deviceManagement/deviceCompliancePolicyDeviceStateSummary",
    POLICIES: "deviceManagement/deviceCompliancePolicies",
}
COLUMNS = {DEVICES: "devices", SUMMARY: "summary", POLICIES: "policies"}


@pytest.fixture
def live(transactional_db: None, sandbox: Control) -> Live:
    return make_live(sandbox, policies=2, devices=9, page_size=4)


def snap(live: Live) -> OperationRun:
    return live.run("compliance.snapshot")


def last(live: Live) -> ComplianceSnapshot:
    return ComplianceSnapshot.objects.filter(tenant=live.tenant).latest("id")


def devices(live: Live) -> dict[str, ComplianceDevice]:
    return {row.object_id: row for row in ComplianceDevice.objects.filter(collection__tenant=live.tenant)}


def there(live: Live) -> Any:
    return live.sandbox._state.tenants[live.slug].policies


def become(live: Live, device_id: str, state: str) -> None:
    there(live).put(
        "managedDevices", there(live).find("managedDevices", device_id) | {"complianceState": state}
    )


def states_there(live: Live) -> dict[str, int]:
    found: dict[str, int] = {}
    for device in there(live).all("managedDevices"):
        found[device["complianceState"]] = found.get(device["complianceState"], 0) + 1
    return found


def test_a_snapshot_has_our_count_microsofts_count_and_every_policy(live: Live) -> None:
    run = snap(live)
    assert (run.outcome, run.failures) == (RunOutcome.SUCCEEDED, [])
    found = last(live)
    assert found.devices["states"] == states_there(live)
    summary = found.summary["counts"]
    assert {state: count for state, count in summary.items() if count} == states_there(live)
    listed = {policy["id"]: policy["displayName"] for policy in there(live).all("deviceCompliancePolicies")}
    assert {policy["id"]: policy["name"] for policy in found.policies["policies"]} == listed
    assert all(
        policy["counts"].keys() >= {"success", "failed", "error"} for policy in found.policies["policies"]
    )
    out = sum(states_there(live).get(state, 0) for state in OUT_OF_COMPLIANCE)
    assert run.counts == {DEVICES: 9, POLICIES: len(listed), FAILED_POLICIES: out}
    assert all(part["at"] for part in (found.devices, found.summary, found.policies))


@pytest.mark.parametrize("part", PATHS)
def test_a_part_that_can_not_be_read_says_so_and_undoes_no_other(live: Live, part: str) -> None:
    snap(live)
    before = devices(live)
    live.fail(PATHS[part], status=403, code="Forbidden", message="no")
    run = snap(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [each["type"] for each in run.failures] == [part]
    found = last(live)
    parts = {name: getattr(found, column) for name, column in COLUMNS.items()}
    assert {name for name, each in parts.items() if "code" in each} == {part}
    assert parts[part].keys() == {"at", "code", "facts"}
    assert devices(live).keys() == before.keys()
    assert not any(row.gone_at for row in devices(live).values())


def test_nothing_read_is_no_snapshot(live: Live) -> None:
    live.fail("*", status=403, code="Forbidden")
    assert snap(live).outcome == RunOutcome.FAILED
    assert not ComplianceSnapshot.objects.filter(tenant=live.tenant).exists()


def test_a_policy_whose_overview_fails_is_listed_without_counts(live: Live) -> None:
    broken = next(iter(there(live).all("deviceCompliancePolicies")))["id"]
    live.fail(
        f"deviceManagement/deviceCompliancePolicies/{broken}/deviceStatusOverview",
        status=403,
        code="Forbidden",
    )
    run = snap(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [(each["type"], each["count"]) for each in run.failures] == [(POLICIES, 1)]
    policies = {policy["id"]: policy for policy in last(live).policies["policies"]}
    assert "counts" not in policies[broken]
    assert policies[broken]["code"]
    assert all("counts" in policy for key, policy in policies.items() if key != broken)


def test_since_when_a_device_is_in_its_state(live: Live) -> None:
    snap(live)
    first = devices(live)
    assert not any(row.since_known for row in first.values()), "Nobody knows for how long before."
    changed, steady, removed, *_rest = sorted(first)
    become(live, changed, "conflict")
    there(live).remove("managedDevices", removed)
    snap(live)
    second = devices(live)
    assert (second[changed].state, second[changed].since_known) == ("conflict", True)
    assert second[changed].state_since > first[changed].state_since
    assert second[steady].state_since == first[steady].state_since
    assert second[removed].gone_at is not None
    kinds = ObjectChange.objects.filter(tenant=live.tenant).values_list("object_id", "kind", "changes")
    assert sorted(kinds) == sorted([
        (changed, "changed", {"state": [first[changed].state, "conflict"]}), (removed, "gone", {})
    ])  # fmt: skip
    snap(live)
    assert devices(live)[changed].state_since == second[changed].state_since


def test_a_device_that_enrolled_between_two_snapshots_is_known_since_the_second(live: Live) -> None:
    snap(live)
    some = next(iter(there(live).all("managedDevices")))
    there(live).put(
        "managedDevices", some | {"id": "3d1c2b4a-0001-4a5b-8c7d-0e1f2a3b4c01", "deviceName": "NEW"}
    )
    snap(live)
    row = ComplianceDevice.objects.get(collection__tenant=live.tenant, display_name="NEW")
    assert row.since_known
    assert row.state_since == row.first_observed_at


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"kind": "truncate"}, {"status": 403, "code": "Forbidden"}]
)
def test_a_list_that_breaks_off_makes_no_device_gone(live: Live, fault: dict[str, Any]) -> None:
    snap(live)
    removed = sorted(devices(live))[0]
    there(live).remove("managedDevices", removed)
    live.fail(PATHS[DEVICES], page=2, **fault)
    snap(live)
    assert devices(live)[removed].gone_at is None
    assert "code" in last(live).devices
    live.heal()
    snap(live)
    assert devices(live)[removed].gone_at is not None


def test_odd_devices_are_kept(live: Live) -> None:
    some = next(iter(there(live).all("managedDevices")))
    odd = {
        "deviceName": "=cmd()\x00'; --",
        "complianceState": None,
        "lastSyncDateTime": "0001-01-01T00:00:00Z",
    }
    there(live).put("managedDevices", some | odd)
    assert snap(live).outcome == RunOutcome.SUCCEEDED
    row = devices(live)[some["id"]]
    assert (row.display_name, row.state, row.reported_at) == ("=cmd()'; --", "unknown", None)


def test_older_snapshots_are_thinned_to_one_a_day_and_kept_for_a_year(live: Live) -> None:
    run = snap(live)
    taken_at = last(live).taken_at
    ids = {}
    for number, days in enumerate((1, 1, 70, 70, 71, 500)):
        made = ComplianceSnapshot.objects.create(
            tenant=live.tenant, connection=live.connection, run_id=-number - 10 * run.pk, taken_at=taken_at,
            devices={}, summary={}, policies={},
        )  # fmt: skip
        ids[number] = made.pk
        at = taken_at.replace(hour=12) - timedelta(days=days)
        ComplianceSnapshot.objects.filter(pk=made.pk).update(taken_at=at + timedelta(minutes=number))
    store.write(
        tenant_id=live.tenant.pk,
        connection_id=live.connection.pk,
        run_id=run.pk,
        parts={"devices": {}, "summary": {}, "policies": {}},
    )
    kept = set(ComplianceSnapshot.objects.filter(tenant=live.tenant).values_list("id", flat=True))
    assert {number for number, pk in ids.items() if pk in kept} == {0, 1, 3, 4}
