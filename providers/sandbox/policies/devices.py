"""Managed devices of a tenant and what Intune adds up about them."""

from collections import Counter
from typing import TYPE_CHECKING

from providers.sandbox import schema
from providers.sandbox.data import JSON
from providers.sandbox.ids import derived_guid
from providers.sandbox.tenants import IdSpace, created_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from providers.sandbox.models import Tenant

NO_END = "9999-12-31T23:59:59.9999999Z"
STATES = ("unknown", "compliant", "noncompliant", "conflict", "error", "inGracePeriod", "configManager")
_DRAWN = (("compliant", 196), ("noncompliant", 226), ("inGracePeriod", 240), ("unknown", 248), ("error", 256))
_MODELS = (
    ("Windows", "10.0.26100.2033", "Latitude 7450", "Dell Inc.", "LT"),
    ("Windows", "10.0.22631.4317", "ThinkPad T14 Gen 5", "LENOVO", "LT"),
    ("Windows", "10.0.26100.2033", "Surface Laptop 6", "Microsoft Corporation", "SF"),
    ("iOS", "18.1", "iPhone 15", "Apple", "IP"),
    ("iPadOS", "18.1", "iPad Air", "Apple", "PD"),
    ("macOS", "15.1 (24B83)", "MacBook Air", "Apple", "MB"),
    ("Android", "14.0", "Galaxy A54", "Samsung", "AN"),
    ("Linux", "24.04", "EliteBook 840", "HP", "LX"),
)
_WEIGHTED = (0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6, 6, 7)
_SUMMARY = {
    "compliantDeviceCount": "compliant",
    "nonCompliantDeviceCount": "noncompliant",
    "inGracePeriodCount": "inGracePeriod",
    "configManagerCount": "configManager",
    "unknownDeviceCount": "unknown",
    "errorDeviceCount": "error",
    "conflictDeviceCount": "conflict",
}


def seed_devices(tenant: "Tenant") -> "Iterator[JSON]":
    space = IdSpace(tenant.seed, tenant.slug, "managed device")
    for number in range(tenant.settings.devices):
        digest = space.digest(number)
        yield _device(tenant, space.id_of(number), number, digest)


def _device(tenant: "Tenant", device_id: str, number: int, digest: bytes) -> JSON:
    system, version, model, maker, mark = _MODELS[_WEIGHTED[digest[13] % 16]]
    state = next(name for name, limit in _DRAWN if digest[14] < limit)
    owner = tenant.people.user(number % tenant.people.count)
    enrolled = created_time(150_000_000 + digest[15] * 200_000)
    return {
        **schema.blank("beta", "microsoft.graph.managedDevice"),
        "id": device_id,
        "deviceName": f"{tenant.slug[:3].upper()}-{mark}-{number:04d}",
        "managedDeviceName": f"{owner['givenName']}_{system}_{number}",
        "userId": owner["id"],
        "userDisplayName": owner["displayName"],
        "userPrincipalName": owner["userPrincipalName"],
        "emailAddress": owner["mail"],
        "azureADDeviceId": tenant.people.device(number % tenant.people.count)["deviceId"],
        "azureADRegistered": True,
        "operatingSystem": system,
        "osVersion": version,
        "model": model,
        "manufacturer": maker,
        "serialNumber": digest[16:21].hex().upper(),
        "complianceState": state,
        "complianceGracePeriodExpirationDateTime": "2026-12-31T12:00:00Z" if state == "inGracePeriod" else NO_END,
        "managedDeviceOwnerType": "personal" if digest[21] < 40 else "company",
        "managementAgent": "mdm",
        "managementState": "managed",
        "deviceEnrollmentType": "windowsAzureADJoin" if system == "Windows" else "userEnrollment",
        "deviceRegistrationState": "registered",
        "enrolledDateTime": enrolled,
        "lastSyncDateTime": created_time(213_000_000 + digest[22] * 3_000),
        "isEncrypted": digest[23] > 20,
        "isSupervised": system in ("iOS", "iPadOS") and digest[24] < 100,
        "jailBroken": "Unknown" if system == "Windows" else "False",
        "easActivated": False,
        "deviceCategoryDisplayName": "Unknown",
        "partnerReportedThreatState": "unknown",
        "totalStorageSpaceInBytes": 511_101_108_224,
        "freeStorageSpaceInBytes": 100_000_000_000 + digest[25] * 1_000_000_000,
        "roleScopeTagIds": ["0"],
    }  # fmt: skip


