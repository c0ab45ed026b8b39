"""Assignments, in the three ways in which Graph takes them: all at once, one by one, or as role assignments."""

from functools import partial
from typing import Any

from providers.catalogue import AssignmentsWrite, ObjectType
from providers.restore.assigning import sendable, target_key
from providers.restore.writers.same import part, same_part
from providers.restore.writers.step import ID, Content, Step

_ROLE_FIELDS = ("displayName", "description", "members", "scopeType", "resourceScopes")
_ROLE_TYPE = "#microsoft.graph.deviceAndAppManagementRoleAssignment"
_ROLE_PATH = "/deviceManagement/roleAssignments"
ROLES = "roleAssignments"
Assignment = dict[str, Any]


def steps(kind: ObjectType, wanted: Content, *, live: Content | None, origin: str) -> list[Step]:
    """What brings the assignments to the wanted ones; nothing where they already are."""
    if kind.assignments is None:
        return []
    match kind.assignments.write:
        case AssignmentsWrite.ACTION:
            return _action(kind, wanted, live or {})
        case AssignmentsWrite.EACH:
            return _each(kind, wanted, live or {})
        case AssignmentsWrite.ROLES:
            return _roles(kind, wanted, live or {}, origin)
    return []


def removals(kind: ObjectType, live: Content) -> list[Step]:
    """Take the assignments away one by one, for objects that are not deleted while they have some."""
    return [_removal(kind, each) for each in _assignments(live) if _direct(each)]


def _action(kind: ObjectType, wanted: Content, live: Content) -> list[Step]:
    """The action replaces all of them, so an empty list clears."""
    assert kind.assignments is not None
    if same_part(kind, wanted, live, "assignments"):
        return []
    sent = [sendable(each) for each in _assignments(wanted)]
    if kind.assignments.item_type:
        sent = [{"@odata.type": kind.assignments.item_type, **each} for each in sent]
    path = f"{kind.path}/{ID}/{kind.assignments.action}"
    body = {kind.assignments.body_key: sent}
    return [Step("assign", "POST", path, kind.version, body, landed=partial(_assigned, kind, wanted))]


def _assigned(kind: ObjectType, wanted: Content, now: Content) -> bool:
    return same_part(kind, wanted, now, "assignments")


def _each(kind: ObjectType, wanted: Content, live: Content) -> list[Step]:
    there = {target_key(each): each for each in _assignments(live) if _direct(each)}
    here = {target_key(each): each for each in _assignments(wanted)}
    removed = [_removal(kind, each) for key, each in there.items() if key not in here]
    added = [
        Step(
            f"assign:{number}",
            "POST",
            f"{kind.path}/{ID}/assignments",
            kind.version,
            {"target": sendable(each)["target"]},
            makes=True,
            landed=partial(_has_target, key),
        )
        for number, (key, each) in enumerate(here.items(), 1)
        if key not in there
    ]
    return [*removed, *added]


def _removal(kind: ObjectType, assignment: Assignment) -> Step:
    its_id = str(assignment["id"])
    path = f"{kind.path}/{ID}/assignments/{its_id}"
    return Step(f"unassign:{its_id}", "DELETE", path, kind.version, landed=partial(_has_no_id, its_id))


def _has_target(key: tuple[str, str], now: Content) -> bool:
    return key in [target_key(each) for each in _assignments(now)]


def _has_no_id(its_id: str, now: Content) -> bool:
    return its_id not in [each.get("id") for each in _assignments(now)]


def _assignments(content: Content) -> list[Assignment]:
    return content.get("assignments") or []


def _direct(assignment: Assignment) -> bool:
    """Assignments that come from a policy set are the set's."""
    return assignment.get("source", "direct") == "direct"


def _roles(kind: ObjectType, wanted: Content, live: Content, origin: str) -> list[Step]:
    there = {each.get("displayName"): each for each in live.get(ROLES) or []}
    here = {each.get("displayName"): each for each in wanted.get(ROLES) or []}
    removed = [
        Step(
            f"unassign:{each['id']}",
            "DELETE",
            f"{_ROLE_PATH}/{each['id']}",
            "beta",
            landed=partial(_no_role_named, name),
        )
        for name, each in there.items()
        if name not in here
    ]
    changed = [
        _role_step(kind, each, there.get(name), origin)
        for name, each in here.items()
        if name not in there or _meaning(kind, there[name]) != _meaning(kind, each)
    ]
    return [*removed, *changed]


def _role_step(kind: ObjectType, assignment: Assignment, old: Assignment | None, origin: str) -> Step:
    root = f"{origin}/beta/deviceManagement"
    body: Content = {"@odata.type": _ROLE_TYPE}
    body |= {name: assignment[name] for name in _ROLE_FIELDS if assignment.get(name) is not None}
    tags = [each["id"] for each in assignment.get("roleScopeTags") or []]
    body["roleScopeTags@odata.bind"] = [f"{root}/roleScopeTags('{tag}')" for tag in tags]
    name = f"assign:{assignment.get('displayName')}"
    landed = partial(_has_role, kind, assignment)
    if old is not None:
        return Step(name, "PATCH", f"{_ROLE_PATH}/{old['id']}", "beta", body, landed=landed)
    body["roleDefinition@odata.bind"] = f"{root}/roleDefinitions('{ID}')"
    return Step(name, "POST", _ROLE_PATH, "beta", body, makes=True, landed=landed)


def _meaning(kind: ObjectType, assignment: Assignment) -> Any:
    return part(kind, {ROLES: [assignment]}, ROLES)


def _has_role(kind: ObjectType, assignment: Assignment, now: Content) -> bool:
    wanted = _meaning(kind, assignment)
    return any(_meaning(kind, each) == wanted for each in now.get(ROLES) or [])


def _no_role_named(name: Any, now: Content) -> bool:
    return name not in [each.get("displayName") for each in now.get(ROLES) or []]
