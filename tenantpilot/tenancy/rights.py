"""What a person may do, and why, in words. The answer is read from the grants; the roles only explain it."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tenantpilot.tenancy.capabilities import (
    VIEW_WORKSPACE,
    Capability,
    Role,
    WorkspaceCapability,
    least_role_with,
)
from tenantpilot.tenancy.models import Membership, Tenant, TenantEntitlement
from tenantpilot.tenancy.permissions import granted_on, workspaces_with


@dataclass(frozen=True, slots=True)
class Right:
    """One capability: whether the person holds it, and the sentence that says why or what it would take."""

    capability: str
    label: str
    held: bool
    why: str


def workspace_rights(membership: Membership) -> list[Right]:
    """Return what the member may do in the workspace itself."""
    return [
        _workspace_right(membership, right)
        for right in WorkspaceCapability
        if right is not WorkspaceCapability.VIEW_WORKSPACE
    ]


def _workspace_right(membership: Membership, right: WorkspaceCapability) -> Right:
    held = workspaces_with(membership.user, right).filter(pk=membership.workspace_id).exists()
    return Right(right.value, str(right.label), held, _on_workspace(membership, right, held))


def tenant_rights(membership: Membership, tenant: Tenant) -> list[Right]:
    """Return what the member may do on a tenant of the workspace, capability by capability."""
    granted = granted_on(membership.user, tenant)
    held = granted.capabilities
    role = (
        TenantEntitlement.objects.filter(tenant=tenant, user=membership.user)
        .values_list("role", flat=True)
        .first()
    )
    rights = []
    for right in Capability:
        by_workspace, by_tenant = right in granted.by_workspace, right in granted.by_tenant
        words = {
            "right": _lower(str(right.label)),
            "tenant": tenant.name,
            "workspace": membership.workspace.name,
            "workspace_role": Role(membership.role).label,
            "tenant_role": Role(role).label if role else "",
            "needed": least_role_with(right).label,
        }
        if right not in held:
            why = _not_held(membership, VIEW_WORKSPACE in granted.by_workspace) % words
        else:
            why = _held(by_workspace=by_workspace, by_tenant=by_tenant) % words
        rights.append(Right(right.value, str(right.label), right in held, why))
    return rights


def _held(*, by_workspace: bool, by_tenant: bool) -> str:
    if by_workspace and by_tenant:
        return _(
            "May %(right)s on %(tenant)s because the workspace role %(workspace_role)s covers all tenants, "
            "and because of the tenant role %(tenant_role)s."
        )
    if by_workspace:
        return _(
            "May %(right)s on %(tenant)s because the workspace role %(workspace_role)s covers all tenants."
        )
    return _("May %(right)s on %(tenant)s because of the tenant role %(tenant_role)s.")


def _not_held(membership: Membership, belongs: bool) -> str:
    if membership.disabled_at is not None:
        return _("May not %(right)s: disabled in %(workspace)s.")
    if not belongs:
        return _("May not %(right)s: does not belong to %(workspace)s.")
    return _("May not %(right)s: it takes the role %(needed)s on %(tenant)s.")


def _on_workspace(membership: Membership, right: WorkspaceCapability, held: bool) -> str:
    words = {
        "right": _lower(str(right.label)),
        "workspace": membership.workspace.name,
        "role": Role(membership.role).label,
        "needed": least_role_with(right).label,
    }
    if held:
        return _("May %(right)s of %(workspace)s because of the workspace role %(role)s.") % words
    if membership.disabled_at is not None:
        return _("May not %(right)s: disabled in %(workspace)s.") % words
    return _("May not %(right)s: it takes the workspace role %(needed)s.") % words


def _lower(words: str) -> str:
    return words[:1].lower() + words[1:]
