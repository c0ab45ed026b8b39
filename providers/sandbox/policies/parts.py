"""Writing parts of objects: localized messages, and the definition values of administrative templates."""

from typing import Any

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, entity, no_content, refused_body
from providers.sandbox.data import JSON
from providers.sandbox.ids import format_random_guid
from providers.sandbox.policies import rules
from providers.sandbox.policies.actions import action_body, bound_id
from providers.sandbox.policies.bodies import checked, refused
from providers.sandbox.policies.derived import completed
from providers.sandbox.policies.reading import admit, find, find_part
from providers.sandbox.policies.shown import Expand, show_part
from providers.sandbox.policies.table import BY_KEY, GRAPH, ObjectType
from providers.sandbox.policies.writing import save, touched

MESSAGES, TEMPLATES = BY_KEY["notificationMessageTemplates"], BY_KEY["groupPolicyConfigurations"]
MESSAGE, VALUE = f"{GRAPH}localizedNotificationMessage", f"{GRAPH}groupPolicyDefinitionValue"
STRENGTHS, CONDITION = (
    BY_KEY["authenticationStrengthPolicies"],
    f"{GRAPH}authenticationCombinationConfiguration",
)
CONDITIONS = "combinationConfigurations"
LOCALIZED, VALUES = "localizedNotificationMessages", "definitionValues"
_SERVICE_NAMES = ("id", "createdDateTime", "lastModifiedDateTime")


def _part_answer(
    kind: ObjectType, call: Call, owner: JSON, name: str, of_type: str, part: JSON, status: int
) -> Reply:
    context = f"{kind.path}('{owner['id']}')/{name}"
    shown = show_part(call, of_type, part, Expand(), context)
    return entity(call, context, shown, type_name=of_type.rpartition(".")[2], status=status)


def _keep(kind: ObjectType, call: Call, owner: JSON, name: str, parts: list[JSON]) -> JSON:
    changed = touched(completed(kind, {**owner, name: parts}))
    if kind is MESSAGES:
        changed = rules.of(kind).check(call, changed)
    save(kind, call, changed, "Patch")
    return changed


def _message_body(call: Call, names: tuple[str, ...]) -> JSON:
    body = checked(MESSAGES, call, MESSAGE, call.json_body())
    for name in _SERVICE_NAMES:
        if name in body:
            raise refused_body(call, schema.BadBody("readonly", name), MESSAGES.type)
    for name in names:
        if not body.get(name):
            raise refused_body(call, schema.BadBody("missing", name), "localizedNotificationMessage")
    return {name: value for name, value in body.items() if "@" not in name}


def add_message(call: Call) -> Reply:
    admit(MESSAGES, call)
    owner = find(MESSAGES, call)
    rules.of(MESSAGES).protect(owner)
    body = _message_body(call, ("locale", "subject", "messageTemplate"))
    body["locale"] = body["locale"].lower()
    if any(part["locale"] == body["locale"] for part in owner[LOCALIZED]):
        raise refused(MESSAGES, f"There is a message for the locale '{body['locale']}' already.")
    others = _only_default(owner[LOCALIZED], body.get("isDefault"))
    changed = _keep(MESSAGES, call, owner, LOCALIZED, [*others, body])
    return _part_answer(MESSAGES, call, owner, LOCALIZED, MESSAGE, changed[LOCALIZED][-1], 201)


def _only_default(parts: list[JSON], replaced: Any) -> list[JSON]:
    return [{**part, "isDefault": False} for part in parts] if replaced else list(parts)


def change_message(call: Call) -> Reply:
    admit(MESSAGES, call)
    owner = find(MESSAGES, call)
    rules.of(MESSAGES).protect(owner)
    part = find_part(MESSAGES, owner[LOCALIZED], call.keys[1].text)
    body = _message_body(call, ())
    if "locale" in body:
        raise refused_body(call, schema.BadBody("readonly", "locale"), MESSAGES.type)
    parts = [
        {**other, **body} if other["id"] == part["id"] else other
        for other in _only_default(owner[LOCALIZED], body.get("isDefault"))
    ]
    changed = _keep(MESSAGES, call, owner, LOCALIZED, parts)
    part = find_part(MESSAGES, changed[LOCALIZED], part["id"])
    return _part_answer(MESSAGES, call, owner, LOCALIZED, MESSAGE, part, 200)


