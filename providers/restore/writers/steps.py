"""The requests that create an object, bring a live one to a wanted state, or delete it."""

from functools import partial
from typing import Any

from providers.catalogue import Create, ObjectType, Update
from providers.objects.canonical import canonical
from providers.restore.bodies import create_body, stripped, update_body
from providers.restore.entered import NOTHING, Entered
from providers.restore.writers import admx, assign, combinations, links, messages
from providers.restore.writers.same import PUTS, same_field, same_object, same_part
from providers.restore.writers.step import ID, Content, Step


def create_steps(kind: ObjectType, wanted: Content, *, origin: str, secrets: Entered = NOTHING) -> list[Step]:
    """The object first, then what hangs on it, its assignments last. ``wanted`` lacks the places of ``secrets``."""
    return [
        _creating(kind, wanted, origin, secrets),
        *_after_create(kind, wanted, origin),
        *_replaced(kind, wanted, {}),
        *assign.steps(kind, wanted, live=None, origin=origin),
    ]


def update_steps(
    kind: ObjectType, wanted: Content, live: Content, *, origin: str, secrets: Entered = NOTHING
) -> list[Step]:
    """Only the parts that differ, and what has secrets. ``wanted`` and ``live`` lack the places of these."""
    same = same_object(kind, wanted, live)
    changed = [] if same and not secrets else [_updating(kind, wanted, live, secrets, same=same)]
    parts = [
        *_parts(kind, wanted, live, origin),
        *_replaced(kind, wanted, live),
        *links.steps(kind, wanted, live, origin=origin),
    ]
    return [*changed, *parts, *assign.steps(kind, wanted, live=live, origin=origin)]


def delete_steps(kind: ObjectType, live: Content) -> list[Step]:
    """The object itself last."""
    item = f"{kind.delete_path or kind.path}/{ID}"
    return [*_before_delete(kind, live), Step("delete", "DELETE", item, kind.version)]


def priority_step(kind: ObjectType, place: int) -> Step:
    """Put the object at this place among its kind; the others move."""
    assert kind.priority is not None
    landed = partial(_stands_at, kind, place)
    return _action(kind, kind.priority.action, {kind.priority.field: place}, landed)


def _stands_at(kind: ObjectType, place: int, now: Content) -> bool:
    assert kind.priority is not None
    return kind.priority.of(now["object"]) == place


def _creating(kind: ObjectType, wanted: Content, origin: str, secrets: Entered) -> Step:
    if kind.create is Create.TEMPLATE_INSTANCE:
        thing = wanted["object"]
        path = f"/deviceManagement/templates/{thing['templateId']}/createInstance"
        body = {
            "displayName": thing.get("displayName"),
            "description": thing.get("description"),
            "roleScopeTagIds": thing.get("roleScopeTagIds"),
            "settingsDelta": [_setting(each) for each in wanted.get("settings") or []],
        }
        return Step("create", "POST", path, kind.version, body, makes=True, creates=True)
    body = create_body(kind, secrets.into(wanted))
    if kind.create is Create.PATCH_OWN_ID:
        path = kind.item_path(str(wanted["object"]["id"]))
        landed = partial(same_object, kind, wanted)
        return Step("create", "PATCH", path, kind.version, body, landed=landed)
    body |= links.bindings(kind, wanted, origin=origin)
    return Step("create", "POST", kind.path, kind.version, body, makes=True, creates=True)


def _after_create(kind: ObjectType, wanted: Content, origin: str) -> list[Step]:
    match kind.create:
        case Create.POST_TARGET_APPS:
            return [_target_apps(kind, wanted)] if wanted["object"].get("apps") else []
        case Create.POST_MESSAGES:
            return messages.steps(kind, wanted, live=None)
        case Create.POST_COMBINATIONS:
            return combinations.steps(kind, wanted, live={})
        case Create.POST_DEFINITION_VALUES:
            return admx.steps(kind, wanted, live=None, origin=origin)
    return []


def _parts(kind: ObjectType, wanted: Content, live: Content, origin: str) -> list[Step]:
    match kind.update:
        case Update.PATCH_MESSAGES:
            return messages.steps(kind, wanted, live=live)
        case Update.PATCH_DEFINITION_VALUES:
            return admx.steps(kind, wanted, live=live, origin=origin)
        case Update.PATCH_SETTINGS if not same_part(kind, wanted, live, "settings"):
            return [_intent_settings(kind, wanted, live)]
        case Update.PUT_SCHEDULED_ACTIONS if not same_part(kind, wanted, live, "scheduledActionsForRule"):
            body = {"scheduledActions": create_body(kind, wanted).get("scheduledActionsForRule", [])}
            landed = partial(_part_landed, kind, wanted, "scheduledActionsForRule")
            return [_action(kind, "setScheduledActions", body, landed)]
        case Update.PATCH_SCHEDULED_ACTIONS:
            rules = create_body(kind, wanted).get("scheduledActionsForRule", [])
            body = {"deviceComplianceScheduledActionForRules": rules}
            return _field(kind, wanted, live, "scheduledActionsForRule", "scheduleActionsForRules", body)
        case Update.PATCH_COMBINATIONS:
            body = {"allowedCombinations": wanted["object"].get("allowedCombinations") or []}
            return [
                *combinations.removals(kind, wanted, live),
                *_field(kind, wanted, live, "allowedCombinations", "updateAllowedCombinations", body),
                *combinations.steps(kind, wanted, live=live),
            ]
        case Update.PATCH_TARGET_APPS:
            same = all(same_field(kind, wanted, live, name) for name in ("apps", "appGroupType"))
            return [] if same else [_target_apps(kind, wanted)]
    return []


