"""The paths of every object type; `routes.py` of the sandbox takes them up with the others."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from providers.sandbox import schema
from providers.sandbox.calls import Reply
from providers.sandbox.errors import INTUNE
from providers.sandbox.policies import actions, assigning, links, parts, reading, special, writing
from providers.sandbox.policies.shown import CERTIFICATES
from providers.sandbox.policies.table import BETA, BOTH, BY_KEY, TYPES, ObjectType
from providers.sandbox.route import Handler, Route

# Creation or change with a way of its own.
_OWN_WAYS: dict[tuple[str, str], Handler] = {
    ("deviceConfigurations", "POST"): links.create,
    ("deviceConfigurations", "PATCH"): partial(links.change, writing.update),
    ("policySets", "POST"): actions.create_policy_set,
    ("roleAssignments", "POST"): actions.create_role_assignment,
    ("authenticationContextClassReferences", "PATCH"): partial(actions.put_context, writing.update),
}
_ONE_BY_ONE = ("termsAndConditions", "windowsAutopilotDeploymentProfiles")
# Parts without a row of their own in the table of permissions: writing them takes what writing the whole takes.
_LIKE_THE_WHOLE = {parts.CONDITIONS: parts.STRENGTHS.path}
_APP_POLICIES = "deviceAppManagement/managedAppPolicies"


def policy_routes() -> Iterator[Route]:
    for kind in TYPES:
        yield from _plain(kind)
        yield from _assigning(kind)
    yield from _actions()
    yield from _app_policies()
    yield from _sums()


def _route(kind: ObjectType, tail: str, handlers: dict[str, Handler], permission: str = "") -> Route:
    return Route(
        template=f"{kind.path}{tail}".lower(),
        handlers=handlers,
        permission=permission or f"{kind.path}{tail.replace('{}', '{id}')}",
        style=kind.style,
        versions=kind.versions,
        readers=kind.readers,
        writers=kind.writers,
        together=kind.together,
    )


def _writes(kind: ObjectType, ways: dict[str, "partial[Reply]"]) -> dict[str, Handler]:
    return {name: _OWN_WAYS.get((kind.key, name), way) for name, way in ways.items() if name in kind.methods}


def _plain(kind: ObjectType) -> Iterator[Route]:
    listed: dict[str, Handler] = {"GET": partial(reading.list_objects, kind)}
    single: dict[str, Handler] = {"GET": partial(reading.get_object, kind)}
    yield _route(kind, "", listed | _writes(kind, {"POST": partial(writing.create, kind)}))
    ways = {"PATCH": writing.update, "PUT": writing.replace, "DELETE": writing.delete}
    yield _route(
        kind, "/{}", single | _writes(kind, {name: partial(way, kind) for name, way in ways.items()})
    )
    known = schema.navigations("beta", kind.full_type)
    for name in kind.children:
        if name not in known or kind.key == "roleAssignments":
            continue
        yield _route(kind, f"/{{}}/{name}", _part_ways(kind, name) | {
            "GET": partial(reading.list_parts, kind, name, known[name])
        }, _LIKE_THE_WHOLE.get(name, ""))  # fmt: skip
        yield _route(kind, f"/{{}}/{name}/{{}}", _one_part_ways(kind, name) | {
            "GET": partial(reading.get_part, kind, name, known[name])
        }, f"{_LIKE_THE_WHOLE[name]}/{{id}}" if name in _LIKE_THE_WHOLE else "")  # fmt: skip


def _part_ways(kind: ObjectType, name: str) -> dict[str, Handler]:
    ways: dict[str, Handler] = {
        parts.LOCALIZED: parts.add_message,
        parts.VALUES: parts.add_value,
        parts.CONDITIONS: parts.add_condition,
    }
    if kind.key in _ONE_BY_ONE and name == "assignments":
        return {"POST": partial(assigning.add_assignment, kind)}
    return {"POST": ways[name]} if name in ways else {}


def _one_part_ways(kind: ObjectType, name: str) -> dict[str, Handler]:
    if kind.key in _ONE_BY_ONE and name == "assignments":
        return {"DELETE": partial(assigning.remove_assignment, kind)}
    if name == parts.LOCALIZED:
        return {"PATCH": parts.change_message, "DELETE": parts.remove_message}
    if name == parts.CONDITIONS:
        return {"PATCH": parts.change_condition, "DELETE": parts.remove_condition}
    return {"PATCH": parts.change_value, "DELETE": parts.remove_value} if name == parts.VALUES else {}


def _assigning(kind: ObjectType) -> Iterator[Route]:
    if kind.assign is None:
        return
    way: dict[str, Handler] = {"POST": partial(assigning.assign, kind)}
    yield _route(kind, "/{}/assign", way)
    if kind.key == "mobileAppConfigurations":
        yield _route(kind, f"/{{}}/{kind.type}/assign", way, f"{kind.path}/{{id}}/assign")


def _actions() -> Iterator[Route]:
    kinds = BY_KEY
    configurations = kinds["deviceConfigurations"]
    plain_text = (
        f"{configurations.path}/{{id}}/getOmaSettingPlainTextValue"
        "(secretReferenceValueId='{secretReferenceValueId}')"
    )
    yield _route(
        configurations, "/{}/getOmaSettingPlainTextValue/{}", {"GET": special.plain_text}, plain_text
    )  # fmt: skip
    for tail, method, handler in (
        (actions.PRIVACY, "POST", actions.privacy_controls),
        (f"windows10GeneralConfiguration/{actions.PRIVACY_CONTROLS}", "GET", actions.list_privacy_controls),
    ):
        yield replace(_route(configurations, f"/{{}}/{tail}", {method: handler}), versions=BETA)
    for name in sorted(CERTIFICATES):
        many = name == links.MANY
        ways: dict[str, Handler] = {"POST": partial(links.add, name)} if many else {
            "PUT": partial(links.put, name), "DELETE": partial(links.clear, name)
        }  # fmt: skip
        yield replace(_route(configurations, f"/{{}}/{{}}/{name}/$ref", ways), versions=BETA)
        if many:
            gone: dict[str, Handler] = {"DELETE": partial(links.remove, name)}
            yield replace(_route(configurations, f"/{{}}/{{}}/{name}/{{}}/$ref", gone), versions=BETA)
    states: dict[str, Handler] = {"GET": special.policy_states}
    compliance = f"{kinds['deviceCompliancePolicies'].path}/{{id}}"
    yield _route(kinds["managedDevices"], "/{}/deviceCompliancePolicyStates", states, compliance)
    for key, tail, method, handler in (
        ("deviceCompliancePolicies", "deviceStatusOverview", "GET", special.policy_overview),
        ("deviceCompliancePolicies", "scheduleActionsForRules", "POST", actions.schedule_actions),
        ("compliancePolicies", "setScheduledActions", "POST", actions.set_scheduled_actions),
        ("groupPolicyConfigurations", "updateDefinitionValues", "POST", parts.update_values),
        ("groupPolicyConfigurations", "definitionValues/{}/definition", "GET", special.definition_of),
        (
            "groupPolicyConfigurations",
            "definitionValues/{}/presentationValues",
            "GET",
            special.definition_parts,
        ),
        ("templates", "createInstance", "POST", actions.create_intent),
        ("intents", "updateSettings", "POST", actions.update_intent_settings),
        ("authenticationStrengthPolicies", "updateAllowedCombinations", "POST", actions.allowed_combinations),
        ("policySets", "update", "POST", actions.update_policy_set),
    ):
        yield _route(kinds[key], f"/{{}}/{tail}", {method: handler})
    enrolment, autopilot = (
        kinds["deviceEnrollmentConfigurations"],
        kinds["windowsAutopilotDeploymentProfiles"],
    )
    yield _route(enrolment, "/{}/setPriority", {"POST": partial(actions.set_priority, enrolment)})
    yield _route(autopilot, "/{}/assign", {"POST": partial(actions.nothing, autopilot)})


def _app_policies() -> Iterator[Route]:
    for key in special.APP_POLICIES:
        yield _route(BY_KEY[key], "/{}/targetApps", {"POST": partial(actions.target_apps, BY_KEY[key])})
    app = BY_KEY["iosManagedAppProtections"]
    single: dict[str, Handler] = {
        "GET": actions.by_kind(reading.get_object),
        "DELETE": actions.by_kind(writing.delete),
    }
    for tail, handlers in (
        ("", {"GET": special.managed_app_policies}),
        ("/{}", single),
        ("/{}/targetApps", {"POST": actions.by_kind(actions.target_apps)}),
    ):
        path = f"{_APP_POLICIES}{tail}"
        yield Route(
            path.lower(), dict(handlers), path.replace("{}", "{id}"), INTUNE, BOTH, app.readers, app.writers
        )  # fmt: skip


def _sums() -> Iterator[Route]:
    devices, roles = BY_KEY["managedDevices"], BY_KEY["roleAssignments"]
    summed: dict[str, tuple[Handler, ObjectType]] = {
        "deviceManagement/managedDeviceOverview": (special.overview, devices),
        "deviceManagement/deviceCompliancePolicyDeviceStateSummary": (special.state_summary, devices),
        "deviceManagement/roleDefinitions/{}/roleAssignments": (special.role_assignments, roles),
    }
    for path, (handler, kind) in summed.items():
        yield Route(path.lower(), {"GET": handler}, path.replace("{}", "{id}"), INTUNE, BOTH, kind.readers)
