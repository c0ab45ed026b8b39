"""Apps, their configuration and protection, branding profiles and policy sets."""

from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.policies.bodies import refused
from providers.sandbox.policies.rules.base import Rules
from providers.sandbox.policies.table import TYPES
from providers.sandbox.policies.targets import FILTER_ID

_NOT_CREATED = ("microsoftStoreForBusinessApp", "androidStoreApp")
_WITH_CONTENT = ("LobApp", "MSI", "AppX", "Dmg", "MobileAppx")


def _short_type(item: JSON) -> str:
    return str(item["@odata.type"]).rpartition(".")[2]


class MobileApp(Rules):
    """Apps with content are not published before their files are there, which this server takes none of."""

    def create(self, call: Call, item: JSON) -> JSON:
        name = _short_type(item)
        if name in _NOT_CREATED:
            raise refused(self.kind, f"Apps of the type '{name}' cannot be created.")
        waits = name.endswith(_WITH_CONTENT) or name in ("win32LobApp", "macOSPkgApp", "windowsUniversalAppX")
        state = "notPublished" if waits else "published"
        return {**item, "publishingState": state, "uploadState": 0 if waits else 11}

    def assign(self, call: Call, item: JSON, assignments: list[JSON]) -> None:
        if assignments and item["publishingState"] != "published":
            raise refused(self.kind, "The app is not published and cannot be assigned.")
        filtered = any(entry["target"].get(FILTER_ID) for entry in assignments)
        if filtered and _short_type(item) == "windowsMicrosoftEdgeApp":
            raise refused(self.kind, "Filters are not supported for this type of app.")


class AppConfiguration(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        if not item["targetedMobileApps"]:
            raise refused(self.kind, "A configuration is for at least one app.")
        self.must_exist(call, "mobileApps", item["targetedMobileApps"], "app")
        return item


class AppProtection(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        return {**item, "version": f'"{item["id"][2:10]}-0000-0d00-0000-{item["id"][-12:]}"'}


class Branding(Rules):
    def delete(self, call: Call, item: JSON) -> None:
        if item["isDefaultProfile"]:
            raise refused(self.kind, "The default profile cannot be deleted.")

    def assign(self, call: Call, item: JSON, assignments: list[JSON]) -> None:
        if item["isDefaultProfile"]:
            raise refused(self.kind, "The default profile is for everyone and cannot be assigned.")


class PolicySet(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        policies = call.tenant.policies
        for part in item["items"]:
            if not any(policies.find(kind.key, part["payloadId"]) for kind in TYPES):
                raise refused(self.kind, f"The object '{part['payloadId']}' does not exist.")
        return {**item, "status": "success", "errorCode": "noError"}
