"""What is peculiar about single types, rule by rule."""

import json

import pytest

from providers.sandbox.policies.table import BY_KEY
from tests.sandbox.inprocess import JSON, Direct
from tests.sandbox.writable import ZERO, first, refused, writable

MANAGED = "deviceManagement"


def test_scope_tags_are_small_numbers_and_the_built_in_one_stays(tenant: Direct) -> None:
    path = f"{MANAGED}/roleScopeTags"
    made = tenant.json("POST", path, {"displayName": "Lyon", "description": ""})
    assert made["id"] == "4"
    for method, tail, body in (
        ("PATCH", "", {"description": "x"}),
        ("DELETE", "", None),
        ("POST", "/assign", {"assignments": []}),
    ):
        refused(tenant, method, f"{path}/0{tail}", body, "built-in")
    tagged = {"displayName": "Tagged", "roleScopeTagIds": ["4"]}
    assert tenant.json("POST", f"{MANAGED}/deviceCategories", tagged)["roleScopeTagIds"] == ["4"]
    refused(tenant, "POST", f"{MANAGED}/deviceCategories", {**tagged, "roleScopeTagIds": ["77"]}, "77")
    listed = next(item for item in tenant.values(f"{path}?$expand=assignments") if item["id"] == "1")
    assert listed["assignments"] == []
    assert tenant.values(f"{path}/1/assignments")


def test_a_filter_in_use_cannot_be_deleted(tenant: Direct) -> None:
    path = f"{MANAGED}/assignmentFilters"
    chosen = first(tenant, "assignmentFilters")
    refused(tenant, "DELETE", f"{path}/{chosen['id']}", None, "used by the assignments")
    made = tenant.json("POST", path, writable(BY_KEY["assignmentFilters"], chosen))
    assert tenant.ask("DELETE", f"{path}/{made['id']}").status == 200
    refused(tenant, "PATCH", f"{path}/{chosen['id']}", {"platform": "iOS"}, "platform")
    assert tenant.ask("PATCH", f"{path}/{chosen['id']}", {"platform": chosen["platform"]}).status == 200
    refused(tenant, "PATCH", f"{path}/{chosen['id']}", {"rule": "everything"}, "rule")


def test_a_filter_is_not_valid_on_an_exclusion(tenant: Direct) -> None:
    policy, chosen = first(tenant, "deviceConfigurations"), first(tenant, "assignmentFilters")
    target = {
        "@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget",
        "groupId": tenant.control.groups("contoso")[0]["id"],
        "deviceAndAppManagementAssignmentFilterId": chosen["id"],
        "deviceAndAppManagementAssignmentFilterType": "exclude",
    }
    path = f"{MANAGED}/deviceConfigurations/{policy['id']}/assign"
    refused(tenant, "POST", path, {"assignments": [{"target": target}]}, "exclusion")
    plain = {
        **target,
        "deviceAndAppManagementAssignmentFilterId": None,
        "deviceAndAppManagementAssignmentFilterType": "none",
    }
    (kept,) = tenant.json("POST", path, {"assignments": [{"target": plain}]})["value"]
    assert (kept["intent"], kept["source"], kept["sourceId"]) == ("apply", "direct", policy["id"])


def test_messages_of_a_template_are_written_one_by_one(tenant: Direct) -> None:
    path = f"{MANAGED}/notificationMessageTemplates"
    made = tenant.json("POST", path, {"displayName": "Reminder", "brandingOptions": "none"})
    below = f"{path}/{made['id']}/localizedNotificationMessages"
    message = {"locale": "en-US", "subject": "Update", "messageTemplate": "Please update.", "isDefault": True}
    english = tenant.json("POST", below, message)
    assert english["id"] == f"{made['id']}_en-us"
    refused(tenant, "POST", below, message, "already")
    refused(tenant, "POST", below, {**message, "locale": "de-de", "colour": 1}, "colour")
    german = tenant.json("POST", below, {**message, "locale": "de-de", "isDefault": False})
    assert tenant.get(f"{path}/{made['id']}")["defaultLocale"] == "en-us"
    tenant.json("PATCH", f"{below}/{german['id']}", {"isDefault": True, "subject": "Neu"})
    assert [part["isDefault"] for part in tenant.values(below)] == [False, True]
    assert tenant.get(f"{path}/{made['id']}")["defaultLocale"] == "de-de"
    refused(tenant, "PATCH", f"{below}/{german['id']}", {"locale": "fr-fr"}, "locale")
    assert tenant.ask("DELETE", f"{below}/{english['id']}").status == 204
    system = first(tenant, "notificationMessageTemplates", displayName="EnrollmentNotificationInternalMEO")
    refused(tenant, "PATCH", f"{path}/{system['id']}", {"description": "x"}, "service")


