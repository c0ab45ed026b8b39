"""How devices come in: enrolment configurations and Autopilot profiles; and how Windows is updated afterwards."""

from django.utils.translation import gettext_lazy as _

from providers.catalogue import _permissions as permissions
from providers.catalogue.gaps import Gap
from providers.catalogue.model import (
    Area,
    Assignments,
    AssignmentsWrite,
    Object,
    ObjectType,
    Protection,
    Ref,
    Reference,
)


def _default(item: Object) -> Protection:
    """The defaults of a tenant have priority 0: they can be neither created, deleted nor assigned."""
    return Protection.UPDATE_ONLY if item.get("priority") == 0 else Protection.FREE


TYPES = (
    ObjectType(
        key="deviceEnrollmentConfigurations",
        label=_("Enrolment configurations"),
        singular=_("Enrolment configuration"),
        area=Area.ENROLMENT,
        path="/deviceManagement/deviceEnrollmentConfigurations",
        graph_type="microsoft.graph.deviceEnrollmentConfiguration",
        order=170,
        read=(
            (
                "DeviceManagementServiceConfig.Read.All",
                "DeviceManagementServiceConfig.ReadWrite.All",
                "DeviceManagementConfiguration.Read.All",
                "DeviceManagementConfiguration.ReadWrite.All",
            ),
        ),
        write=(
            ("DeviceManagementServiceConfig.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All"),
        ),
        assignments=Assignments(
            body_key="enrollmentConfigurationAssignments",
            item_type="#microsoft.graph.enrollmentConfigurationAssignment",
        ),
        protection=_default,
        unordered=("object.selectedMobileAppIds",),
        references=(Reference("object.selectedMobileAppIds[]", Ref.MOBILE_APP),),
        strip_create=("priority", "deviceEnrollmentConfigurationType", "windowsMobileRestriction"),
        strip_update=(
            "priority",
            "deviceEnrollmentConfigurationType",
            "windowsMobileRestriction",
            "platformType",
        ),
        written_apart=("priority",),
        gaps=(Gap("priority_not_restored", path="priority"),),
        immutable=("@odata.type", "platformType"),
        type_in_update=True,
    ),
    ObjectType(
        key="windowsAutopilotDeploymentProfiles",
        label=_("Autopilot profiles"),
        singular=_("Autopilot profile"),
        area=Area.ENROLMENT,
        path="/deviceManagement/windowsAutopilotDeploymentProfiles",
        graph_type="microsoft.graph.windowsAutopilotDeploymentProfile",
        order=180,
        read=permissions.READ_SERVICE_CONFIG,
        write=permissions.WRITE_SERVICE_CONFIG,
        assignments=Assignments(write=AssignmentsWrite.EACH, body_key=""),
        strip_create=(
            "enableWhiteGlove",
            "extractHardwareHash",
            "language",
            "outOfBoxExperienceSettings",
            "enrollmentStatusScreenSettings",
            "assignedDevices",
        ),
        strip_update=(
            "enableWhiteGlove",
            "extractHardwareHash",
            "language",
            "outOfBoxExperienceSettings",
            "enrollmentStatusScreenSettings",
            "assignedDevices",
            "managementServiceAppId",
        ),
        immutable=("@odata.type",),
        type_in_update=True,
    ),
    ObjectType(
        key="windowsFeatureUpdateProfiles",
        label=_("Feature update profiles"),
        singular=_("Feature update profile"),
        area=Area.UPDATES,
        path="/deviceManagement/windowsFeatureUpdateProfiles",
        graph_type="microsoft.graph.windowsFeatureUpdateProfile",
        order=190,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        assignments=Assignments(item_type="#microsoft.graph.windowsFeatureUpdateProfileAssignment"),
        identity=("displayName",),
        strip_create=("deployableContentDisplayName", "endOfSupportDate", "deviceUpdateStates"),
        strip_update=("deployableContentDisplayName", "endOfSupportDate", "deviceUpdateStates"),
    ),
    ObjectType(
        key="windowsQualityUpdateProfiles",
        label=_("Quality update profiles"),
        singular=_("Quality update profile"),
        area=Area.UPDATES,
        path="/deviceManagement/windowsQualityUpdateProfiles",
        graph_type="microsoft.graph.windowsQualityUpdateProfile",
        order=191,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        assignments=Assignments(item_type="#microsoft.graph.windowsQualityUpdateProfileAssignment"),
        identity=("displayName",),
        strip_create=("releaseDateDisplayName", "deployableContentDisplayName"),
        strip_update=("releaseDateDisplayName", "deployableContentDisplayName"),
    ),
    ObjectType(
        key="windowsQualityUpdatePolicies",
        label=_("Quality update policies"),
        singular=_("Quality update policy"),
        area=Area.UPDATES,
        path="/deviceManagement/windowsQualityUpdatePolicies",
        graph_type="microsoft.graph.windowsQualityUpdatePolicy",
        order=192,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        assignments=Assignments(item_type="#microsoft.graph.windowsQualityUpdatePolicyAssignment"),
        identity=("displayName",),
    ),
    ObjectType(
        key="windowsDriverUpdateProfiles",
        label=_("Driver update profiles"),
        singular=_("Driver update profile"),
        area=Area.UPDATES,
        path="/deviceManagement/windowsDriverUpdateProfiles",
        graph_type="microsoft.graph.windowsDriverUpdateProfile",
        order=193,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        assignments=Assignments(item_type="#microsoft.graph.windowsDriverUpdateProfileAssignment"),
        identity=("displayName",),
        strip_create=("deviceReporting", "newUpdates", "inventorySyncStatus", "driverInventories"),
        strip_update=(
            "approvalType",
            "deviceReporting",
            "newUpdates",
            "inventorySyncStatus",
            "driverInventories",
        ),
        immutable=("approvalType",),
    ),
)
