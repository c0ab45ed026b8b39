"""Scope tags, filters, notification templates, enrolment, Autopilot and role assignments."""

import re

from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.policies.bodies import refused
from providers.sandbox.policies.rules.base import Rules
from providers.sandbox.policies.store import PolicyStore
from providers.sandbox.policies.table import TYPES
from providers.sandbox.policies.targets import FILTER_ID

_RULE = re.compile(r"\b(device|app)\.\w+\s+-\w+")
_KINDS = {
    "deviceEnrollmentLimitConfiguration": "limit",
    "deviceEnrollmentPlatformRestrictionsConfiguration": "platformRestrictions",
    "deviceEnrollmentPlatformRestrictionConfiguration": "singlePlatformRestriction",
    "deviceEnrollmentWindowsHelloForBusinessConfiguration": "windowsHelloForBusiness",
    "windows10EnrollmentCompletionPageConfiguration": "windows10EnrollmentCompletionPageConfiguration",
    "deviceComanagementAuthorityConfiguration": "deviceComanagementAuthorityConfiguration",
    "deviceEnrollmentNotificationConfiguration": "enrollmentNotificationsConfiguration",
    "windowsRestoreDeviceEnrollmentConfiguration": "windowsRestore",
}


class ScopeTag(Rules):
    def protect(self, item: JSON) -> None:
        if item["isBuiltIn"]:
            raise refused(self.kind, "The built-in scope tag cannot be changed or deleted.")

    def assign(self, call: Call, item: JSON, assignments: list[JSON]) -> None:
        self.protect(item)


class Filter(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        if not _RULE.search(item["rule"]):
            raise refused(self.kind, "The rule of the filter has a syntax error.")
        return item

    def delete(self, call: Call, item: JSON) -> None:
        for kind in TYPES:
            if "assignments" not in kind.children:
                continue
            for other in call.tenant.policies.all(kind.key):
                if any(entry["target"].get(FILTER_ID) == item["id"] for entry in other["assignments"]):
                    message = f"The filter is used by the assignments of '{other.get(kind.name)}'."
                    raise refused(self.kind, message)


class MessageTemplate(Rules):
    def protect(self, item: JSON) -> None:
        if item["displayName"] == "EnrollmentNotificationInternalMEO":
            raise refused(self.kind, "The template belongs to the service and cannot be changed.")

    def create(self, call: Call, item: JSON) -> JSON:
        return {**item, "defaultLocale": None}

    def check(self, call: Call, item: JSON) -> JSON:
        defaults = [part["locale"] for part in item["localizedNotificationMessages"] if part["isDefault"]]
        return {**item, "defaultLocale": defaults[0] if defaults else None}


class Enrolment(Rules):
    """The defaults have priority 0: they can be changed, not deleted and not assigned.

    Each type has priorities of its own; restrictions of a single platform have those of their platform.
    """

    def alike(self, policies: PolicyStore, item: JSON) -> list[JSON]:
        """The others that share the order of priorities with this one, first one first."""
        order = _order_of(item)
        found = [
            other
            for other in policies.all(self.kind.key)
            if _order_of(other) == order and other["priority"] > 0 and other["id"] != item["id"]
        ]
        return sorted(found, key=lambda other: int(other["priority"]))

    def create(self, call: Call, item: JSON) -> JSON:
        name = item["@odata.type"].rpartition(".")[2]
        own = [other["priority"] for other in self.alike(call.tenant.policies, item)]
        numbers = {"priority": max([0, *own]) + 1, "deviceEnrollmentConfigurationType": _KINDS[name]}
        return self.check(call, {**item, **numbers})

    def check(self, call: Call, item: JSON) -> JSON:
        if not 1 <= item.get("limit", 1) <= 15:
            raise refused(self.kind, "The limit is between 1 and 15 devices.")
        self.must_exist(call, "mobileApps", item.get("selectedMobileAppIds") or [], "app")
        return item

    def delete(self, call: Call, item: JSON) -> None:
        if item["priority"] == 0:
            raise refused(self.kind, "The default enrollment configuration cannot be deleted.")

    def assign(self, call: Call, item: JSON, assignments: list[JSON]) -> None:
        if item["priority"] == 0:
            raise refused(self.kind, "The default enrollment configuration cannot be assigned.")


def _order_of(item: JSON) -> tuple[str, str]:
    return item["@odata.type"], item.get("platformType") or ""


class Autopilot(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        if "-" in item["displayName"]:
            raise refused(
                self.kind, "The display name of the profile contains a character that is not allowed."
            )
        new = item.get("outOfBoxExperienceSetting") or {}
        twins = {
            "enableWhiteGlove": bool(item["preprovisioningAllowed"]),
            "extractHardwareHash": bool(item["hardwareHashExtractionEnabled"]),
            "language": item["locale"],
        }
        if new:
            twins["outOfBoxExperienceSettings"] = {
                "hidePrivacySettings": new.get("privacySettingsHidden"),
                "hideEULA": new.get("eulaHidden"),
                "userType": new.get("userType"),
                "deviceUsageType": new.get("deviceUsageType"),
                "skipKeyboardSelectionPage": new.get("keyboardSelectionPageSkipped"),
                "hideEscapeLink": new.get("escapeLinkHidden"),
            }
        return {**item, **twins}

    def delete(self, call: Call, item: JSON) -> None:
        if item["assignments"]:
            raise refused(self.kind, "The profile is assigned; remove its assignments first.")


class RoleAssignment(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        self.groups_must_exist(call, item.get("members") or [])
        self.groups_must_exist(call, item["resourceScopes"])
        return {**item, "scopeMembers": item["resourceScopes"]}
