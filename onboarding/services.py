"""What people do in an onboarding. Every act locks the session and names the version that its page showed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from onboarding.choices import SessionState
from onboarding.models import OnboardingSession
from onboarding.names import is_tenant_id
from onboarding.selectors import colleagues
from providers import sessions as provider
from providers.graph.discovery import FoundTenant
from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import entitlement_set
from tenantpilot.tenancy.models import Membership, Tenant, User, Workspace
from tenantpilot.tenancy.permissions import visible_to

SURFACE = "onboarding"
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_TRIES = 20


class Overtaken(Exception):
    """Somebody acted in the session, or ended it, after the page was drawn."""

    def __init__(self, session: OnboardingSession) -> None:
        super().__init__(session.pk)
        self.session = session


class AlreadyHere(Exception):
    """The workspace has the tenant. ``tenant`` and ``session`` are None where the person does not see them."""

    def __init__(self, tenant: Tenant | None, session: OnboardingSession | None) -> None:
        super().__init__("already here")
        self.tenant, self.session = tenant, session


class WrongCloud(Exception):
    """The tenant lives in another cloud than the one that was asked."""

    def __init__(self, cloud: str) -> None:
        super().__init__(cloud)
        self.cloud = cloud


class NotEntitled(Exception):
    """The colleague may not go on with the session."""


@contextmanager
def acting(session_id: int, actor: User, version: int) -> Iterator[OnboardingSession]:
    """Lock the open session for one act and save what the act changes. Raises Overtaken."""
    with transaction.atomic():
        rows = OnboardingSession.objects.select_for_update(of=("self",))
        session = rows.select_related("workspace", "tenant", "connection", "changed_by").get(pk=session_id)
        if session.version != version or session.state != SessionState.OPEN:
            raise Overtaken(session)
        yield session
        session.version += 1
        session.changed_by, session.changed_at = actor, timezone.now()
        session.save()


@transaction.atomic
def session_open(*, workspace: Workspace, actor: User) -> OnboardingSession:
    """Begin to bring a tenant into the workspace."""
    session = OnboardingSession.objects.create(
        workspace=workspace, created_by=actor, in_charge=actor, changed_by=actor
    )
    audit("onboarding.opened", session, actor)
    return session


def look_up(session: OnboardingSession, *, name: str, cloud: str, actor: User) -> FoundTenant:
    """Ask the provider which tenant this name stands for.

    Raises AlreadyHere, WrongCloud, and what `providers.sessions.look_up` raises.
    """
    found = provider.look_up(cloud, name)
    if found.cloud != cloud:
        raise WrongCloud(found.cloud)
    refuse_twice(session, found.tenant_id, actor)
    return found


def found_record(
    *, session_id: int, version: int, name: str, found: FoundTenant, actor: User
) -> OnboardingSession:
    """Keep what was looked up and found. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        if session.tenant_id is not None:
            raise Overtaken(session)
        session.asked, session.cloud, session.entra_tenant_id = name, found.cloud, found.tenant_id
    return session


def tenant_create(*, session_id: int, version: int, actor: User) -> Tenant:
    """Make the tenant that was found, and entitle whoever brings it in. Raises Overtaken, AlreadyHere."""
    with acting(session_id, actor, version) as session:
        if session.tenant is not None or session.entra_tenant_id is None:
            raise Overtaken(session)
        refuse_twice(session, session.entra_tenant_id, actor)
        session.tenant = _tenant_made(session, session.entra_tenant_id, actor)
        _entitle(session.tenant, actor)
        if session.in_charge_id != actor.pk:
            _entitle(session.tenant, session.in_charge)
        return session.tenant


def hand_over(*, session_id: int, version: int, to: User, actor: User) -> None:
    """Put a colleague in charge. Raises NotEntitled for one who may not go on with the session, Overtaken."""
    with acting(session_id, actor, version) as session:
        if to not in colleagues(session):
            raise NotEntitled
        session.in_charge = to
        audit("onboarding.handed_over", session, actor, to=to.username)


