"""What a row of the inventory takes of a listed object. Values are PostgreSQL's own text, as COPY takes it.

Property names: Microsoft Graph reference, resource types of the catalogue and managedDevice.
"""

import hashlib
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

import orjson

from providers.catalogue import AssignmentsRead, ObjectType
from providers.directory_history import History
from providers.directory_shapes import JSON, Shape, moment, text
from providers.inventory.types import MANAGED_DEVICES
from providers.models import InventoryObject

_COLUMNS = (
    "display_name",
    "description",
    "odata_type",
    "platform",
    "state",
    "assigned",
    "marker",
    "reported_at",
    "summary",
)
# What counts as a change of an object. When a device last checked in does not: it would change with every read.
HISTORY = History(
    facts={
        "name": "display_name",
        "type": "odata_type",
        "platform": "platform",
        "state": "state",
        "assigned": "assigned",
        "marker": "marker",
    },
    json="summary",
)
SEVERAL = "several"
# How names of platforms begin, in the spellings of policies, types and devices.
_PLATFORMS = (
    ("ipados", "ios"),
    ("ios", "ios"),
    ("macos", "macos"),
    ("android", "android"),
    ("aosp", "android"),
    ("linux", "linux"),
    ("chrome", "chromeos"),
    ("win", "windows"),
)
# Types whose objects are for one platform without saying so.
_PLATFORM_OF_TYPE = {
    "deviceComplianceScripts": "windows",
    "deviceHealthScripts": "windows",
    "deviceManagementScripts": "windows",
    "groupPolicyConfigurations": "windows",
    "deviceShellScripts": "macos",
    "deviceCustomAttributeShellScripts": "macos",
}
# JSON path of Graph's own words -> name in our summary.
_SUMMARY = {
    "version": "version",
    "publisher": "publisher",
    "technologies": "technologies",
    "policyType": "policy_type",
    "osVersion": "os_version",
    "userPrincipalName": "user",
    "manufacturer": "manufacturer",
    "model": "model",
    "serialNumber": "serial",
    "managedDeviceOwnerType": "owner",
    "managementAgent": "agent",
    "isEncrypted": "encrypted",
    "enrolledDateTime": "enrolled",
}
_NEVER = "0001-01-01"


@cache
def shape_of(kind: ObjectType) -> Shape:
    """How objects of this type become rows."""
    return Shape(InventoryObject, (), _COLUMNS, partial(_row, kind), HISTORY)


def platform_of(names: Iterable[str]) -> str:
    """The platform that these names stand for; empty for none that is known."""
    found = {known for name in names for begin, known in _PLATFORMS if name.lower().startswith(begin)}
    return found.pop() if len(found) == 1 else (SEVERAL if found else "")


def _row(kind: ObjectType, item: JSON) -> tuple[str | None, ...]:
    return (
        text(item.get(kind.name))[:1024],
        text(item.get("description")),
        _type(item)[:128],
        _platform(kind, item),
        text(item.get("complianceState") or item.get("state") or item.get("publishingState"))[:64],
        _assigned(kind, item),
        "" if kind is MANAGED_DEVICES else marker_of(item),
        _past(item.get("lastSyncDateTime")) if kind is MANAGED_DEVICES else None,
        orjson.dumps(_summary(item)).decode(),
    )


def _type(item: JSON) -> str:
    return text(item.get("@odata.type")).removeprefix("#").removeprefix("microsoft.graph.")


def _platform(kind: ObjectType, item: JSON) -> str:
    said = item.get("platforms") or item.get("platform") or item.get("operatingSystem")
    if isinstance(said, list):
        said = ",".join(text(each) for each in said)
    names = text(said).split(",") if said else [_type(item), kind.key]
    return platform_of(names) or _PLATFORM_OF_TYPE.get(kind.key, "")


def _assigned(kind: ObjectType, item: JSON) -> str | None:
    """Whether it is assigned to anybody; None where the list does not say."""
    said: Any = item.get("isAssigned")
    if said is None and kind.assignments and kind.assignments.read is AssignmentsRead.LIST:
        listed = item.get("assignments")
        said = bool(listed) if isinstance(listed, list) else None
    return None if said is None else ("t" if said is True else "f")


def marker_of(item: JSON) -> str:
    """What tells one state of an object from the next: its last change, else its version, else what was listed."""
    changed = item.get("lastModifiedDateTime") or item.get("modifiedDateTime")
    if isinstance(changed, str) and not changed.startswith(_NEVER):
        return text(changed)[:80]
    if isinstance(item.get("version"), int | str):
        return f"v{text(str(item['version']))}"[:80]
    plain = _without_annotations(item)
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _without_annotations(value: Any) -> Any:
    """The value without OData's own keys, which may change while the object does not."""
    if isinstance(value, Mapping):
        return {
            key: _without_annotations(each)
            for key, each in value.items()
            if not (key.startswith("#") or ("@" in key and key != "@odata.type"))
        }
    return [_without_annotations(each) for each in value] if isinstance(value, list) else value


def _summary(item: JSON) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for name, ours in _SUMMARY.items():
        value = item.get(name)
        if isinstance(value, str) and value and not value.startswith(_NEVER):
            summary[ours] = text(value)[:512]
        elif isinstance(value, bool | int):
            summary[ours] = value
    tags = item.get("roleScopeTagIds")
    if isinstance(tags, list):
        summary["scope_tags"] = sorted(text(tag) for tag in tags)
    return summary


def _past(value: object) -> str | None:
    return None if isinstance(value, str) and value.startswith(_NEVER) else moment(value)
