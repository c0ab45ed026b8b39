"""What is peculiar about apps, app policies, policy sets, roles and administrative templates, rule by rule."""

from providers.sandbox.policies.table import BY_KEY
from tests.sandbox.inprocess import BASE, JSON, Direct
from tests.sandbox.writable import ZERO, changed, first, refused, writable

MANAGED = "deviceManagement"


def test_apps_without_content_wait_and_some_types_cannot_be_made(tenant: Direct) -> None:
    path = "deviceAppManagement/mobileApps"
    web = {
        "@odata.type": "#microsoft.graph.webApp",
        "displayName": "Wiki",
        "publisher": "IT",
        "appUrl": "https://wiki.example",
    }
    assert tenant.json("POST", path, web)["publishingState"] == "published"
    package = {
        "@odata.type": "#microsoft.graph.macOSLobApp",
        "displayName": "x",
        "publisher": "IT",
        "fileName": "x.pkg",
    }
    made = tenant.json("POST", path, package)
    assert made["publishingState"] == "notPublished"
    target = {"intent": "required", "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}
    refused(tenant, "POST", f"{path}/{made['id']}/assign", {"mobileAppAssignments": [target]}, "published")
    store = {"@odata.type": "#microsoft.graph.androidStoreApp", "displayName": "x", "publisher": "x"}
    refused(tenant, "POST", path, store, "androidStoreApp")
    refused(tenant, "POST", path, {"displayName": "x"}, "@odata.type")


def test_app_policies_take_their_apps_afterwards(tenant: Direct) -> None:
    path = "deviceAppManagement/iosManagedAppProtections"
    made = tenant.json("POST", path, {"displayName": "New", "pinRequired": True})
    assert made["id"].startswith("T_")
    app = {
        "mobileAppIdentifier": {
            "@odata.type": "#microsoft.graph.iosMobileAppIdentifier",
            "bundleId": "com.Example.App",
        }
    }
    body = {"apps": [app], "appGroupType": "selectedPublicApps"}
    assert tenant.ask("POST", f"{path}/{made['id']}/targetApps", body).status == 204
    whole = tenant.get(f"{path}/{made['id']}?$expand=apps")
    assert (whole["deployedAppCount"], whole["apps"][0]["id"]) == (1, "com.example.app.ios")
    refused(tenant, "POST", f"{path}/{made['id']}/targetApps", {"apps": [{}]}, "mobileAppIdentifier")
    shared = f"deviceAppManagement/managedAppPolicies/{made['id']}"
    assert tenant.ask("POST", f"{shared}/targetApps", {"apps": []}).status == 204
    assert tenant.get(shared)["deployedAppCount"] == 0
    assert tenant.ask("DELETE", shared).status == 204
    assert tenant.refusal("GET", f"{path}/{made['id']}")[0] == 404
    made = tenant.json("POST", "deviceAppManagement/targetedManagedAppConfigurations", {"displayName": "New"})
    assert made["id"].startswith("A_")


def test_app_configurations_name_apps_that_are_there(tenant: Direct) -> None:
    path = "deviceAppManagement/mobileAppConfigurations"
    item = first(tenant, "mobileAppConfigurations")
    body = writable(BY_KEY["mobileAppConfigurations"], item)
    refused(tenant, "POST", path, {**body, "targetedMobileApps": [ZERO]}, ZERO)
    cast = f"{path}/{item['id']}/microsoft.graph.managedDeviceMobileAppConfiguration/assign"
    assert tenant.json("POST", cast, {"assignments": []})["value"] == []


def test_definition_values_are_bound_to_definitions(tenant: Direct) -> None:
    path = f"{MANAGED}/groupPolicyConfigurations"
    made = tenant.json("POST", path, {"displayName": "New", "description": ""})
    definitions = tenant.values(f"{MANAGED}/groupPolicyDefinitions?$expand=presentations")
    laps = next(item for item in definitions if item["displayName"] == "Password Settings")
    root = f"{BASE}/beta/deviceManagement/groupPolicyDefinitions('{laps['id']}')"
    number = next(item for item in laps["presentations"] if item["label"] == "Password Length")
    value: JSON = {
        "@odata.type": "#microsoft.graph.groupPolicyPresentationValueDecimal", "value": 20,
        "presentation@odata.bind": f"{root}/presentations('{number['id']}')",
    }  # fmt: skip
    body = {"enabled": True, "definition@odata.bind": root, "presentationValues": [value]}
    below = f"{path}/{made['id']}/definitionValues"
    one = tenant.json("POST", below, body, status=201)
    refused(tenant, "POST", below, body, "already")
    refused(
        tenant, "POST", below, {**body, "definition@odata.bind": root.replace(laps["id"], ZERO)}, "definition"
    )
    (read,) = tenant.values(f"{below}/{one['id']}/presentationValues?$expand=presentation")
    assert (read["value"], read["presentation"]["label"]) == (20, "Password Length")
    changed = {**body, "id": one["id"], "presentationValues": [{**value, "value": 24}]}
    update = f"{path}/{made['id']}/updateDefinitionValues"
    assert tenant.ask("POST", update, {"added": [], "updated": [changed], "deletedIds": []}).status == 204
    assert tenant.values(f"{below}/{one['id']}/presentationValues")[0]["value"] == 24
    lock = next(item for item in definitions if "lock screen" in item["displayName"])
    added = {"enabled": False, "definition@odata.bind": root.replace(laps["id"], lock["id"])}
    both = {"added": [added], "updated": [], "deletedIds": [one["id"]]}
    assert tenant.ask("POST", update, both).status == 204
    (left,) = tenant.values(f"{below}?$expand=definition")
    assert left["definition"]["id"] == lock["id"]
    refused(tenant, "POST", update, {"deletedIds": [ZERO]}, ZERO)
    assert tenant.ask("DELETE", f"{below}/{left['id']}").status == 204
    assert tenant.values(below) == []


def test_policy_sets_change_by_update_and_name_objects_that_are_there(tenant: Direct) -> None:
    path = "deviceAppManagement/policySets"
    item = first(tenant, "policySets")
    body = writable(BY_KEY["policySets"], item)
    refused(tenant, "POST", path, changed(body, "items", [{**body["items"][0], "payloadId": ZERO}]), ZERO)
    group = tenant.control.groups("contoso")[0]["id"]
    target = {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}
    made = tenant.json("POST", path, {**body, "assignments": [{"target": target}]})
    where = f"{path}/{made['id']}"
    whole = tenant.get(f"{where}?$expand=items,assignments")
    assert (len(whole["items"]), whole["assignments"][0]["target"]["groupId"]) == (2, group)
    changes = {
        "addedPolicySetItems": [],
        "updatedPolicySetItems": [],
        "deletedPolicySetItems": [whole["items"][0]["id"]],
        "assignments": [],
    }
    assert tenant.ask("POST", f"{where}/update", changes).status == 204
    whole = tenant.get(f"{where}?$expand=items,assignments")
    assert (len(whole["items"]), whole["assignments"]) == (1, [])
    assert tenant.refusal("GET", f"{path}?$expand=items")[0] == 400
    assert tenant.ask("PATCH", where, {"displayName": "x"}).status == 405


def test_roles_are_assigned_by_links(tenant: Direct) -> None:
    role = next(
        item["id"] for item in tenant.control.objects("contoso", "roleDefinitions") if not item["isBuiltIn"]
    )
    groups = [group["id"] for group in tenant.control.groups("contoso")[:2]]
    body: JSON = {
        "displayName": "Second line", "description": "", "members": [groups[0]], "resourceScopes": [groups[1]],
        "roleDefinition@odata.bind": f"{BASE}/beta/deviceManagement/roleDefinitions('{role}')",
        "roleScopeTags@odata.bind": [f"{BASE}/beta/deviceManagement/roleScopeTags('1')"],
    }  # fmt: skip
    path = f"{MANAGED}/roleAssignments"
    made = tenant.json("POST", path, body, status=201)
    listed = tenant.values(f"{MANAGED}/roleDefinitions/{role}/roleAssignments")
    assert made["id"] in {item["id"] for item in listed}
    refused(tenant, "POST", path, {**body, "members": [ZERO]}, ZERO)
    elsewhere = f"{BASE}/beta/deviceManagement/roleDefinitions('{ZERO}')"
    refused(tenant, "POST", path, {**body, "roleDefinition@odata.bind": elsewhere}, ZERO)
    assert tenant.ask("DELETE", f"{path}/{made['id']}").status == 204


def test_reusable_settings_are_replaced_by_put(tenant: Direct) -> None:
    item = first(tenant, "reusablePolicySettings")
    where = f"{MANAGED}/reusablePolicySettings/{item['id']}"
    body = writable(BY_KEY["reusablePolicySettings"], item)
    assert tenant.ask("PUT", where, {**body, "displayName": "New"}).status == 204
    assert tenant.get(where)["displayName"] == "New"
    assert tenant.ask("PATCH", where, {"displayName": "x"}).status == 405
    wrong = changed(body, "settingInstance.settingDefinitionId", "other")
    refused(tenant, "PUT", where, wrong, "definition")
