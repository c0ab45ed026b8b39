"""Every object type of the catalogue is asked the same questions, and held against published facts."""

import json
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from providers import catalogue
from providers.catalogue import Area, AssignmentsWrite, Create, ObjectType, Protection, Update
from providers.permissions import KNOWN_PERMISSIONS, PURPOSES

# Paths, versions, permissions and properties as Microsoft's metadata, documentation and permissions table have them.
FACTS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("catalogue_facts.json").read_text("utf-8")
)
OURS = {"groups", "directoryRoleDefinitions"}
each_type = pytest.mark.parametrize("kind", catalogue.all_types(), ids=attrgetter("key"))
each_fact = pytest.mark.parametrize("key", FACTS)


def parts(kind: ObjectType) -> set[str]:
    """The names under which an object's content holds something."""
    held = {"object", *(detail.name for detail in kind.details)}
    return held | {"assignments"} if kind.assignments else held


def test_every_type_with_published_facts_is_in_the_catalogue() -> None:
    assert {kind.key for kind in catalogue.all_types()} == set(FACTS) | OURS


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(catalogue.UnknownObjectType):
        catalogue.get("polices")


def test_types_come_in_the_order_in_which_a_restore_needs_them() -> None:
    keys = [kind.key for kind in catalogue.all_types()]
    for earlier, later in (
        ("roleScopeTags", "assignmentFilters"),
        ("notificationMessageTemplates", "deviceCompliancePolicies"),
        ("deviceComplianceScripts", "deviceCompliancePolicies"),
        ("reusablePolicySettings", "configurationPolicies"),
        ("mobileApps", "deviceEnrollmentConfigurations"),
        ("authenticationStrengthPolicies", "conditionalAccessPolicies"),
        ("authenticationContextClassReferences", "conditionalAccessPolicies"),
        ("namedLocations", "conditionalAccessPolicies"),
    ):
        assert keys.index(earlier) < keys.index(later)
    assert keys[-1] == "policySets"


@each_fact
def test_path_type_name_and_order_are_those_published(key: str) -> None:
    kind, facts = catalogue.get(key), FACTS[key]
    assert (kind.path, kind.name, kind.order) == (facts["path"], facts["name"], facts["order"])
    assert kind.graph_type == facts["type"]
    assert kind.version in facts["versions"]


@each_fact
def test_permissions_are_accepted_ones(key: str) -> None:
    kind, facts = catalogue.get(key), FACTS[key]
    for ours, published in ((kind.read, facts["read"]), (kind.write, facts["write"])):
        if published is not None:
            assert {name for any_of in ours for name in any_of} <= set(published)


@each_fact
def test_what_graph_computes_is_stripped_from_bodies(key: str) -> None:
    kind, facts = catalogue.get(key), FACTS[key]
    # What every type strips, and what a type of its own writes by another call.
    common = {"createdDateTime", "modifiedDateTime", "uploadDateTime"}
    exempt = {"fileName", "appStoreUrl", "useDeviceContext"} if key == "mobileApps" else set()
    if kind.restorable:
        assert set(facts["strip_on_create"]) - common - exempt <= set(kind.strip_create)
        assert set(facts["strip_on_update"]) - common - exempt <= set(kind.strip_update)


@each_fact
def test_assignments_are_written_under_the_published_key(key: str) -> None:
    kind, body_key = catalogue.get(key), FACTS[key]["body_key"]
    if kind.assignments and kind.assignments.write is AssignmentsWrite.ACTION:
        assert kind.assignments.body_key == body_key
    else:
        assert body_key is None or " " in body_key


@each_type
def test_each_type_has_words_and_an_area(kind: ObjectType) -> None:
    assert str(kind.label)
    assert str(kind.singular)
    assert kind.area in Area
    assert str(kind.area.label)
    assert kind.identity


@each_type
def test_the_least_permission_to_read_is_one_that_we_ask_for(kind: ObjectType) -> None:
    assert kind.read
    for any_of in kind.read:
        assert any_of[0] in PURPOSES
    assert {name for any_of in (*kind.read, *kind.write) for name in any_of} <= KNOWN_PERMISSIONS


@each_type
def test_a_type_is_restorable_or_says_why_not(kind: ObjectType) -> None:
    written = kind.create is not Create.NONE and kind.update is not Update.NONE and bool(kind.write)
    assert written or kind.not_restorable


@each_type
def test_paths_into_the_content_begin_at_something_that_it_holds(kind: ObjectType) -> None:
    paths = [*kind.all_unordered, *(each.path for each in kind.all_references), *kind.secrets]
    held = parts(kind) | {"assignments"}
    assert {path.split(".")[0].removesuffix("[]") for path in paths} <= held


@each_type
def test_details_have_names_of_their_own(kind: ObjectType) -> None:
    names = [detail.name for detail in kind.details]
    assert len({*names, "object", "assignments"}) == len(names) + 2


@pytest.mark.parametrize(
    ("key", "item", "expected"),
    [
        ("roleScopeTags", {"id": "0", "displayName": "Default"}, Protection.NEVER),
        ("roleScopeTags", {"id": "7"}, Protection.FREE),
        ("roleDefinitions", {"isBuiltIn": True}, Protection.NEVER),
        ("roleDefinitions", {"isBuiltInRoleDefinition": True}, Protection.NEVER),
        ("directoryRoleDefinitions", {"isBuiltIn": True}, Protection.NEVER),
        ("authenticationStrengthPolicies", {"policyType": "builtIn"}, Protection.NEVER),
        ("authenticationStrengthPolicies", {"policyType": "custom"}, Protection.FREE),
        ("deviceHealthScripts", {"isGlobalScript": True}, Protection.NEVER),
        ("deviceEnrollmentConfigurations", {"priority": 0}, Protection.UPDATE_ONLY),
        ("deviceEnrollmentConfigurations", {"priority": 2}, Protection.FREE),
        ("intuneBrandingProfiles", {"isDefaultProfile": True}, Protection.UPDATE_ONLY),
        (
            "notificationMessageTemplates",
            {"displayName": "EnrollmentNotificationInternalMEO"},
            Protection.NEVER,
        ),
    ],
)
def test_what_microsoft_owns_is_protected(key: str, item: dict[str, Any], expected: Protection) -> None:
    assert catalogue.get(key).protection(item) is expected
