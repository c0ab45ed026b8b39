"""What a read of the inventory keeps beside the objects: what is new, changed, gone and back, and since when."""

from typing import Any

import pytest
from django.db import transaction

from providers import catalogue, directory_store
from providers.choices import ObjectKind
from providers.directory_store import Scope, Written
from providers.inventory.shapes import marker_of, platform_of, shape_of
from providers.inventory.types import MANAGED_DEVICES
from providers.models import InventoryObject, ObjectChange
from tests.providers.conftest import Live

POLICIES = catalogue.get("deviceConfigurations")
FIRST = "2025-03-11T08:42:17.5330117Z"
LATER = "2025-03-12T08:42:17Z"


def policy(object_id: str, **facts: Any) -> dict[str, Any]:
    plain = {
        "@odata.type": "#microsoft.graph.windows10GeneralConfiguration",
        "displayName": object_id.upper(),
    }
    return {"id": object_id, "lastModifiedDateTime": FIRST, "roleScopeTagIds": ["0"], **plain, **facts}


def read(live: Live, fence: int, items: list[dict[str, Any]], kind: Any = POLICIES) -> Written:
    scope = Scope(
        live.tenant.pk,
        live.connection.pk,
        ObjectKind.INVENTORY,
        kind.key,
        fence,
        transaction.atomic,
        100 + fence,
    )
    reading = directory_store.begin(scope, shape_of(kind))
    reading.add(items)
    return reading.complete(whole=True)


def changes(live: Live) -> list[tuple[str, str, dict[str, Any], int | None]]:
    rows = ObjectChange.objects.filter(tenant=live.tenant).order_by("id")
    return [(row.object_id, row.kind, row.changes, row.run_id) for row in rows]


def test_a_first_read_has_nothing_to_compare_with(live: Live) -> None:
    written = read(live, 1, [policy("a"), policy("b")])
    assert (written.objects, written.new, written.changed, written.gone) == (2, 0, 0, 0)
    assert changes(live) == []


def test_each_read_keeps_what_is_new_changed_gone_and_back(live: Live) -> None:
    read(live, 1, [policy("a"), policy("b"), policy("c")])
    second = read(live, 2, [policy("a", displayName="Renamed"), policy("c"), policy("d")])
    assert (second.objects, second.new, second.changed, second.gone) == (3, 1, 1, 1)
    third = read(live, 3, [policy("a", displayName="Renamed"), policy("b"), policy("c"), policy("d")])
    assert (third.objects, third.new, third.changed, third.gone) == (4, 1, 0, 0)
    assert sorted(changes(live)) == [
        ("a", "changed", {"name": ["A", "Renamed"]}, 102),
        ("b", "back", {}, 103),
        ("b", "gone", {}, 102),
        ("d", "new", {}, 102),
    ]
    collection = live.collection("inventory", POLICIES.key)
    assert (collection.new_count, collection.changed_count, collection.gone_count) == (1, 0, 0)


def test_an_unchanged_read_keeps_nothing_and_rewrites_nothing(live: Live) -> None:
    read(live, 1, [policy("a")])
    assert read(live, 2, [policy("a")]) == Written(objects=1)
    assert InventoryObject.objects.get(collection__tenant=live.tenant).fence == 1


def test_a_change_names_the_facts_that_changed_with_both_values(live: Live) -> None:
    read(live, 1, [policy("a", version=1)])
    read(
        live,
        2,
        [policy("a", version=2, lastModifiedDateTime=LATER, roleScopeTagIds=["0", "7"], assignments=[{}])],
    )
    assert changes(live)[0][2] == {
        "marker": [FIRST, LATER],
        "version": [1, 2],
        "scope_tags": [["0"], ["0", "7"]],
        "assigned": [None, True],
    }


def test_what_an_aborted_read_saw_is_kept_and_counts_once(live: Live) -> None:
    read(live, 1, [policy("a"), policy("b")])
    scope = Scope(
        live.tenant.pk, live.connection.pk, ObjectKind.INVENTORY, POLICIES.key, 2, transaction.atomic, 102
    )
    reading = directory_store.begin(scope, shape_of(POLICIES))
    reading.add([policy("c")])
    reading.abort("provider.unreachable", {})
    assert changes(live) == [("c", "new", {}, 102)]
    read(live, 3, [policy("a"), policy("b"), policy("c")])
    assert len(changes(live)) == 1


def test_a_device_that_only_checked_in_has_not_changed(live: Live) -> None:
    device = {"id": "d", "deviceName": "PC", "operatingSystem": "Windows", "complianceState": "compliant"}
    read(live, 1, [device | {"lastSyncDateTime": FIRST}], MANAGED_DEVICES)
    assert read(live, 2, [device | {"lastSyncDateTime": LATER}], MANAGED_DEVICES).changed == 0
    row = InventoryObject.objects.get(collection__tenant=live.tenant)
    assert (row.platform, row.state, row.reported_at.isoformat()) == (
        "windows", "compliant", "2025-03-12T08:42:17+00:00"
    )  # fmt: skip
    read(live, 3, [device | {"complianceState": "noncompliant"}], MANAGED_DEVICES)
    assert changes(live)[0][2] == {"state": ["compliant", "noncompliant"]}


def test_objects_without_a_date_or_version_are_told_apart_by_what_was_listed() -> None:
    plain = {"id": "1", "displayName": "Tag", "@odata.context": "x", "nested": {"a@odata.type": "y", "b": 1}}
    same = {"nested": {"b": 1}, "displayName": "Tag", "id": "1"}
    assert marker_of(plain) == marker_of(same)
    assert marker_of(plain) != marker_of(same | {"displayName": "Other"})
    assert marker_of({"version": 3}) == "v3"
    assert marker_of({"version": 3, "modifiedDateTime": FIRST}) == FIRST


@pytest.mark.parametrize(
    ("names", "platform"),
    [
        (["windows10"], "windows"),
        (["win32LobApp"], "windows"),
        (["iPadOS"], "ios"),
        (["macOSCustomConfiguration"], "macos"),
        (["aospDeviceOwnerCompliancePolicy", "android"], "android"),
        (["windows10", "macOS"], "several"),
        (["none"], ""),
        ([], ""),
    ],
)
def test_platforms_are_known_by_how_their_names_begin(names: list[str], platform: str) -> None:
    assert platform_of(names) == platform


def test_hostile_names_and_odd_values_are_kept_as_they_are(live: Live) -> None:
    name = "'; DROP TABLE x; --\t\\N \x00<script>"
    read(live, 1, [policy("a", displayName=name, technologies='"\\u0000', version=None, description=None)])
    row = InventoryObject.objects.get(collection__tenant=live.tenant)
    assert row.display_name == name.replace("\x00", "")
    assert row.summary["technologies"] == '"\\u0000'
