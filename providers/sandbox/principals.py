"""`/servicePrincipals` with their app role assignments, i.e. the application permissions granted."""

import base64
import hashlib

from providers.sandbox.calls import (
    Call,
    Reply,
    checked_body,
    collection,
    no_content,
    plain_number,
)
from providers.sandbox.data import GRAPH_APP_ID, JSON, app_role_values, app_roles
from providers.sandbox.directory import answer_list, answer_one
from providers.sandbox.errors import GraphError, bad_request
from providers.sandbox.groupkeys import not_found
from providers.sandbox.ids import derived_guid, now_text
from providers.sandbox.models import ServicePrincipal, Tenant


def graph_principal(tenant: Tenant) -> JSON:
    return _principal_object(
        tenant.graph_principal_id, GRAPH_APP_ID, "Microsoft Graph", list(app_roles().values()), None, True
    )


def app_principal(call: Call, principal: ServicePrincipal) -> JSON:
    app = call.state.app(principal.client_id)
    name = app.display_name if app else principal.client_id
    home = app.home_tenant if app else None
    return _principal_object(principal.object_id, principal.client_id, name, [], home, principal.enabled)


def _principal_object(
    object_id: str, app_id: str, name: str, roles: list[JSON], home: str | None, enabled: bool
) -> JSON:
    return {
        "id": object_id,
        "deletedDateTime": None,
        "accountEnabled": enabled,
        "alternativeNames": [],
        "appDisplayName": name,
        "appDescription": None,
        "appId": app_id,
        "applicationTemplateId": None,
        "appOwnerOrganizationId": home or derived_guid("owner", app_id),
        "appRoleAssignmentRequired": False,
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": name,
        "homepage": None,
        "loginUrl": None,
        "logoutUrl": None,
        "notes": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "replyUrls": [],
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMultipleOrgs",
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
        "tokenEncryptionKeyId": None,
        "addIns": [],
        "appRoles": roles,
        "info": None,
        "keyCredentials": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": None,
    }


def principals(call: Call) -> list[JSON]:
    own = [app_principal(call, principal) for principal in call.tenant.principals.values()]
    return [graph_principal(call.tenant), *own]


def find_principal(call: Call) -> JSON:
    """The service principal a path names by object id or by `appId='…'`; raises 404."""
    key = call.keys[0]
    if key.alternate not in (None, "appid"):
        raise bad_request(f"The alternate key property '{key.alternate}' is not valid.", "BadRequest")
    prop = "appId" if key.alternate else "id"
    for principal in principals(call):
        if principal[prop].lower() == key.text.lower():
            return principal
    raise not_found(key.text)


def list_principals(call: Call) -> Reply:
    return answer_list(call, principals(call), "servicePrincipals", "servicePrincipal")


def get_principal(call: Call) -> Reply:
    return answer_one(call, find_principal(call), "servicePrincipals", "servicePrincipal")


def create_principal(call: Call) -> Reply:
    body = checked_body(call, "servicePrincipal", required=("appId",))
    app = call.state.app(body["appId"])
    if app is None:
        message = f"When using this permission, the backing application '{body['appId']}' must exist."
        raise bad_request(message)
    if call.tenant.principal(app.client_id) is not None:
        message = f"The service principal cannot be created: appId {body['appId']} is already in use."
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
    principal = call.tenant.consent(app.client_id, [])
    return answer_one(call, app_principal(call, principal), "servicePrincipals", "servicePrincipal", 201)


def delete_principal(call: Call) -> Reply:
    found = find_principal(call)
    if found["appId"] == GRAPH_APP_ID:
        raise bad_request("The service principal of Microsoft Graph cannot be deleted.")
    call.tenant.write(lambda: _forget(call.tenant, found["appId"]))
    return no_content()


def _forget(tenant: Tenant, client_id: str) -> None:
    tenant.principals.pop(client_id, None)


def _assignment_id(principal_id: str, role: str) -> str:
    raw = hashlib.sha256(f"{principal_id}:{role}".encode()).digest()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _assignments(call: Call, principal: ServicePrincipal) -> list[JSON]:
    app = call.state.app(principal.client_id)
    return [
        {
            "id": _assignment_id(principal.object_id, value),
            "deletedDateTime": None,
            "appRoleId": app_roles()[value]["id"],
            "createdDateTime": granted_at,
            "principalDisplayName": app.display_name if app else None,
            "principalId": principal.object_id,
            "principalType": "ServicePrincipal",
            "resourceDisplayName": "Microsoft Graph",
            "resourceId": call.tenant.graph_principal_id,
        }
        for value, granted_at in principal.grants.items()
    ]


def _own_principal(call: Call) -> ServicePrincipal | None:
    return call.tenant.principal(find_principal(call)["appId"])


def list_assignments(call: Call) -> Reply:
    principal = _own_principal(call)
    items = [] if principal is None else _assignments(call, principal)
    return answer_list(call, items, "appRoleAssignments", "appRoleAssignment")


def list_assigned_to(call: Call) -> Reply:
    items: list[JSON] = []
    if find_principal(call)["appId"] == GRAPH_APP_ID:
        for principal in call.tenant.principals.values():
            items += _assignments(call, principal)
    return answer_list(call, items, "appRoleAssignments", "appRoleAssignment")


def _find_assignment(call: Call) -> tuple[ServicePrincipal, JSON]:
    principal = _own_principal(call)
    for assignment in [] if principal is None else _assignments(call, principal):
        if principal is not None and assignment["id"] == call.keys[1].text:
            return principal, assignment
    raise not_found(call.keys[1].text)


def get_assignment(call: Call) -> Reply:
    return answer_one(call, _find_assignment(call)[1], "appRoleAssignments", "appRoleAssignment")


def create_assignment(call: Call) -> Reply:
    principal = _own_principal(call)
    body = checked_body(call, "appRoleAssignment", required=("principalId", "resourceId", "appRoleId"))
    if principal is None or body["principalId"] != principal.object_id:
        raise bad_request("The principalId does not match the service principal of the path.")
    if body["resourceId"] != call.tenant.graph_principal_id:
        raise not_found(body["resourceId"])
    value = app_role_values().get(body["appRoleId"])
    if value is None:
        raise bad_request("Permission being assigned was not found on application.")
    if value in principal.grants:
        raise bad_request("Permission being assigned already exists on the object.")
    granted_at = now_text()
    call.tenant.write(lambda: principal.grants.update({value: granted_at}))
    created = {
        **_assignments(call, ServicePrincipal(principal.object_id, principal.client_id, {value: granted_at}))[
            0
        ]
    }
    return answer_one(call, created, "appRoleAssignments", "appRoleAssignment", 201)


def delete_assignment(call: Call) -> Reply:
    principal, assignment = _find_assignment(call)
    value = app_role_values()[assignment["appRoleId"]]
    call.tenant.write(lambda: _revoke(principal, value))
    return no_content()


def _revoke(principal: ServicePrincipal, value: str) -> None:
    principal.grants.pop(value, None)


def list_oauth_grants(call: Call) -> Reply:
    """Delegated grants: the sandbox has application permissions only."""
    find_principal(call)
    return collection(call, "oauth2PermissionGrants", [], type_name="oAuth2PermissionGrant")


def count_principals(call: Call) -> Reply:
    if not call.eventual:
        raise bad_request("$count is not currently supported.")
    return plain_number(len(principals(call)))
