"""Any-of sets of application permissions that the catalogue's types share, the least one first."""

from providers.catalogue.model import AnyOf

READ_CONFIGURATION: tuple[AnyOf, ...] = (
    ("DeviceManagementConfiguration.Read.All", "DeviceManagementConfiguration.ReadWrite.All"),
)
WRITE_CONFIGURATION: tuple[AnyOf, ...] = (("DeviceManagementConfiguration.ReadWrite.All",),)
READ_SERVICE_CONFIG: tuple[AnyOf, ...] = (
    ("DeviceManagementServiceConfig.Read.All", "DeviceManagementServiceConfig.ReadWrite.All"),
)
WRITE_SERVICE_CONFIG: tuple[AnyOf, ...] = (("DeviceManagementServiceConfig.ReadWrite.All",),)
READ_SCRIPTS: tuple[AnyOf, ...] = (
    ("DeviceManagementScripts.Read.All", "DeviceManagementScripts.ReadWrite.All"),
)
WRITE_SCRIPTS: tuple[AnyOf, ...] = (("DeviceManagementScripts.ReadWrite.All",),)
READ_APPS: tuple[AnyOf, ...] = (("DeviceManagementApps.Read.All", "DeviceManagementApps.ReadWrite.All"),)
WRITE_APPS: tuple[AnyOf, ...] = (("DeviceManagementApps.ReadWrite.All",),)
READ_RBAC: tuple[AnyOf, ...] = (
    (
        "DeviceManagementRBAC.Read.All",
        "DeviceManagementRBAC.ReadWrite.All",
        "DeviceManagementConfiguration.Read.All",
        "DeviceManagementConfiguration.ReadWrite.All",
    ),
)
WRITE_RBAC: tuple[AnyOf, ...] = (
    ("DeviceManagementRBAC.ReadWrite.All", "DeviceManagementConfiguration.ReadWrite.All"),
)
READ_SCOPE_TAGS: tuple[AnyOf, ...] = (
    (
        "DeviceManagementConfiguration.Read.All",
        "DeviceManagementConfiguration.ReadWrite.All",
        "DeviceManagementRBAC.Read.All",
        "DeviceManagementRBAC.ReadWrite.All",
    ),
)
WRITE_SCOPE_TAGS: tuple[AnyOf, ...] = (
    ("DeviceManagementConfiguration.ReadWrite.All", "DeviceManagementRBAC.ReadWrite.All"),
)
READ_POLICY: tuple[AnyOf, ...] = (("Policy.Read.All",),)
