"""The paths of every object type; `routes.py` of the sandbox takes them up with the others."""

from collections.abc import Iterator
from functools import partial

from providers.sandbox import schema
from providers.sandbox.errors import INTUNE
from providers.sandbox.policies import reading, special
from providers.sandbox.policies.table import BOTH, BY_KEY, TYPES, ObjectType
from providers.sandbox.route import Handler, Route


def policy_routes() -> Iterator[Route]:
    for kind in TYPES:
        yield from _plain(kind)
    yield from _special()


def _route(kind: ObjectType, tail: str, handlers: dict[str, Handler], permission: str = "") -> Route:
    keyed = tail.replace("{}", "{id}")
    return Route(
        template=f"{kind.path}{tail}".lower(),
        handlers=handlers,
        permission=permission or f"{kind.path}{keyed}",
        style=kind.style,
        versions=kind.versions,
        readers=kind.readers,
        writers=kind.writers,
        together=kind.together,
    )


def _plain(kind: ObjectType) -> Iterator[Route]:
    yield _route(kind, "", {"GET": partial(reading.list_objects, kind)})
    yield _route(kind, "/{}", {"GET": partial(reading.get_object, kind)})
    known = schema.navigations("beta", kind.full_type)
    for name in kind.children:
        if name not in known or kind.key == "roleAssignments":
            continue
        of_type = known[name]
        yield _route(kind, f"/{{}}/{name}", {"GET": partial(reading.list_parts, kind, name, of_type)})
        yield _route(kind, f"/{{}}/{name}/{{}}", {"GET": partial(reading.get_part, kind, name, of_type)})


def _special() -> Iterator[Route]:
    configurations = BY_KEY["deviceConfigurations"]
    yield _route(
        configurations, "/{}/getOmaSettingPlainTextValue/{}", {"GET": special.plain_text},
        f"{configurations.path}/{{id}}/getOmaSettingPlainTextValue"
        "(secretReferenceValueId='{secretReferenceValueId}')",
    )  # fmt: skip
    devices, compliance = BY_KEY["managedDevices"], BY_KEY["deviceCompliancePolicies"]
    yield _route(devices, "/{}/deviceCompliancePolicyStates", {"GET": special.policy_states})
    yield _route(compliance, "/{}/deviceStatusOverview", {"GET": special.policy_overview})
    for name, handler in (
        ("managedDeviceOverview", special.overview),
        ("deviceCompliancePolicyDeviceStateSummary", special.state_summary),
    ):
        path = f"deviceManagement/{name}"
        yield Route(path.lower(), {"GET": handler}, path, INTUNE, BOTH, devices.readers)
    app = BY_KEY["iosManagedAppProtections"]
    path = "deviceAppManagement/managedAppPolicies"
    yield Route(path.lower(), {"GET": special.managed_app_policies}, path, INTUNE, BOTH, app.readers)
    templates = BY_KEY["groupPolicyConfigurations"]
    yield _route(templates, "/{}/definitionValues/{}/presentationValues", {"GET": special.definition_parts})
    yield _route(templates, "/{}/definitionValues/{}/definition", {"GET": special.definition_of})
    roles = BY_KEY["roleAssignments"]
    path = "deviceManagement/roleDefinitions/{}/roleAssignments"
    yield Route(
        path.lower(), {"GET": special.role_assignments}, path.replace("{}", "{id}"), INTUNE, BOTH, roles.readers
    )  # fmt: skip
