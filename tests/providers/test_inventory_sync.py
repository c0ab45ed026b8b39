"""Inventory sync: every type is read, each can fail without undoing the others, and no failed read makes gone."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from operations.choices import RunOutcome, StartStatus
from operations.models import OperationRun
from providers import sessions
from providers.graph.throttle import LIMITS, RateBudget
from providers.inventory.types import INVENTORY_TYPES, MANAGED_DEVICES
from providers.models import DirectoryCollection, InventoryObject, InventoryRead, ObjectChange
from providers.operation_types import inventory_sync
from providers.sandbox.control import Control
from tests.providers.conftest import Live, make_live

KEYS = [kind.key for kind in INVENTORY_TYPES]
ALL = len(KEYS)
POLICIES = "deviceConfigurations"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rate of conditional access, one request a second, is asked about elsewhere."""
    plenty = {
        name: replace(limits, initial=limits.highest * 100, highest=limits.highest * 100)
        for name, limits in LIMITS.items()
    }
    monkeypatch.setattr(sessions, "RateBudget", partial(RateBudget, limits=plenty))


@pytest.fixture
def live(transactional_db: None, sandbox: Control) -> Live:
    """A tenant with two objects of each type and some devices, more than a page of them."""
    return make_live(sandbox, policies=2, devices=7, page_size=5)


def sync(live: Live) -> OperationRun:
    return live.run("inventory.sync")


def collections(live: Live) -> dict[str, DirectoryCollection]:
    rows = DirectoryCollection.objects.filter(tenant=live.tenant, kind="inventory")
    return {row.selection_key: row for row in rows}


def objects(live: Live, key: str) -> dict[str, InventoryObject]:
    rows = InventoryObject.objects.filter(collection__tenant=live.tenant, collection__selection_key=key)
    return {row.object_id: row for row in rows}


def store(live: Live) -> Any:
    """The sandbox's own objects of the tenant."""
    return live.sandbox._state.tenants[live.slug].policies


def rename(live: Live, key: str, object_id: str, name: str) -> None:
    item = store(live).find(key, object_id)
    store(live).put(key, item | {"displayName": name, "lastModifiedDateTime": "2026-01-01T00:00:00Z"})


def path_of(key: str) -> str:
    return next(kind.path for kind in INVENTORY_TYPES if kind.key == key).strip("/")


def test_every_type_is_read_whole(live: Live) -> None:
    run = sync(live)
    assert (run.outcome, run.failures) == (RunOutcome.SUCCEEDED, [])
    found = collections(live)
    assert set(found) == set(KEYS)
    assert all(row.complete_at and not row.reason_code for row in found.values())
    there = {
        key: {item["id"] for item in live.sandbox.objects(live.slug, key)} for key in (POLICIES, "mobileApps")
    }
    assert {key: set(objects(live, key)) for key in there} == there
    devices = objects(live, MANAGED_DEVICES.key)
    assert len(devices) == 7
    assert all(row.state and row.platform and row.summary["user"] for row in devices.values())
    empty = [key for key, row in found.items() if not row.object_count]
    assert run.counts.keys() == {*KEYS, "new", "changed", "gone"} - set(empty)
    noted = InventoryRead.objects.get(run_id=run.pk)
    assert (noted.requested_count, noted.read_count) == (ALL, ALL)
    assert noted.object_count == sum(row.object_count for row in found.values())


def test_policies_say_their_type_platform_and_whether_they_are_assigned(live: Live) -> None:
    sync(live)
    rows = objects(live, POLICIES).values()
    for row in rows:
        item = store(live).find(POLICIES, row.object_id)
        assert row.display_name == item["displayName"]
        assert f"#microsoft.graph.{row.odata_type}" == item["@odata.type"]
        assert row.assigned is not None
        assert row.marker == item["lastModifiedDateTime"]
        assert row.summary["scope_tags"] == item["roleScopeTagIds"]


def test_what_changed_meanwhile_is_seen_with_the_run_that_saw_it(live: Live) -> None:
    sync(live)
    renamed, gone = list(objects(live, POLICIES))
    rename(live, POLICIES, renamed, "Renamed")
    store(live).remove(POLICIES, gone)
    run = sync(live)
    assert (run.counts["new"], run.counts["changed"], run.counts["gone"]) == (0, 1, 1)
    seen = ObjectChange.objects.filter(tenant=live.tenant).order_by("object_id")
    assert {(row.object_id, row.kind, row.run_id) for row in seen} == {
        (renamed, "changed", run.pk), (gone, "gone", run.pk)
    }  # fmt: skip
    assert seen.get(object_id=renamed).changes["name"][1] == "Renamed"
    assert objects(live, POLICIES)[gone].gone_at is not None


