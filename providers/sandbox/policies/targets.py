"""Assignments: to whom an object goes, and the ids the service gives to them."""

from typing import TYPE_CHECKING

from providers.sandbox import schema
from providers.sandbox.data import JSON
from providers.sandbox.policies.table import GRAPH, ObjectType

if TYPE_CHECKING:
    from providers.sandbox.models import Tenant

ALL_DEVICES = "adadadad-808e-44e2-905a-0b7873a8a531"
ALL_USERS = "acacacac-9df4-4c7d-9d50-4ef0226f57a9"
GROUP_TARGETS = ("groupAssignmentTarget", "exclusionGroupAssignmentTarget")
FILTER_ID = "deviceAndAppManagementAssignmentFilterId"
FILTER_TYPE = "deviceAndAppManagementAssignmentFilterType"


def target_kind(target: JSON) -> str:
    return str(target.get("@odata.type", "")).rpartition(".")[2]


def assignment(kind: ObjectType, object_id: str, target: JSON, tenant: "Tenant") -> JSON:
    """A stored assignment for a target in short form (`kind`, `groupId`, filter)."""
    whole = {"@odata.type": f"#{GRAPH}{target['kind']}"}
    whole |= {name: value for name, value in target.items() if name != "kind"}
    extra: JSON = {}
    if kind.key == "mobileApps":
        extra = {"intent": "required", "settings": None}
    elif kind.key == "deviceHealthScripts":
        extra = {"runRemediationScript": True, "runSchedule": daily_run()}
    return stored(kind, object_id, {**extra, "target": whole})


def daily_run() -> JSON:
    schedule = f"#{GRAPH}deviceHealthScriptDailySchedule"
    return {"@odata.type": schedule, "interval": 1, "useUtc": False, "time": "09:00:00.0000000"}


def stored(kind: ObjectType, object_id: str, given: JSON) -> JSON:
    """An assignment as it is kept: the service's own id, source and filter keys filled in."""
    name = assignment_type(kind)
    target = {FILTER_ID: None, FILTER_TYPE: "none", **(given.get("target") or {})}
    if target[FILTER_ID] in (None, "", "00000000-0000-0000-0000-000000000000"):
        target |= {FILTER_ID: None, FILTER_TYPE: "none"}
    blank = schema.blank("beta", name)
    made = {**blank, **{key: value for key, value in given.items() if "@" not in key}}
    made["id"] = _id(kind, object_id, target, given)
    made["target"] = target
    if "source" in blank:
        made |= {"source": "direct", "sourceId": object_id if kind.key != "mobileApps" else None}
    if kind.key == "deviceConfigurations":
        made["intent"] = given.get("intent") or "apply"
    return made


def assignment_type(kind: ObjectType) -> str:
    return schema.navigations("beta", kind.full_type)["assignments"]


def _id(kind: ObjectType, object_id: str, target: JSON, given: JSON) -> str:
    pseudo = {"allDevicesAssignmentTarget": ALL_DEVICES, "allLicensedUsersAssignmentTarget": ALL_USERS}
    group = pseudo.get(target_kind(target)) or target.get("groupId") or target.get("collectionId") or "none"
    if kind.key == "mobileApps":
        intents = ("available", "required", "uninstall", "availableWithoutEnrollment")
        return f"{group}_{intents.index(given.get('intent', 'required'))}_0"
    return f"{object_id}{kind.assign_mark}{group}"