def test_the_content_of_an_admx_file_never_comes_back(tenant: Direct) -> None:
    path = f"{MANAGED}/groupPolicyUploadedDefinitionFiles"
    body = {
        "fileName": "app.admx", "content": "YWRteA==", "defaultLanguageCode": "en-US",
        "groupPolicyUploadedLanguageFiles": [{"fileName": "app.adml", "languageCode": "en-US", "content": "YWRtbA=="}],
    }  # fmt: skip
    made = tenant.json("POST", path, body)
    assert (made["content"], made["status"], made["languageCodes"]) == (None, "available", ["en-US"])
    assert "YWR" not in json.dumps(tenant.control.objects("contoso", "groupPolicyUploadedDefinitionFiles"))
    refused(tenant, "POST", path, {**body, "groupPolicyUploadedLanguageFiles": []}, "language")


def test_a_masked_oma_value_is_never_taken_for_a_value(tenant: Direct) -> None:
    path = f"{MANAGED}/deviceConfigurations"
    policy = first(tenant, "deviceConfigurations")
    read = tenant.get(f"{path}/{policy['id']}")
    masked, number, _ = read["omaSettings"]
    body = {"@odata.type": read["@odata.type"], "displayName": "Copy", "omaSettings": [masked, number]}
    refused(tenant, "POST", path, body, "masked")
    refused(tenant, "PATCH", f"{path}/{policy['id']}", body, "masked")
    clear = {**body, "omaSettings": [{**masked, "value": "clear"}]}
    tenant.json("PATCH", f"{path}/{policy['id']}", clear)
    (after,) = first(tenant, "deviceConfigurations", id=policy["id"])["omaSettings"]
    assert (after["value"], after["isEncrypted"]) == ("clear", True)
    refused(tenant, "PATCH", f"{path}/{policy['id']}", {"displayName": "x"}, "@odata.type")
    other = "#microsoft.graph.iosGeneralDeviceConfiguration"
    refused(tenant, "PATCH", f"{path}/{policy['id']}", {"@odata.type": other, "displayName": "x"}, "type")
    binary = {"@odata.type": "#microsoft.graph.omaSettingBase64", "displayName": "x", "omaUri": "./x"}
    wrong = {**body, "omaSettings": [{**binary, "value": "not base64!"}]}
    refused(tenant, "POST", path, wrong, "not base64")


def test_privacy_controls_have_a_way_of_their_own() -> None:
    tenant = Direct.tenant_of(policies=0, policy_counts={"deviceConfigurations": 10})
    general = first(
        tenant, "deviceConfigurations", **{"@odata.type": "#microsoft.graph.windows10GeneralConfiguration"}
    )
    control = {
        "accessLevel": "forceAllow",
        "dataCategory": "camera",
        "appDisplayName": None,
        "appPackageFamilyName": None,
    }
    path = f"{MANAGED}/deviceConfigurations/{{}}/windowsPrivacyAccessControls"
    body = {"windowsPrivacyAccessControls": [control]}
    assert tenant.ask("POST", path.format(general["id"]), body).status == 204
    where = "privacyAccessControls"
    below = f"{MANAGED}/deviceConfigurations/{{}}/microsoft.graph.windows10GeneralConfiguration/{where}"
    (kept,) = tenant.values(below.format(general["id"]))
    assert {name: kept[name] for name in control} == control
    assert kept["id"]
    assert where not in tenant.get(f"{MANAGED}/deviceConfigurations/{general['id']}")
    other = first(tenant, "deviceConfigurations")["id"]
    assert tenant.refusal("GET", below.format(other))[0] == 404
    twice = {"windowsPrivacyAccessControls": [control, {**control, "accessLevel": "forceDeny"}]}
    refused(tenant, "POST", path.format(general["id"]), twice, "two controls")
    assert tenant.ask("POST", path.format(general["id"]), {"windowsPrivacyAccessControls": []}).status == 204
    assert tenant.values(below.format(general["id"])) == []
    refused(tenant, "POST", path.format(first(tenant, "deviceConfigurations")["id"]), body, "general")
    wrong = {"windowsPrivacyAccessControls": [{**control, "accessLevel": "often"}]}
    refused(tenant, "POST", path.format(general["id"]), wrong, "accessLevel")


