"""How many wrong passwords are too many: django-axes with three limits, and what it may know of a request."""

from typing import Any

from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse

MAX_NAME = 150


class LockoutBackend(AxesStandaloneBackend):
    """First in AUTHENTICATION_BACKENDS: refuses whoever is locked out, and signs nobody in.

    A check without a request does not come from the network (a command, a shell), so there is nothing to count.
    """

    def authenticate(self, request: HttpRequest | None, *args: Any, **kwargs: Any) -> None:
        """Raise PermissionDenied for a name or an address that is locked out."""
        if request is not None:
            super().authenticate(request, *args, **kwargs)


class LockoutHandler(AxesDatabaseHandler):
    """Counts failures by name and address together, by address, and by name, each against a limit of its own.

    The first one stops guessing at one account without letting a stranger elsewhere lock its person out; the others
    stop guessing at many accounts from one place, and at one account from many places.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Return the count, scaled to AXES_FAILURE_LIMIT, that is nearest to its limit."""
        name, limit = username(request, credentials), settings.AXES_FAILURE_LIMIT
        address = request.axes_ip_address  # type: ignore[attr-defined]  # set by axes
        asked = [
            ({"username": name, "ip_address": address}, limit),
            ({"ip_address": address}, settings.LOCKOUT_PER_ADDRESS),
            ({"username": name}, settings.LOCKOUT_PER_NAME),
        ]
        return max(self._failures(request, where) * limit // most for where, most in asked)

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the failures of this name from this address only: an account of one's own clears nobody else's."""
        rows = AccessAttempt.objects.filter(
            username=username(request, credentials),
            ip_address=request.axes_ip_address,  # type: ignore[attr-defined]  # set by axes
        )
        return rows.delete()[0]

    def _failures(self, request: HttpRequest, where: dict[str, Any]) -> int:
        since = request.axes_attempt_time - settings.AXES_COOLOFF_TIME  # type: ignore[attr-defined]  # set by axes
        rows = AccessAttempt.objects.filter(attempt_time__gte=since, **where)
        return rows.aggregate(count=Sum("failures_since_start"))["count"] or 0


def username(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """AXES_USERNAME_CALLABLE: the name that was tried, cut to what a name can be."""
    name = (credentials or {}).get("username") or request.POST.get("username") or ""
    return str(name).replace("\x00", "")[:MAX_NAME]


def locked_out(
    request: HttpRequest, response: HttpResponse, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE: the page with its form stays, with the status for too many requests."""
    response.status_code = 429
    response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response


def is_locked_out(request: HttpRequest | None) -> bool:
    """Say whether the password check of this request was refused unread, or was one too many."""
    return bool(getattr(request, "axes_locked_out", False))
