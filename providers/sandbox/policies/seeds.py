"""Objects a tenant starts with, made from the samples: the same for the same seed, always."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from providers.sandbox import schema
from providers.sandbox.data import JSON, load
from providers.sandbox.ids import derived_guid
from providers.sandbox.policies.derived import completed
from providers.sandbox.policies.devices import seed_devices
from providers.sandbox.policies.secrets import secret_token
from providers.sandbox.policies.table import BY_KEY, ObjectType
from providers.sandbox.tenants import PLACES, created_time

if TYPE_CHECKING:
    from providers.sandbox.models import Tenant

ENROLMENT_ENDINGS = {
    "deviceEnrollmentLimitConfiguration": "Limit",
    "deviceEnrollmentPlatformRestrictionsConfiguration": "PlatformRestrictions",
    "deviceEnrollmentPlatformRestrictionConfiguration": "SinglePlatformRestriction",
    "deviceEnrollmentWindowsHelloForBusinessConfiguration": "WindowsHelloForBusiness",
    "windows10EnrollmentCompletionPageConfiguration": "Windows10EnrollmentCompletionPageConfiguration",
    "deviceComanagementAuthorityConfiguration": "DeviceComanagementAuthorityConfiguration",
    "deviceEnrollmentNotificationConfiguration": "EnrollmentNotificationsConfiguration",
    "windowsRestoreDeviceEnrollmentConfiguration": "WindowsRestore",
}
_HOLE = re.compile(r"\{(own|group|ref|tenant|name|customrole|token)(?::(\w+))?(?::(\d+))?\}")
_STARTED = 170_000_000


def samples(key: str) -> list[JSON]:
    found: list[JSON] = load("samples.json").get(key, {}).get("samples", [])
    return found


def number_of(tenant: "Tenant", key: str) -> int:
    """How many objects of a type the tenant starts with, beside those the service made itself."""
    if not samples(key):
        return 0
    settings = tenant.settings
    return settings.policy_counts.get(key, settings.policies)


def identifier(kind: ObjectType, number: int, guid: str, type_name: str = "") -> str:
    """An id in the form the service gives to objects of this type."""
    if kind.identifier == "number":
        return str(number + 1)
    if kind.identifier == "c":
        return f"c{number + 1}"
    if kind.identifier == "enrolment":
        return f"{guid}_{ENROLMENT_ENDINGS.get(type_name.rpartition('.')[2], 'Configuration')}"
    return kind.identifier.format(guid)


def sample_at(tenant: "Tenant", key: str, number: int) -> JSON:
    """The sample behind an object; tenants other than the first of the demo start elsewhere in the list."""
    found = samples(key)
    start = 0 if tenant.slug == "contoso" else sum(tenant.slug.encode()) % len(found)
    return found[(start + number) % len(found)]


def seed_id(tenant: "Tenant", key: str, number: int) -> str:
    guid = derived_guid(tenant.seed, tenant.slug, key, number)
    return identifier(BY_KEY[key], number, guid, sample_at(tenant, key, number).get("@odata.type", ""))


def seed_objects(tenant: "Tenant", key: str) -> Iterator[JSON]:
    if key == "managedDevices":
        yield from seed_devices(tenant)
    kind = BY_KEY[key]
    always = load("samples.json").get(key, {}).get("always", [])
    for sample in always:
        yield _made(tenant, kind, sample, sample["id"], "2020-01-01T00:00:00Z", {})
    for number in range(number_of(tenant, key)):
        yield seed_at(tenant, key, number)


def seed_at(tenant: "Tenant", key: str, number: int) -> JSON:
    """The object a tenant starts with at this place of the list."""
    kind, sample = BY_KEY[key], sample_at(tenant, key, number)
    turn = number // len(samples(key))
    changes: JSON = {}
    if turn:
        mark = " " if key == "windowsAutopilotDeploymentProfiles" else " - "
        changes[kind.name] = f"{sample[kind.name]}{mark}{PLACES[(turn - 1) % len(PLACES)]} {turn}"
    created = created_time(_STARTED + number * 86_413 + len(key) * 3_600)
    item = _made(tenant, kind, sample, seed_id(tenant, key, number), created, changes)
    if key == "deviceEnrollmentConfigurations":
        item["priority"] = 1 + sum(
            _same_order(sample_at(tenant, key, other), item) for other in range(number)
        )
    if number % 4 == 3 and "roleScopeTagIds" in item and number_of(tenant, "roleScopeTags"):
        item["roleScopeTagIds"] = ["0", "1"]
    if "assignments" in kind.children and "assignments" not in sample:
        item = completed(kind, {**item, "assignments": _assignments(tenant, kind, item["id"], number)})
    return item


def _same_order(sample: JSON, item: JSON) -> bool:
    return all(sample.get(name) == item.get(name) for name in ("@odata.type", "platformType"))


def _made(
    tenant: "Tenant", kind: ObjectType, sample: JSON, object_id: str, created: str, changes: JSON
) -> JSON:
    fill = _filler(tenant)
    item = fill(deepcopy(sample)) | changes
    item["id"] = fill(object_id)
    name = str(item.get("@odata.type", kind.full_type)).removeprefix("#")
    blank = schema.blank("beta", name)
    stamps = {"createdDateTime": created, "lastModifiedDateTime": created, "modifiedDateTime": created}
    defaults: JSON = {key: value for key, value in stamps.items() if key in blank and key not in sample}
    if "roleScopeTagIds" in blank and kind.key != "roleScopeTags":
        defaults["roleScopeTagIds"] = ["0"]
    if "roleScopeTags" in blank:
        defaults["roleScopeTags"] = ["0"]
    if blank.get("version") == 0:
        defaults["version"] = 1
    typed = {"@odata.type": item["@odata.type"]} if "@odata.type" in item else {}
    return completed(kind, {**typed, **blank, **defaults, **item}, new=True)


def _filler(tenant: "Tenant") -> Callable[[Any], Any]:
    """Puts the tenant's own ids and names into the holes of a sample."""

    def value(kind: str, first: str | None, second: str | None) -> str:
        if kind == "group":
            return tenant.groups.factory.ids.id_of(int(first or 0) % max(tenant.settings.groups, 1))
        if kind == "ref":
            key = str(first)
            return seed_id(tenant, key, int(second or 0) % max(number_of(tenant, key), 1))
        if kind == "token":
            return secret_token(tenant, derived_guid(tenant.seed, tenant.slug, "secret"))
        if kind == "name":
            return tenant.display_name
        if kind == "customrole":
            custom = (role["id"] for role in tenant.intune_roles.values() if not role["isBuiltIn"])
            return str(next(custom, "0bd113fe-6be5-400c-a28f-ae5553f9c0be"))
        return tenant.tenant_id if kind == "tenant" else derived_guid(tenant.seed, tenant.slug, "own", first)

    def fill(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: fill(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [fill(inner) for inner in item]
        if isinstance(item, str) and "{" in item:
            return _HOLE.sub(lambda hole: value(hole[1], hole[2], hole[3]), item)
        return item

    return fill


def _assignments(tenant: "Tenant", kind: ObjectType, object_id: str, number: int) -> list[JSON]:
    """Who gets an object: nobody, a group, everyone, everyone but a group, with and without filters."""
    from providers.sandbox.policies.targets import assignment

    fill = _filler(tenant)
    ring, everyone = ("{group:14}", "{group:15}"), "allLicensedUsersAssignmentTarget"
    filters = number_of(tenant, "assignmentFilters") > 0 and kind.key not in ("termsAndConditions",)
    filtered = {
        "deviceAndAppManagementAssignmentFilterId": "{ref:assignmentFilters:0}",
        "deviceAndAppManagementAssignmentFilterType": "include",
    }
    patterns: list[list[JSON]] = [
        [{"kind": "groupAssignmentTarget", "groupId": ring[0]}],
        [{"kind": "allDevicesAssignmentTarget", **(filtered if filters else {})},
         {"kind": "exclusionGroupAssignmentTarget", "groupId": "{group:17}"}],
        [],
        [{"kind": everyone}],
        [{"kind": "groupAssignmentTarget", "groupId": ring[0]},
         {"kind": "groupAssignmentTarget", "groupId": ring[1], **(filtered if filters else {})}],
    ]  # fmt: skip
    users_only = kind.key in ("termsAndConditions", "intuneBrandingProfiles") or kind.identifier in (
        "T_{}",
        "A_{}",
    )
    chosen = patterns[number % len(patterns)] if not users_only else patterns[0 if number % 3 else 3]
    if kind.key == "roleScopeTags":
        chosen = [{"kind": "groupAssignmentTarget", "groupId": f"{{group:{10 + number % 4}}}"}]
    targets = [fill(target) for target in chosen]
    return [assignment(kind, object_id, target, tenant) for target in targets]
