"""Application permissions of Microsoft Graph that we know, what each is for, and the any-of sets that calls accept.

From Microsoft's permissions reference (graph docs, permissions-reference) and the permissions table of the Graph
metadata. The first of a set is the least one of our read profile: the one that words name.
"""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from providers import catalogue

READ_ORGANIZATION = (
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
READ_GROUPS = (
    "GroupMember.Read.All",
    "Group.Read.All",
    "Group.ReadBasic.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
READ_ENTRA_ROLES = (
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "RoleManagement.Read.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
READ_INTUNE_ROLES = (
    "DeviceManagementRBAC.Read.All",
    "DeviceManagementRBAC.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
)

READ_COMPLIANCE = ("DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All")
READ_DEVICES = (
    "DeviceManagementManagedDevices.Read.All",
    "DeviceManagementManagedDevices.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
)

# What each permission of the read profile is for, in the words that the connection page shows.
PURPOSES: dict[str, Promise] = {
    "Organization.Read.All": _("Confirm which tenant answers, and its licences."),
    "Application.Read.All": _("See which permissions the app was granted."),
    "GroupMember.Read.All": _("Read groups and their members."),
    "RoleManagement.Read.Directory": _("Read Entra role definitions."),
    "Policy.Read.All": _("Read conditional access policies and named locations."),
    "Policy.Read.AuthenticationMethod": _("Read authentication strengths."),
    "AuthenticationContext.Read.All": _("Read authentication contexts."),
    "DeviceManagementConfiguration.Read.All": _("Read device configurations and compliance policies."),
    "DeviceManagementApps.Read.All": _("Read apps and app protection policies."),
    "DeviceManagementServiceConfig.Read.All": _("Read enrolment configurations."),
    "DeviceManagementManagedDevices.Read.All": _("Read managed devices and their compliance."),
    "DeviceManagementRBAC.Read.All": _("Read Intune role definitions."),
    "DeviceManagementScripts.Read.All": _("Read device scripts and remediations."),
}

# What a restore needs beside them. It has an app registration of its own, which holds both.
RESTORE_PURPOSES: dict[str, Promise] = {
    "DeviceManagementConfiguration.ReadWrite.All": _("Write device configurations and compliance policies."),
    "DeviceManagementApps.ReadWrite.All": _("Write apps and app protection policies."),
    "DeviceManagementServiceConfig.ReadWrite.All": _("Write enrolment configurations."),
    "DeviceManagementRBAC.ReadWrite.All": _("Write Intune roles, scope tags and their assignments."),
    "DeviceManagementScripts.ReadWrite.All": _("Write device scripts and remediations."),
    "Policy.ReadWrite.ConditionalAccess": _("Write conditional access policies and named locations."),
    "Policy.ReadWrite.AuthenticationMethod": _("Write authentication strengths."),
    "AuthenticationContext.ReadWrite.All": _("Write authentication contexts."),
}


def purposes_for(purpose: str) -> dict[str, Promise]:
    """The permissions that an app registration of this purpose should hold, each with what it is for."""
    return {**PURPOSES, **RESTORE_PURPOSES} if purpose == "restore" else PURPOSES


KNOWN_PERMISSIONS = frozenset(PURPOSES).union(
    RESTORE_PURPOSES,
    READ_ORGANIZATION,
    READ_GROUPS,
    READ_ENTRA_ROLES,
    READ_INTUNE_ROLES,
    READ_COMPLIANCE,
    READ_DEVICES,
    *(any_of for kind in catalogue.all_types() for any_of in (*kind.read, *kind.write)),
)
