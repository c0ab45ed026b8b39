"""Device configurations, compliance policies, remediation scripts, update profiles, uploaded ADMX files."""

from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.errors import ZERO_GUID
from providers.sandbox.policies.bodies import refused
from providers.sandbox.policies.rules.base import Rules
from providers.sandbox.policies.shown import MASK
from providers.sandbox.schema import is_base64

LONGEST_GRACE_HOURS = 8760
_SUPPORT_ENDS = {
    "24H2": "2026-10-13T00:00:00Z",
    "23H2": "2025-11-11T00:00:00Z",
    "25H2": "2027-10-12T00:00:00Z",
}


class DeviceConfiguration(Rules):
    def create(self, call: Call, item: JSON) -> JSON:
        return {**self.check(call, item), "supportsScopeTags": True}

    def check(self, call: Call, item: JSON) -> JSON:
        """A masked text is never taken for a value."""
        for setting in item.get("omaSettings") or []:
            if setting["isEncrypted"] and setting["value"] == MASK:
                raise refused(self.kind, f"The value of the OMA setting '{setting['omaUri']}' is masked.")
            if setting["@odata.type"].endswith("Base64") and not is_base64(setting["value"]):
                raise refused(self.kind, f"The value of the OMA setting '{setting['omaUri']}' is not base64.")
        return item


class Compliance(Rules):
    def create(self, call: Call, item: JSON) -> JSON:
        self.check_rules(call, item["scheduledActionsForRule"])
        return self.check(call, item)

    def check(self, call: Call, item: JSON) -> JSON:
        script = item.get("deviceCompliancePolicyScript")
        if script and script.get("deviceComplianceScriptId"):
            wanted = [script["deviceComplianceScriptId"]]
            self.must_exist(call, "deviceComplianceScripts", wanted, "compliance script")
        return item

    def check_rules(self, call: Call, scheduled: list[JSON]) -> None:
        """Exactly one rule, and in it a block action; whom and what it names must be there."""
        actions = [action for rule in scheduled for action in rule["scheduledActionConfigurations"]]
        if len(scheduled) != 1 or not any(action["actionType"] == "block" for action in actions):
            raise refused(self.kind, "A compliance policy needs one rule with a block action.")
        for action in actions:
            if not 0 <= action["gracePeriodHours"] <= LONGEST_GRACE_HOURS:
                raise refused(self.kind, f"The grace period is 0 to {LONGEST_GRACE_HOURS} hours.")
            template = action["notificationTemplateId"] or ZERO_GUID
            if template != ZERO_GUID:
                self.must_exist(call, "notificationMessageTemplates", [template], "notification template")
            self.groups_must_exist(call, action["notificationMessageCCList"])


class GlobalScript(Rules):
    """Remediations of Microsoft's own can be assigned, never changed or deleted."""

    def protect(self, item: JSON) -> None:
        if item["isGlobalScript"]:
            raise refused(self.kind, "A global script cannot be changed or deleted.")

    def create(self, call: Call, item: JSON) -> JSON:
        return {**item, "deviceHealthScriptType": "deviceHealthScript", "highestAvailableVersion": None}


class FeatureUpdates(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        version = item["featureUpdateVersion"]
        ends = next((end for name, end in _SUPPORT_ENDS.items() if name in version), "2027-10-12T00:00:00Z")
        return {**item, "deployableContentDisplayName": version, "endOfSupportDate": ends}


class QualityUpdates(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        release = (item.get("expeditedUpdateSettings") or {}).get("qualityUpdateRelease") or ""
        name = f"{release[:10]} B Security Updates" if release else None
        return {**item, "deployableContentDisplayName": name, "releaseDateDisplayName": release[:10] or None}


class DriverUpdates(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        if item["approvalType"] == "manual" and item["deploymentDeferralInDays"] is not None:
            raise refused(self.kind, "A deferral cannot be set while drivers are approved by hand.")
        return item


class UploadedDefinitions(Rules):
    def create(self, call: Call, item: JSON) -> JSON:
        """The content is write only: it is never kept where a read would show it."""
        if not item["groupPolicyUploadedLanguageFiles"]:
            raise refused(self.kind, "An ADMX file needs at least one language file.")
        files = [{**file, "content": None} for file in item["groupPolicyUploadedLanguageFiles"]]
        languages = [file["languageCode"] for file in files]
        return {
            **item, "content": None, "groupPolicyUploadedLanguageFiles": files, "status": "available",
            "languageCodes": languages, "policyType": "admxIngested", "revision": "1.0",
        }  # fmt: skip
