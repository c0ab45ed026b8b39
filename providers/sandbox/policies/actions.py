"""Writes with a path of their own: intents, definition values, messages, priorities, scheduled actions, apps."""

from collections.abc import Callable
from typing import Any

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, collection, entity, no_content, refused_body
from providers.sandbox.data import JSON
from providers.sandbox.policies import rules
from providers.sandbox.policies.assigning import checked_assignments
from providers.sandbox.policies.bodies import checked, refused
from providers.sandbox.policies.derived import completed
from providers.sandbox.policies.reading import admit, answer_object, answer_parts, find
from providers.sandbox.policies.rules.device import Compliance
from providers.sandbox.policies.rules.service import Enrolment
from providers.sandbox.policies.shown import not_here
from providers.sandbox.policies.special import managed_app_kind
from providers.sandbox.policies.table import BY_KEY, GRAPH, ObjectType
from providers.sandbox.policies.writing import answer, made, save, touched

INTENTS, PRIVACY = BY_KEY["intents"], "windowsPrivacyAccessControls"
GENERAL, PRIVACY_CONTROLS = f"#{GRAPH}windows10GeneralConfiguration", "privacyAccessControls"
STRENGTHS, CONTEXTS = BY_KEY["authenticationStrengthPolicies"], BY_KEY["authenticationContextClassReferences"]


def action_body(kind: ObjectType, call: Call, name: str, deep: tuple[str, ...] = ()) -> JSON:
    """The body of an action, checked against the schema of its parameters."""
    return checked(kind, call, name, call.json_body(), deep)


def create_intent(call: Call) -> Reply:
    """`createInstance` of a template: the template's settings, changed by what the body says."""
    admit(INTENTS, call)
    template = call.tenant.policies.find("templates", call.keys[0].text)
    if template is None:
        raise not_here(INTENTS, call.keys[0].text)
    body = action_body(
        INTENTS, call, "deviceManagement.templates.createInstance.createInstancePostRequestBody"
    )
    if not body.get("displayName"):
        raise refused_body(call, schema.BadBody("missing", "displayName"), INTENTS.type)
    names = ("displayName", "description", "roleScopeTagIds")
    plain = {name: body[name] for name in names if body.get(name) is not None}
    settings = _settings([], body.get("settingsDelta") or [])
    item = made(INTENTS, call, {**plain, "templateId": template["id"], "settings": settings})
    save(INTENTS, call, item, "Create")
    return answer_object(INTENTS, call, item, 200)


def update_intent_settings(call: Call) -> Reply:
    """Settings by definition; one whose valueJson is `null` goes away."""
    admit(INTENTS, call)
    item = find(INTENTS, call)
    body = action_body(INTENTS, call, "deviceManagement.intents.updateSettings.updateSettingsPostRequestBody")
    settings = _settings(item["settings"], body.get("settings") or [])
    save(INTENTS, call, touched(completed(INTENTS, {**item, "settings": settings})), "Patch")
    return no_content()


def _settings(before: list[JSON], changes: list[JSON]) -> list[JSON]:
    found = {setting["definitionId"]: setting for setting in before}
    for change in changes:
        plain = {
            name: value
            for name, value in change.items()
            if name in ("@odata.type", "definitionId", "valueJson")
        }
        if plain.get("valueJson") in (None, "null"):
            found.pop(plain["definitionId"], None)
        else:
            found[plain["definitionId"]] = {**found.get(plain["definitionId"], {}), **plain}
    return list(found.values())


def set_priority(kind: ObjectType, call: Call) -> Reply:
    """Put one enrolment configuration at a place among its kind; the others move."""
    admit(kind, call)
    item = find(kind, call)
    name = "deviceManagement.deviceEnrollmentConfigurations.setPriority.setPriorityPostRequestBody"
    wanted = action_body(kind, call, name).get("priority")
    if item["priority"] == 0 or not isinstance(wanted, int) or wanted < 1:
        raise refused(kind, "The priority of a default cannot be changed; others start at 1.")
    alike = Enrolment(kind).alike(call.tenant.policies, item)
    alike.insert(wanted - 1, item)
    for number, other in enumerate(alike, 1):
        if other["priority"] != number:
            save(kind, call, touched({**other, "priority": number}), "Patch")
    return no_content()


def schedule_actions(call: Call) -> Reply:
    """`scheduleActionsForRules` of a compliance policy."""
    kind = BY_KEY["deviceCompliancePolicies"]
    name = "deviceManagement.deviceCompliancePolicies.scheduleActionsForRules.scheduleActionsForRulesPostRequestBody"
    _schedule(kind, call, name, "deviceComplianceScheduledActionForRules")
    return no_content()


