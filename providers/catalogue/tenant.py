"""Scope tags, filters, roles, notification templates, categories, terms and branding."""

from django.utils.translation import gettext_lazy as _

from providers.catalogue import _permissions as permissions
from providers.catalogue.model import (
    Area,
    Assignments,
    AssignmentsRead,
    AssignmentsWrite,
    Create,
    Detail,
    Object,
    ObjectType,
    Protection,
    Query,
    Ref,
    Reference,
    Update,
)

# Deprecated twins of rolePermissions[].resourceActions, and what Graph makes.
_OF_ROLE = (
    "roleAssignments",
    "isBuiltIn",
    "isBuiltInRoleDefinition",
    "permissions",
    "rolePermissions[].actions",
)
_SYSTEM_TEMPLATE = "EnrollmentNotificationInternalMEO"


def _built_in(item: Object) -> Protection:
    built_in = item.get("isBuiltIn") or item.get("isBuiltInRoleDefinition") or item.get("id") == "0"
    return Protection.NEVER if built_in else Protection.FREE


def _system_template(item: Object) -> Protection:
    return Protection.NEVER if item.get("displayName") == _SYSTEM_TEMPLATE else Protection.FREE


def _default_profile(item: Object) -> Protection:
    return Protection.UPDATE_ONLY if item.get("isDefaultProfile") else Protection.FREE


TYPES = (
    ObjectType(
        key="roleScopeTags",
        label=_("Scope tags"),
        singular=_("Scope tag"),
        area=Area.TENANT,
        path="/deviceManagement/roleScopeTags",
        graph_type="microsoft.graph.roleScopeTag",
        order=10,
        read=permissions.READ_SCOPE_TAGS,
        write=permissions.WRITE_SCOPE_TAGS,
        listing=Query(filter="isBuiltIn eq false"),
        assignments=Assignments(),
        identity=("displayName",),
        protection=_built_in,
        strip_create=("isBuiltIn", "permissions"),
        strip_update=("isBuiltIn", "permissions"),
    ),
    ObjectType(
        key="assignmentFilters",
        label=_("Assignment filters"),
        singular=_("Assignment filter"),
        area=Area.TENANT,
        path="/deviceManagement/assignmentFilters",
        graph_type="microsoft.graph.deviceAndAppManagementAssignmentFilter",
        order=15,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        identity=("displayName", "platform"),
        unordered=("object.roleScopeTags",),
        references=(Reference("object.roleScopeTags[]", Ref.SCOPE_TAG, frozenset({"0"})),),
        strip_create=("payloads",),
        strip_update=("payloads", "platform", "assignmentFilterManagementType"),
        immutable=("platform", "assignmentFilterManagementType"),
    ),
    ObjectType(
        key="roleDefinitions",
        label=_("Intune role definitions"),
        singular=_("Intune role definition"),
        area=Area.TENANT,
        path="/deviceManagement/roleDefinitions",
        graph_type="microsoft.graph.roleDefinition",
        order=20,
        read=permissions.READ_RBAC,
        write=permissions.WRITE_RBAC,
        listing=Query(filter="isBuiltIn eq false"),
        details=(
            Detail(
                "roleAssignments",
                "roleAssignments",
                each=Detail(
                    "",
                    "/deviceManagement/roleAssignments/{each}",
                    Query(expand="microsoft.graph.deviceAndAppManagementRoleAssignment/roleScopeTags"),
                    single=True,
                ),
            ),
        ),
        assignments=Assignments(write=AssignmentsWrite.ROLES, body_key="", path=""),
        identity=("displayName",),
        protection=_built_in,
        unordered=(
            "roleAssignments",
            "roleAssignments[].members",
            "roleAssignments[].scopeMembers",
            "roleAssignments[].resourceScopes",
            "roleAssignments[].roleScopeTags",
            "object.rolePermissions[].resourceActions[].allowedResourceActions",
            "object.rolePermissions[].resourceActions[].notAllowedResourceActions",
        ),
        references=(
            Reference("roleAssignments[].members[]", Ref.GROUP),
            Reference("roleAssignments[].scopeMembers[]", Ref.GROUP),
            Reference("roleAssignments[].resourceScopes[]", Ref.GROUP),
            Reference("roleAssignments[].roleScopeTags[].id", Ref.SCOPE_TAG, frozenset({"0"})),
        ),
        strip_create=_OF_ROLE,
        strip_update=_OF_ROLE,
        keep_ids=("roleScopeTags",),
    ),
    ObjectType(
        key="notificationMessageTemplates",
        label=_("Notification templates"),
        singular=_("Notification template"),
        area=Area.COMPLIANCE,
        path="/deviceManagement/notificationMessageTemplates",
        graph_type="microsoft.graph.notificationMessageTemplate",
        order=40,
        read=permissions.READ_SERVICE_CONFIG,
        write=permissions.WRITE_SERVICE_CONFIG,
        listing=Query(expand="localizedNotificationMessages"),
        identity=("displayName",),
        protection=_system_template,
        unordered=("object.localizedNotificationMessages",),
        strip_create=("defaultLocale", "localizedNotificationMessages"),
        strip_update=("defaultLocale", "localizedNotificationMessages"),
        written_apart=("localizedNotificationMessages",),
        create=Create.POST_MESSAGES,
        update=Update.PATCH_MESSAGES,
    ),
    ObjectType(
        key="deviceCategories",
        label=_("Device categories"),
        singular=_("Device category"),
        area=Area.TENANT,
        path="/deviceManagement/deviceCategories",
        graph_type="microsoft.graph.deviceCategory",
        order=90,
        read=(
            (
                "DeviceManagementConfiguration.Read.All",
                "DeviceManagementConfiguration.ReadWrite.All",
                "DeviceManagementManagedDevices.Read.All",
                "DeviceManagementManagedDevices.ReadWrite.All",
            ),
        ),
        write=(
            (
                "DeviceManagementConfiguration.ReadWrite.All",
                "DeviceManagementManagedDevices.ReadWrite.All",
            ),
        ),
        identity=("displayName",),
    ),
    ObjectType(
        key="termsAndConditions",
        label=_("Terms and conditions"),
        singular=_("Terms and conditions"),
        area=Area.ENROLMENT,
        path="/deviceManagement/termsAndConditions",
        graph_type="microsoft.graph.termsAndConditions",
        order=95,
        read=permissions.READ_SERVICE_CONFIG,
        write=permissions.WRITE_SERVICE_CONFIG,
        assignments=Assignments(write=AssignmentsWrite.EACH, body_key=""),
        identity=("displayName",),
        strip_create=("acceptanceStatuses", "groupAssignments"),
        strip_update=("acceptanceStatuses", "groupAssignments"),
    ),
    ObjectType(
        key="intuneBrandingProfiles",
        label=_("Branding profiles"),
        singular=_("Branding profile"),
        area=Area.TENANT,
        path="/deviceManagement/intuneBrandingProfiles",
        graph_type="microsoft.graph.intuneBrandingProfile",
        order=220,
        name="profileName",
        read=permissions.READ_APPS,
        write=permissions.WRITE_APPS,
        read_item=True,
        details=(
            Detail(
                "images",
                "",
                Query(select="themeColorLogo,lightBackgroundLogo,landingPageCustomizedImage"),
                single=True,
            ),
        ),
        assignments=Assignments(read=AssignmentsRead.BELOW),
        identity=("profileName",),
        protection=_default_profile,
        strip_create=("isDefaultProfile", "disableClientTelemetry"),
        strip_update=("isDefaultProfile", "disableClientTelemetry"),
        written_apart=("isDefaultProfile",),
    ),
)