def remove_message(call: Call) -> Reply:
    admit(MESSAGES, call)
    owner = find(MESSAGES, call)
    rules.of(MESSAGES).protect(owner)
    gone = find_part(MESSAGES, owner[LOCALIZED], call.keys[1].text)
    if gone["isDefault"] and len(owner[LOCALIZED]) > 1:
        raise refused(MESSAGES, "The default message cannot be deleted while there are others.")
    _keep(MESSAGES, call, owner, LOCALIZED, [part for part in owner[LOCALIZED] if part is not gone])
    return no_content()


def _condition_body(call: Call, own: str) -> JSON:
    """A condition of one method; its type is named where it is made, and never changes."""
    body = checked(STRENGTHS, call, own.removeprefix("#") or CONDITION, call.json_body())
    if own and body.get("@odata.type", own) != own:
        raise refused_body(call, schema.BadBody("readonly", "@odata.type"), STRENGTHS.type)
    if "id" in body:
        raise refused_body(call, schema.BadBody("readonly", "id"), STRENGTHS.type)
    return {name: value for name, value in body.items() if "@" not in name or name == "@odata.type"}


def _keep_conditions(call: Call, owner: JSON, conditions: list[JSON]) -> JSON:
    changed = touched(completed(STRENGTHS, {**owner, CONDITIONS: conditions}))
    changed = rules.of(STRENGTHS).check(call, changed)
    save(STRENGTHS, call, changed, "Patch")
    return changed


def add_condition(call: Call) -> Reply:
    admit(STRENGTHS, call)
    owner = find(STRENGTHS, call)
    rules.of(STRENGTHS).protect(owner)
    body = {**_condition_body(call, ""), "id": format_random_guid()}
    changed = _keep_conditions(call, owner, [*owner[CONDITIONS], body])
    return _part_answer(STRENGTHS, call, owner, CONDITIONS, CONDITION, changed[CONDITIONS][-1], 201)


def change_condition(call: Call) -> Reply:
    admit(STRENGTHS, call)
    owner = find(STRENGTHS, call)
    rules.of(STRENGTHS).protect(owner)
    part = find_part(STRENGTHS, owner[CONDITIONS], call.keys[1].text)
    changed = {**part, **_condition_body(call, part["@odata.type"])}
    _keep_conditions(call, owner, [changed if each is part else each for each in owner[CONDITIONS]])
    return no_content()


def remove_condition(call: Call) -> Reply:
    admit(STRENGTHS, call)
    owner = find(STRENGTHS, call)
    rules.of(STRENGTHS).protect(owner)
    gone = find_part(STRENGTHS, owner[CONDITIONS], call.keys[1].text)
    _keep_conditions(call, owner, [each for each in owner[CONDITIONS] if each is not gone])
    return no_content()


def add_value(call: Call) -> Reply:
    """One setting of an administrative template, bound to its definition."""
    admit(TEMPLATES, call)
    owner = find(TEMPLATES, call)
    body = checked(TEMPLATES, call, VALUE, call.json_body(), ("presentationValues",))
    value = bound_value(call, body)
    if any(other["definition"] == value["definition"] for other in owner[VALUES]):
        raise refused(TEMPLATES, "The policy has a value for this definition already.")
    changed = _keep(TEMPLATES, call, owner, VALUES, [*owner[VALUES], value])
    return _part_answer(TEMPLATES, call, owner, VALUES, VALUE, changed[VALUES][-1], 201)


