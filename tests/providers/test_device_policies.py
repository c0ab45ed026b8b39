"""Which policies devices out of compliance fail: asked within a bound, each with its first observation."""

from typing import Any

import pytest

from operations.choices import RunOutcome
from operations.models import OperationRun
from providers.compliance import failing
from providers.models import DevicePolicies
from providers.sandbox.control import Control
from tests.providers.conftest import Live, make_live

PART, DEVICES, POLICIES = "failed_policies", "managedDevices", "deviceCompliancePolicies"
STATES = "deviceManagement/managedDevices/*/deviceCompliancePolicyStates"
WINDOWS = "#microsoft.graph.windows10CompliancePolicy"


@pytest.fixture
def live(transactional_db: None, sandbox: Control) -> Live:
    """Four Windows laptops that are in order, and two policies for them."""
    live = make_live(sandbox, policies=2, devices=4, policy_counts={POLICIES: 8})
    there = live.sandbox.objects(live.slug, POLICIES)
    first = next(policy for policy in there if policy["@odata.type"] == WINDOWS)
    live.sandbox.wipe(live.slug, POLICIES)
    for number, name in enumerate(("Disk", "Firewall"), 1):
        policy_id = f"00000000-0000-4000-8000-{number:012}"
        live.sandbox.put_object(live.slug, POLICIES, first | {"id": policy_id, "displayName": name})
    for device in live.sandbox.objects(live.slug, DEVICES):
        become(live, device["id"], "compliant", operatingSystem="Windows")
    return live


def become(live: Live, device_id: str, state: str, **more: Any) -> None:
    item = live.sandbox.object(live.slug, DEVICES, device_id)
    live.sandbox.put_object(live.slug, DEVICES, item | {"complianceState": state, **more})


def ids(live: Live) -> list[str]:
    return [item["id"] for item in live.sandbox.objects(live.slug, DEVICES)]


def snap(live: Live) -> OperationRun:
    return live.run("compliance.snapshot")


def rows(live: Live) -> dict[str, DevicePolicies]:
    found = DevicePolicies.objects.filter(device__collection__tenant=live.tenant)
    return {row.device.object_id: row for row in found.select_related("device")}


def test_only_devices_out_of_compliance_are_asked_and_say_which_policy_they_fail(live: Live) -> None:
    bad, worse, waits, _good = ids(live)
    become(live, bad, "noncompliant")
    become(live, worse, "error")
    become(live, waits, "inGracePeriod")
    since = live.sandbox.mark()
    run = snap(live)
    assert (run.outcome, run.counts[PART]) == (RunOutcome.SUCCEEDED, 2)
    log = live.sandbox.log(live.slug, 200)
    asked = [each for each in log if each["number"] > since and "PolicyStates" in each["path"]]
    assert len(asked) == 2
    assert all(each["in_batch"] for each in asked)
    found = rows(live)
    assert {key: [each["state"] for each in row.failing] for key, row in found.items()} == {
        bad: ["noncompliant"], worse: ["error"],
    }  # fmt: skip
    assert found[bad].failing[0]["name"] in ("Disk", "Firewall")
    known = {policy["id"] for policy in live.sandbox.objects(live.slug, POLICIES)}
    assert found[bad].failing[0]["policy"] in known


def test_since_is_the_first_observation_and_known_where_the_device_was_in_order_before(live: Live) -> None:
    old, new, *_rest = ids(live)
    become(live, old, "noncompliant")
    snap(live)
    (first,) = rows(live)[old].failing
    assert first["sinceKnown"] is False, "It may have failed for years."
    become(live, new, "noncompliant")
    snap(live)
    (again,), (fresh,) = rows(live)[old].failing, rows(live)[new].failing
    assert (again["since"], again["sinceKnown"]) == (first["since"], False)
    assert fresh["since"] > first["since"]
    assert fresh["sinceKnown"] is True
    live.sandbox.delete_object(live.slug, POLICIES, first["policy"])
    snap(live)
    (other,) = rows(live)[old].failing
    assert other["policy"] != first["policy"]
    assert other["since"] > first["since"]
    assert other["sinceKnown"] is True, "It was asked before, and did not fail this one."


