"""The one place where roles become permissions.

Rights are given to groups, so that 10,000 tenants do not mean a million rows for each person:

- ``workspace:<id>:role:<role>`` carries what the role may do in the workspace itself,
- ``workspace:<id>:all:<role>`` carries the role on every tenant of the workspace,
- ``tenant:<id>:<role>`` carries the role on one tenant.

``grants_sync`` makes all of it anew from memberships and entitlements after the roles' capabilities have changed.
"""

from collections.abc import Iterable

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from guardian.shortcuts import assign_perm

from tenantpilot.tenancy.capabilities import ROLE_CAPABILITIES, WORKSPACE_CAPABILITIES, Role
from tenantpilot.tenancy.models import Membership, Tenant, TenantEntitlement, User, Workspace


def _group(name: str, codenames: Iterable[str], target: Workspace | Tenant) -> Group:
    group, created = Group.objects.get_or_create(name=name)
    if created:
        for codename in sorted(codenames):
            assign_perm(codename, group, target)
    return group


def _workspace_groups(workspace: Workspace, role: Role, *, all_tenants: bool) -> list[Group]:
    start = f"workspace:{workspace.pk}"
    groups = [_group(f"{start}:role:{role.value}", WORKSPACE_CAPABILITIES[role], workspace)]
    if all_tenants:
        groups.append(_group(f"{start}:all:{role.value}", ROLE_CAPABILITIES[role], workspace))
    return groups


def _tenant_group(tenant: Tenant, role: Role) -> Group:
    return _group(f"tenant:{tenant.pk}:{role.value}", ROLE_CAPABILITIES[role], tenant)


def _swap_groups(user: User, prefix: str, groups: Iterable[Group] = ()) -> None:
    user.groups.remove(*user.groups.filter(name__startswith=prefix))
    user.groups.add(*groups)


def _leave_groups(user: User, workspace: Workspace) -> None:
    """Take every grant in the workspace and on its tenants away."""
    granted = Q(workspace_grants__content_object=workspace) | Q(
        tenant_grants__content_object__workspace=workspace
    )
    user.groups.remove(*user.groups.filter(granted).distinct())


def _entitlements(workspace: Workspace, user: User) -> Iterable[TenantEntitlement]:
    mine = TenantEntitlement.objects.filter(tenant__workspace=workspace, user=user)
    return mine.select_related("tenant")


@transaction.atomic
def membership_set(*, workspace: Workspace, user: User, role: Role, all_tenants: bool) -> Membership:
    """Make ``user`` a member of ``workspace`` with this role, or change the role it has.

    A disabled membership stays disabled: the role counts once it is enabled.
    """
    membership, _ = Membership.objects.update_or_create(
        workspace=workspace, user=user, defaults={"role": role, "all_tenants": all_tenants}
    )
    if membership.disabled_at is None:
        groups = _workspace_groups(workspace, role, all_tenants=all_tenants)
        _swap_groups(user, f"workspace:{workspace.pk}:", groups)
    return membership


@transaction.atomic
def membership_disable(membership: Membership) -> None:
    """Take every right in the workspace away and keep the roles for later."""
    membership.disabled_at = timezone.now()
    membership.save(update_fields=["disabled_at"])
    _leave_groups(membership.user, membership.workspace)


@transaction.atomic
def membership_enable(membership: Membership) -> None:
    """Give the rights back that the roles of a disabled membership carry."""
    membership.disabled_at = None
    membership.save(update_fields=["disabled_at"])
    workspace, user = membership.workspace, membership.user
    groups = _workspace_groups(workspace, Role(membership.role), all_tenants=membership.all_tenants)
    groups += [_tenant_group(one.tenant, Role(one.role)) for one in _entitlements(workspace, user)]
    user.groups.add(*groups)


@transaction.atomic
def membership_remove(*, workspace: Workspace, user: User) -> None:
    """Take the membership and every entitlement in the workspace away."""
    Membership.objects.filter(workspace=workspace, user=user).delete()
    TenantEntitlement.objects.filter(tenant__workspace=workspace, user=user).delete()
    _leave_groups(user, workspace)


@transaction.atomic
def entitlement_set(*, tenant: Tenant, user: User, role: Role) -> TenantEntitlement:
    """Entitle ``user`` to ``tenant`` with this role, or change the role it has."""
    entitlement, _ = TenantEntitlement.objects.update_or_create(
        tenant=tenant, user=user, defaults={"role": role}
    )
    disabled = Membership.objects.filter(workspace=tenant.workspace_id, user=user).exclude(disabled_at=None)
    if not disabled.exists():
        _swap_groups(user, f"tenant:{tenant.pk}:", [_tenant_group(tenant, role)])
    return entitlement


@transaction.atomic
def entitlement_remove(*, tenant: Tenant, user: User) -> None:
    """Take the entitlement to one tenant away."""
    TenantEntitlement.objects.filter(tenant=tenant, user=user).delete()
    _swap_groups(user, f"tenant:{tenant.pk}:")


@transaction.atomic
def tenant_forget(tenant: Tenant) -> None:
    """Take every entitlement to a tenant that is deleted away, and the groups that carried them."""
    TenantEntitlement.objects.filter(tenant=tenant).delete()
    Group.objects.filter(name__startswith=f"tenant:{tenant.pk}:").delete()