def test_settings_change_by_put_alone_and_put_takes_the_whole_policy(tenant: Direct) -> None:
    path = f"{MANAGED}/configurationPolicies"
    policy = first(tenant, "configurationPolicies")
    where, whole = f"{path}/{policy['id']}", writable(BY_KEY["configurationPolicies"], policy)
    assert tenant.refusal("PATCH", where, {"settings": whole["settings"]})[0] == 400
    assert tenant.ask("PATCH", where, {"name": "New name"}).status == 200
    fewer = {**whole, "settings": whole["settings"][:2]}
    assert tenant.ask("PUT", where, fewer).status == 204
    after = tenant.get(where)
    assert (after["name"], after["settingCount"]) == (whole["name"], 2)
    assert [part["id"] for part in tenant.values(f"{where}/settings")] == ["0", "1"]
    for name in (
        "name",
        "description",
        "platforms",
        "technologies",
        "templateReference",
        "roleScopeTagIds",
        "settings",
    ):
        refused(tenant, "PUT", where, {key: value for key, value in fewer.items() if key != name}, name)
    other = {**fewer, "templateReference": {"templateId": "46ddfc50-d10f-4867-b852-9434254b3bff_1"}}
    refused(tenant, "PUT", where, other, "template")
    refused(tenant, "PUT", where, {**fewer, "settings": fewer["settings"][:1] * 2}, "more than once")
    refused(tenant, "PUT", where, {**fewer, "settings": []}, "at least one setting")


def test_a_put_may_repeat_what_the_service_computes_and_must_repeat_its_source(tenant: Direct) -> None:
    policy = first(tenant, "configurationPolicies")
    where = f"{MANAGED}/configurationPolicies/{policy['id']}"
    whole = writable(BY_KEY["configurationPolicies"], policy)
    assert tenant.ask("PUT", where, {**whole, "priorityMetaData": None, "creationSource": None}).status == 204
    refused(tenant, "PUT", where, {**whole, "settingCount": 1}, "settingCount")
    tenant.control.change_object("contoso", "configurationPolicies", policy["id"], {"creationSource": "ade"})
    refused(tenant, "PUT", where, whole, "creationSource")
    assert tenant.ask("PUT", where, {**whole, "creationSource": "ade"}).status == 204


def test_nested_settings_are_checked_down_to_the_last_value(tenant: Direct) -> None:
    path = f"{MANAGED}/configurationPolicies"
    whole = writable(BY_KEY["configurationPolicies"], first(tenant, "configurationPolicies"))
    text = json.dumps(whole)
    child = '"@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue"'
    assert child in text
    for good, bad, word in (
        (child, f'{child}, "colour": 1', "colour"),
        (
            child,
            '"@odata.type": "#microsoft.graph.deviceManagementConfigurationColourSettingValue"',
            "@odata.type",
        ),
        (child, '"@odata.type": "#microsoft.graph.windows10CompliancePolicy"', "@odata.type"),
        ('"value": 900', '"value": "900"', "value"),
        (f"{child}, ", "", "@odata.type"),
    ):
        broken = json.loads(text.replace(good, bad, 1))
        refused(tenant, "POST", path, broken, word, "settings[")