def _replaced(kind: ObjectType, wanted: Content, live: Content) -> list[Step]:
    """Parts that an action of their own writes whole."""
    return [
        _action(
            kind,
            detail.replaced_by,
            {detail.replaced_by: [stripped(each) for each in wanted.get(detail.name) or []]},
            partial(_part_landed, kind, wanted, detail.name),
        )
        for detail in kind.details
        if detail.replaced_by and not same_part(kind, wanted, live, detail.name)
    ]


def _updating(kind: ObjectType, wanted: Content, live: Content, secrets: Entered, *, same: bool) -> Step:
    method = "PUT" if kind.update in PUTS else "PATCH"
    body = update_body(kind, secrets.into(wanted))
    if not kind.type_in_update:
        body.pop("@odata.type", None)
    if method == "PATCH":
        body |= dict.fromkeys(_to_clear(kind, wanted, live))
    else:
        body = dict.fromkeys(_all_own(kind, live)) | body
    # Where only a secret differs, nobody can see whether it landed: it is sent again, which does no harm.
    landed = _never if same else partial(same_object, kind, wanted)
    return Step("update", method, f"{kind.path}/{ID}", kind.version, body, landed=landed)


def _never(now: Content) -> bool:
    return False


def _to_clear(kind: ObjectType, wanted: Content, live: Content) -> list[str]:
    """What the wanted state does not have and the live one has, as far as it is the tenant's own."""
    before, after = canonical(kind, live)["object"], canonical(kind, wanted)["object"]
    sent = update_body(kind, {"object": before})
    return [
        name
        for name, value in sent.items()
        if name not in after and "@" not in name and value not in ([], "")
    ]


def _all_own(kind: ObjectType, live: Content) -> list[str]:
    """Every property that a PUT has to carry, empty or not."""
    own = update_body(kind, {"object": live["object"]})
    return [name for name in own if "@" not in name and name not in kind.strip_create]


def _field(
    kind: ObjectType, wanted: Content, live: Content, field: str, action: str, body: Content
) -> list[Step]:
    if same_field(kind, wanted, live, field):
        return []
    return [_action(kind, action, body, partial(_field_landed, kind, wanted, field))]


def _action(kind: ObjectType, name: str, body: Content, landed: Any) -> Step:
    return Step(name, "POST", f"{kind.path}/{ID}/{name}", kind.version, body, landed=landed)


def _field_landed(kind: ObjectType, wanted: Content, field: str, now: Content) -> bool:
    return same_field(kind, wanted, now, field)


def _part_landed(kind: ObjectType, wanted: Content, name: str, now: Content) -> bool:
    return same_part(kind, wanted, now, name)


def _target_apps(kind: ObjectType, wanted: Content) -> Step:
    thing = wanted["object"]
    body: Content = {
        "apps": [{"mobileAppIdentifier": each["mobileAppIdentifier"]} for each in thing.get("apps") or []]
    }
    if thing.get("appGroupType"):
        body["appGroupType"] = thing["appGroupType"]
    return _action(kind, "targetApps", body, partial(_field_landed, kind, wanted, "apps"))


def _setting(setting: Content) -> Content:
    """A setting of a template's instance; its value is sent as JSON text."""
    return {name: value for name, value in stripped(setting).items() if name != "value"}


def _intent_settings(kind: ObjectType, wanted: Content, live: Content) -> Step:
    """Settings that the wanted state lacks are taken away by the value "null"."""
    there = {each["definitionId"]: each for each in live.get("settings") or []}
    sent = []
    for setting in wanted.get("settings") or []:
        known = there.pop(setting["definitionId"], None)
        sent.append(_setting(setting) | ({"id": known["id"]} if known else {}))
    sent += [_setting(each) | {"id": each["id"], "valueJson": "null"} for each in there.values()]
    landed = partial(_part_landed, kind, wanted, "settings")
    return _action(kind, "updateSettings", {"settings": sent}, landed)


def _before_delete(kind: ObjectType, live: Content) -> list[Step]:
    thing = live.get("object") or {}
    if kind.key == "windowsAutopilotDeploymentProfiles":
        return assign.removals(kind, live)
    if kind.key != "namedLocations" or not thing.get("isTrusted"):
        return []
    body = {"@odata.type": thing.get("@odata.type"), "isTrusted": False}
    return [Step("distrust", "PATCH", f"{kind.path}/{ID}", kind.version, body, landed=_distrusted)]


def _distrusted(now: Content) -> bool:
    return not now["object"].get("isTrusted")
