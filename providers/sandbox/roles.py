"""Role definitions a tenant starts with: the service's built-in ones and a few of its own."""

from providers.sandbox.data import JSON, load
from providers.sandbox.ids import derived_guid
from providers.sandbox.models import Tenant


def seed_roles(tenant: Tenant) -> None:
    """Fill a new tenant's role definitions from its seed."""
    catalogue = load("roles.json")
    tenant.entra_roles = {role["id"]: dict(role) for role in catalogue["entra"]}
    tenant.intune_roles = {role["id"]: intune_role(built_in=True, **role) for role in catalogue["intune"]}
    for role in _chosen(tenant, catalogue["customEntra"]):
        role_id = derived_guid(tenant.seed, tenant.slug, "entra-role", role["displayName"])
        tenant.entra_roles[role_id] = entra_role(
            role_id, role["displayName"], role["description"], role["actions"]
        )
    for role in _chosen(tenant, catalogue["customIntune"]):
        role_id = derived_guid(tenant.seed, tenant.slug, "intune-role", role["displayName"])
        tenant.intune_roles[role_id] = intune_role(
            id=role_id,
            displayName=role["displayName"],
            description=role["description"],
            actions=role["actions"],
        )


def _chosen(tenant: Tenant, roles: list[JSON]) -> list[JSON]:
    """At least two of the given roles; which ones depends on the tenant."""
    size = 2 + int(derived_guid(tenant.seed, tenant.slug, len(roles))[:4], 16) % (len(roles) - 1)
    return roles[:size]


def entra_role(role_id: str, name: str, description: str | None, actions: list[str]) -> JSON:
    return {
        "id": role_id,
        "description": description,
        "displayName": name,
        "isBuiltIn": False,
        "isEnabled": True,
        "resourceScopes": ["/"],
        "templateId": role_id,
        "version": None,
        "rolePermissions": [{"allowedResourceActions": actions, "condition": None}],
        "inheritsPermissionsFrom": [],
    }


def intune_role(
    *,
    id: str,
    displayName: str,
    description: str | None,
    actions: list[str],
    built_in: bool = False,
) -> JSON:
    """The stored form, from which the v1.0 and beta forms are made."""
    return {
        "id": id,
        "displayName": displayName,
        "description": description,
        "isBuiltIn": built_in,
        "roleScopeTagIds": ["0"],
        "rolePermissions": [
            {"resourceActions": [{"allowedResourceActions": actions, "notAllowedResourceActions": []}]}
        ],
    }
