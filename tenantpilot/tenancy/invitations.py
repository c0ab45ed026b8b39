"""Invitations: a link that lets one person join a workspace, once, within seven days.

There is one way in for people who have an account and for those who don't. So neither the person who invites nor the
link itself tells whether somebody has an account in this installation.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from tenantpilot.audit.record import About, record
from tenantpilot.tenancy import grants
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.models import Invitation, Membership, Tenant, User, Workspace
from tenantpilot.tenancy.people import OutOfReach, managing, reaches_all
from tenantpilot.tenancy.permissions import visible_to

VALID_FOR = timedelta(days=7)
SURFACE = "people"


class InvitationGone(Exception):
    """The link was never given out, has been used, was withdrawn or is too old. Nobody is told which."""


class AlreadyMember(Exception):
    """The person belongs to the workspace already; the link stays usable."""


class NameTaken(Exception):
    """Somebody in this installation has the name."""


def open_invitations(workspace_id: int) -> QuerySet[Invitation]:
    """Return the invitations that can still be used, newest first."""
    return _usable().filter(workspace=workspace_id).order_by("-id")


def invitation_for(token: str) -> Invitation | None:
    """Return the usable invitation with this link, or None."""
    return _usable().select_related("workspace").filter(token_hash=_hash(token)).first()


def invitation_create(
    *,
    workspace: Workspace,
    addressee: str,
    role: Role,
    all_tenants: bool,
    tenants: Sequence[Tenant],
    actor: User,
) -> tuple[Invitation, str]:
    """Invite somebody; returns the invitation and the token of its link, which is kept nowhere.

    Raises OutOfReach for tenants that ``actor`` does not reach; PermissionDenied.
    """
    with managing(workspace.pk, actor):
        _within_reach(workspace.pk, all_tenants, tenants, actor)
        token = secrets.token_urlsafe(32)
        invitation = Invitation.objects.create(
            workspace=workspace,
            addressee=addressee,
            token_hash=_hash(token),
            role=role,
            all_tenants=all_tenants,
            invited_by=actor,
            expires_at=timezone.now() + VALID_FOR,
        )
        invitation.tenants.set(tenants)
        _record("invitation.created", invitation, actor)
        return invitation, token


def invitation_renew(*, invitation: Invitation, actor: User) -> str:
    """Give out a new link for seven days more; the old one stops working. Returns the token.

    Raises InvitationGone when it can't be used any more, OutOfReach as `invitation_create`; PermissionDenied.
    """
    with managing(invitation.workspace_id, actor):
        _within_reach(invitation.workspace_id, invitation.all_tenants, invitation.tenants.all(), actor)
        token = secrets.token_urlsafe(32)
        changed = (
            _usable()
            .filter(pk=invitation.pk)
            .update(token_hash=_hash(token), expires_at=timezone.now() + VALID_FOR, invited_by=actor)
        )
        if not changed:
            raise InvitationGone
        _record("invitation.renewed", invitation, actor)
        return token


def invitation_revoke(*, invitation: Invitation, actor: User) -> None:
    """Make the link useless. Raises InvitationGone when it is so already; PermissionDenied."""
    with managing(invitation.workspace_id, actor):
        if not _usable().filter(pk=invitation.pk).update(revoked_at=timezone.now()):
            raise InvitationGone
        _record("invitation.revoked", invitation, actor)


@transaction.atomic
def invitation_accept(*, token: str, user: User) -> Workspace:
    """Let a person who has an account join. Raises InvitationGone, AlreadyMember."""
    invitation = _claim(token)
    if Membership.objects.filter(workspace=invitation.workspace_id, user=user).exists():
        raise AlreadyMember
    return _join(invitation, user)


@transaction.atomic
def invitation_accept_new(*, token: str, username: str, full_name: str, password: str) -> User:
    """Make an account and let it join. The password has passed the rules. Raises InvitationGone, NameTaken."""
    invitation = _claim(token)
    first, _, last = full_name.partition(" ")
    email = invitation.addressee if "@" in invitation.addressee else ""
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                username, email, password, is_staff=True, first_name=first[:150], last_name=last[:150]
            )
    except IntegrityError as error:
        raise NameTaken from error
    _join(invitation, user)
    return user


def _within_reach(workspace_id: int, all_tenants: bool, tenants: Iterable[Tenant], actor: User) -> None:
    if all_tenants and not reaches_all(workspace_id, actor):
        raise OutOfReach
    wanted = {tenant.pk for tenant in tenants}
    mine = visible_to(Tenant.objects.filter(workspace=workspace_id), actor)
    if mine.filter(pk__in=wanted).count() != len(wanted):
        raise OutOfReach


def _usable() -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=timezone.now())


def _claim(token: str) -> Invitation:
    """The invitation, locked: of two clicks on one link the second finds it used.

    The workspace comes first, as in every other act, or two of them could wait for each other.
    """
    found = invitation_for(token)
    if found is None:
        raise InvitationGone
    Workspace.objects.select_for_update(no_key=True).get(pk=found.workspace_id)
    invitation = _usable().select_for_update().filter(token_hash=_hash(token)).first()
    if invitation is None:
        raise InvitationGone
    return invitation


def _join(invitation: Invitation, user: User) -> Workspace:
    workspace, role = invitation.workspace, Role(invitation.role)
    grants.membership_set(workspace=workspace, user=user, role=role, all_tenants=invitation.all_tenants)
    for tenant in invitation.tenants.filter(workspace=workspace):
        grants.entitlement_set(tenant=tenant, user=user, role=role)
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    _record("invitation.accepted", invitation, user)
    return workspace


def _record(action: str, invitation: Invitation, actor: User) -> None:
    record(
        action,
        workspace_id=invitation.workspace_id,
        actor_id=actor.pk,
        surface=SURFACE,
        about=About("invitation", invitation.pk, invitation.addressee),
        facts={
            "role": str(invitation.role),
            "allTenants": invitation.all_tenants,
            "tenants": list(invitation.tenants.values_list("slug", flat=True)),
        },
    )


def _hash(token: str) -> str:
    # The token has 256 random bits: there is nothing to guess, so a plain hash is enough.
    return hashlib.sha256(token.encode()).hexdigest()
