"""Words for what the inventory keeps: platforms, states, facts of an object and what changed about it."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.compliance.shapes import STATES as COMPLIANCE
from providers.inventory.shapes import SEVERAL

Words = str | Promise
PLATFORMS: dict[str, Words] = {
    "windows": "Windows",
    "macos": "macOS",
    "ios": "iOS and iPadOS",
    "android": "Android",
    "linux": "Linux",
    "chromeos": "ChromeOS",
    SEVERAL: gettext_lazy("Several platforms"),
}
# Of conditional access policies, apps and devices; any other value is shown as Microsoft writes it.
STATES: dict[str, Words] = {
    "enabled": gettext_lazy("On"),
    "disabled": gettext_lazy("Off"),
    "notConfigured": gettext_lazy("Not configured"),
    "enabledForReportingButNotEnforced": gettext_lazy("Report-only"),
    "published": gettext_lazy("Published"),
    "notPublished": gettext_lazy("Not published"),
    "processing": gettext_lazy("Being published"),
    **COMPLIANCE,
}
FACTS: dict[str, Words] = {
    "name": gettext_lazy("Name"),
    "type": gettext_lazy("Type at Microsoft"),
    "platform": gettext_lazy("Platform"),
    "state": gettext_lazy("State"),
    "assigned": gettext_lazy("Assigned"),
    "marker": gettext_lazy("Version marker"),
    "version": gettext_lazy("Version"),
    "publisher": gettext_lazy("Publisher"),
    "technologies": gettext_lazy("Technologies"),
    "policy_type": gettext_lazy("Policy type"),
    "user": gettext_lazy("User"),
    "os_version": gettext_lazy("OS version"),
    "manufacturer": gettext_lazy("Manufacturer"),
    "model": gettext_lazy("Model"),
    "serial": gettext_lazy("Serial number"),
    "owner": gettext_lazy("Ownership"),
    "agent": gettext_lazy("Managed by"),
    "encrypted": gettext_lazy("Encrypted"),
    "enrolled": gettext_lazy("Enrolled"),
    "scope_tags": gettext_lazy("Scope tags"),
}
_VALUES: dict[str, Mapping[str, Words]] = {
    "platform": PLATFORMS,
    "state": STATES,
    "owner": {"company": gettext_lazy("Company"), "personal": gettext_lazy("Personal")},
}


def platform_word(value: str) -> str:
    return str(PLATFORMS.get(value, value))


def state_word(value: str) -> str:
    return str(STATES.get(value, value))


def fact_word(name: str) -> str:
    return str(FACTS.get(name, name))


def value_word(name: str, value: Any) -> str:
    """The value of a fact in words; empty for one that is not known."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(_VALUES.get(name, {}).get(str(value), value))


def change_lines(changes: Mapping[str, Any]) -> list[dict[str, str]]:
    """What changed, fact by fact, in the order in which facts are shown."""
    places = {name: place for place, name in enumerate(FACTS)}
    names = sorted(changes, key=lambda name: (places.get(name, len(places)), name))
    return [
        {
            "label": fact_word(name),
            "before": value_word(name, changes[name][0]),
            "after": value_word(name, changes[name][1]),
        }
        for name in names
    ]
