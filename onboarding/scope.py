"""Which session a page is about: 404 unless the reader sees it, 403 unless the reader may go on with it."""

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.translation import gettext as _

from onboarding.selectors import ONBOARD, Seen, find_session
from providers.selectors import MAX_ID
from tenantpilot.tenancy.capabilities import least_role_with
from tenantpilot.tenancy.models import User


def session_for(user: User, session_id: int) -> Seen:
    """Return the session with its tenant and connection. Raises Http404, PermissionDenied."""
    seen = find_session(user, session_id) if 0 < session_id <= MAX_ID else None
    if seen is None:
        raise Http404
    require_may(seen)
    return seen


def require_may(seen: Seen) -> None:
    """Raise PermissionDenied with the role to ask for, unless the reader may go on with the session."""
    if not seen.may:
        raise refusal()


def refusal() -> PermissionDenied:
    """Who may not bring tenants in is told which role may."""
    role = least_role_with(ONBOARD).label
    return PermissionDenied(_("You need %(role)s in this workspace.") % {"role": role})
