"""Give an onboarding up: what it made and nothing went through is removed, what has a history is archived."""

from enum import StrEnum

from django.utils import timezone

from onboarding.choices import SessionState
from onboarding.models import OnboardingSession
from onboarding.services import acting, audit, certificate_drop
from operations.models import OperationRun
from tenantpilot.lifecycle import archive, erase
from tenantpilot.tenancy.models import User


class Leaves(StrEnum):
    """What becomes of the tenant."""

    NOTHING = "nothing"
    REMOVED = "removed"
    ARCHIVED = "archived"


def leaves(session: OnboardingSession) -> Leaves:
    """What giving up would leave behind, for the page that asks."""
    if session.tenant is None:
        return Leaves.NOTHING
    ran = OperationRun.objects.filter(tenant=session.tenant).exists()
    others = session.tenant.connections.exclude(pk=session.connection_id or 0)
    return Leaves.ARCHIVED if ran or others.exists() else Leaves.REMOVED


def abandon(*, session_id: int, version: int, actor: User) -> Leaves:
    """End the session and clean up. Links that were sent out stop working. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        session.state, session.ended_at = SessionState.ABANDONED, timezone.now()
        session.consent_requests.filter(revoked_at=None).update(revoked_at=timezone.now())
        left, tenant = leaves(session), session.tenant
        audit("onboarding.abandoned", session, actor, tenant=str(left))
        certificate_drop(session)
        if left is Leaves.REMOVED:
            # Deleting takes what leads to the tenant; the session stays, as what was given up.
            session.tenant = session.connection = None
            session.save(update_fields=["tenant", "connection"])
        if tenant is not None:
            archive.archive(tenant, actor)
        if tenant is not None and left is Leaves.REMOVED:
            erase.delete(tenant, actor, onboarding=session_id)
    if tenant is not None and left is Leaves.REMOVED:
        # What this does not finish the workers do.
        erase.go_on(tenant.pk)
    return left