def bound_value(call: Call, body: JSON) -> JSON:
    """A definition value with its links resolved to ids of definitions and presentations."""
    definition = call.tenant.policies.find(
        "groupPolicyDefinitions", bound_id(body.get("definition@odata.bind"))
    )
    if definition is None:
        raise refused(TEMPLATES, "definition@odata.bind leads to no definition.")
    for name in _SERVICE_NAMES:
        if name in body:
            raise refused_body(call, schema.BadBody("readonly", name), TEMPLATES.type)
    values = body.get("presentationValues") or []
    return {
        "id": format_random_guid(),
        "enabled": bool(body.get("enabled")),
        "configurationType": body.get("configurationType") or "policy",
        "definition": definition["id"],
        "presentationValues": [_bound_presentation(definition, value) for value in values],
    }


def _bound_presentation(definition: JSON, value: JSON) -> JSON:
    wanted = bound_id(value.get("presentation@odata.bind"))
    if wanted not in {presentation["id"] for presentation in definition["presentations"]}:
        raise refused(TEMPLATES, "presentation@odata.bind leads to no presentation of the definition.")
    plain = {name: item for name, item in value.items() if name == "@odata.type" or "@" not in name}
    kept = {name: item for name, item in plain.items() if name not in _SERVICE_NAMES}
    return {**kept, "id": format_random_guid(), "presentation": wanted}


def change_value(call: Call) -> Reply:
    admit(TEMPLATES, call)
    owner = find(TEMPLATES, call)
    stored = find_part(TEMPLATES, owner[VALUES], call.keys[1].text)
    body = checked(TEMPLATES, call, VALUE, call.json_body(), ("presentationValues",))
    changed = _changed_value(call, stored, body)
    parts = [changed if part is stored else part for part in owner[VALUES]]
    kept = _keep(TEMPLATES, call, owner, VALUES, parts)
    part = find_part(TEMPLATES, kept[VALUES], stored["id"])
    return _part_answer(TEMPLATES, call, owner, VALUES, VALUE, part, 200)


def _changed_value(call: Call, stored: JSON, body: JSON) -> JSON:
    links = {"definition@odata.bind": f"/x('{stored['definition']}')"} | {
        name: value for name, value in body.items() if name == "definition@odata.bind"
    }
    given = {name: value for name, value in body.items() if name not in _SERVICE_NAMES}
    bound = bound_value(call, {**given, **links})
    changeable = {"enabled", "configurationType", "presentationValues"}
    kept: JSON = {name: bound[name] for name in changeable & body.keys()}
    return {**stored, **kept}


def remove_value(call: Call) -> Reply:
    admit(TEMPLATES, call)
    owner = find(TEMPLATES, call)
    gone = find_part(TEMPLATES, owner[VALUES], call.keys[1].text)
    _keep(TEMPLATES, call, owner, VALUES, [part for part in owner[VALUES] if part is not gone])
    return no_content()


def update_values(call: Call) -> Reply:
    """`updateDefinitionValues`: several settings added, changed and removed at once, or none of them."""
    admit(TEMPLATES, call)
    owner = find(TEMPLATES, call)
    name = "deviceManagement.groupPolicyConfigurations.updateDefinitionValues.updateDefinitionValuesPostRequestBody"
    body = action_body(TEMPLATES, call, name, ("presentationValues",))
    gone, changes = set(body.get("deletedIds") or []), {}
    for change in body.get("updated") or []:
        changes[str(change.get("id"))] = change
    known = {part["id"] for part in owner[VALUES]}
    for wanted in (gone | changes.keys()) - known:
        raise refused(TEMPLATES, f"The policy has no definition value '{wanted}'.")
    kept = [
        _changed_value(call, part, changes[part["id"]]) if part["id"] in changes else part
        for part in owner[VALUES]
        if part["id"] not in gone
    ]
    added = [bound_value(call, value) for value in body.get("added") or []]
    definitions = [part["definition"] for part in [*kept, *added]]
    if len(set(definitions)) < len(definitions):
        raise refused(TEMPLATES, "The policy has a value for this definition already.")
    _keep(TEMPLATES, call, owner, VALUES, [*kept, *added])
    return no_content()
