"""Compliance policies, classic and of the settings catalog, and the scripts that they run."""

from django.utils.translation import gettext_lazy as _

from providers.catalogue import _permissions as permissions
from providers.catalogue.configuration import REUSABLE_SETTINGS
from providers.catalogue.model import (
    Area,
    Assignments,
    AssignmentsRead,
    Detail,
    ObjectType,
    Query,
    Ref,
    Reference,
    Update,
)

_NO_TEMPLATE = frozenset({"", "00000000-0000-0000-0000-000000000000"})


def _actions(base: str) -> tuple[Reference, ...]:
    configurations = f"{base}[].scheduledActionConfigurations[]"
    return (
        Reference(f"{configurations}.notificationTemplateId", Ref.NOTIFICATION_TEMPLATE, _NO_TEMPLATE),
        Reference(f"{configurations}.notificationMessageCCList[]", Ref.GROUP),
    )


def _actions_unordered(base: str) -> tuple[str, ...]:
    configurations = f"{base}[].scheduledActionConfigurations"
    return (base, configurations, f"{configurations}[].notificationMessageCCList")


TYPES = (
    ObjectType(
        key="deviceComplianceScripts",
        label=_("Compliance scripts"),
        singular=_("Compliance script"),
        area=Area.COMPLIANCE,
        path="/deviceManagement/deviceComplianceScripts",
        graph_type="microsoft.graph.deviceComplianceScript",
        order=80,
        read=permissions.READ_SCRIPTS,
        write=permissions.WRITE_SCRIPTS,
        read_item=True,
        identity=("displayName",),
    ),
    ObjectType(
        key="deviceCompliancePolicies",
        label=_("Compliance policies"),
        singular=_("Compliance policy"),
        area=Area.COMPLIANCE,
        path="/deviceManagement/deviceCompliancePolicies",
        graph_type="microsoft.graph.deviceCompliancePolicy",
        order=140,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        listing=Query(expand="assignments,scheduledActionsForRule($expand=scheduledActionConfigurations)"),
        assignments=Assignments(
            read=AssignmentsRead.LIST, item_type="#microsoft.graph.deviceCompliancePolicyAssignment"
        ),
        unordered=_actions_unordered("object.scheduledActionsForRule"),
        references=(
            *_actions("object.scheduledActionsForRule"),
            Reference("object.deviceCompliancePolicyScript.deviceComplianceScriptId", Ref.COMPLIANCE_SCRIPT),
        ),
        strip_create=(
            "scheduledActionsForRule[].id",
            "scheduledActionsForRule[].scheduledActionConfigurations[].id",
        ),
        strip_update=("scheduledActionsForRule",),
        immutable=("@odata.type",),
        update=Update.PATCH_SCHEDULED_ACTIONS,
        type_in_update=True,
    ),
    ObjectType(
        key="compliancePolicies",
        label=_("Compliance policies of the settings catalog"),
        singular=_("Compliance policy of the settings catalog"),
        area=Area.COMPLIANCE,
        path="/deviceManagement/compliancePolicies",
        graph_type="microsoft.graph.deviceManagementCompliancePolicy",
        order=150,
        name="name",
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        details=(
            Detail("settings", "settings", Query(top=1000)),
            Detail(
                "scheduledActionsForRule",
                "scheduledActionsForRule",
                Query(expand="scheduledActionConfigurations"),
            ),
        ),
        assignments=Assignments(item_type="#microsoft.graph.deviceManagementConfigurationPolicyAssignment"),
        identity=("name", "technologies"),
        unordered=("settings", "settings[].**.children", *_actions_unordered("scheduledActionsForRule")),
        references=(
            *_actions("scheduledActionsForRule"),
            *REUSABLE_SETTINGS,
        ),
        strip_create=("settingCount", "creationSource"),
        strip_update=("settingCount", "creationSource", "scheduledActionsForRule"),
        immutable=("platforms", "technologies"),
        update=Update.PUT_SCHEDULED_ACTIONS,
    ),
)
