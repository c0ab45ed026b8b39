"""What people do about their own account, written into the log of each of their workspaces."""

from django.db import transaction

from tenantpilot.audit.record import About, record
from tenantpilot.tenancy import sessions
from tenantpilot.tenancy.models import Membership, User, UserSession


@transaction.atomic
def password_changed(*, user: User, keep: str) -> None:
    """Call it after the password was stored: every session but the one with the key ``keep`` ends."""
    ended = sessions.sessions_end(user.pk, keep=keep)
    _record("account.password_changed", user, sessionsEnded=ended)


@transaction.atomic
def session_end(*, user: User, session: UserSession) -> None:
    """End one of the person's own sessions."""
    sessions.session_end(session)
    _record("account.session_ended", user, sessionsEnded=1)


@transaction.atomic
def sessions_end_others(*, user: User, keep: str) -> int:
    """End all sessions of the person but one; returns how many were ended."""
    ended = sessions.sessions_end(user.pk, keep=keep)
    if ended:
        _record("account.session_ended", user, sessionsEnded=ended)
    return ended


def _record(action: str, user: User, **facts: object) -> None:
    found: list[int | None] = list(
        Membership.objects.filter(user=user).values_list("workspace_id", flat=True)
    )
    for workspace_id in found or [None]:
        record(
            action,
            workspace_id=workspace_id,
            actor_id=user.pk,
            about=About("person", user.pk, user.get_username()),
            facts=facts,
        )