def test_secrets_of_the_settings_catalog_are_tokens_of_their_tenant() -> None:
    tenant = Direct.tenant_of(policies=0, policy_counts={"configurationPolicies": 7})
    other = Direct.tenant_of(policies=0, tenant="fabrikam")
    path = f"{MANAGED}/configurationPolicies"
    policy = first(tenant, "configurationPolicies", description="Holds a secret")
    body = writable(BY_KEY["configurationPolicies"], policy)
    assert tenant.json("POST", path, body)["settingCount"] == 2
    refused(other, "POST", path, body, "another tenant")
    value = body["settings"][0]["settingInstance"]["simpleSettingValue"]
    value |= {"value": "clear text", "valueState": "notEncrypted"}
    made = other.json("POST", path, body)
    (stored,) = (
        one for one in other.control.objects("fabrikam", "configurationPolicies") if one["id"] == made["id"]
    )
    kept = stored["settings"][0]["settingInstance"]["simpleSettingValue"]
    assert (kept["valueState"], "clear" in kept["value"]) == ("encryptedValueToken", False)


def test_intents_come_from_templates_and_change_setting_by_setting(tenant: Direct) -> None:
    template = tenant.values(f"{MANAGED}/templates")[0]["id"]
    setting = {
        "@odata.type": "#microsoft.graph.deviceManagementBooleanSettingInstance",
        "definitionId": "deviceConfiguration--a",
        "valueJson": "true",
    }
    body = {
        "displayName": "Baseline",
        "description": "",
        "roleScopeTagIds": ["0"],
        "settingsDelta": [setting],
    }
    made = tenant.json("POST", f"{MANAGED}/templates/{template}/createInstance", body)
    assert (made["templateId"], made["isAssigned"]) == (template, False)
    path = f"{MANAGED}/intents/{made['id']}"
    changes = [{**setting, "valueJson": "false"}, {**setting, "definitionId": "deviceConfiguration--b"}]
    assert tenant.ask("POST", f"{path}/updateSettings", {"settings": changes}).status == 204
    found = {part["definitionId"][-1]: part["valueJson"] for part in tenant.values(f"{path}/settings")}
    assert found == {"a": "false", "b": "true"}
    gone = {"settings": [{**setting, "valueJson": "null"}]}
    assert tenant.ask("POST", f"{path}/updateSettings", gone).status == 204
    assert [part["definitionId"][-1] for part in tenant.values(f"{path}/settings")] == ["b"]
    assert tenant.ask("POST", f"{MANAGED}/intents", {"displayName": "x"}).status == 405
    assert tenant.refusal("POST", f"{MANAGED}/templates/{ZERO}/createInstance", body)[0] == 404
    refused(tenant, "POST", f"{MANAGED}/templates/{template}/createInstance", {**body, "colour": 1}, "colour")
    refused(tenant, "PATCH", path, {"templateId": ZERO}, "templateId")
    assert tenant.ask("DELETE", path).status == 200


def compliance(tenant: Direct) -> JSON:
    return writable(BY_KEY["deviceCompliancePolicies"], first(tenant, "deviceCompliancePolicies"))


def test_compliance_policies_need_a_block_action_and_known_references(tenant: Direct) -> None:
    path, body = f"{MANAGED}/deviceCompliancePolicies", compliance(tenant)
    actions = body["scheduledActionsForRule"][0]["scheduledActionConfigurations"]
    block = next(action for action in actions if action["actionType"] == "block")

    def with_actions(*wanted: JSON) -> JSON:
        return {
            **body,
            "scheduledActionsForRule": [{"ruleName": "x", "scheduledActionConfigurations": list(wanted)}],
        }

    refused(tenant, "POST", path, with_actions({**block, "actionType": "retire"}), "block")
    refused(tenant, "POST", path, with_actions(), "block")
    refused(tenant, "POST", path, with_actions({**block, "gracePeriodHours": 9000}), "8760")
    refused(tenant, "POST", path, with_actions(block, {**block, "notificationTemplateId": ZERO}), ZERO)
    refused(tenant, "POST", path, with_actions({**block, "notificationMessageCCList": [ZERO]}), ZERO)
    refused(tenant, "POST", path, with_actions({**block, "actionType": "explode"}), "actionType")
    refused(tenant, "POST", path, with_actions({**block, "colour": 1}), "colour")
    good = with_actions({**block, "notificationTemplateId": ""})
    assert tenant.json("POST", path, good)["displayName"] == body["displayName"]