def test_a_device_in_order_again_or_gone_is_forgotten_and_begins_anew(live: Live) -> None:
    one, gone, *_rest = ids(live)
    become(live, one, "noncompliant")
    become(live, gone, "noncompliant")
    snap(live)
    (before,) = rows(live)[one].failing
    become(live, one, "compliant")
    live.sandbox.delete_object(live.slug, DEVICES, gone)
    snap(live)
    assert rows(live) == {}
    become(live, one, "noncompliant")
    snap(live)
    (after,) = rows(live)[one].failing
    assert after["since"] > before["since"]
    assert after["sinceKnown"] is True


def test_beyond_the_bound_each_device_has_its_turn(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failing, "BOUND", 2)
    for device_id in ids(live):
        become(live, device_id, "noncompliant")
    assert snap(live).counts[PART] == 2
    first = rows(live)
    assert len(first) == 2
    snap(live)
    second = rows(live)
    assert second.keys() == set(ids(live)), "Those never asked about come first."
    assert all(second[key].observed_at == row.observed_at for key, row in first.items())


def test_a_device_that_cannot_be_asked_keeps_what_was_observed_and_says_why(live: Live) -> None:
    one, two, *_rest = ids(live)
    become(live, one, "noncompliant")
    become(live, two, "noncompliant")
    snap(live)
    before = rows(live)[one]
    live.fail(STATES.replace("*", one), status=403, code="Forbidden")
    run = snap(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [(each["type"], each["count"]) for each in run.failures] == [(PART, 1)]
    after = rows(live)
    assert (after[one].failing, after[one].observed_at) == (before.failing, before.observed_at)
    assert after[one].reason_code
    assert after[one].attempted_at > before.attempted_at
    assert (after[two].reason_code, after[two].observed_at) == ("", after[two].attempted_at)


def test_nobody_can_be_asked(live: Live) -> None:
    become(live, ids(live)[0], "noncompliant")
    live.fail(STATES, status=403, code="Forbidden")
    run = snap(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [each["type"] for each in run.failures] == [PART]
    (row,) = rows(live).values()
    assert (row.observed_at, row.failing) == (None, [])
    assert row.reason_code


def test_a_device_that_is_deleted_meanwhile_is_no_failure(live: Live) -> None:
    become(live, ids(live)[0], "noncompliant")
    live.fail(STATES, status=404)
    run = snap(live)
    assert (run.outcome, run.counts[PART]) == (RunOutcome.SUCCEEDED, 0)


def test_devices_that_were_not_read_are_not_asked(live: Live) -> None:
    become(live, ids(live)[0], "noncompliant")
    snap(live)
    before = rows(live)
    live.fail("deviceManagement/managedDevices", status=403, code="Forbidden")
    since = live.sandbox.mark()
    run = snap(live)
    assert [each["type"] for each in run.failures] == ["compliance_devices"]
    log = live.sandbox.log(live.slug, 200)
    assert not [each for each in log if each["number"] > since and "PolicyStates" in each["path"]]
    assert rows(live).keys() == before.keys()


def test_the_worst_of_what_a_policy_reports_for_several_users_counts() -> None:
    policy = "00000000-0000-4000-8000-000000000001"
    states = [
        {"id": f"{policy}_a", "displayName": "Disk", "state": "error"},
        {"id": f"{policy}_b", "displayName": "Disk\x00", "state": "nonCompliant"},
        {"id": f"{policy}_c", "displayName": "Disk", "state": "compliant"},
        {"id": None, "displayName": None, "state": "conflict"},
        {"id": "x", "displayName": "New state", "state": "somethingNew"},
    ]
    assert failing._failing(states) == {
        policy: {"name": "Disk", "state": "noncompliant"},
        "": {"name": "", "state": "conflict"},
    }
