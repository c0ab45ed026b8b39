"""What the service itself keeps of an object: ids of its parts, counts, marks of secrets."""

from typing import Any

from providers.sandbox import schema
from providers.sandbox.data import JSON
from providers.sandbox.ids import derived_guid
from providers.sandbox.policies.table import GRAPH, ObjectType

ENCRYPTED = ("omaSettingString", "omaSettingStringXml", "omaSettingBase64")
_ENDINGS = {
    "iosMobileAppIdentifier": ("bundleId", "ios"),
    "androidMobileAppIdentifier": ("packageId", "android"),
    "macAppIdentifier": ("bundleId", "mac"),
    "windowsAppIdentifier": ("windowsAppId", "windows"),
}


def completed(kind: ObjectType, item: JSON, *, new: bool = False) -> JSON:
    """The object as it is stored: parts have ids, counts are right, secrets are marked."""
    done = dict(item)
    if new and not kind.typed and done.get("@odata.type") == f"#{kind.full_type}":
        done.pop("@odata.type")
    for name in kind.children:
        if name in _PARTS and isinstance(done.get(name), list):
            parts = [_PARTS[name](done, part, index) for index, part in enumerate(done[name])]
            done[name] = parts
        elif new and name not in ("categories", "roleDefinition"):
            done.setdefault(name, [])
    if "omaSettings" in done:
        done["omaSettings"] = [_secret(done, part, index) for index, part in enumerate(done["omaSettings"])]
    if "privacyAccessControls" in done:
        done["privacyAccessControls"] = [
            part("windowsPrivacyDataAccessControlItem", done, item, "privacy", index)
            for index, item in enumerate(done["privacyAccessControls"])
        ]
    for name, counted in (("settingCount", "settings"), ("deployedAppCount", "apps")):
        if name in done:
            done[name] = len(done.get(counted) or [])
    if "isAssigned" in done:
        done["isAssigned"] = bool(done.get("assignments"))
    return done


def part(type_name: str, owner: JSON, item: JSON, *path: object) -> JSON:
    """One part of an object with every property of its type and an id of its own."""
    own = str(item.get("@odata.type", GRAPH + type_name)).removeprefix("#")
    made = {**schema.blank("beta", own), "id": derived_guid(owner["id"], *path), **item}
    for name in ("createdDateTime", "lastModifiedDateTime"):
        if made.get(name) == schema.NEVER:
            made[name] = owner.get("lastModifiedDateTime") or schema.NEVER
    return made


def _setting(owner: JSON, item: JSON, index: int) -> JSON:
    if "definitionId" in item:
        return part("deviceManagementSettingInstance", owner, item, "setting", item["definitionId"])
    return {**item, "id": str(index)}


def _definition_value(owner: JSON, item: JSON, index: int) -> JSON:
    made = part("groupPolicyDefinitionValue", owner, item, "definition value", index, item.get("definition"))
    values = made.get("presentationValues") or []
    made["presentationValues"] = [
        part("groupPolicyPresentationValue", made, value, "presentation", number)
        for number, value in enumerate(values)
    ]
    return made


def _message(owner: JSON, item: JSON, _: int) -> JSON:
    made = part("localizedNotificationMessage", owner, item)
    return {**made, "id": f"{owner['id']}_{made['locale']}"}


def _rule(owner: JSON, item: JSON, index: int) -> JSON:
    compliance = "deviceManagementCompliance" if "platforms" in owner else "deviceCompliance"
    made = part(f"{compliance}ScheduledActionForRule", owner, item, "rule", index)
    made["scheduledActionConfigurations"] = [
        part(f"{compliance}ActionItem", owner, action, "action", index, number)
        for number, action in enumerate(item.get("scheduledActionConfigurations") or [])
    ]
    return made


def _app(owner: JSON, item: JSON, _: int) -> JSON:
    named = item.get("mobileAppIdentifier") or {}
    key, ending = _ENDINGS.get(str(named.get("@odata.type")).rpartition(".")[2], ("", "app"))
    version = str(int(derived_guid(owner["id"], named.get(key))[:8], 16) - 2**31)
    return {"id": f"{named.get(key, 'unknown')}.{ending}".lower(), "version": version, **item}


def _set_item(owner: JSON, item: JSON, _: int) -> JSON:
    return part("policySetItem", owner, item, "item", item.get("payloadId"))


def _condition(owner: JSON, item: JSON, _: int) -> JSON:
    return part("authenticationCombinationConfiguration", owner, item, *item["appliesToCombinations"])


_PARTS = {
    "combinationConfigurations": _condition,
    "settings": _setting,
    "definitionValues": _definition_value,
    "localizedNotificationMessages": _message,
    "scheduledActionsForRule": _rule,
    "apps": _app,
    "items": _set_item,
}


def _secret(owner: JSON, item: JSON, index: int) -> JSON:
    """An OMA setting: text is kept as a secret that only its own function tells."""
    kind = str(item.get("@odata.type")).rpartition(".")[2]
    name = f"{GRAPH}{kind}"
    blank: dict[str, Any] = schema.blank("beta", name) if schema.has_type("beta", name) else {}
    made = {**blank, **item, "isEncrypted": kind in ENCRYPTED, "secretReferenceValueId": None}
    if kind in ENCRYPTED:
        secret = derived_guid(owner["id"], "secret", item.get("omaUri"), index)
        made["secretReferenceValueId"] = f"{derived_guid('vault', owner['id'])}_{owner['id']}_{secret}"
    return made
