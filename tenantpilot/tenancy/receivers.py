"""What follows from signing in and out."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from tenantpilot.tenancy import sessions
from tenantpilot.tenancy.models import User


@receiver(user_logged_in, dispatch_uid="session_started")
def on_sign_in(request: HttpRequest, user: User, **signal: Any) -> None:
    """Django has given the session a new key just before."""
    sessions.session_started(request, user)


@receiver(user_logged_out, dispatch_uid="session_forget")
def on_sign_out(request: HttpRequest, **signal: Any) -> None:
    """Django flushes the session right after."""
    sessions.session_forget(request.session.session_key)
