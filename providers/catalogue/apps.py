"""Apps, app configuration, app protection and policy sets."""

from django.utils.translation import gettext_lazy as _

from providers.catalogue import _permissions as permissions
from providers.catalogue.model import (
    Area,
    Assignments,
    AssignmentsRead,
    AssignmentsWrite,
    Create,
    ObjectType,
    Query,
    Ref,
    Reference,
    Update,
)

_WITH_APPS = Query(expand="apps")
_PROTECTED_APPS = ("object.apps",)
_DEPLOYED = ("apps", "deployedAppCount", "deploymentSummary")
_TARGETED = "#microsoft.graph.targetedManagedAppPolicyAssignment"

TYPES = (
    ObjectType(
        key="mobileApps",
        label=_("Apps"),
        singular=_("App"),
        area=Area.APPS,
        path="/deviceAppManagement/mobileApps",
        graph_type="microsoft.graph.mobileApp",
        order=60,
        read=permissions.READ_APPS,
        write=permissions.WRITE_APPS,
        # Leaves out the store's global managed apps, which are nobody's own.
        listing=Query(
            filter=(
                "(microsoft.graph.managedApp/appAvailability eq null or "
                "microsoft.graph.managedApp/appAvailability eq 'lineOfBusiness' or isAssigned eq true)"
            )
        ),
        read_item=True,
        item=Query(expand="assignments"),
        assignments=Assignments(
            AssignmentsRead.ITEM,
            body_key="mobileAppAssignments",
            item_type="#microsoft.graph.mobileAppAssignment",
        ),
        strip_create=(
            "uploadState",
            "publishingState",
            "dependentAppCount",
            "supersedingAppCount",
            "supersededAppCount",
            "committedContentVersion",
            "size",
            "categories",
            "relationships",
        ),
        create=Create.NONE,
        update=Update.NONE,
        not_restorable=_("Microsoft never gives back the package of an app."),
    ),
    ObjectType(
        key="mobileAppConfigurations",
        label=_("App configurations for managed devices"),
        singular=_("App configuration for managed devices"),
        area=Area.APPS,
        path="/deviceAppManagement/mobileAppConfigurations",
        graph_type="microsoft.graph.managedDeviceMobileAppConfiguration",
        order=200,
        read=permissions.READ_APPS,
        write=permissions.WRITE_APPS,
        assignments=Assignments(
            action="microsoft.graph.managedDeviceMobileAppConfiguration/assign",
            item_type="#microsoft.graph.managedDeviceMobileAppConfigurationAssignment",
        ),
        unordered=("object.targetedMobileApps",),
        references=(Reference("object.targetedMobileApps[]", Ref.MOBILE_APP),),
        strip_create=("deviceStatuses", "userStatuses", "deviceStatusSummary", "userStatusSummary"),
        strip_update=("deviceStatuses", "userStatuses", "deviceStatusSummary", "userStatusSummary"),
        immutable=("@odata.type",),
        type_in_update=True,
    ),
    *(
        ObjectType(
            key=f"{platform}ManagedAppProtections",
            label=label,
            singular=singular,
            area=Area.APPS,
            path=f"/deviceAppManagement/{platform}ManagedAppProtections",
            graph_type=f"microsoft.graph.{platform}ManagedAppProtection",
            order=order,
            read=read,
            write=write,
            listing=_WITH_APPS,
            assignments=Assignments(item_type=_TARGETED),
            unordered=_PROTECTED_APPS,
            identity=("displayName",),
            strip_create=_DEPLOYED,
            strip_update=_DEPLOYED,
            written_apart=("apps",),
            create=Create.POST_TARGET_APPS,
            update=Update.PATCH_TARGET_APPS,
            delete_path=delete_path,
        )
        for platform, label, singular, order, read, write, delete_path in (
            (
                "ios",
                _("App protection for iOS"),
                _("App protection policy for iOS"),
                210,
                permissions.READ_APPS,
                permissions.WRITE_APPS,
                "/deviceAppManagement/managedAppPolicies",
            ),
            (
                "android",
                _("App protection for Android"),
                _("App protection policy for Android"),
                211,
                permissions.READ_APPS,
                permissions.WRITE_APPS,
                "",
            ),
            (
                "windows",
                _("App protection for Windows"),
                _("App protection policy for Windows"),
                212,
                (
                    (
                        "DeviceManagementApps.Read.All",
                        "DeviceManagementApps.ReadWrite.All",
                        "DeviceManagementConfiguration.Read.All",
                        "DeviceManagementConfiguration.ReadWrite.All",
                    ),
                ),
                (("DeviceManagementApps.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All"),),
                "",
            ),
        )
    ),
    ObjectType(
        key="targetedManagedAppConfigurations",
        label=_("App configurations for managed apps"),
        singular=_("App configuration for managed apps"),
        area=Area.APPS,
        path="/deviceAppManagement/targetedManagedAppConfigurations",
        graph_type="microsoft.graph.targetedManagedAppConfiguration",
        order=213,
        read=permissions.READ_APPS,
        write=permissions.WRITE_APPS,
        listing=_WITH_APPS,
        assignments=Assignments(item_type=_TARGETED),
        unordered=(*_PROTECTED_APPS, "object.customSettings"),
        identity=("displayName",),
        strip_create=_DEPLOYED,
        strip_update=_DEPLOYED,
        written_apart=("apps",),
        create=Create.POST_TARGET_APPS,
        update=Update.PATCH_TARGET_APPS,
    ),
    ObjectType(
        key="policySets",
        label=_("Policy sets"),
        singular=_("Policy set"),
        area=Area.APPS,
        path="/deviceAppManagement/policySets",
        graph_type="microsoft.graph.policySet",
        order=2000,
        read=permissions.READ_CONFIGURATION,
        write=permissions.WRITE_CONFIGURATION,
        read_item=True,
        item=Query(expand="items,assignments"),
        assignments=Assignments(AssignmentsRead.ITEM, AssignmentsWrite.NONE),
        identity=("displayName",),
        unordered=("object.items",),
        references=(Reference("object.items[].payloadId", Ref.POLICY),),
        strip_create=("status", "errorCode"),
        strip_update=("status", "errorCode"),
        create=Create.NONE,
        update=Update.NONE,
        not_restorable=_("Its parts get new IDs, and Microsoft offers no way to exchange them."),
    ),
)
