"""Every object type of the table can be read: list, object, parts, paging, both versions, permissions."""

import json
from collections.abc import Iterator

import pytest

from providers.sandbox.data import permission_profile
from providers.sandbox.policies.table import BY_KEY, CATALOGUE, TYPES, ObjectType
from tests.sandbox.inprocess import BASE, JSON, Direct
from tests.sandbox.schemas import assert_page, assert_valid

KEYS = [kind.key for kind in TYPES]
SECRET = "flx-admin"


@pytest.fixture(scope="module")
def tenant() -> Iterator[Direct]:
    """A tenant with three objects of each type and twenty devices; these tests only read."""
    yield Direct.tenant_of(policies=3, devices=20)


@pytest.fixture(params=KEYS)
def kind(request: pytest.FixtureRequest) -> ObjectType:
    return BY_KEY[request.param]


def test_the_catalogue_is_served_whole() -> None:
    """The types a policy backup covers; Intune's role definitions are served beside the table."""
    assert len(CATALOGUE) == 36


def test_a_list_fits_the_schema_in_each_version(tenant: Direct, kind: ObjectType) -> None:
    for version in kind.versions:
        page = tenant.get(kind.path, version=version)
        assert page["@odata.context"] == f"{BASE}/{version}/$metadata#{kind.path}"
        if kind.key == "auditEvents":
            assert page["value"] == []
            continue
        for item in page["value"]:
            item.pop("assignments", None)
        assert_page(version, kind.full_type, page)


def test_an_object_is_read_with_all_its_parts(tenant: Direct, kind: ObjectType) -> None:
    for item in tenant.values(kind.path):
        path = f"{kind.path}/{item['id']}"
        assert_valid("beta", kind.full_type, tenant.get(path))
        for name in kind.children:
            whole = tenant.get(f"{path}?$expand={name}")
            assert name in whole
            assert whole[f"{name}@odata.context"].startswith(f"{BASE}/beta/$metadata#{kind.path}")
            if kind.key == "roleAssignments" or (name, kind.key) == ("categories", "intents"):
                continue
            parts = tenant.values(f"{path}/{name}")
            assert [part["id"] for part in parts] == [part["id"] for part in whole[name]]
            assert all(tenant.get(f"{path}/{name}/{part['id']}")["id"] == part["id"] for part in parts)


def test_beta_only_types_are_unknown_to_v1(tenant: Direct, kind: ObjectType) -> None:
    if "v1.0" in kind.versions:
        assert tenant.ask("GET", kind.path, version="v1.0").status == 200
        return
    status, words = tenant.refusal("GET", kind.path, version="v1.0")
    assert status == 400
    assert words.startswith("BadRequest: Resource not found for the segment '")


def test_select_leaves_the_rest_out_and_refuses_unknown_names(tenant: Direct, kind: ObjectType) -> None:
    for item in tenant.values(f"{kind.path}?$select=id"):
        assert set(item) <= {"id", "@odata.type"}
    assert tenant.refusal("GET", f"{kind.path}?$select=colour")[0] == 400
    assert tenant.refusal("GET", f"{kind.path}?$expand=colour")[0] == 400


def test_an_object_that_is_not_there_is_a_404_in_the_style_of_the_service(
    tenant: Direct, kind: ObjectType
) -> None:
    answer = tenant.ask("GET", f"{kind.path}/00000000-0000-4000-8000-000000000000")
    error = json.loads(answer.content)["error"]
    assert (answer.status, error["code"]) == (404, "ResourceNotFound")
    assert error["message"].startswith("{") is (kind.style == "intune")


def test_reading_takes_the_permission_of_the_type(kind: ObjectType) -> None:
    refused = Direct.tenant_of(permissions=["Organization.Read.All"])
    status, words = refused.refusal("GET", kind.path)
    assert status == 403
    if kind.style == "intune":
        assert "must have one of the following scopes: DeviceManagement" in words
    else:
        assert words.startswith("AccessDenied: ")


def test_the_read_profile_reads_every_type() -> None:
    reader = Direct.tenant_of(permissions=permission_profile("read"))
    for kind in TYPES:
        page = reader.get(kind.path)
        for item in page["value"]:
            for name in kind.children:
                if kind.key != "roleAssignments":
                    reader.get(f"{kind.path}/{item['id']}/{name}")


