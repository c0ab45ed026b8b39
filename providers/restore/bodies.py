"""What is sent: an object without whatever Graph makes, masks or refuses."""

from base64 import b64encode
from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from providers.catalogue import ObjectType
from providers.objects.paths import drop, places

Content = dict[str, Any]

# Graph's own at every level of a body.
_OWNED = frozenset(
    {
        "createdDateTime",
        "lastModifiedDateTime",
        "modifiedDateTime",
        "version",
        "isAssigned",
        "supportsScopeTags",
        "assignments",
        "@odata.etag",
        "@odata.context",
    }
)
_ANNOTATIONS = (
    "@odata.context",
    "@odata.navigationLink",
    "@odata.associationLink",
    "@odata.id",
    "@odata.etag",
)
# Lists that stand beside the object in its content, and inside the body that writes it.
_INLINE = {
    "configurationPolicies": ("settings",),
    "compliancePolicies": ("settings", "scheduledActionsForRule"),
}
_MASKED = "****"
_BASE64 = frozenset({"#microsoft.graph.omaSettingStringXml", "#microsoft.graph.omaSettingBase64"})


def create_body(kind: ObjectType, content: Content) -> Content:
    """The body that creates the object."""
    return _body(kind, content, kind.strip_create)


def update_body(kind: ObjectType, content: Content) -> Content:
    """The body that brings a live object to this state; secrets that Graph hid stay out, and so stay as they are."""
    body = _body(kind, content, kind.strip_update)
    for path in kind.secrets:
        _drop_hidden(body, path.removeprefix("object."))
    return body


def stripped(value: Any) -> Any:
    """A copy without what Graph makes, at every level, ids included."""
    return _strip(deepcopy(value), keep_ids=False)


def _body(kind: ObjectType, content: Content, strip: Iterable[str]) -> Content:
    body: Content = deepcopy(dict(content.get("object") or {}))
    body.pop("id", None)
    for name in _INLINE.get(kind.key, ()):
        if isinstance(content.get(name), list):
            body[name] = deepcopy(content[name])
    for path in strip:
        drop(body, path)
    body = _strip(body, keep_ids=True)
    return _SPECIAL[kind.key](body) if kind.key in _SPECIAL else body


def _strip(value: Any, *, keep_ids: bool) -> Any:
    if isinstance(value, list):
        return [_strip(each, keep_ids=keep_ids) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _strip(each, keep_ids=keep_ids)
        for name, each in value.items()
        if not (_owned(name) or (name == "id" and not keep_ids))
    }


def _owned(name: str) -> bool:
    return name in _OWNED or name.startswith("#") or name.endswith(_ANNOTATIONS)


def _drop_hidden(body: Content, path: str) -> None:
    for site in reversed(list(places(body, path))):
        if site.value in (None, _MASKED):
            del site.holder[site.key]


def _configuration(body: Content) -> Content:
    """The clear text of a secret comes decoded, and goes as Graph keeps it."""
    for setting in body.get("omaSettings") or []:
        if setting.get("isEncrypted"):
            setting["isEncrypted"] = False
            if setting.get("@odata.type") in _BASE64 and isinstance(setting.get("value"), str):
                setting["value"] = b64encode(setting["value"].encode()).decode()
    return body


def _conditional_access(body: Content) -> Content:
    strength = (body.get("grantControls") or {}).get("authenticationStrength")
    if isinstance(strength, dict):
        body["grantControls"]["authenticationStrength"] = {"id": strength.get("id")}
    session = body.get("sessionControls")
    if isinstance(session, dict) and not session.get("disableResilienceDefaults"):
        session.pop("disableResilienceDefaults", None)
    return body


def _compliance(body: Content) -> Content:
    """Ids inside scheduled actions are Graph's; those of templates are not."""
    for name in ("scheduledActionsForRule",):
        for rule in body.get(name) or []:
            rule.pop("id", None)
            for action in rule.get("scheduledActionConfigurations") or []:
                action.pop("id", None)
    for setting in body.get("settings") or []:
        setting.pop("id", None)
    return body


_SPECIAL = {
    "deviceConfigurations": _configuration,
    "conditionalAccessPolicies": _conditional_access,
    "deviceCompliancePolicies": _compliance,
    "compliancePolicies": _compliance,
}