def set_scheduled_actions(call: Call) -> Reply:
    kind = BY_KEY["compliancePolicies"]
    name = "deviceManagement.compliancePolicies.setScheduledActions.setScheduledActionsPostRequestBody"
    item = _schedule(kind, call, name, "scheduledActions")
    context = f"{kind.path}('{item['id']}')/scheduledActionsForRule"
    plain = [{"id": rule["id"], "ruleName": rule["ruleName"]} for rule in item["scheduledActionsForRule"]]
    return collection(call, context, plain, type_name="deviceManagementComplianceScheduledActionForRule")


def _schedule(kind: ObjectType, call: Call, name: str, key: str) -> JSON:
    admit(kind, call)
    item = find(kind, call)
    given = action_body(kind, call, name, ("scheduledActionConfigurations",)).get(key) or []
    changed = touched(completed(kind, {**item, "scheduledActionsForRule": given}))
    Compliance(kind).check_rules(call, changed["scheduledActionsForRule"])
    save(kind, call, changed, "Patch")
    return changed


def target_apps(kind: ObjectType, call: Call) -> Reply:
    """The apps an app policy is for; the list replaces the one before."""
    admit(kind, call)
    item = find(kind, call)
    name = "deviceAppManagement.targetedManagedAppConfigurations.targetApps.targetAppsPostRequestBody"
    body = action_body(kind, call, name)
    apps = []
    for app in body.get("apps") or []:
        if not app.get("mobileAppIdentifier"):
            raise refused_body(call, schema.BadBody("missing", "apps.mobileAppIdentifier"), kind.type)
        apps.append({"mobileAppIdentifier": app["mobileAppIdentifier"]})
    changed = {**item, "apps": apps}
    if body.get("appGroupType") and "appGroupType" in item:
        changed["appGroupType"] = body["appGroupType"]
    save(kind, call, touched(completed(kind, changed)), "Patch")
    return no_content()


def by_kind(run: Callable[[ObjectType, Call], Reply]) -> Callable[[Call], Reply]:
    """The same for an app policy of any kind, named on the path they share."""
    return lambda call: run(managed_app_kind(call), call)


def privacy_controls(call: Call) -> Reply:
    kind = BY_KEY["deviceConfigurations"]
    admit(kind, call)
    item = find(kind, call)
    if item["@odata.type"] != GENERAL:
        raise refused(kind, "Privacy controls belong to a general configuration of Windows.")
    name = f"deviceManagement.deviceConfigurations.{PRIVACY}.{PRIVACY}PostRequestBody"
    controls = action_body(kind, call, name).get(PRIVACY) or []
    if twice := _twice([(each.get("dataCategory"), each.get("appPackageFamilyName")) for each in controls]):
        raise refused(kind, f"There are two controls for '{twice[0]}'.")
    save(kind, call, touched(completed(kind, {**item, PRIVACY_CONTROLS: controls})), "Patch")
    return no_content()


def list_privacy_controls(call: Call) -> Reply:
    """Read below the object alone, by a cast to its type."""
    kind = BY_KEY["deviceConfigurations"]
    admit(kind, call)
    item = find(kind, call)
    if item["@odata.type"] != GENERAL:
        raise not_here(kind, item["id"])
    context = f"{kind.path}('{item['id']}')/{GENERAL.removeprefix('#')}/{PRIVACY_CONTROLS}"
    found = item.get(PRIVACY_CONTROLS) or []
    return answer_parts(kind, call, found, f"{GRAPH}windowsPrivacyDataAccessControlItem", context)


def _twice(found: list[Any]) -> Any:
    return next((each for number, each in enumerate(found) if each in found[:number]), None)


def allowed_combinations(call: Call) -> Reply:
    admit(STRENGTHS, call)
    item = find(STRENGTHS, call)
    rules.of(STRENGTHS).protect(item)
    name = "policies.authenticationStrengthPolicies.updateAllowedCombinations.updateAllowedCombinationsPostRequestBody"
    wanted = action_body(STRENGTHS, call, name).get("allowedCombinations")
    if not wanted:
        raise refused_body(call, schema.BadBody("missing", "allowedCombinations"), STRENGTHS.type)
    changed = rules.of(STRENGTHS).check(call, {**item, "allowedCombinations": wanted})
    save(STRENGTHS, call, touched(changed), "Patch")
    result = {
        "additionalInformation": None,
        "conditionalAccessReferences": [],
        "currentCombinations": wanted,
        "previousCombinations": item["allowedCombinations"],
    }
    return entity(
        call, f"{GRAPH}updateAllowedCombinationsResult", result, type_name="updateAllowedCombinationsResult"
    )