def test_without_a_licence_the_services_refuse(kind: ObjectType) -> None:
    bare = Direct.tenant_of(intune=False, entra_premium=False)
    assert bare.refusal("GET", kind.path)[0] == 403


def test_driver_updates_take_an_entitlement_of_their_own() -> None:
    bare = Direct.tenant_of(windows_updates=False)
    status, words = bare.refusal("GET", "deviceManagement/windowsDriverUpdateProfiles")
    assert (status, words.partition(":")[0]) == (403, "Forbidden")
    assert bare.ask("GET", "deviceManagement/windowsFeatureUpdateProfiles").status == 200


def test_settings_catalogs_come_in_pages_of_25_with_a_cosmos_token() -> None:
    tenant = Direct.tenant_of(policies=0, policy_counts={"configurationPolicies": 60})
    path = "deviceManagement/configurationPolicies"
    page = tenant.get(f"{path}?$top=1000")
    assert (len(page["value"]), page["@odata.count"]) == (25, 60)
    assert "$skiptoken=%5Bcosmosdb%5D" in page["@odata.nextLink"]
    names = [item["name"] for item in tenant.values(path)]
    assert len(names) == len(set(names)) == 60
    assert tenant.refusal("GET", f"{path}?$skiptoken=%5Bcosmosdb%5Dxyz")[0] == 400


def test_intune_clamps_a_page_and_conditional_access_refuses_it() -> None:
    tenant = Direct.tenant_of(
        policies=0, policy_counts={"deviceConfigurations": 1005, "conditionalAccessPolicies": 3}
    )
    page = tenant.get("deviceManagement/deviceConfigurations?$top=5000")
    assert (len(page["value"]), page["@odata.count"]) == (1000, 1005)
    assert len(tenant.values("deviceManagement/deviceConfigurations?$top=400")) == 1005
    assert tenant.refusal("GET", "identity/conditionalAccess/policies?$top=1000")[0] == 400
    assert "@odata.count" not in tenant.get("identity/conditionalAccess/policies")


def test_many_settings_come_in_pages_unless_more_are_asked_for(tenant: Direct) -> None:
    policy = next(
        item for item in tenant.values("deviceManagement/configurationPolicies") if item["settingCount"] == 8
    )
    path = f"deviceManagement/configurationPolicies/{policy['id']}/settings"
    assert len(tenant.get(f"{path}?$top=1000")["value"]) == 8
    assert len(tenant.get(f"{path}?$top=3")["value"]) == 3
    assert len(tenant.values(f"{path}?$top=3")) == 8


def test_lists_keep_back_what_the_service_keeps_back(tenant: Direct) -> None:
    for key in (
        "deviceManagementScripts",
        "deviceShellScripts",
        "deviceHealthScripts",
        "deviceComplianceScripts",
    ):
        path, name = BY_KEY[key].path, BY_KEY[key].null_in_list[0]
        listed = tenant.values(path)
        assert [item[name] for item in listed] == [None] * len(listed)
        assert all(tenant.get(f"{path}/{item['id']}")[name] for item in listed)
    for key, name in (("reusablePolicySettings", "settingInstance"), ("mobileApps", "roleScopeTagIds")):
        path = BY_KEY[key].path
        listed = tenant.values(path)
        assert all(name not in item for item in listed)
        assert all(tenant.get(f"{path}/{item['id']}")[name] for item in listed)


def test_secrets_are_masked_and_told_by_their_function_alone(tenant: Direct) -> None:
    path = "deviceManagement/deviceConfigurations"
    answer = tenant.ask("GET", f"{path}?$expand=assignments")
    assert SECRET not in answer.content.decode()
    policy = next(item for item in json.loads(answer.content)["value"] if "omaSettings" in item)
    text, number, layout = policy["omaSettings"]
    assert (text["value"], text["isEncrypted"], number["isEncrypted"]) == ("****", True, False)
    function = f"{path}/{policy['id']}/getOmaSettingPlainTextValue(secretReferenceValueId='{{}}')"
    assert tenant.get(function.format(text["secretReferenceValueId"]))["value"] == SECRET
    assert tenant.get(function.format(layout["secretReferenceValueId"]))["value"].startswith("<Layout")
    assert tenant.refusal("GET", function.format("other"))[0] == 404


