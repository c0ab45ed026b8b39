"""Settings catalog: policies, compliance policies of the second kind, reusable settings."""

from collections.abc import Callable
from typing import Any

from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.ids import format_random_guid
from providers.sandbox.policies.bodies import refused
from providers.sandbox.policies.rules.base import Rules
from providers.sandbox.policies.rules.device import Compliance
from providers.sandbox.policies.secrets import is_token_of, secret_token

_SECRET = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue"  # noqa: S105
_REFERENCE = "#microsoft.graph.deviceManagementConfigurationReferenceSettingValue"


def walked(value: Any, visit: Callable[[JSON], JSON]) -> Any:
    """A copy of nested settings in which every object went through `visit`."""
    if isinstance(value, list):
        return [walked(item, visit) for item in value]
    if isinstance(value, dict):
        return visit({name: walked(item, visit) for name, item in value.items()})
    return value


class _Settings(Rules):
    def secured(self, call: Call, settings: Any) -> Any:
        """Secrets become tokens that only this tenant understands; references must lead somewhere."""

        def visit(item: JSON) -> JSON:
            if item.get("@odata.type") == _REFERENCE:
                self.must_exist(call, "reusablePolicySettings", [item["value"]], "reusable setting")
            if item.get("@odata.type") != _SECRET:
                return item
            if item.get("valueState") == "encryptedValueToken":
                if not is_token_of(call.tenant, str(item["value"])):
                    raise refused(self.kind, "The token of a secret is of another tenant.")
                return item
            token = secret_token(call.tenant, format_random_guid())
            call.tenant.policies.received[token] = str(item["value"])
            return {**item, "value": token, "valueState": "encryptedValueToken"}

        return walked(settings, visit)


class ConfigurationPolicy(_Settings):
    def check(self, call: Call, item: JSON) -> JSON:
        if not item["settings"]:
            raise refused(self.kind, "A policy needs at least one setting.")
        names = [setting["settingInstance"]["settingDefinitionId"] for setting in item["settings"]]
        for name in names:
            if names.count(name) > 1:
                raise refused(self.kind, f"The setting '{name}' is there more than once.")
        template = item.get("templateReference") or {}
        whole = {
            "templateId": "", "templateFamily": "none", "templateDisplayName": None, "templateDisplayVersion": None,
            **template,
        }  # fmt: skip
        return {**item, "settings": self.secured(call, item["settings"]), "templateReference": whole}

    def update(self, call: Call, stored: JSON, changed: JSON) -> JSON:
        before, after = (item["templateReference"] or {} for item in (stored, changed))
        if (before.get("templateId") or "") != (after.get("templateId") or ""):
            raise refused(self.kind, "The template of a policy cannot be changed.")
        source = stored["creationSource"]
        if call.method == "PUT" and source is not None and call.json_body().get("creationSource") != source:
            raise refused(self.kind, "The creationSource of an enrollment policy has to be sent again.")
        if before:
            changed = {**changed, "templateReference": before}
        return self.check(call, changed)


class CompliancePolicy(_Settings):
    def create(self, call: Call, item: JSON) -> JSON:
        if item["scheduledActionsForRule"]:
            Compliance(self.kind).check_rules(call, item["scheduledActionsForRule"])
        return self.check(call, item)

    def check(self, call: Call, item: JSON) -> JSON:
        if not item["settings"]:
            raise refused(self.kind, "A policy needs at least one setting.")
        return {**item, "settings": self.secured(call, item["settings"])}


class ReusableSetting(_Settings):
    def check(self, call: Call, item: JSON) -> JSON:
        if item["settingInstance"]["settingDefinitionId"] != item["settingDefinitionId"]:
            raise refused(self.kind, "The instance belongs to another setting definition.")
        return {**item, "settingInstance": self.secured(call, item["settingInstance"])}
