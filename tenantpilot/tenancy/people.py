"""Members of a workspace: their roles, what they lose and when. Each act is one transaction with its audit entry.

Every act takes the workspace's row lock first. So two owners who remove each other at the same time come one after
the other, and the second one finds that it would leave nobody.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from tenantpilot.audit.record import About, record
from tenantpilot.tenancy import grants, sessions
from tenantpilot.tenancy.capabilities import Role, WorkspaceCapability
from tenantpilot.tenancy.models import Invitation, Membership, Tenant, TenantEntitlement, User, Workspace
from tenantpilot.tenancy.permissions import visible_to, workspaces_with

SURFACE = "people"


class LastOwner(Exception):
    """A workspace keeps at least one owner who is enabled and reaches all of its tenants."""


class OutOfReach(Exception):
    """Nobody hands out tenants that they don't reach themselves."""


class MemberGone(Exception):
    """Somebody else has removed the member meanwhile."""


@contextmanager
def managing(workspace_id: int, actor: User) -> Iterator[Workspace]:
    """Hold the workspace's lock in a transaction. Raises PermissionDenied when ``actor`` may not manage its members."""
    with transaction.atomic():
        workspace = Workspace.objects.select_for_update(no_key=True).get(pk=workspace_id)
        if not workspaces_with(actor, WorkspaceCapability.MANAGE_MEMBERS).filter(pk=workspace_id).exists():
            raise PermissionDenied
        yield workspace


def reaches_all(workspace_id: int, user: User) -> bool:
    """Say whether the person's role covers all tenants of the workspace."""
    mine = Membership.objects.filter(workspace=workspace_id, user=user, disabled_at=None)
    return mine.filter(all_tenants=True).exists()


def is_last_owner(membership: Membership) -> bool:
    """Say whether the workspace would be left without an owner. Only under the lock the answer is lasting."""
    if membership.role != Role.OWNER or not membership.all_tenants or membership.disabled_at is not None:
        return False
    owners = Membership.objects.filter(
        workspace=membership.workspace_id,
        role=Role.OWNER,
        all_tenants=True,
        disabled_at=None,
        user__is_active=True,
    )
    return not owners.exclude(pk=membership.pk).exists()


def member_role_set(*, membership: Membership, role: Role, all_tenants: bool, actor: User) -> None:
    """Change the role in the workspace. Raises LastOwner, OutOfReach, MemberGone, PermissionDenied."""
    with managing(membership.workspace_id, actor) as workspace:
        member = _fresh(membership)
        before = _facts(member)
        stays_owner = role == Role.OWNER and all_tenants
        if not stays_owner and is_last_owner(member):
            raise LastOwner
        if all_tenants and not member.all_tenants and not reaches_all(workspace.pk, actor):
            raise OutOfReach
        changed = grants.membership_set(
            workspace=workspace, user=member.user, role=role, all_tenants=all_tenants
        )
        if role != Role.OWNER:
            _withdraw_invitations(member)
        _record("member.role_changed", changed, actor, before=before, after=_facts(changed))


def member_disable(*, membership: Membership, actor: User) -> None:
    """Take every right in the workspace away; without another workspace to work in, the person's sessions end too.

    Raises LastOwner, MemberGone, PermissionDenied.
    """
    with managing(membership.workspace_id, actor):
        member = _fresh(membership)
        if member.disabled_at is not None:
            return
        if is_last_owner(member):
            raise LastOwner
        grants.membership_disable(member)
        _withdraw_invitations(member)
        elsewhere = Membership.objects.filter(user=member.user_id, disabled_at=None).exists()
        ended = 0 if elsewhere else sessions.sessions_end(member.user_id)
        _record("member.disabled", member, actor, sessionsEnded=ended)


def member_enable(*, membership: Membership, actor: User) -> None:
    """Give a disabled member the same rights back. Raises MemberGone, PermissionDenied."""
    with managing(membership.workspace_id, actor):
        member = _fresh(membership)
        if member.disabled_at is None:
            return
        grants.membership_enable(member)
        _record("member.enabled", member, actor, after=_facts(member))


def member_remove(*, membership: Membership, actor: User) -> None:
    """Take membership and entitlements away, and end every session of the person at once.

    Raises LastOwner, MemberGone, PermissionDenied.
    """
    with managing(membership.workspace_id, actor) as workspace:
        member = _fresh(membership)
        if is_last_owner(member):
            raise LastOwner
        before = _facts(member)
        _withdraw_invitations(member)
        grants.membership_remove(workspace=workspace, user=member.user)
        ended = sessions.sessions_end(member.user_id)
        _record("member.removed", member, actor, before=before, sessionsEnded=ended)


def tenant_role_set(*, membership: Membership, tenant: Tenant, role: Role | None, actor: User) -> None:
    """Give the member a role on one tenant, or (None) take it away.

    Raises OutOfReach for a tenant of another workspace or one that ``actor`` does not see, MemberGone,
    PermissionDenied.
    """
    with managing(membership.workspace_id, actor):
        member = _fresh(membership)
        mine = visible_to(Tenant.objects.filter(workspace=member.workspace_id), actor)
        if not mine.filter(pk=tenant.pk).exists():
            raise OutOfReach
        before = {"role": _tenant_role(member, tenant)}
        if role is None:
            grants.entitlement_remove(tenant=tenant, user=member.user)
        else:
            grants.entitlement_set(tenant=tenant, user=member.user, role=role)
        after = {"role": role.value if role else ""}
        _record("entitlement.changed", member, actor, tenant=tenant, before=before, after=after)


def _fresh(membership: Membership) -> Membership:
    """The member as the lock found it: what the page knew may be old."""
    member = Membership.objects.select_related("user", "workspace").filter(pk=membership.pk).first()
    if member is None:
        raise MemberGone
    return member


def _withdraw_invitations(member: Membership) -> None:
    """An invitation counts only as long as whoever gave it may invite."""
    open_ones = Invitation.objects.filter(
        workspace=member.workspace_id, invited_by=member.user_id, accepted_at=None
    )
    open_ones.filter(revoked_at=None).update(revoked_at=timezone.now())


def _tenant_role(member: Membership, tenant: Tenant) -> str:
    mine = TenantEntitlement.objects.filter(tenant=tenant, user=member.user_id)
    return mine.values_list("role", flat=True).first() or ""


def _facts(member: Membership) -> dict[str, object]:
    return {"role": str(member.role), "allTenants": member.all_tenants}


def _record(
    action: str,
    member: Membership,
    actor: User,
    *,
    tenant: Tenant | None = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    **facts: object,
) -> None:
    record(
        action,
        workspace_id=member.workspace_id,
        tenant_id=tenant.pk if tenant else None,
        actor_id=actor.pk,
        surface=SURFACE,
        about=About("person", member.user_id, member.user.get_username()),
        before=before,
        after=after,
        facts=facts,
    )
