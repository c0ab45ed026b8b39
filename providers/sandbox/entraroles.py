"""`/roleManagement/directory/roleDefinitions`: built-in and custom Entra roles."""

from providers.sandbox.calls import Call, Reply, checked_body, no_content
from providers.sandbox.data import JSON
from providers.sandbox.directory import answer_list, answer_one
from providers.sandbox.errors import GraphError, bad_request
from providers.sandbox.groupkeys import not_found
from providers.sandbox.ids import format_random_guid

CONTEXT = "roleManagement/directory/roleDefinitions"
TYPE = "unifiedRoleDefinition"
INHERITS = "inheritsPermissionsFrom"


def _shown(call: Call, role: JSON) -> JSON:
    """A role as a read shows it: v1.0 tells what it inherits from unasked, beta only when expanded."""
    shown = {name: value for name, value in role.items() if name != INHERITS}
    if call.version == "beta":
        shown["isPrivileged"] = role["displayName"].endswith("Administrator")
    if call.version == "v1.0" or INHERITS in call.query.expand:
        context = f"{call.root}/$metadata#{CONTEXT}('{role['id']}')/{INHERITS}"
        shown |= {f"{INHERITS}@odata.context": context, INHERITS: role[INHERITS]}
    return shown


def list_roles(call: Call) -> Reply:
    roles = [_shown(call, role) for role in call.tenant.entra_roles.values()]
    return answer_list(call, roles, CONTEXT, TYPE)


def _find(call: Call) -> JSON:
    role = call.tenant.entra_roles.get(call.keys[0].text.lower())
    if role is None:
        raise not_found(call.keys[0].text)
    return role


def get_role(call: Call) -> Reply:
    return answer_one(call, _shown(call, _find(call)), CONTEXT, TYPE)


def _custom(call: Call) -> JSON:
    role = _find(call)
    if role["isBuiltIn"]:
        raise bad_request("Built-in role definitions cannot be changed or deleted.")
    return role


def _checked(call: Call, required: tuple[str, ...] = ()) -> JSON:
    body = checked_body(call, TYPE, required=required)
    for permission in body.get("rolePermissions") or []:
        for action in permission.get("allowedResourceActions") or []:
            if not action.startswith("microsoft."):
                raise bad_request(f"Invalid action '{action}' in property 'rolePermissions'.")
    name = body.get("displayName")
    taken = (role for role in call.tenant.entra_roles.values() if role["displayName"] == name)
    own = call.keys[0].text.lower() if call.keys else None
    if name is not None and any(role["id"] != own for role in taken):
        raise GraphError(
            400, "Request_BadRequest", "A role definition with this display name exists already."
        )
    return {key: value for key, value in body.items() if "@" not in key}


def create_role(call: Call) -> Reply:
    body = _checked(call, ("displayName", "rolePermissions"))
    if body.get("isEnabled") is None:
        raise bad_request("A value is required for property 'isEnabled' of resource 'UnifiedRoleDefinition'.")
    role_id = body.get("templateId") or format_random_guid()
    role = {
        "id": role_id,
        "description": None,
        "displayName": "",
        "isBuiltIn": False,
        "isEnabled": True,
        "resourceScopes": ["/"],
        "templateId": role_id,
        "version": None,
        "rolePermissions": [],
        INHERITS: [],
        **body,
    }
    call.tenant.write(lambda: call.tenant.entra_roles.update({role_id: role}))
    return answer_one(call, _shown(call, role), CONTEXT, TYPE, 201)


def update_role(call: Call) -> Reply:
    role = _custom(call)
    body = _checked(call)
    call.tenant.write(lambda: role.update(body))
    return no_content()


def delete_role(call: Call) -> Reply:
    role_id = _custom(call)["id"]
    call.tenant.write(lambda: _forget(call, role_id))
    return no_content()


def _forget(call: Call, role_id: str) -> None:
    call.tenant.entra_roles.pop(role_id, None)
