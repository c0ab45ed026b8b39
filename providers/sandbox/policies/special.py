"""Reading beside the plain collections: devices and their sums, secrets, app policies of every kind."""

import base64

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, entity
from providers.sandbox.data import JSON
from providers.sandbox.policies import devices
from providers.sandbox.policies.reading import admit, answer_list, answer_parts, find, find_part
from providers.sandbox.policies.shown import Expand, not_here, shown
from providers.sandbox.policies.table import BY_KEY, GRAPH, ObjectType

CONFIGURATIONS, DEVICES = BY_KEY["deviceConfigurations"], BY_KEY["managedDevices"]
COMPLIANCE = BY_KEY["deviceCompliancePolicies"]
APP_POLICIES = (
    "iosManagedAppProtections", "androidManagedAppProtections", "windowsManagedAppProtections",
    "targetedManagedAppConfigurations",
)  # fmt: skip
APP_POLICY = ObjectType(
    "managedAppPolicies", "deviceAppManagement/managedAppPolicies", "managedAppPolicy", ""
)


def plain_text(call: Call) -> Reply:
    """The clear text of a masked OMA setting; binary values come decoded."""
    admit(CONFIGURATIONS, call)
    wanted = call.keys[1].text
    for setting in find(CONFIGURATIONS, call).get("omaSettings", []):
        if setting.get("secretReferenceValueId") == wanted:
            return entity_text(call, _decoded(setting))
    raise not_here(CONFIGURATIONS, wanted)


def _decoded(setting: JSON) -> str:
    value = str(setting["value"])
    if not str(setting["@odata.type"]).endswith(("StringXml", "Base64")):
        return value
    try:
        return base64.b64decode(value).decode()
    except ValueError:
        return value


def entity_text(call: Call, value: str) -> Reply:
    reply = entity(call, "", {"value": value}, type_name="string")
    wrong, right = f"{call.root}/$metadata#/$entity", f"{call.root}/$metadata#Edm.String"
    return Reply(200, reply.content.replace(wrong.encode(), right.encode()), objects=1)


def overview(call: Call) -> Reply:
    admit(DEVICES, call)
    found = devices.overview(call.tenant, call.tenant.policies.all("managedDevices"))
    return _one(call, "managedDeviceOverview", found)


def state_summary(call: Call) -> Reply:
    admit(DEVICES, call)
    found = devices.state_summary(call.tenant, call.tenant.policies.all("managedDevices"))
    return _one(call, "deviceCompliancePolicyDeviceStateSummary", found)


def _one(call: Call, name: str, item: JSON) -> Reply:
    kind = ObjectType(name, f"deviceManagement/{name}", name, "")
    return entity(call, kind.path, shown(call, kind, item, Expand()), type_name=name)


def policy_overview(call: Call) -> Reply:
    admit(COMPLIANCE, call)
    policy = find(COMPLIANCE, call)
    found = devices.policy_overview(call.tenant, policy, call.tenant.policies.all("managedDevices"))
    path = f"{COMPLIANCE.path}('{policy['id']}')/deviceStatusOverview"
    kind = ObjectType("deviceStatusOverview", path, "deviceComplianceDeviceOverview", "")
    return entity(call, path, shown(call, kind, found, Expand()), type_name=kind.type)


def policy_states(call: Call) -> Reply:
    admit(DEVICES, call)
    device = find(DEVICES, call)
    found = devices.policy_states(call.tenant, device, call.tenant.policies.all(COMPLIANCE.key))
    context = f"{DEVICES.path}('{device['id']}')/deviceCompliancePolicyStates"
    return answer_parts(DEVICES, call, found, f"{GRAPH}deviceCompliancePolicyState", context)


def managed_app_policies(call: Call) -> Reply:
    """Every kind of app policy in one list, without apps and without what only the item shows."""
    admit(APP_POLICY, call)
    known = schema.properties("beta", APP_POLICY.full_type)
    found = [
        {"@odata.type": f"#{BY_KEY[key].full_type}"}
        | {name: value for name, value in item.items() if name in known and not name.startswith("@")}
        for key in APP_POLICIES
        for item in call.tenant.policies.all(key)
    ]
    return answer_list(APP_POLICY, call, found)


def managed_app_kind(call: Call) -> ObjectType:
    """The kind of the app policy named in the path."""
    for key in APP_POLICIES:
        if call.tenant.policies.find(key, call.keys[0].text) is not None:
            return BY_KEY[key]
    raise not_here(BY_KEY[APP_POLICIES[0]], call.keys[0].text)


def definition_parts(call: Call) -> Reply:
    """Presentation values of one setting of an administrative template."""
    kind = BY_KEY["groupPolicyConfigurations"]
    admit(kind, call)
    owner = find(kind, call)
    value = find_part(kind, owner["definitionValues"], call.keys[1].text)
    context = f"{kind.path}('{owner['id']}')/definitionValues('{value['id']}')/presentationValues"
    return answer_parts(
        kind, call, value["presentationValues"], f"{GRAPH}groupPolicyPresentationValue", context
    )


def definition_of(call: Call) -> Reply:
    kind = BY_KEY["groupPolicyConfigurations"]
    admit(kind, call)
    value = find_part(kind, find(kind, call)["definitionValues"], call.keys[1].text)
    definition = call.tenant.policies.find("groupPolicyDefinitions", str(value["definition"]))
    if definition is None:
        raise not_here(kind, str(value["definition"]))
    group = BY_KEY["groupPolicyDefinitions"]
    return entity(call, group.path, shown(call, group, definition, Expand()), type_name=group.type)


def role_assignments(call: Call) -> Reply:
    """Assignments of one Intune role."""
    kind = BY_KEY["roleAssignments"]
    admit(kind, call)
    wanted = call.keys[0].text.lower()
    if wanted not in call.tenant.intune_roles:
        raise not_here(kind, wanted)
    found = [item for item in call.tenant.policies.all(kind.key) if item["roleDefinition"] == wanted]
    return answer_list(kind, call, found)