def test_scheduled_actions_change_by_their_own_action(tenant: Direct) -> None:
    policy = first(tenant, "deviceCompliancePolicies")
    path = f"{MANAGED}/deviceCompliancePolicies/{policy['id']}"
    rules = compliance(tenant)["scheduledActionsForRule"]
    typed = {"@odata.type": policy["@odata.type"]}
    assert tenant.refusal("PATCH", path, {**typed, "scheduledActionsForRule": rules})[0] == 400
    only_block = [
        {
            "ruleName": "PasswordRequired",
            "scheduledActionConfigurations": [
                {
                    "actionType": "block",
                    "gracePeriodHours": 6,
                    "notificationTemplateId": "",
                    "notificationMessageCCList": [],
                }
            ],
        }
    ]
    key = "deviceComplianceScheduledActionForRules"
    assert tenant.ask("POST", f"{path}/scheduleActionsForRules", {key: only_block}).status == 204
    found = tenant.values(f"{path}/scheduledActionsForRule?$expand=scheduledActionConfigurations")
    assert [action["gracePeriodHours"] for action in found[0]["scheduledActionConfigurations"]] == [6]
    refused(tenant, "POST", f"{path}/scheduleActionsForRules", {key: []}, "block")
    second = first(tenant, "compliancePolicies")
    answer = tenant.json(
        "POST",
        f"{MANAGED}/compliancePolicies/{second['id']}/setScheduledActions",
        {"scheduledActions": only_block},
    )
    assert len(answer["value"]) == 1


def test_global_remediations_and_default_branding_stay_as_they_are(tenant: Direct) -> None:
    script = first(tenant, "deviceHealthScripts", isGlobalScript=True)
    refused(tenant, "PATCH", f"{MANAGED}/deviceHealthScripts/{script['id']}", {"description": "x"}, "global")
    refused(tenant, "DELETE", f"{MANAGED}/deviceHealthScripts/{script['id']}", None, "global")
    profile = first(tenant, "intuneBrandingProfiles", isDefaultProfile=True)
    path = f"{MANAGED}/intuneBrandingProfiles/{profile['id']}"
    refused(tenant, "DELETE", path, None, "default")
    refused(tenant, "POST", f"{path}/assign", {"assignments": []}, "default")
    assert tenant.json("PATCH", path, {"contactITName": "Desk"})["contactITName"] == "Desk"


def test_default_enrolment_objects_can_only_be_changed(tenant: Direct) -> None:
    path = f"{MANAGED}/deviceEnrollmentConfigurations"
    default = first(
        tenant, "deviceEnrollmentConfigurations", priority=0, deviceEnrollmentConfigurationType="limit"
    )
    assert default["id"].endswith("_DefaultLimit")
    where = f"{path}/{default['id']}"
    refused(tenant, "DELETE", where, None, "default")
    refused(tenant, "POST", f"{where}/assign", {"enrollmentConfigurationAssignments": []}, "default")
    typed = {"@odata.type": default["@odata.type"]}
    assert tenant.json("PATCH", where, {**typed, "limit": 7})["limit"] == 7
    refused(tenant, "PATCH", where, {**typed, "limit": 70}, "15")


def test_priorities_move_the_others(tenant: Direct) -> None:
    path = f"{MANAGED}/deviceEnrollmentConfigurations"
    body = {
        "@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration",
        "displayName": "Desk",
        "limit": 3,
    }
    tenant.control.wipe("contoso", "deviceEnrollmentConfigurations")
    made = [tenant.json("POST", path, {**body, "displayName": name}) for name in ("A", "B", "C")]
    assert [item["priority"] for item in made] == [1, 2, 3]
    assert made[0]["id"].endswith("_Limit")
    assert tenant.ask("POST", f"{path}/{made[2]['id']}/setPriority", {"priority": 1}).status == 204
    order = {item["displayName"]: item["priority"] for item in tenant.values(path) if item["priority"]}
    assert order == {"C": 1, "A": 2, "B": 3}
    default = first(tenant, "deviceEnrollmentConfigurations", priority=0)
    refused(tenant, "POST", f"{path}/{default['id']}/setPriority", {"priority": 1}, "default")
    refused(tenant, "POST", f"{path}/{made[0]['id']}/setPriority", {"priority": 0}, "start at 1")
    refused(tenant, "POST", f"{path}/{made[0]['id']}/setPriority", {"priority": "1"}, "priority")
    patched = tenant.json("PATCH", f"{path}/{made[0]['id']}", {**body, "priority": 3})
    assert patched["priority"] == 2, "Only its own action sets it."


