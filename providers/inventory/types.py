"""The object types that the inventory reads: those of the catalogue, and the managed devices."""

from django.utils.translation import gettext_lazy as _

from providers import catalogue
from providers.catalogue import Area, ObjectType, Query
from providers.permissions import READ_DEVICES

MANAGED_DEVICES = ObjectType(
    key="managedDevices",
    label=_("Devices"),
    singular=_("Device"),
    area=Area.DEVICES,
    path="/deviceManagement/managedDevices",
    graph_type="microsoft.graph.managedDevice",
    order=9000,
    version="v1.0",
    name="deviceName",
    read=(READ_DEVICES,),
    # A device has a hundred properties, of which these are shown.
    listing=Query(
        select=(
            "id,deviceName,operatingSystem,osVersion,complianceState,managedDeviceOwnerType,managementAgent,"
            "enrolledDateTime,lastSyncDateTime,userPrincipalName,model,manufacturer,serialNumber,isEncrypted"
        ),
        top=1000,
    ),
    backed_up=False,
    not_restorable=_("A device enrols by itself."),
)
APPS = "mobileApps"

# Groups have a sync of their own, which follows their changes instead of reading them all.
INVENTORY_TYPES: tuple[ObjectType, ...] = (
    *(kind for kind in catalogue.all_types() if kind.key != "groups"),
    MANAGED_DEVICES,
)
_BY_KEY = {kind.key: kind for kind in INVENTORY_TYPES}


def find(key: str) -> ObjectType | None:
    """Return the type; None for one that the inventory does not read (any more)."""
    return _BY_KEY.get(key)


def label_of(key: str) -> str:
    """Return the plural words of a type; its key for one that is not read any more."""
    kind = _BY_KEY.get(key)
    return str(kind.label) if kind else key
