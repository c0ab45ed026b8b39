"""Two reads of an unchanged object give the same hash; what an administrator changes gives another."""

import copy
import random
from typing import Any

import pytest

from providers import catalogue
from providers.objects.canonical import canonical, content_hash
from providers.objects.masking import HIDDEN, flags_of, masked

CATALOG = catalogue.get("configurationPolicies")
CONFIGURATION = catalogue.get("deviceConfigurations")
ACCESS = catalogue.get("conditionalAccessPolicies")
SETTING = "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance"
SECRET = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue"


def simple(name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"settingDefinitionId": name, "simpleSettingValue": {"value": value, **more}}


def policy() -> dict[str, Any]:
    """A settings-catalog policy as Graph gives it: nested settings, two assignments, what the service adds."""
    children = [simple("a_child_1", 15), simple("a_child_2", "on")]
    return {
        "object": {
            "id": "p1",
            "name": "Lock",
            "platforms": "windows10",
            "technologies": "mdm",
            "settingCount": 2,
            "isAssigned": True,
            "createdDateTime": "2025-03-11T08:42:17Z",
            "lastModifiedDateTime": "2025-09-02T13:05:44Z",
            "roleScopeTagIds": ["0", "3"],
            "description": None,
            "@odata.context": "https://graph.microsoft.com/beta/$metadata",
            "platforms@odata.type": "#Edm.String",
        },
        "settings": [
            {
                "id": "0",
                "settingInstance": {
                    "@odata.type": SETTING,
                    "settingDefinitionId": "a",
                    "choiceSettingValue": {"value": "a_1", "children": children},
                },
            },
            {"id": "1", "settingInstance": simple("b", 900)},
        ],
        "assignments": [
            {
                "id": "p1_g1",
                "source": "direct",
                "sourceId": "p1",
                "target": {
                    "@odata.type": "#microsoft.graph.groupAssignmentTarget",
                    "groupId": "g1",
                    "deviceAndAppManagementAssignmentFilterId": None,
                    "deviceAndAppManagementAssignmentFilterType": "none",
                },
            },
            {"id": "p1_all", "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}},
        ],
    }


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same with every list and every object in another order."""
    if isinstance(value, dict):
        pairs = [(key, shuffled(each, rng)) for key, each in value.items()]
        rng.shuffle(pairs)
        return dict(pairs)
    if isinstance(value, list):
        found = [shuffled(each, rng) for each in value]
        rng.shuffle(found)
        return found
    return value


@pytest.mark.parametrize("seed", range(20))
def test_order_never_counts_where_it_means_nothing(seed: int) -> None:
    expected = content_hash(CATALOG, policy())
    assert content_hash(CATALOG, shuffled(policy(), random.Random(seed))) == expected


def test_what_the_service_writes_never_counts() -> None:
    other = policy()
    other["object"] |= {
        "id": "p2",
        "settingCount": 7,
        "isAssigned": False,
        "lastModifiedDateTime": "2026-01-01T00:00:00Z",
    }
    other["object"].pop("description")
    other["assignments"][0] |= {"id": "x", "sourceId": "p2"}
    target = other["assignments"][0]["target"]
    target.pop("deviceAndAppManagementAssignmentFilterId")
    target.pop("deviceAndAppManagementAssignmentFilterType")
    other["settings"][0]["id"] = "8"
    assert content_hash(CATALOG, other) == content_hash(CATALOG, policy())


def change_child(content: dict[str, Any]) -> None:
    instance = content["settings"][0]["settingInstance"]
    instance["choiceSettingValue"]["children"][0]["simpleSettingValue"]["value"] = 16


def change_filter(content: dict[str, Any]) -> None:
    content["assignments"][0]["target"]["deviceAndAppManagementAssignmentFilterId"] = "f1"


def change_tags(content: dict[str, Any]) -> None:
    content["object"]["roleScopeTagIds"].pop()


def drop_assignment(content: dict[str, Any]) -> None:
    content["assignments"].pop()


def change_description(content: dict[str, Any]) -> None:
    content["object"]["description"] = ""


@pytest.mark.parametrize(
    "change", [change_child, change_filter, change_tags, drop_assignment, change_description]
)
def test_what_an_administrator_changes_counts(change: Any) -> None:
    other = policy()
    change(other)
    assert content_hash(CATALOG, other) != content_hash(CATALOG, policy())


def test_canonical_content_stays_as_it_is() -> None:
    once = canonical(CATALOG, policy())
    assert canonical(CATALOG, once) == once


def test_the_input_is_left_alone() -> None:
    content = policy()
    before = copy.deepcopy(content)
    canonical(CATALOG, content)
    assert content == before


def test_the_same_content_of_two_types_has_two_hashes() -> None:
    content = {"object": {"displayName": "x"}}
    keys = ("deviceShellScripts", "deviceManagementScripts")
    assert len({content_hash(catalogue.get(key), content) for key in keys}) == 2


def test_ids_that_lead_elsewhere_are_kept() -> None:
    strength = {"id": "s1", "displayName": "Strong", "allowedCombinations": ["fido2"]}
    access = {"object": {"id": "x", "grantControls": {"operator": "AND", "authenticationStrength": strength}}}
    assert canonical(ACCESS, access)["object"] == {
        "grantControls": {"operator": "AND", "authenticationStrength": {"id": "s1"}}
    }
    admx = {"object": {}, "definitionValues": [{"id": "v", "definition": {"id": "d"}}]}
    assert canonical(catalogue.get("groupPolicyConfigurations"), admx)["definitionValues"] == [
        {"definition": {"id": "d"}}
    ]
    context = {"object": {"id": "c1", "displayName": "Finance"}}
    assert canonical(catalogue.get("authenticationContextClassReferences"), context)["object"]["id"] == "c1"


def oma(value: str, **more: Any) -> dict[str, Any]:
    return {"object": {"omaSettings": [{"omaUri": "./x", "isEncrypted": True, "value": value, **more}]}}


def test_the_reference_to_a_secret_never_counts_but_its_value_does() -> None:
    first = content_hash(CONFIGURATION, oma("s3cret", secretReferenceValueId="one"))
    assert first == content_hash(CONFIGURATION, oma("s3cret", secretReferenceValueId="two"))
    assert first != content_hash(CONFIGURATION, oma("0ther", secretReferenceValueId="one"))


def test_secrets_are_hidden_and_flagged_where_they_could_not_be_read() -> None:
    assert masked(CONFIGURATION, oma("s3cret")) == oma(HIDDEN)
    assert flags_of(CONFIGURATION, oma("s3cret")) == []
    assert [flag.code for flag in flags_of(CONFIGURATION, oma("****"))] == ["value_masked"]
    wifi = {"object": {"preSharedKey": None, "nested": {"password": "p"}}}
    assert masked(CONFIGURATION, wifi) == {"object": {"preSharedKey": None, "nested": {"password": HIDDEN}}}
    assert [flag.code for flag in flags_of(CONFIGURATION, wifi)] == ["value_write_only"]
    value = {"@odata.type": SECRET, "value": "token", "valueState": "encryptedValueToken"}
    content = {"object": {}, "settings": [{"settingInstance": {"simpleSettingValue": value}}]}
    shown = masked(CATALOG, content)["settings"][0]["settingInstance"]["simpleSettingValue"]
    assert shown["value"] == HIDDEN
    assert [flag.code for flag in flags_of(CATALOG, content)] == ["value_token"]
    assert value["value"] == "token"
