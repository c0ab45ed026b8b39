"""A diff says what changed by name, hides secrets, and never takes a moved element for a changed one."""

import random
from typing import Any

import pytest

from providers import catalogue
from providers.objects.diff import Action, Change, diff
from providers.objects.masking import HIDDEN
from tests.objects.test_canonical import (
    ACCESS,
    CATALOG,
    CONFIGURATION,
    SECRET,
    change_child,
    oma,
    policy,
    shuffled,
    simple,
)

SCRIPT = catalogue.get("deviceHealthScripts")


def changes(kind: Any, before: Any, after: Any) -> list[tuple[str, ...]]:
    return [(each.action.value, *each.path) for each in diff(kind, before, after)]


@pytest.mark.parametrize("seed", range(5))
def test_a_shuffled_read_is_no_change(seed: int) -> None:
    assert diff(CATALOG, policy(), shuffled(policy(), random.Random(seed))) == []


def test_a_nested_setting_is_found_by_its_definition() -> None:
    after = policy()
    change_child(after)
    assert diff(CATALOG, policy(), shuffled(after, random.Random(1))) == [
        Change(
            (
                "settings", "a", "settingInstance", "choiceSettingValue", "children", "a_child_1",
                "simpleSettingValue", "value",
            ),
            Action.CHANGED,
            15,
            16,
        )
    ]  # fmt: skip


def test_settings_added_and_removed_are_named() -> None:
    after = policy()
    after["settings"][1] = {"id": "1", "settingInstance": simple("c", 1)}
    assert changes(CATALOG, policy(), after) == [("removed", "settings", "b"), ("added", "settings", "c")]


def test_a_filter_that_changes_leaves_the_assignment_the_same() -> None:
    after = policy()
    after["assignments"][0]["target"] |= {
        "deviceAndAppManagementAssignmentFilterId": "f1",
        "deviceAndAppManagementAssignmentFilterType": "include",
    }
    who = "groupAssignmentTarget g1"
    assert changes(CATALOG, policy(), after) == [
        ("added", "assignments", who, "target", "deviceAndAppManagementAssignmentFilterId"),
        ("added", "assignments", who, "target", "deviceAndAppManagementAssignmentFilterType"),
    ]


def test_a_removed_assignment_is_told() -> None:
    after = policy()
    after["assignments"].pop(0)
    assert changes(CATALOG, policy(), after) == [("removed", "assignments", "groupAssignmentTarget g1")]


def test_members_of_an_unordered_list_are_told_one_by_one() -> None:
    def access(*groups: str) -> dict[str, Any]:
        return {"object": {"conditions": {"users": {"includeGroups": list(groups)}}}}

    path = ("object", "conditions", "users", "includeGroups")
    assert changes(ACCESS, access("a", "b"), access("c", "a")) == [
        ("removed", *path, "b"),
        ("added", *path, "c"),
    ]
    assert diff(ACCESS, access("a", "b"), access("b", "a")) == []


def test_another_order_where_order_counts_is_one_change() -> None:
    def ordered(*values: str) -> dict[str, Any]:
        return {"object": {"steps": list(values)}}

    assert changes(SCRIPT, ordered("a", "b", "c"), ordered("c", "a", "b")) == [
        ("reordered", "object", "steps")
    ]


def test_elements_without_a_key_are_compared_without_their_equals() -> None:
    def ranges(*found: dict[str, Any]) -> dict[str, Any]:
        return {"object": {"ipRanges": list(found)}}

    first, second, third = ({"cidrAddress": f"10.0.{n}.0/24"} for n in range(3))
    found = diff(catalogue.get("namedLocations"), ranges(first, second), ranges(third, first))
    assert [(each.before, each.after) for each in found] == [("10.0.1.0/24", "10.0.2.0/24")]


def test_a_secret_that_changed_is_told_and_hidden() -> None:
    found = diff(CONFIGURATION, oma("old"), oma("new"))
    assert [(each.before, each.after) for each in found] == [(HIDDEN, HIDDEN)]
    assert diff(CONFIGURATION, oma("same"), oma("same")) == []


def test_a_secret_inside_something_added_is_hidden() -> None:
    after = policy()
    value = {"@odata.type": SECRET, "value": "hush"}
    after["settings"].append({"settingInstance": {"settingDefinitionId": "s", "simpleSettingValue": value}})
    (found,) = diff(CATALOG, policy(), after)
    assert found.action is Action.ADDED
    assert "hush" not in repr(found)
    assert HIDDEN in repr(found)
