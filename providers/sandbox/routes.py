"""Which path and method leads where, and which application permissions it takes."""

from functools import cache

from providers.sandbox import delta, directory, entraroles, groups, intune, members, principals
from providers.sandbox.data import load
from providers.sandbox.errors import INTUNE, GraphError, segment_missing
from providers.sandbox.odata import Segment
from providers.sandbox.policies.routes import policy_routes
from providers.sandbox.route import Route

MEMBER_WRITERS = ("Directory.ReadWrite.All", "Group.ReadWrite.All", "GroupMember.ReadWrite.All")


_SP = "servicePrincipals/{id}"
_ENTRA = "roleManagement/directory/roleDefinitions"
_INTUNE = "deviceManagement/roleDefinitions"
_RELATIONS = ("members", "transitiveMembers", "owners", "memberOf")
ROUTES = [
    Route("organization", {"GET": directory.list_organization}, "organization"),
    Route("organization/{}", {"GET": directory.get_organization}, "organization/{id}"),
    Route(
        "serviceprincipals",
        {"GET": principals.list_principals, "POST": principals.create_principal},
        "servicePrincipals",
    ),
    Route("serviceprincipals/$count", {"GET": principals.count_principals}, "servicePrincipals"),
    Route(
        "serviceprincipals/{}", {"GET": principals.get_principal, "DELETE": principals.delete_principal}, _SP
    ),
    Route(
        "serviceprincipals/{}/approleassignments",
        {"GET": principals.list_assignments, "POST": principals.create_assignment},
        f"{_SP}/appRoleAssignments",
    ),
    Route(
        "serviceprincipals/{}/approleassignments/{}",
        {"GET": principals.get_assignment, "DELETE": principals.delete_assignment},
        f"{_SP}/appRoleAssignments/{{id}}",
    ),
    Route(
        "serviceprincipals/{}/approleassignedto",
        {"GET": principals.list_assigned_to},
        f"{_SP}/appRoleAssignedTo",
    ),
    Route(
        "serviceprincipals/{}/oauth2permissiongrants",
        {"GET": principals.list_oauth_grants},
        f"{_SP}/oauth2PermissionGrants",
    ),
    Route("applications", {"GET": directory.list_applications}, "applications"),
    Route("applications/{}", {"GET": directory.get_application}, "applications/{id}"),
    Route("groups", {"GET": groups.list_groups, "POST": groups.create_group}, "groups"),
    Route("groups/$count", {"GET": groups.count_groups}, "groups"),
    Route("groups/delta", {"GET": delta.groups_delta}, "groups/delta()"),
    Route(
        "groups/{}",
        {"GET": groups.get_group, "PATCH": groups.update_group, "DELETE": groups.delete_group},
        "groups/{id}",
    ),
    Route("groups/{}/members/$ref", {"POST": members.add_member}, "groups/{id}/members/$ref"),
    Route("groups/{}/members/{}/$ref", {"DELETE": members.remove_member}, "groups/{id}/members/$ref"),
    *(
        Route(f"groups/{{}}/{name.lower()}{cast}{end}", {"GET": handler}, f"groups/{{id}}/{name}")
        for name in _RELATIONS
        for cast in ("", "/user", "/device", "/group")
        for end, handler in (("", members.list_members), ("/$count", members.count_members))
    ),
    Route(
        _ENTRA.lower(), {"GET": entraroles.list_roles, "POST": entraroles.create_role}, _ENTRA
    ),
    Route(
        f"{_ENTRA.lower()}/{{}}",
        {"GET": entraroles.get_role, "PATCH": entraroles.update_role, "DELETE": entraroles.delete_role},
        f"{_ENTRA}/{{id}}",
    ),
    Route(_INTUNE.lower(), {"GET": intune.list_roles, "POST": intune.create_role}, _INTUNE, INTUNE),
    Route(
        f"{_INTUNE.lower()}/{{}}",
        {"GET": intune.get_role, "PATCH": intune.update_role, "DELETE": intune.delete_role},
        f"{_INTUNE}/{{id}}",
        INTUNE,
    ),
    *policy_routes(),
]  # fmt: skip


def find_route(version: str, steps: list[Segment]) -> tuple[Route, list[Segment]]:
    """The route of a path and the keys in it.

    Raises GraphError 400 for a path that does not exist in this version, 501 for one that exists at
    Microsoft but not here.
    """
    for route in _candidates(steps) if steps else ():
        keys = _match(route.steps, steps)
        if keys is not None and version in route.versions:
            return route, keys
    _refuse_unknown(version, steps)
    raise GraphError(501)


def _candidates(steps: list[Segment]) -> list[Route]:
    """Routes that begin like the path; those with a name for the second step before those with a key."""
    first, *second = (_name(step) for step in steps[:2])
    found = _routes().get((len(steps), first, *second), [])
    return found + _routes().get((len(steps), first, "{}"), []) if second else found


@cache
def _routes() -> dict[tuple[int | str, ...], list[Route]]:
    """Routes by number of steps and the first two of them; fewer keys first: `delta` is not taken for an id."""
    found: dict[tuple[int | str, ...], list[Route]] = {}
    for route in sorted(ROUTES, key=lambda route: route.template.count("{}")):
        found.setdefault((len(route.steps), *route.steps[:2]), []).append(route)
    return found


def _name(step: Segment) -> str:
    """A step as routes write it: lower case, without the namespace of a cast or function."""
    return step.text.lower().removeprefix("microsoft.").removeprefix("graph.")


def _match(template: list[str], steps: list[Segment]) -> list[Segment] | None:
    keys = []
    for wanted, step in zip(template, steps, strict=True):
        if wanted == "{}":
            keys.append(step)
        elif step.is_key or _name(step) != wanted:
            return None
    return keys


@cache
def _known_paths(version: str) -> list[list[str]]:
    paths = load("paths.json")
    templates = paths["v1.0"] + (paths["beta"] if version == "beta" else [])
    return [template.lower().replace("()", "").strip("/").split("/") for template in templates]


def _refuse_unknown(version: str, steps: list[Segment]) -> None:
    candidates = _known_paths(version)
    for index, step in enumerate(steps):
        candidates = [
            path
            for path in candidates
            if len(path) > index and (path[index] in ("{}", _name(step)) or step.is_key)
        ]
        if not candidates:
            raise segment_missing(step.text)


def accepted_permissions(route: Route, method: str) -> list[str]:
    """Application permissions any of which opens this method of this route."""
    if route.permission == "groups/{id}/members/$ref":
        return list(MEMBER_WRITERS)
    if method == "POST" and route.permission.endswith("/appRoleAssignments"):
        # The table lists what the call takes together; without this one it is refused.
        return ["AppRoleAssignment.ReadWrite.All"]
    rows = load("permissions.json")["endpoints"]
    path = route.permission
    row = rows.get(f"{method} /{path}")
    while row is None and method == "GET" and "/" in path:
        # Where the table has no row of its own, reading a part takes what reading the whole takes.
        path = path.rpartition("/")[0]
        row = rows.get(f"GET /{path}")
    if row is not None:
        return [name for name in row["accepted"] if method == "GET" or name not in route.together]
    return list(route.readers if method == "GET" else route.writers)