def overview(tenant: "Tenant", devices: "Iterable[JSON]") -> JSON:
    systems = Counter(device["operatingSystem"] for device in devices)
    total = sum(systems.values())
    shown = schema.blank("beta", "microsoft.graph.deviceOperatingSystemSummary")
    return {
        **schema.blank("beta", "microsoft.graph.managedDeviceOverview"),
        "id": derived_guid(tenant.seed, tenant.slug, "overview"),
        "enrolledDeviceCount": total,
        "mdmEnrolledCount": total,
        "dualEnrolledDeviceCount": 0,
        "deviceOperatingSystemSummary": {
            **{name: value for name, value in shown.items() if "@" not in name},
            "androidCount": systems["Android"],
            "iosCount": systems["iOS"] + systems["iPadOS"],
            "macOSCount": systems["macOS"],
            "windowsCount": systems["Windows"],
            "unknownCount": systems["Linux"],
        },
    }


def state_summary(tenant: "Tenant", devices: "Iterable[JSON]") -> JSON:
    states = Counter(device["complianceState"] for device in devices)
    return {
        "id": derived_guid(tenant.seed, tenant.slug, "state summary"),
        "notApplicableDeviceCount": 0,
        "remediatedDeviceCount": 0,
        **{name: states[state] for name, state in _SUMMARY.items()},
    }


def _targets(policy: JSON, device: JSON) -> bool:
    """Whether a compliance policy is meant for the device's operating system."""
    kind = str(policy.get("@odata.type", "")).lower()
    system = str(device["operatingSystem"]).lower()
    marks = {"windows": "windows", "ios": "ios", "ipados": "ios", "macos": "macos", "android": "android"}
    return system in marks and marks[system] in kind


def policy_overview(tenant: "Tenant", policy: JSON, devices: "Iterable[JSON]") -> JSON:
    """`deviceStatusOverview` of one compliance policy."""
    states = Counter(device["complianceState"] for device in devices if _targets(policy, device))
    return {
        **schema.blank("beta", "microsoft.graph.deviceComplianceDeviceOverview"),
        "id": derived_guid(tenant.seed, policy["id"], "overview"),
        "successCount": states["compliant"],
        "failedCount": states["noncompliant"] + states["inGracePeriod"],
        "errorCount": states["error"],
        "pendingCount": states["unknown"],
        "conflictCount": states["conflict"],
        "notApplicableCount": 0,
        "configurationVersion": policy.get("version", 1),
        "lastUpdateDateTime": policy.get("lastModifiedDateTime"),
    }


def policy_states(tenant: "Tenant", device: JSON, policies: "Iterable[JSON]") -> list[JSON]:
    """`deviceCompliancePolicyStates` of one device: where it is not in order, one policy says so, the others do not."""
    state, meant = device["complianceState"], [policy for policy in policies if _targets(policy, device)]
    failed = min((derived_guid(device["id"], policy["id"]) for policy in meant), default="")
    known = {
        "inGracePeriod": "nonCompliant",
        "noncompliant": "nonCompliant",
        "configManager": "notApplicable",
    }
    return [
        {
            **schema.blank("beta", "microsoft.graph.deviceCompliancePolicyState"),
            "id": f"{policy['id']}_{device['id']}",
            "displayName": policy["displayName"],
            "platformType": "all",
            "settingCount": 0,
            "state": known.get(state, state)
            if derived_guid(device["id"], policy["id"]) == failed
            else "compliant",
            "userId": device["userId"],
            "userPrincipalName": device["userPrincipalName"],
            "version": policy.get("version", 1),
        }
        for policy in meant
    ]
