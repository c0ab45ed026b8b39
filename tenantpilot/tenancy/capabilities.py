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
    MANAGE_CONNECTIONS = "manage_connections", _("Manage connections and credentials")
    FORCE_RELEASE = "force_release", _("Force-release a scope")
    VIEW_AUDIT = "view_audit", _("Read the audit log")


class WorkspaceCapability(TextChoices):
    """A Django permission on a workspace itself: it says nothing about the tenants."""

    VIEW_WORKSPACE = "view_workspace", _("Belong to the workspace")
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
}
_MANAGES = _OPERATES | {Capability.MANAGE_CONNECTIONS, Capability.VIEW_AUDIT}
_OWNS = _MANAGES | {Capability.FORCE_RELEASE}

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
    Role.MANAGER: _BELONGS,
    Role.OWNER: _BELONGS | {WorkspaceCapability.MANAGE_MEMBERS},
}


def least_role_with(capability: str) -> Role:
    """Return the weakest role that carries ``capability``: the one to ask for in words."""
    return next(
        role
        for role in Role
        if capability in ROLE_CAPABILITIES[role] or capability in WORKSPACE_CAPABILITIES[role]
    )
