"""What a person may do, and which role carries it."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Capability(TextChoices):
    """A Django permission on a tenant; the same codename on a workspace covers all its tenants."""

    VIEW_TENANT = "view_tenant", _("See the tenant and its data")
    VIEW_RUN = "view_run", _("See operation runs")
    VIEW_DIAGNOSTICS = "view_diagnostics", _("See diagnostics of runs")
    CHECK_CONNECTION = "check_connection", _("Check connection")
    SYNC_GROUPS = "sync_groups", _("Sync groups")
    SYNC_ROLE_DEFINITIONS = "sync_role_definitions", _("Sync role definitions")
    SYNC_INVENTORY = "sync_inventory", _("Sync inventory")
    SNAPSHOT_COMPLIANCE = "snapshot_compliance", _("Snapshot compliance")
    BACK_UP_POLICIES = "back_up_policies", _("Back up policies")
    PREVIEW_RESTORE = "preview_restore", _("Prepare a restore")
    EXECUTE_RESTORE = "execute_restore", _("Execute a restore")
    TRANSFER_BACKUPS = "transfer_backups", _("Download and import backups")
    MANAGE_CONNECTIONS = "manage_connections", _("Manage connections and credentials")
    MANAGE_TENANT = "manage_tenant", _("Archive a tenant and bring it back")
    FORCE_RELEASE = "force_release", _("Force-release a scope")
    DELETE_TENANT = "delete_tenant", _("Delete an archived tenant")
    VIEW_AUDIT = "view_audit", _("Read the audit log")


class WorkspaceCapability(TextChoices):
    """A Django permission on a workspace itself: it says nothing about the tenants."""

    VIEW_WORKSPACE = "view_workspace", _("Belong to the workspace")
    ONBOARD_TENANTS = "onboard_tenants", _("Add tenants and manage app registrations")
    MANAGE_MEMBERS = "manage_members", _("Manage people and roles")


VIEW_WORKSPACE = WorkspaceCapability.VIEW_WORKSPACE.value


class Role(TextChoices):
    READONLY = "readonly", _("Readonly")
    OPERATOR = "operator", _("Operator")
    MANAGER = "manager", _("Manager")
    OWNER = "owner", _("Owner")


_READS = frozenset({Capability.VIEW_TENANT, Capability.VIEW_RUN})
_OPERATES = _READS | {
    Capability.VIEW_DIAGNOSTICS,
    Capability.CHECK_CONNECTION,
    Capability.SYNC_GROUPS,
    Capability.SYNC_ROLE_DEFINITIONS,
    Capability.SYNC_INVENTORY,
    Capability.SNAPSHOT_COMPLIANCE,
    Capability.BACK_UP_POLICIES,
    Capability.PREVIEW_RESTORE,
}
_MANAGES = _OPERATES | {
    Capability.EXECUTE_RESTORE,
    Capability.TRANSFER_BACKUPS,
    Capability.MANAGE_CONNECTIONS,
    Capability.MANAGE_TENANT,
    Capability.VIEW_AUDIT,
}
_OWNS = _MANAGES | {Capability.FORCE_RELEASE, Capability.DELETE_TENANT}

ROLE_CAPABILITIES: dict[Role, frozenset[Capability]] = {
    Role.READONLY: _READS,
    Role.OPERATOR: _OPERATES,
    Role.MANAGER: _MANAGES,
    Role.OWNER: _OWNS,
}


_BELONGS = frozenset({WorkspaceCapability.VIEW_WORKSPACE})

WORKSPACE_CAPABILITIES: dict[Role, frozenset[WorkspaceCapability]] = {
    Role.READONLY: _BELONGS,
    Role.OPERATOR: _BELONGS,
    Role.MANAGER: _BELONGS | {WorkspaceCapability.ONBOARD_TENANTS},
    Role.OWNER: _BELONGS | {WorkspaceCapability.ONBOARD_TENANTS, WorkspaceCapability.MANAGE_MEMBERS},
}


def least_role_with(capability: str) -> Role:
    """Return the weakest role that carries ``capability``: the one to ask for in words."""
    return next(
        role
        for role in Role
        if capability in ROLE_CAPABILITIES[role] or capability in WORKSPACE_CAPABILITIES[role]
    )