def test_keys_of_wireless_networks_read_back_null(tenant: Direct) -> None:
    network = next(
        item for item in tenant.control.objects("contoso", "deviceConfigurations") if "ssid" in item
    )
    tenant.state.tenants["contoso"].policies.put(
        "deviceConfigurations", {**network, "preSharedKey": "k" * 12}
    )
    assert tenant.get(f"deviceManagement/deviceConfigurations/{network['id']}")["preSharedKey"] is None


def test_filters_that_backup_tools_use(tenant: Direct) -> None:
    def names(path: str, name: str = "displayName") -> set[str]:
        return {item[name] for item in tenant.values(path)}

    assert "Default" not in names("deviceManagement/roleScopeTags?$filter=isBuiltIn eq false")
    strengths = names("policies/authenticationStrengthPolicies?$filter=policyType eq 'custom'")
    assert strengths and "Multifactor authentication" not in strengths
    one = sorted(names("deviceManagement/deviceConfigurations"))[0]
    assert names(f"deviceManagement/deviceConfigurations?$filter=displayName eq '{one}'") == {one}
    typed = tenant.values(
        "deviceManagement/deviceConfigurations?$filter=isof('microsoft.graph.windowsWifiConfiguration')"
    )
    assert {item["@odata.type"] for item in typed} == {"#microsoft.graph.windowsWifiConfiguration"}
    for cast in ("microsoft.graph.windowsWifiConfiguration", "graph.windowsWifiConfiguration"):
        assert tenant.values(f"deviceManagement/deviceConfigurations/{cast}") == typed
    assert tenant.refusal("GET", "deviceManagement/deviceConfigurations/microsoft.graph.group")[0] == 404


def test_the_app_filter_hides_global_managed_apps_that_nobody_uses() -> None:
    tenant = Direct.tenant_of(policies=0, policy_counts={"mobileApps": 14})
    wanted = (
        "(microsoft.graph.managedApp/appAvailability eq null or "
        "microsoft.graph.managedApp/appAvailability eq 'lineOfBusiness' or isAssigned eq true)"
    )
    shown = {item["id"] for item in tenant.values(f"deviceAppManagement/mobileApps?$filter={wanted}")}
    for item in tenant.values("deviceAppManagement/mobileApps"):
        hidden = item.get("appAvailability") == "global" and not item["isAssigned"]
        assert (item["id"] in shown) is not hidden
    assert len(shown) < 14


def test_expansions_nest(tenant: Direct) -> None:
    query = "$expand=assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)"
    policy = tenant.values(f"deviceManagement/deviceCompliancePolicies?{query}")[0]
    actions = policy["scheduledActionsForRule"][0]["scheduledActionConfigurations"]
    assert {"block", "notification"} <= {action["actionType"] for action in actions}
    note = next(action for action in actions if action["actionType"] == "notification")
    tenant.get(f"deviceManagement/notificationMessageTemplates/{note['notificationTemplateId']}")
    plain = tenant.values("deviceManagement/deviceCompliancePolicies?$expand=scheduledActionsForRule")[0]
    assert "scheduledActionConfigurations" not in plain["scheduledActionsForRule"][0]


def test_administrative_templates_lead_to_definitions_and_presentations(tenant: Direct) -> None:
    path = "deviceManagement/groupPolicyConfigurations"
    found: list[JSON] = []
    for policy in tenant.values(path):
        for value in tenant.values(f"{path}/{policy['id']}/definitionValues?$expand=definition"):
            assert value["definition"]["displayName"]
            below = f"{path}/{policy['id']}/definitionValues/{value['id']}"
            assert tenant.get(f"{below}/definition")["id"] == value["definition"]["id"]
            found += tenant.values(f"{below}/presentationValues?$expand=presentation")
    assert {item["presentation"]["label"] for item in found} >= {"Password Length", "Extension ids"}
    definitions = tenant.values("deviceManagement/groupPolicyDefinitions?$expand=presentations")
    assert sum(len(item["presentations"]) for item in definitions) == 3


def test_references_lead_to_objects_that_are_there(tenant: Direct) -> None:
    for kind in (kind for kind in TYPES if "assignments" in kind.children):
        for item in tenant.values(kind.path):
            for assignment in tenant.values(f"{kind.path}/{item['id']}/assignments"):
                target = assignment["target"]
                if "groupId" in target:
                    assert tenant.get(f"groups/{target['groupId']}", version="v1.0")["displayName"]
                chosen = target.get("deviceAndAppManagementAssignmentFilterId")
                assert chosen is None or tenant.get(f"deviceManagement/assignmentFilters/{chosen}")["rule"]
    app = tenant.values("deviceAppManagement/mobileAppConfigurations")[0]["targetedMobileApps"][0]
    assert tenant.get(f"deviceAppManagement/mobileApps/{app}")["id"] == app


