"""Scripts that devices run, and remediations."""

from django.utils.translation import gettext_lazy as _

from providers.catalogue import _permissions as permissions
from providers.catalogue.model import (
    Area,
    Assignments,
    AssignmentsRead,
    Object,
    ObjectType,
    Protection,
    Query,
)

_SCRIPT = "deviceManagementScriptAssignments"
_SCRIPT_TYPE = "#microsoft.graph.deviceManagementScriptAssignment"
_RUNS = ("deviceRunStates", "userRunStates", "runSummary", "groupAssignments")
_WITH_ASSIGNMENTS = Query(expand="assignments")


def _of_microsoft(item: Object) -> Protection:
    return Protection.NEVER if item.get("isGlobalScript") else Protection.FREE


TYPES = (
    ObjectType(
        key="deviceManagementScripts",
        label=_("PowerShell scripts"),
        singular=_("PowerShell script"),
        area=Area.SCRIPTS,
        path="/deviceManagement/deviceManagementScripts",
        graph_type="microsoft.graph.deviceManagementScript",
        order=160,
        read=permissions.READ_SCRIPTS,
        write=permissions.WRITE_SCRIPTS,
        read_item=True,
        item=_WITH_ASSIGNMENTS,
        assignments=Assignments(AssignmentsRead.ITEM, body_key=_SCRIPT, item_type=_SCRIPT_TYPE),
        identity=("displayName",),
        strip_create=_RUNS,
        strip_update=_RUNS,
    ),
    ObjectType(
        key="deviceShellScripts",
        label=_("Shell scripts"),
        singular=_("Shell script"),
        area=Area.SCRIPTS,
        path="/deviceManagement/deviceShellScripts",
        graph_type="microsoft.graph.deviceShellScript",
        order=161,
        read=permissions.READ_SCRIPTS,
        write=permissions.WRITE_SCRIPTS,
        read_item=True,
        item=_WITH_ASSIGNMENTS,
        assignments=Assignments(AssignmentsRead.ITEM, body_key=_SCRIPT, item_type=_SCRIPT_TYPE),
        identity=("displayName",),
        strip_create=_RUNS,
        strip_update=_RUNS,
    ),
    ObjectType(
        key="deviceCustomAttributeShellScripts",
        label=_("Custom attribute scripts"),
        singular=_("Custom attribute script"),
        area=Area.SCRIPTS,
        path="/deviceManagement/deviceCustomAttributeShellScripts",
        graph_type="microsoft.graph.deviceCustomAttributeShellScript",
        order=162,
        read=permissions.READ_SCRIPTS,
        write=permissions.WRITE_SCRIPTS,
        read_item=True,
        item=_WITH_ASSIGNMENTS,
        assignments=Assignments(AssignmentsRead.ITEM, body_key=_SCRIPT, item_type=_SCRIPT_TYPE),
        identity=("displayName",),
        strip_create=_RUNS,
        strip_update=(*_RUNS, "customAttributeName", "customAttributeType", "displayName"),
        immutable=("customAttributeName", "customAttributeType", "displayName"),
    ),
    ObjectType(
        key="deviceHealthScripts",
        label=_("Remediations"),
        singular=_("Remediation"),
        area=Area.SCRIPTS,
        path="/deviceManagement/deviceHealthScripts",
        graph_type="microsoft.graph.deviceHealthScript",
        order=163,
        read=permissions.READ_SCRIPTS,
        write=permissions.WRITE_SCRIPTS,
        read_item=True,
        assignments=Assignments(
            body_key="deviceHealthScriptAssignments",
            item_type="#microsoft.graph.deviceHealthScriptAssignment",
        ),
        identity=("displayName",),
        protection=_of_microsoft,
        strip_create=(
            "isGlobalScript",
            "highestAvailableVersion",
            "deviceHealthScriptType",
            "runSummary",
            "deviceRunStates",
        ),
        strip_update=(
            "isGlobalScript",
            "highestAvailableVersion",
            "deviceHealthScriptType",
            "runSummary",
            "deviceRunStates",
        ),
    ),
)