def left_out_set(*, session_id: int, version: int, permission: str, out: bool, actor: User) -> None:
    """Do without a permission on purpose, or want it again. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        others = [name for name in session.left_out if name != permission]
        session.left_out = [*others, permission] if out else others
        audit("onboarding.left_out", session, actor, permission=permission, left_out=out)


def finish(*, session_id: int, version: int, actor: User) -> None:
    """End the session as done. Raises Overtaken."""
    with acting(session_id, actor, version) as session:
        session.state, session.ended_at = SessionState.DONE, timezone.now()
        certificate_drop(session)
        audit("onboarding.finished", session, actor)


def certificate_drop(session: OnboardingSession) -> None:
    """Forget the certificate that was made for the session, key included: it is used, or nobody wants it any more."""
    if session.certificate is not None:
        made, session.certificate = session.certificate, None
        session.save(update_fields=["certificate"])
        made.delete()


def refuse_twice(session: OnboardingSession, entra_tenant_id: UUID, actor: User) -> None:
    """Raise AlreadyHere when the workspace has the tenant, telling no more of it than the person sees."""
    here = Tenant.objects.filter(
        workspace=session.workspace_id, entra_tenant_id=entra_tenant_id, deleted_at=None
    )
    if not here.exists():
        return
    seen = visible_to(here, actor).first()
    other = OnboardingSession.objects.filter(tenant=seen, state=SessionState.OPEN).first() if seen else None
    raise AlreadyHere(seen, other)


def audit(action: str, session: OnboardingSession, actor: User | None, **facts: object) -> None:
    """Write what was done in a session."""
    record(
        action,
        workspace_id=session.workspace_id,
        tenant_id=session.tenant_id,
        actor_id=actor.pk if actor else None,
        surface=SURFACE,
        about=About("onboarding", session.pk, str(session)),
        facts=facts,
    )


def _tenant_made(session: OnboardingSession, entra_tenant_id: UUID, actor: User) -> Tenant:
    base = _slug_of(session)
    for number in range(_TRIES):
        # A suffix says nothing of who else has the name: the slug is one of the whole installation.
        slug = base if number == 0 else f"{base}-{get_random_string(4, 'abcdefghjkmnpqrstuvwxyz23456789')}"
        try:
            with transaction.atomic():
                tenant = Tenant.objects.create(
                    workspace=session.workspace,
                    # Until the first check tells the organisation's name.
                    name=session.asked,
                    slug=slug,
                    entra_tenant_id=entra_tenant_id,
                    primary_domain=session.asked,
                )
        except IntegrityError:
            refuse_twice(session, entra_tenant_id, actor)
            continue
        record(
            "tenant.created",
            workspace_id=tenant.workspace_id,
            tenant_id=tenant.pk,
            actor_id=actor.pk,
            surface=SURFACE,
            about=About("tenant", tenant.pk, tenant.name),
            after={"entra_tenant_id": str(tenant.entra_tenant_id), "domain": tenant.primary_domain},
        )
        return tenant
    raise RuntimeError("No slug is free.")


def _slug_of(session: OnboardingSession) -> str:
    if is_tenant_id(session.asked):
        return f"tenant-{session.asked[:8]}"
    return _NOT_SLUG.sub("-", session.asked.partition(".")[0]).strip("-")[:50] or "tenant"


def _entitle(tenant: Tenant, user: User) -> None:
    """Whoever brings a tenant in sees it afterwards, also where the workspace role covers no tenants by itself."""
    membership = Membership.objects.filter(workspace=tenant.workspace_id, user=user).first()
    if membership is None or membership.all_tenants:
        return
    entitlement_set(tenant=tenant, user=user, role=Role(membership.role))
    record(
        "entitlement.changed",
        workspace_id=tenant.workspace_id,
        tenant_id=tenant.pk,
        actor_id=user.pk,
        surface=SURFACE,
        about=About("person", user.pk, user.username),
        after={"role": membership.role},
    )
