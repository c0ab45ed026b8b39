"""Which onboarding sessions a person sees, and what the person may do there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.aggregates import StringAgg
from django.db.models import CharField, Exists, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, Concat

from onboarding.choices import SessionState, StepName
from onboarding.models import OnboardingSession
from onboarding.steps import Standing
from operations.buttons import CHECK_CONNECTION
from operations.models import Chain, ChainStep, OperationRun
from providers.choices import Purpose
from providers.health import fact_columns, facts_in
from providers.models import AppRegistration
from providers.selectors import target_for_tenant
from tenantpilot.tenancy.capabilities import Capability, WorkspaceCapability
from tenantpilot.tenancy.models import Tenant, User, Workspace
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to, workspaces_with

Row = dict[str, Any]
REFERENCE = "onboarding:"
ONBOARD = WorkspaceCapability.ONBOARD_TENANTS


@dataclass(frozen=True, slots=True)
class Seen:
    """A session that its reader sees. ``may``: the reader holds the rights to go on with it."""

    standing: Standing
    may: bool

    @property
    def session(self) -> OnboardingSession:
        return self.standing.session


def find_session(user: User, session_id: int) -> Seen | None:
    """Return the session, or None when it is not there or not visible.

    Its workspace must be the reader's and, once a tenant is identified, the tenant, too.
    """
    rows = OnboardingSession.objects.select_related(
        "workspace", "tenant", "in_charge", "changed_by"
    ).annotate(
        may=Exists(workspaces_with(user, ONBOARD).filter(pk=OuterRef("workspace_id"))),
        bootstrapped=Exists(_chains_of_outer()),
    )
    session = rows.filter(pk=session_id, workspace__in=workspaces_visible_to(user)).first()
    if session is None:
        return None
    may: bool = session.may
    if session.tenant is None:
        return Seen(Standing(session), may)
    # Zero names no connection: before one is chosen the tenant's default is not the session's.
    target = target_for_tenant(user.pk, session.tenant.slug, session.connection_id or 0)
    if target is None:
        return None
    may = may and Capability.MANAGE_CONNECTIONS in target.capabilities
    return Seen(Standing(session, target.connection, target, session.bootstrapped), may)


def open_sessions(user: User) -> QuerySet[OnboardingSession, Row]:
    """Return the open sessions that the person may go on with, with the facts of their connections."""
    rows = sessions_to_go_on_with(user).filter(state=SessionState.OPEN)
    facts = fact_columns("connection__")
    return rows.annotate(bootstrapped=Exists(_chains_of_outer()), **facts).values(
        "id", "asked", "tenant_id", "tenant__name", "workspace__name", "connected_at", "left_out",
        "state", "in_charge_id", "in_charge__first_name", "in_charge__last_name", "in_charge__username", "changed_at",
        "bootstrapped",
        *facts,
    )  # fmt: skip


def sessions_to_go_on_with(user: User) -> QuerySet[OnboardingSession]:
    """Return the sessions, ended ones too, that the person sees and has the rights to go on with."""
    tenants = visible_to(Tenant.objects.all(), user, capability=Capability.MANAGE_CONNECTIONS)
    mine = Q(tenant=None) | Q(tenant__in=tenants)
    return OnboardingSession.objects.filter(mine, workspace__in=workspaces_with(user, ONBOARD))


def stamp(user: User, session_id: int, step: StepName) -> str:
    """Return what changes when the live part of a step does, in one statement; nothing where no such part is shown.

    A part that shows this stamp need not be drawn anew. It must be read before what it stands for.
    """
    rows = sessions_to_go_on_with(user).filter(pk=session_id)
    values = rows.values_list("version", *_STAMPS[step]()).first()
    return ".".join(str(value) for value in values) if values else ""


def standing_of(row: Row) -> Standing:
    """Return how far the session in a row of `open_sessions` is."""
    names = ("tenant_id", "connected_at", "left_out", "state")
    return Standing(
        OnboardingSession(**{name: row[name] for name in names}),
        facts_in(row),
        bootstrapped=row["bootstrapped"],
    )


def reference_of(session_id: int) -> str:
    """Return the name by which a chain knows the onboarding that it belongs to."""
    return f"{REFERENCE}{session_id}"


def onboarding_workspaces(user: User) -> QuerySet[Workspace]:
    """Return the workspaces that the person may bring tenants into, by name."""
    return workspaces_with(user, ONBOARD).order_by("name", "id")


def shared_apps(workspace_id: int, cloud: str) -> QuerySet[AppRegistration]:
    """Return the app registrations through which a tenant of this cloud may be read, without their credentials."""
    apps = AppRegistration.objects.filter(
        workspace=workspace_id, tenant=None, cloud=cloud, purpose=Purpose.READ
    ).exclude(credential_encrypted="")
    return apps.defer("credential_encrypted", "certificate_pem").order_by("name", "id")


def colleagues(session: OnboardingSession) -> list[User]:
    """Return who may take the session over: everybody who may go on with it but who has it now."""
    members = User.objects.filter(
        memberships__workspace=session.workspace_id, memberships__disabled_at=None, is_active=True
    ).exclude(pk=session.in_charge_id)
    return [one for one in members.order_by("username") if _may(one, session)]


def _chains_of_outer() -> QuerySet[Chain]:
    return Chain.objects.filter(reference=Concat(Value(REFERENCE), Cast(OuterRef("pk"), CharField())))


def _check_stamp() -> list[Combinable]:
    """The newest check of the session's connection, and how far it is."""
    checks = OperationRun.objects.filter(
        tenant=OuterRef("tenant_id"), connection=OuterRef("connection_id"), operation_type=CHECK_CONNECTION
    ).order_by("-id")
    return [Subquery(checks.values(name)[:1]) for name in ("id", "event_seq")]


def _chain_stamp() -> list[Combinable]:
    """The session's newest chain, and the state of every step of it."""
    newest = _chains_of_outer().order_by("-id")
    states = Concat(
        "status",
        Coalesce("run__status", Value("")),
        Coalesce("run__outcome", Value("")),
        output_field=TextField(),
    )
    steps = ChainStep.objects.filter(chain=OuterRef("pk")).order_by().values("chain")
    each = steps.annotate(states=StringAgg(states, "-", order_by="number")).values("states")
    newest = newest.annotate(states=Subquery(each))
    return [Subquery(newest.values(name)[:1]) for name in ("id", "state", "states")]


_STAMPS: dict[StepName, Callable[[], list[Combinable]]] = {
    StepName.VERIFY: _check_stamp,
    StepName.BOOTSTRAP: _chain_stamp,
}


def _may(user: User, session: OnboardingSession) -> bool:
    found = find_session(user, session.pk)
    return found is not None and found.may