def put_context(update: Callable[[ObjectType, Call], Reply], call: Call) -> Reply:
    """PATCH creates the authentication context when its id is free."""
    admit(CONTEXTS, call)
    wanted = call.keys[0].text.lower()
    if call.tenant.policies.find(CONTEXTS.key, wanted) is not None:
        return update(CONTEXTS, call)
    body: Any = {name: value for name, value in call.json_body().items() if name != "id"}
    plain = checked(CONTEXTS, call, CONTEXTS.full_type, body)
    if not plain.get("displayName"):
        raise refused_body(call, schema.BadBody("missing", "displayName"), CONTEXTS.type)
    kept = {name: value for name, value in plain.items() if "@" not in name}
    item = rules.of(CONTEXTS).check(call, {**made(CONTEXTS, call, kept), "id": wanted})
    save(CONTEXTS, call, item, "Create")
    return answer(CONTEXTS, call, item, 204)


def create_policy_set(call: Call) -> Reply:
    """With items and assignments in one body; `update` is the only way to change them."""
    kind = BY_KEY["policySets"]
    admit(kind, call)
    body = checked(kind, call, kind.full_type, call.json_body(), kind.deep)
    for name in ("id", "createdDateTime", "lastModifiedDateTime", *kind.computed):
        if name in body:
            raise refused_body(call, schema.BadBody("readonly", name), kind.type)
    if not body.get("displayName"):
        raise refused_body(call, schema.BadBody("missing", "displayName"), kind.type)
    plain = {name: value for name, value in body.items() if "@" not in name and name != "assignments"}
    item = rules.of(kind).create(call, made(kind, call, plain))
    item["assignments"] = checked_assignments(kind, call, body.get("assignments") or [], item["id"])
    save(kind, call, item, "Create")
    return answer(kind, call, item, 201)


def update_policy_set(call: Call) -> Reply:
    kind = BY_KEY["policySets"]
    admit(kind, call)
    item = find(kind, call)
    body = action_body(kind, call, "deviceAppManagement.policySets.update.updatePostRequestBody")
    gone = set(body.get("deletedPolicySetItems") or [])
    changes = {part.get("payloadId"): part for part in body.get("updatedPolicySetItems") or []}
    kept = [
        {**part, **changes.get(part["payloadId"], {})} for part in item["items"] if part["id"] not in gone
    ]
    changed = {**item, "items": [*kept, *(body.get("addedPolicySetItems") or [])]}
    if body.get("assignments") is not None:
        changed["assignments"] = checked_assignments(kind, call, body["assignments"], item["id"])
    save(kind, call, touched(rules.of(kind).check(call, completed(kind, changed))), "Patch")
    return no_content()


def create_role_assignment(call: Call) -> Reply:
    """Role and scope tags are named by links to them."""
    kind = BY_KEY["roleAssignments"]
    admit(kind, call)
    body = dict(call.json_body())
    role = bound_id(body.get("roleDefinition@odata.bind"))
    if role not in call.tenant.intune_roles:
        raise refused(kind, f"The role definition '{role}' does not exist.")
    given = body.get("roleScopeTags@odata.bind") or []
    tags = [bound_id(link) for link in given] or ["0"]
    rules.of(kind).must_exist(call, "roleScopeTags", tags, "scope tag")
    body.setdefault("@odata.type", f"#{GRAPH}deviceAndAppManagementRoleAssignment")
    plain = checked(kind, call, kind.full_type, body)
    for name in ("id", *kind.computed):
        if name in plain:
            raise refused_body(call, schema.BadBody("readonly", name), kind.type)
    if not plain.get("displayName"):
        raise refused_body(call, schema.BadBody("missing", "displayName"), kind.type)
    kept = {name: value for name, value in plain.items() if "@" not in name or name == "@odata.type"}
    item = rules.of(kind).create(
        call, {**made(kind, call, kept), "roleDefinition": role, "roleScopeTags": tags}
    )
    save(kind, call, item, "Create")
    return answer(kind, call, item, 201)


def bound_id(link: object) -> str:
    """The id at the end of an `@odata.bind` link, in either form."""
    text = str(link or "").rstrip("/")
    return text.rpartition("/")[2].rpartition("(")[2].rstrip(")").strip("'\"").lower()


def nothing(kind: ObjectType, call: Call) -> Reply:
    """An action that is taken without a trace, such as assigning Autopilot profiles to single devices."""
    admit(kind, call)
    find(kind, call)
    return no_content()