@pytest.mark.parametrize("key", KEYS)
def test_a_type_that_fails_alone_keeps_its_data_and_its_date(
    key: str, shared: "Shared", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole catalogue, on one tenant: each type in turn refuses, beside one that does not."""
    beside = "namedLocations" if key != "namedLocations" else POLICIES
    kinds = tuple(kind for kind in INVENTORY_TYPES if kind.key in (key, beside))
    monkeypatch.setattr(inventory_sync, "INVENTORY_TYPES", kinds)
    live, before = shared.live, collections(shared.live)
    live.fail(path_of(key), status=403, code="Forbidden", times=1)
    try:
        run = sync(live)
    finally:
        live.heal()
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert [each["type"] for each in run.failures] == [key]
    after = collections(live)
    failed = after.pop(key)
    assert failed.complete_at == before[key].complete_at
    assert failed.attempted_at > before[key].attempted_at
    assert failed.reason_code == run.failures[0]["code"] != ""
    assert failed.object_count == before[key].object_count
    assert not InventoryObject.objects.filter(collection=failed).exclude(gone_at=None).exists()
    assert after[beside].complete_at > before[beside].complete_at


class Shared:
    def __init__(self, live: Live) -> None:
        self.live = live


@pytest.fixture(scope="module")
def shared_once() -> dict[str, Shared]:
    return {}


@pytest.fixture
def shared(transactional_db: None, sandbox: Control, shared_once: dict[str, Shared]) -> Shared:
    """One tenant with one object of each type, read once, for all the questions that leave it as it was."""
    if "it" not in shared_once:
        live = make_live(sandbox, policies=1, devices=1)
        sync(live)
        shared_once["it"] = Shared(live)
    found = shared_once["it"]
    found.live.sandbox = sandbox
    return found


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": "0.01"},
        {"status": 503},
        {"kind": "truncate"},
        {"kind": "drop"},
        {"status": 403, "code": "Forbidden"},
    ],
    ids=["throttled", "down", "cut off", "no answer", "refused"],
)
def test_a_list_that_breaks_off_makes_nothing_gone(live: Live, fault: dict[str, Any]) -> None:
    sync(live)
    gone = next(iter(objects(live, MANAGED_DEVICES.key)))
    store(live).remove(MANAGED_DEVICES.key, gone)
    live.fail(path_of(MANAGED_DEVICES.key), page=2, **fault)
    run = sync(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    assert objects(live, MANAGED_DEVICES.key)[gone].gone_at is None
    live.heal()
    sync(live)
    assert objects(live, MANAGED_DEVICES.key)[gone].gone_at is not None


def test_a_missing_permission_is_told_without_asking_in_vain(
    transactional_db: None, sandbox: Control
) -> None:
    live = make_live(
        sandbox, policies=1, permissions=["DeviceManagementApps.Read.All", "Organization.Read.All"]
    )
    run = sync(live)
    assert run.outcome == RunOutcome.PARTIALLY_SUCCEEDED
    read = {kind.key for kind in INVENTORY_TYPES if "DeviceManagementApps.Read.All" in kind.read[0]}
    assert {each["type"] for each in run.failures} == set(KEYS) - read
    assert {each["code"] for each in run.failures} == {"provider.permission_missing"}
    missing = {each["type"]: each["facts"]["permissions"] for each in run.failures}
    assert missing["conditionalAccessPolicies"] == "Policy.Read.All"
    paths = {entry["path"] for entry in sandbox.log(live.slug)}
    assert not any("deviceConfigurations" in path for path in paths)
    assert collections(live)[POLICIES].reason_code == "provider.permission_missing"


def test_without_intune_the_rest_is_read(transactional_db: None, sandbox: Control) -> None:
    live = make_live(sandbox, policies=1, intune=False)
    run = sync(live)
    assert (run.outcome, run.attempt) == (RunOutcome.PARTIALLY_SUCCEEDED, 1)
    codes = {each["type"]: (each["code"], each["facts"].get("licence")) for each in run.failures}
    assert codes[POLICIES] == ("provider.licence_missing", "Microsoft Intune")
    assert "conditionalAccessPolicies" not in codes
    assert objects(live, "conditionalAccessPolicies")


def test_another_attempt_reads_only_what_is_left(live: Live) -> None:
    live.fail(path_of(POLICIES), status=503, times=2)
    run = sync(live)
    assert (run.outcome, run.attempt) == (RunOutcome.SUCCEEDED, 2)
    asked = [entry["path"] for entry in live.sandbox.log(live.slug, 200)]
    assert sum("namedLocations" in path for path in asked) == 1
    assert InventoryRead.objects.get(run_id=run.pk).read_count == ALL


def test_nothing_read_is_a_failed_run_and_no_read_of_the_day(live: Live) -> None:
    live.fail("*", status=403, code="Forbidden")
    run = sync(live)
    assert run.outcome == RunOutcome.FAILED
    assert not InventoryRead.objects.filter(run_id=run.pk).exists()


def test_a_second_start_joins_the_run(live: Live) -> None:
    first = live.start("inventory.sync")
    assert live.start("inventory.sync").status is StartStatus.DEDUPED
    assert first.run is not None
    live.work(first.run.id)


def test_a_connection_that_can_read_nothing_of_it_is_blocked(live: Live) -> None:
    type(live.connection).objects.filter(pk=live.connection.pk).update(
        granted_permissions=["Organization.Read.All"]
    )
    outcome = live.start("inventory.sync")
    assert outcome.status is StartStatus.BLOCKED
    assert outcome.reason_code == "provider.permission_missing"
