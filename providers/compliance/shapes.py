"""What is kept of a device's compliance, and of Microsoft's own counts.

Property names: Microsoft Graph reference, resource types managedDevice, deviceCompliancePolicyDeviceStateSummary and
deviceComplianceDeviceOverview.
"""

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from providers.choices import ObjectKind
from providers.directory_history import History
from providers.directory_shapes import JSON, Shape, moment, text
from providers.inventory.shapes import platform_of
from providers.models import ComplianceDevice

SELECTION = "all_devices_v1"
DEVICES = ObjectKind.COMPLIANCE_DEVICES.value
SUMMARY, POLICIES, FAILED_POLICIES = "device_summary", "compliance_policies", "failed_policies"
PARTS: dict[str, str | Promise] = {
    DEVICES: _("Devices and their compliance"),
    SUMMARY: _("Microsoft's compliance summary"),
    POLICIES: _("Compliance policies"),
    FAILED_POLICIES: _("Devices asked which policies they fail"),
}
FIELDS = (
    "id", "deviceName", "operatingSystem", "osVersion", "complianceState", "managedDeviceOwnerType",
    "userPrincipalName", "model", "serialNumber", "isEncrypted", "lastSyncDateTime",
    "complianceGracePeriodExpirationDateTime",
)  # fmt: skip
STATES: dict[str, str | Promise] = {
    "compliant": _("Compliant"),
    "noncompliant": _("Not compliant"),
    "inGracePeriod": _("In grace period"),
    "conflict": _("Conflict"),
    "error": _("Error"),
    "configManager": _("By Configuration Manager"),
    "unknown": _("Not evaluated"),
}
"""The states of a device (complianceState), from in order to not known."""
OUT_OF_COMPLIANCE = ("noncompliant", "conflict", "error")
FAILING = {"nonCompliant": "noncompliant", "error": "error", "conflict": "conflict"}
"""States of one policy on one device (complianceStatus) that put it out of compliance, worst first, in our words."""
SUMMARY_COUNTS = {
    "compliant": "compliantDeviceCount",
    "noncompliant": "nonCompliantDeviceCount",
    "inGracePeriod": "inGracePeriodCount",
    "conflict": "conflictDeviceCount",
    "error": "errorDeviceCount",
    "configManager": "configManagerCount",
    "unknown": "unknownDeviceCount",
    "notApplicable": "notApplicableDeviceCount",
    "remediated": "remediatedDeviceCount",
}
POLICY_COUNTS = {
    "success": "successCount",
    "failed": "failedCount",
    "error": "errorCount",
    "pending": "pendingCount",
    "notApplicable": "notApplicableCount",
}
_NO_DATE = ("0001-", "9999-")


def _row(item: JSON) -> tuple[str | None, ...]:
    encrypted = item.get("isEncrypted")
    return (
        text(item.get("deviceName"))[:1024],
        "",
        platform_of([text(item.get("operatingSystem"))]),
        text(item.get("osVersion"))[:64],
        text(item.get("managedDeviceOwnerType"))[:32],
        text(item.get("userPrincipalName"))[:256],
        text(item.get("model"))[:256],
        text(item.get("serialNumber"))[:128],
        ("t" if encrypted else "f") if isinstance(encrypted, bool) else None,
        text(item.get("complianceState"))[:32] or "unknown",
        _date(item.get("complianceGracePeriodExpirationDateTime")),
        _date(item.get("lastSyncDateTime")),
        # Carried from the row before, or begun anew.
        None,
        None,
    )


def _date(value: object) -> str | None:
    return None if isinstance(value, str) and value.startswith(_NO_DATE) else moment(value)


SHAPE = Shape(
    ComplianceDevice,
    FIELDS,
    (
        "display_name",
        "description",
        "platform",
        "os_version",
        "owner",
        "user_name",
        "model",
        "serial",
        "encrypted",
        "state",
        "grace_until",
        "reported_at",
        "state_since",
        "since_known",
    ),
    _row,
    History(
        facts={"state": "state"},
        steady="state",
        carried=(("state_since", "now()"), ("since_known", "%(known)s")),
    ),
)


def counts_in(body: JSON, names: dict[str, str]) -> dict[str, int]:
    """The counts that the answer gives, under our names; what it leaves out is left out."""
    found: dict[str, Any] = {ours: body.get(theirs) for ours, theirs in names.items()}
    return {name: value for name, value in found.items() if isinstance(value, int) and value >= 0}
