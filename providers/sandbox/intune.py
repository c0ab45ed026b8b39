"""`/deviceManagement/roleDefinitions`: Intune's roles, in Intune's own style."""

from providers.sandbox.calls import (
    Call,
    Reply,
    checked_body,
    collection,
    context_of,
    entity,
    projected,
    select_names,
)
from providers.sandbox.data import JSON
from providers.sandbox.errors import INTUNE, GraphError
from providers.sandbox.filters import folded, parse_filter
from providers.sandbox.ids import format_random_guid
from providers.sandbox.paging import INTUNE_MAXIMUM, cut
from providers.sandbox.policies.audit import note
from providers.sandbox.policies.reading import admit
from providers.sandbox.policies.table import ObjectType

CONTEXT = "deviceManagement/roleDefinitions"
TYPE = "roleDefinition"
BETA_TYPE = "#microsoft.graph.deviceAndAppManagementRoleDefinition"
KIND = ObjectType("roleDefinitions", CONTEXT, TYPE, "")


def _shown(call: Call, role: JSON) -> JSON:
    """v1.0 shows the plain type; beta its derived type with the deprecated twins filled in."""
    if call.version == "v1.0":
        return {name: value for name, value in role.items() if name != "roleScopeTagIds"}
    permissions = [
        {"actions": actions["allowedResourceActions"], "resourceActions": [actions]}
        for permission in role["rolePermissions"]
        for actions in permission["resourceActions"]
    ]
    return {
        "@odata.type": BETA_TYPE,
        **role,
        "isBuiltInRoleDefinition": role["isBuiltIn"],
        "permissions": permissions,
        "rolePermissions": permissions,
    }


def list_roles(call: Call) -> Reply:
    """`$top` beyond 1,000 is clamped, `$skip` works and the count comes unasked."""
    admit(KIND, call)
    names = select_names(call, TYPE)
    roles = [_shown(call, role) for role in call.tenant.intune_roles.values()]
    if call.query.filter:
        matches = parse_filter(call.query.filter).matches
        roles = [role for role in roles if matches(role)]
    for name, descending in reversed(call.query.orderby):
        roles.sort(key=lambda role: folded(role.get(name)) or "", reverse=descending)
    total = len(roles)
    if call.query.skiptoken is None and call.query.skip:
        roles = roles[call.query.skip :]
    size = min(
        call.query.top or INTUNE_MAXIMUM, call.tenant.settings.page_size or INTUNE_MAXIMUM, INTUNE_MAXIMUM
    )
    page, link, _ = cut(call, roles, size)
    shown = [projected(call, role, names, TYPE) for role in page]
    return collection(
        call, context_of(CONTEXT, names), shown, type_name=TYPE, count=total, next_link=link
    )  # fmt: skip


def _find(call: Call) -> JSON:
    role = call.tenant.intune_roles.get(call.keys[0].text.lower())
    if role is None:
        raise GraphError(404, message="The requested resource was not found.", style=INTUNE)
    return role


def get_role(call: Call) -> Reply:
    admit(KIND, call)
    names = select_names(call, TYPE)
    shown = projected(call, _shown(call, _find(call)), names, TYPE)
    return entity(call, context_of(CONTEXT, names), shown, type_name=TYPE)


def _custom(call: Call) -> JSON:
    role = _find(call)
    if role["isBuiltIn"]:
        message = "Built-in role definitions cannot be changed or deleted."
        raise GraphError(400, message=message, style=INTUNE)
    return role


def _checked(call: Call, required: tuple[str, ...] = ()) -> JSON:
    """What a write may set, in the stored form; computed and deprecated properties are ignored."""
    if isinstance(call.body, dict) and call.body.get("@odata.type") == BETA_TYPE:
        call.body = {**call.body, "@odata.type": f"#microsoft.graph.{TYPE}"}
    body = checked_body(call, TYPE, required=required, ignored=("id",))
    kept: JSON = {
        name: body[name] for name in ("displayName", "description", "roleScopeTagIds") if name in body
    }
    if "rolePermissions" in body:
        kept["rolePermissions"] = [
            {
                "resourceActions": [
                    {
                        "allowedResourceActions": actions.get("allowedResourceActions", []),
                        "notAllowedResourceActions": actions.get("notAllowedResourceActions", []),
                    }
                    for actions in permission.get("resourceActions", [])
                ]
            }
            for permission in body["rolePermissions"]
        ]
    return kept


def create_role(call: Call) -> Reply:
    admit(KIND, call)
    body = _checked(call, ("displayName", "rolePermissions"))
    role_id = format_random_guid()
    role = {
        "id": role_id,
        "displayName": "",
        "description": None,
        "isBuiltIn": False,
        "roleScopeTagIds": ["0"],
        "rolePermissions": [],
        **body,
    }
    _keep(call, role, "Create")
    return entity(call, CONTEXT, _shown(call, role), type_name=TYPE, status=201)


def update_role(call: Call) -> Reply:
    admit(KIND, call)
    role = _custom(call)
    body = _checked(call)
    changed = {**role, **body}
    _keep(call, changed, "Patch")
    return entity(call, CONTEXT, _shown(call, changed), type_name=TYPE)


def delete_role(call: Call) -> Reply:
    """Intune answers a deletion with 200 and no body."""
    admit(KIND, call)
    role = _custom(call)
    event = note(call, KIND, role, "Delete")

    def change() -> None:
        call.tenant.intune_roles.pop(role["id"], None)
        call.tenant.policies.put("auditEvents", event)

    call.tenant.write(change)
    return Reply(200)


def _keep(call: Call, role: JSON, activity: str) -> None:
    """Keep a role and tell the audit log who did it."""
    event = note(call, KIND, role, activity)

    def change() -> None:
        call.tenant.intune_roles[role["id"]] = role
        call.tenant.policies.put("auditEvents", event)

    call.tenant.write(change)
