"""Who is signed in where: each session key is tied to its person, so that sessions can be listed and ended."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from tenantpilot.tenancy.models import User, UserSession

# The first one that is found names the browser: most others claim to be Chrome and Safari as well.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("Firefox", "Firefox"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


def browser_words(user_agent: str) -> str:
    """Return "Firefox on Windows" for a User-Agent header; empty when it names nothing we know."""
    browser = next((word for sign, word in _BROWSERS if f"{sign}/" in user_agent), "")
    system = next((word for sign, word in _SYSTEMS if sign in user_agent), "")
    return " on ".join(word for word in (browser, system) if word)


def renew(session: Any) -> datetime:
    """Let the session last for the whole SESSION_COOKIE_AGE from now on; returns when it ends.

    The end is kept in the session itself, so that no later write to it moves it.
    """
    ends = timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE)
    session.set_expiry(ends)
    return ends


def seconds_left(session: Any) -> int:
    """Return how long the session still lasts, in whole seconds."""
    return max(0, int((session.get_expiry_date() - timezone.now()).total_seconds()))


@transaction.atomic
def session_started(request: HttpRequest, user: User) -> None:
    """Tie the request's session to its person, and forget those of this person that have ended."""
    renew(request.session)
    if request.session.session_key is None:
        # Somebody else was signed in here: Django has emptied that session and gives the new one no key yet.
        request.session.save()
    alive = Session.objects.filter(session_key__in=_keys(user.pk), expire_date__gt=timezone.now())
    UserSession.objects.filter(user=user).exclude(session_key__in=alive.values("session_key")).delete()
    UserSession.objects.update_or_create(
        session_key=request.session.session_key,
        defaults={"user": user, "browser": browser_words(request.META.get("HTTP_USER_AGENT", ""))},
    )


def session_moved(*, old_key: str | None, new_key: str | None) -> None:
    """Keep the tie when Django gives a session a new key."""
    UserSession.objects.filter(session_key=old_key or "").update(session_key=new_key)


def session_forget(session_key: str | None) -> None:
    """Remove the tie of a session that ends by itself."""
    UserSession.objects.filter(session_key=session_key or "").delete()


def sessions_of(user: User) -> QuerySet[UserSession]:
    """Return the person's sessions that are still alive, newest first, each with ``ends_at``."""
    ends = Session.objects.filter(session_key=OuterRef("session_key")).values("expire_date")
    mine = UserSession.objects.filter(user=user).annotate(ends_at=Subquery(ends))
    return mine.filter(ends_at__gt=timezone.now()).order_by("-started_at", "-id")


@transaction.atomic
def session_end(session: UserSession) -> None:
    """End one session: its next request is signed out."""
    Session.objects.filter(session_key=session.session_key).delete()
    session.delete()


@transaction.atomic
def sessions_end(user_id: int, *, keep: str | None = None) -> int:
    """End every session of a person but the one with the key ``keep``; returns how many were ended."""
    keys = _keys(user_id)
    if keep:
        keys = keys.exclude(session_key=keep)
    found = list(keys)
    Session.objects.filter(session_key__in=found).delete()
    UserSession.objects.filter(session_key__in=found).delete()
    return len(found)


def _keys(user_id: int) -> QuerySet[UserSession, str]:
    return UserSession.objects.filter(user=user_id).values_list("session_key", flat=True)
