"""The one place where roles become permissions.

Rights are given to a group per workspace role and per tenant role, so that 10,000 tenants do not mean a million rows
for each person.
"""

from django.contrib.auth.models import Group
from django.db import transaction
from guardian.shortcuts import assign_perm

from tenantpilot.tenancy.capabilities import ROLE_CAPABILITIES, VIEW_WORKSPACE, Role
from tenantpilot.tenancy.models import Membership, Tenant, TenantEntitlement, User, Workspace


def _workspace_group(workspace: Workspace, role: Role, *, all_tenants: bool) -> Group:
    reach = role.value if all_tenants else "member"
    group, created = Group.objects.get_or_create(name=f"workspace:{workspace.pk}:{reach}")
    if created:
        carried = sorted(ROLE_CAPABILITIES[role]) if all_tenants else []
        for codename in [VIEW_WORKSPACE, *carried]:
            assign_perm(codename, group, workspace)
    return group


def _tenant_group(tenant: Tenant, role: Role) -> Group:
    group, created = Group.objects.get_or_create(name=f"tenant:{tenant.pk}:{role.value}")
    if created:
        for codename in sorted(ROLE_CAPABILITIES[role]):
            assign_perm(codename, group, tenant)
    return group


def _swap_group(user: User, prefix: str, group: Group | None) -> None:
    user.groups.remove(*user.groups.filter(name__startswith=prefix))
    if group:
        user.groups.add(group)


@transaction.atomic
def membership_set(*, workspace: Workspace, user: User, role: Role, all_tenants: bool) -> Membership:
    """Make ``user`` a member of ``workspace`` with this role, or change the role it has."""
    membership, _ = Membership.objects.update_or_create(
        workspace=workspace, user=user, defaults={"role": role, "all_tenants": all_tenants}
    )
    _swap_group(
        user, f"workspace:{workspace.pk}:", _workspace_group(workspace, role, all_tenants=all_tenants)
    )
    return membership


@transaction.atomic
def membership_remove(*, workspace: Workspace, user: User) -> None:
    """Take the membership and every entitlement in the workspace away."""
    Membership.objects.filter(workspace=workspace, user=user).delete()
    _swap_group(user, f"workspace:{workspace.pk}:", None)
    for entitlement in TenantEntitlement.objects.filter(
        tenant__workspace=workspace, user=user
    ).select_related("tenant"):
        entitlement_remove(tenant=entitlement.tenant, user=user)


@transaction.atomic
def entitlement_set(*, tenant: Tenant, user: User, role: Role) -> TenantEntitlement:
    """Entitle ``user`` to ``tenant`` with this role, or change the role it has."""
    entitlement, _ = TenantEntitlement.objects.update_or_create(
        tenant=tenant, user=user, defaults={"role": role}
    )
    _swap_group(user, f"tenant:{tenant.pk}:", _tenant_group(tenant, role))
    return entitlement


@transaction.atomic
def entitlement_remove(*, tenant: Tenant, user: User) -> None:
    """Take the entitlement to one tenant away."""
    TenantEntitlement.objects.filter(tenant=tenant, user=user).delete()
    _swap_group(user, f"tenant:{tenant.pk}:", None)
