"""`/assign`: replaces who gets an object. Two types have one POST and one DELETE per target instead."""

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, collection, entity, no_content, refused_body
from providers.sandbox.data import JSON
from providers.sandbox.policies import rules
from providers.sandbox.policies.bodies import checked, refused
from providers.sandbox.policies.derived import completed
from providers.sandbox.policies.reading import admit, find, find_part
from providers.sandbox.policies.shown import Expand, show_part
from providers.sandbox.policies.table import ObjectType
from providers.sandbox.policies.targets import (
    FILTER_ID,
    FILTER_TYPE,
    GROUP_TARGETS,
    assignment_type,
    stored,
    target_kind,
)
from providers.sandbox.policies.writing import save, touched


def assign(kind: ObjectType, call: Call) -> Reply:
    """The body's list is the whole truth: what it lacks is no longer assigned."""
    admit(kind, call)
    item = find(kind, call)
    wanted = checked_assignments(kind, call, _given(kind, call), item["id"])
    rules.of(kind).assign(call, item, wanted)
    save(kind, call, touched(completed(kind, {**item, "assignments": wanted})), "Assign")
    if kind.statuses.assign == 204:
        return no_content()
    context = f"{kind.path}('{item['id']}')/assignments"
    name = assignment_type(kind)
    shown = [show_part(call, name, entry, Expand(), context) for entry in wanted]
    return collection(call, context, shown, type_name=name.rpartition(".")[2])


def _given(kind: ObjectType, call: Call) -> list[JSON]:
    body, key = call.json_body(), str(kind.assign)
    for name in body:
        if name != key and "@" not in name:
            raise refused_body(call, schema.BadBody("unknown", name, "assign"), kind.type)
    if key not in body:
        raise refused_body(call, schema.BadBody("missing", key), kind.type)
    if not isinstance(body[key], list):
        raise refused_body(call, schema.BadBody("type", key, "expected array"), kind.type)
    found: list[JSON] = body[key]
    return found


def checked_assignments(kind: ObjectType, call: Call, given: list[JSON], object_id: str) -> list[JSON]:
    """Assignments as they will be kept; raises 400 for one that is malformed, doubled or leads nowhere."""
    name = assignment_type(kind)
    found = []
    for entry in given:
        checked(kind, call, name, entry)
        if not entry.get("target"):
            raise refused_body(call, schema.BadBody("missing", "target"), kind.type)
        _check_target(kind, call, entry["target"])
        found.append(stored(kind, object_id, entry))
    ids = [entry["id"] for entry in found]
    for one in ids:
        if ids.count(one) > 1:
            raise refused(kind, f"The target of the assignment '{one}' is there more than once.")
    return found


def _check_target(kind: ObjectType, call: Call, target: JSON) -> None:
    name, chosen = target_kind(target), target.get(FILTER_ID)
    if name in GROUP_TARGETS and call.tenant.groups.position(str(target.get("groupId"))) is None:
        raise refused(kind, f"The group '{target.get('groupId')}' does not exist.")
    if not chosen or target.get(FILTER_TYPE, "none") == "none":
        return
    if name == "exclusionGroupAssignmentTarget":
        raise refused(kind, "A filter cannot be set on an exclusion.")
    if call.tenant.policies.find("assignmentFilters", str(chosen)) is None:
        raise refused(kind, f"The assignment filter '{chosen}' does not exist.")


def add_assignment(kind: ObjectType, call: Call) -> Reply:
    """One more target; 201 with the assignment."""
    admit(kind, call)
    item = find(kind, call)
    (made,) = checked_assignments(kind, call, [call.json_body()], item["id"])
    if any(entry["id"] == made["id"] for entry in item["assignments"]):
        raise refused(kind, "The target is assigned already.", 409)
    save(kind, call, touched({**item, "assignments": [*item["assignments"], made]}), "Assign")
    name = assignment_type(kind)
    shown = show_part(call, name, made, Expand(), "")
    context = f"{kind.path}('{item['id']}')/assignments"
    return entity(call, context, shown, type_name=name.rpartition(".")[2], status=201)


def remove_assignment(kind: ObjectType, call: Call) -> Reply:
    admit(kind, call)
    item = find(kind, call)
    gone = find_part(kind, item["assignments"], call.keys[1].text)
    kept = [entry for entry in item["assignments"] if entry is not gone]
    save(kind, call, touched({**item, "assignments": kept}), "Assign")
    return no_content()
