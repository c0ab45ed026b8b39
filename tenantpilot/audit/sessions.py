"""Sign-in, failed sign-in and sign-out, written once for each workspace of the person: each reads its own log."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver

from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.models import Membership, User


@receiver(user_logged_in)
def signed_in(sender: object, user: User, **kwargs: Any) -> None:
    _write("session.signed_in", user, actor_id=user.pk)


@receiver(user_logged_out)
def signed_out(sender: object, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _write("session.signed_out", user, actor_id=user.pk)


@receiver(user_login_failed)
def sign_in_failed(sender: object, credentials: dict[str, Any], **kwargs: Any) -> None:
    """A name that nobody has is not kept: people type their password into that field."""
    name = str(credentials.get(User.USERNAME_FIELD) or "").replace("\x00", "")
    user = User.objects.filter(username=name).first() if name else None
    if user is None:
        record("session.sign_in_failed", workspace_id=None, actor_id=None, facts={"known": False})
        return
    _write("session.sign_in_failed", user, actor_id=None)


def _write(action: str, user: User, *, actor_id: int | None) -> None:
    workspaces = Membership.objects.filter(user=user).values_list("workspace_id", flat=True)
    # Who belongs to none still leaves a trace, outside of every workspace's log.
    ids: list[int | None] = [*workspaces]
    for workspace_id in ids or [None]:
        record(
            action,
            workspace_id=workspace_id,
            actor_id=actor_id,
            about=About("person", user.pk, user.get_username()),
        )
