"""Conditional access: policies, named locations, authentication strengths and contexts."""

import ipaddress
import re

from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.ids import is_guid
from providers.sandbox.policies.bodies import refused
from providers.sandbox.policies.rules.base import Rules

HIGHEST_NUMBER = 195
_CONTEXT_ID = re.compile(r"^c([1-9]|[1-9]\d)$")
_COMBINATIONS = {
    "fido2CombinationConfiguration": ("fido2",),
    "x509CertificateCombinationConfiguration": ("x509CertificateSingleFactor", "x509CertificateMultiFactor"),
}
_LIMITS = {
    "fido2CombinationConfiguration": ("allowedAAGUIDs",),
    "x509CertificateCombinationConfiguration": ("allowedIssuerSkis", "allowedPolicyOIDs"),
}
_USERS = ("All", "None", "GuestsOrExternalUsers")
_APPLICATIONS = ("includeApplications", "includeUserActions", "includeAuthenticationContextClassReferences")


class ConditionalAccess(Rules):
    def create(self, call: Call, item: JSON) -> JSON:
        if len(call.tenant.policies.shelf(self.kind.key)) >= HIGHEST_NUMBER:
            raise refused(self.kind, f"1040: A tenant can have {HIGHEST_NUMBER} policies.")
        return self.check(call, item)

    def check(self, call: Call, item: JSON) -> JSON:
        conditions = item["conditions"]
        applications = conditions.get("applications") or {}
        if not any(applications.get(name) for name in _APPLICATIONS):
            raise refused(self.kind, "1007: Incoming policy has no application condition.")
        users = conditions.get("users") or {}
        included = any(users.get(name) for name in users if name.startswith("include"))
        if not included and not conditions.get("clientApplications"):
            raise refused(self.kind, "1009: Incoming policy has no user condition.")
        self._users(call, users)
        self._locations(call, conditions.get("locations") or {})
        contexts = applications.get("includeAuthenticationContextClassReferences") or []
        self.must_exist(call, "authenticationContextClassReferences", contexts, "authentication context")
        return self._controls(call, item)

    def _users(self, call: Call, users: JSON) -> None:
        groups = (users.get("includeGroups") or []) + (users.get("excludeGroups") or [])
        self.groups_must_exist(call, groups)
        for user in (users.get("includeUsers") or []) + (users.get("excludeUsers") or []):
            if user not in _USERS and not is_guid(user):
                raise refused(self.kind, f"1011: The user '{user}' does not exist.")

    def _locations(self, call: Call, locations: JSON) -> None:
        named = (locations.get("includeLocations") or []) + (locations.get("excludeLocations") or [])
        wanted = [name for name in named if name not in ("All", "AllTrusted")]
        self.must_exist(call, "namedLocations", wanted, "named location")

    def _controls(self, call: Call, item: JSON) -> JSON:
        controls, session = item.get("grantControls"), item.get("sessionControls")
        if not controls and not session:
            raise refused(self.kind, "1032: Incoming policy has no grant or session control.")
        if not controls:
            return item
        built_in, strength = controls.get("builtInControls") or [], controls.get("authenticationStrength")
        if controls.get("operator") not in ("AND", "OR"):
            raise refused(self.kind, "1014: The operator of grant controls is AND or OR.")
        if "block" in built_in and (len(built_in) > 1 or strength):
            raise refused(self.kind, "1031: Block cannot be combined with other grant controls.")
        if not strength:
            return item
        if controls["operator"] != "AND" and built_in:
            raise refused(self.kind, "1073: An authentication strength takes the operator AND.")
        if "mfa" in built_in:
            raise refused(self.kind, "1074: An authentication strength cannot be combined with mfa.")
        if set(strength) - {"id", "@odata.type"}:
            raise refused(self.kind, "1075: Only the id of an authentication strength may be sent.")
        self.must_exist(
            call, "authenticationStrengthPolicies", [strength.get("id")], "authentication strength"
        )
        return {**item, "grantControls": {**controls, "authenticationStrength": {"id": strength["id"]}}}


class NamedLocation(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        for part in item.get("ipRanges") or []:
            try:
                ipaddress.ip_network(part["cidrAddress"], strict=False)
            except (KeyError, ValueError):
                raise refused(self.kind, f"1053: '{part.get('cidrAddress')}' is not a CIDR range.") from None
        for country in item.get("countriesAndRegions") or []:
            if not re.fullmatch(r"[A-Z]{2}", country):
                raise refused(self.kind, f"1054: '{country}' is not a country code.")
        if item.get("ipRanges") == [] or item.get("countriesAndRegions") == []:
            raise refused(self.kind, "1055: A named location needs at least one range or country.")
        return item

    def delete(self, call: Call, item: JSON) -> None:
        if item.get("isTrusted"):
            raise refused(self.kind, "1061: A trusted named location cannot be deleted.")
        for policy in call.tenant.policies.all("conditionalAccessPolicies"):
            locations = policy["conditions"].get("locations") or {}
            if any(item["id"] in (names or []) for names in locations.values() if isinstance(names, list)):
                raise refused(self.kind, f"1062: The policy '{policy['displayName']}' uses the location.")


class AuthenticationStrength(Rules):
    def protect(self, item: JSON) -> None:
        if item["policyType"] == "builtIn":
            raise refused(self.kind, "Built-in authentication strengths cannot be changed or deleted.")

    def create(self, call: Call, item: JSON) -> JSON:
        return {**item, "policyType": "custom", "requirementsSatisfied": "mfa"}

    def check(self, call: Call, item: JSON) -> JSON:
        """Each condition is for combinations that its method has and the strength allows, and is the only one there."""
        taken: list[str] = []
        for condition in item["combinationConfigurations"]:
            uses = condition.get("appliesToCombinations") or []
            method = str(condition["@odata.type"]).rpartition(".")[2]
            if not uses or not set(uses) <= set(_COMBINATIONS[method]):
                raise refused(self.kind, f"'{method}' applies to {' or '.join(_COMBINATIONS[method])}.")
            if lacking := sorted(set(uses) - set(item["allowedCombinations"])):
                raise refused(
                    self.kind, f"The combination '{lacking[0]}' has a configuration: it must be allowed."
                )
            if twice := sorted(set(uses) & set(taken)):
                raise refused(self.kind, f"The combination '{twice[0]}' has a configuration already.")
            if not any(condition.get(name) for name in _LIMITS[method]):
                raise refused(
                    self.kind, f"'{method}' limits nothing: {' or '.join(_LIMITS[method])} is needed."
                )
            if not all(is_guid(key) for key in condition.get("allowedAAGUIDs") or []):
                raise refused(self.kind, "allowedAAGUIDs are GUIDs.")
            taken += uses
        return item

    def delete(self, call: Call, item: JSON) -> None:
        self.protect(item)
        for policy in call.tenant.policies.all("conditionalAccessPolicies"):
            strength = (policy.get("grantControls") or {}).get("authenticationStrength") or {}
            if strength.get("id") == item["id"]:
                raise refused(self.kind, f"The policy '{policy['displayName']}' uses the strength.")


class AuthenticationContext(Rules):
    def check(self, call: Call, item: JSON) -> JSON:
        if not _CONTEXT_ID.match(item["id"]):
            raise refused(self.kind, "The id of an authentication context is c1 to c99.")
        return item