def test_each_kind_of_enrolment_and_each_platform_has_priorities_of_its_own(tenant: Direct) -> None:
    path, kind = f"{MANAGED}/deviceEnrollmentConfigurations", "deviceEnrollmentConfigurations"
    tenant.control.wipe("contoso", kind)
    single = {
        "@odata.type": "#microsoft.graph.deviceEnrollmentPlatformRestrictionConfiguration",
        "platformRestriction": {"platformBlocked": True},
    }
    bodies = [
        {**single, "displayName": "A", "platformType": "ios"},
        {**single, "displayName": "B", "platformType": "windows"},
        {**single, "displayName": "C", "platformType": "ios"},
        {
            "@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration",
            "displayName": "D",
            "limit": 3,
        },
    ]
    made = [tenant.json("POST", path, body) for body in bodies]
    assert [item["priority"] for item in made] == [1, 1, 2, 1]
    assert tenant.ask("POST", f"{path}/{made[2]['id']}/setPriority", {"priority": 1}).status == 204
    order = {item["displayName"]: item["priority"] for item in tenant.values(path) if item["priority"]}
    assert order == {"A": 2, "B": 1, "C": 1, "D": 1}
    added = tenant.control.add_object("contoso", kind, "E")
    there = [item for item in tenant.values(path) if item["priority"]]
    kinds = [(item["@odata.type"], item.get("platformType"), item["priority"]) for item in there]
    assert added in [item["id"] for item in there]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("key", ["windowsAutopilotDeploymentProfiles", "termsAndConditions"])
def test_two_types_are_assigned_one_target_at_a_time(tenant: Direct, key: str) -> None:
    item = first(tenant, key)
    path = f"{BY_KEY[key].path}/{item['id']}"
    before = tenant.values(f"{path}/assignments")
    group = tenant.control.groups("contoso")[5]["id"]
    target = {"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}
    made = tenant.json("POST", f"{path}/assignments", target, status=201)
    assert made["id"] == f"{item['id']}{BY_KEY[key].assign_mark}{group}"
    assert tenant.refusal("POST", f"{path}/assignments", target)[0] == 409
    assert len(tenant.values(f"{path}/assignments")) == len(before) + 1
    assert tenant.ask("DELETE", f"{path}/assignments/{made['id']}").status == 204
    assert tenant.values(f"{path}/assignments") == before


def test_autopilot_profiles_go_only_when_they_are_not_assigned(tenant: Direct) -> None:
    path = f"{MANAGED}/windowsAutopilotDeploymentProfiles"
    item = first(tenant, "windowsAutopilotDeploymentProfiles")
    where = f"{path}/{item['id']}"
    refused(tenant, "DELETE", where, None, "assigned")
    for assignment in tenant.values(f"{where}/assignments"):
        tenant.ask("DELETE", f"{where}/assignments/{assignment['id']}")
    assert tenant.ask("DELETE", where).status == 200
    body = writable(BY_KEY["windowsAutopilotDeploymentProfiles"], item)
    refused(tenant, "POST", path, {**body, "displayName": "A-B"}, "character")
    made = tenant.json("POST", path, {**body, "preprovisioningAllowed": True, "locale": "fr-FR"})
    assert (made["enableWhiteGlove"], made["language"]) == (True, "fr-FR")


def test_update_profiles_compute_what_they_offer(tenant: Direct) -> None:
    path = f"{MANAGED}/windowsFeatureUpdateProfiles"
    made = tenant.json("POST", path, {"displayName": "x", "featureUpdateVersion": "Windows 11, version 24H2"})
    assert made["deployableContentDisplayName"] == "Windows 11, version 24H2"
    assert made["endOfSupportDate"].startswith("2026-10")
    drivers = f"{MANAGED}/windowsDriverUpdateProfiles"
    manual = {"displayName": "x", "approvalType": "manual"}
    refused(tenant, "POST", drivers, {**manual, "deploymentDeferralInDays": 3}, "deferral")
    made = tenant.json("POST", drivers, manual)
    refused(tenant, "PATCH", f"{drivers}/{made['id']}", {"approvalType": "automatic"}, "approvalType")
