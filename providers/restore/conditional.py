"""Conditional access: nobody is locked out by a restore.

Policies come back report-only unless the plan says otherwise, and whoever is excluded from every policy of the tenant
(the break-glass accounts and groups) stays excluded.
"""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any

KEY = "conditionalAccessPolicies"
ENFORCED, REPORT_ONLY, OFF = "enabled", "enabledForReportingButNotEnforced", "disabled"
_EXCLUDED = ("excludeUsers", "excludeGroups")
_INCLUDED = ("includeUsers", "includeGroups", "includeRoles", "includeGuestsOrExternalUsers")
# One policy alone says nothing about who is excluded everywhere.
_LEAST_POLICIES = 2
Exclusions = Mapping[str, list[str]]


def break_glass(policies: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Users and groups that every policy in use excludes; none where fewer than two tell."""
    users = [_users(policy) for policy in policies if policy.get("state") != OFF]
    if len(users) < _LEAST_POLICIES:
        return {}
    common = {name: set.intersection(*(set(each.get(name) or ()) for each in users)) for name in _EXCLUDED}
    return {name: sorted(ids - {"GuestsOrExternalUsers"}) for name, ids in common.items() if ids}


def guarded(policy: Mapping[str, Any], exclusions: Exclusions, *, as_backed_up: bool) -> dict[str, Any]:
    """The policy as it may be written: enforced only where that was chosen, with the exclusions kept."""
    copy: dict[str, Any] = deepcopy(dict(policy))
    if not as_backed_up and copy.get("state") == ENFORCED:
        copy["state"] = REPORT_ONLY
    users = copy.setdefault("conditions", {}).setdefault("users", {}) or {}
    copy["conditions"]["users"] = users
    for name, ids in exclusions.items():
        kept = users.get(name) or []
        users[name] = [*kept, *(each for each in ids if each not in kept)]
    if not any(users.get(name) for name in _INCLUDED):
        users["includeUsers"] = ["None"]
    applications = copy["conditions"].get("applications")
    if isinstance(applications, dict) and not any(
        applications.get(name)
        for name in (
            "includeApplications",
            "includeUserActions",
            "includeAuthenticationContextClassReferences",
        )
    ):
        applications["includeApplications"] = ["None"]
    return copy


def _users(policy: Mapping[str, Any]) -> Mapping[str, Any]:
    users = (policy.get("conditions") or {}).get("users")
    return users if isinstance(users, Mapping) else {}