def test_roles_and_their_assignments(tenant: Direct) -> None:
    assignment = tenant.values("deviceManagement/roleAssignments")[0]
    cast = "microsoft.graph.deviceAndAppManagementRoleAssignment/roleScopeTags"
    whole = tenant.get(f"deviceManagement/roleAssignments/{assignment['id']}?$expand={cast},roleDefinition")
    assert [tag["displayName"] for tag in whole["roleScopeTags"]] == ["Zürich"]
    below = f"deviceManagement/roleDefinitions/{whole['roleDefinition']['id']}/roleAssignments"
    assert assignment["id"] in {item["id"] for item in tenant.values(below)}


def test_app_policies_of_every_kind_share_a_list(tenant: Direct) -> None:
    listed = tenant.values("deviceAppManagement/managedAppPolicies")
    assert {item["id"][:2] for item in listed} == {"T_", "A_"}
    assert len({item["@odata.type"] for item in listed}) == 4


def test_devices_and_what_is_added_up_about_them(tenant: Direct) -> None:
    devices = tenant.values("deviceManagement/managedDevices")
    total = tenant.get("deviceManagement/managedDeviceOverview", version="v1.0")
    states = tenant.get("deviceManagement/deviceCompliancePolicyDeviceStateSummary", version="v1.0")
    assert total["enrolledDeviceCount"] == len(devices) == 20
    assert states["compliantDeviceCount"] == sum(item["complianceState"] == "compliant" for item in devices)
    assert sum(value for name, value in states.items() if name.endswith("Count")) == 20
    assert_valid("v1.0", "microsoft.graph.managedDeviceOverview", total)
    windows = next(item for item in devices if item["operatingSystem"] == "Windows")
    found = tenant.values(f"deviceManagement/managedDevices/{windows['id']}/deviceCompliancePolicyStates")
    assert found and {item["userId"] for item in found} == {windows["userId"]}
    policy = tenant.values("deviceManagement/deviceCompliancePolicies")[0]
    one = tenant.get(f"deviceManagement/deviceCompliancePolicies/{policy['id']}/deviceStatusOverview")
    on_windows = [item for item in devices if item["operatingSystem"] == "Windows"]
    assert one["successCount"] == sum(item["complianceState"] == "compliant" for item in on_windows)


def test_the_same_seed_makes_the_same_objects_and_other_tenants_other_ones() -> None:
    first, again = Direct.tenant_of(policies=4), Direct.tenant_of(policies=4)
    other = Direct.tenant_of(policies=4, tenant="fabrikam")
    for key in CATALOGUE:
        mine = first.control.objects("contoso", key)
        assert mine == again.control.objects("contoso", key)
        if BY_KEY[key].identifier not in ("number", "c"):
            theirs = {item["id"] for item in other.control.objects("fabrikam", key)}
            shared = theirs & {item["id"] for item in mine}
            assert all(item.startswith("00000000-0000-0000-0000-00000000000") for item in shared)


def test_a_tenant_can_hold_one_of_each_or_thousands() -> None:
    one = Direct.tenant_of(policies=1).control.object_counts("contoso")
    assert min(one.values()) >= 1
    many = Direct.tenant_of(policies=0, policy_counts=dict.fromkeys(("deviceCategories", "intents"), 2500))
    counts = many.control.object_counts("contoso")
    assert counts["deviceCategories"] + counts["intents"] == 5000
    assert len(many.values("deviceManagement/intents")) == 2500


def test_batches_read_every_type(tenant: Direct) -> None:
    for start in range(0, len(KEYS), 20):
        chosen = [BY_KEY[key] for key in KEYS[start : start + 20]]
        requests = [{"id": kind.key, "method": "GET", "url": f"/{kind.path}"} for kind in chosen]
        answer = tenant.json("POST", "$batch", {"requests": requests})
        assert {item["id"]: item["status"] for item in answer["responses"]} == {
            kind.key: 200 for kind in chosen
        }
