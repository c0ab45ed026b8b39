"""Rows for tests, made the way the product makes them."""

import itertools
import time
import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from onboarding.models import OnboardingSession
from operations import chains, gate, registry
from operations.gate import Start
from operations.outcomes import ChainOutcome, StartOutcome
from providers import catalogue, services
from providers.backups import store
from providers.choices import ConsentState, CredentialState
from providers.models import AppRegistration, ProviderConnection, RestoreRun
from providers.permissions import PURPOSES
from providers.readiness import LICENCE_NAMES
from providers.restore import drafts
from providers.restore.model import Options, Reading
from providers.selectors import target_for_tenant
from tenantpilot.audit import seals
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.grants import entitlement_set, membership_set
from tenantpilot.tenancy.models import Tenant, User, Workspace

PASSWORD = "correct-horse-battery"
_numbers = itertools.count(1)


def make_user(username: str = "") -> User:
    return User.objects.create_user(username or f"person-{next(_numbers)}", password=PASSWORD, is_staff=True)


def make_workspace(slug: str = "") -> Workspace:
    slug = slug or f"workspace-{next(_numbers)}"
    return Workspace.objects.create(slug=slug, name=slug.title())


def make_tenant(workspace: Workspace, slug: str = "", **facts: Any) -> Tenant:
    slug = slug or f"tenant-{next(_numbers)}"
    defaults: dict[str, Any] = {
        "name": slug.title(),
        "primary_domain": f"{slug}.example",
        "entra_tenant_id": uuid.uuid4(),
    }
    return Tenant.objects.create(workspace=workspace, slug=slug, **(defaults | facts))


def make_member(workspace: Workspace, role: Role, *, all_tenants: bool = True, username: str = "") -> User:
    user = make_user(username)
    membership_set(workspace=workspace, user=user, role=role, all_tenants=all_tenants)
    return user


def entitle(user: User, tenant: Tenant, role: Role) -> None:
    entitlement_set(tenant=tenant, user=user, role=role)


def make_app(workspace: Workspace, actor: User, *, secret: str = "a-secret", **facts: Any) -> AppRegistration:
    app = services.app_registration_create(
        workspace=workspace,
        tenant=facts.pop("tenant", None),
        name=f"App {next(_numbers)}",
        client_id=facts.pop("client_id", str(uuid.uuid4())),
        cloud="global",
        actor=actor,
    )
    if secret:
        services.credential_replace(
            app_registration=app, secret=secret, expires_at=facts.pop("expires_at", None), actor=actor
        )
    app.refresh_from_db()
    return app


def make_connection(
    tenant: Tenant, actor: User, *, app: AppRegistration | None = None, ready: bool = True
) -> ProviderConnection:
    app = app or make_app(tenant.workspace, actor)
    connection = services.connection_create(
        tenant=tenant, app_registration=app, label=f"{tenant.name} connection", actor=actor
    )
    if ready:
        make_ready(connection)
    return connection


def make_ready(connection: ProviderConnection, *, at: datetime | None = None) -> ProviderConnection:
    """Store the facts of a connection that everything can start on."""
    now = at or timezone.now()
    ProviderConnection.objects.filter(pk=connection.pk).update(
        credential_state=CredentialState.VALID,
        credential_observed_at=now,
        consent_state=ConsentState.GRANTED,
        consent_observed_at=now,
        granted_permissions=sorted(PURPOSES),
        permissions_observed_at=now,
        service_plans=sorted(LICENCE_NAMES),
        service_plans_observed_at=now,
        checked_at=now,
        verified_at=now,
    )
    connection.refresh_from_db()
    return connection


def make_session(tenant: Tenant, actor: User, **facts: Any) -> OnboardingSession:
    """An onboarding that has come as far as naming its tenant."""
    known = {"asked": tenant.primary_domain, "entra_tenant_id": tenant.entra_tenant_id}
    return OnboardingSession.objects.create(
        workspace=tenant.workspace,
        tenant=tenant,
        created_by=actor,
        in_charge=actor,
        changed_by=actor,
        **(known | facts),
    )


def start(name: str, tenant: Tenant, actor: User, **data: Any) -> StartOutcome:
    """Start an operation on the tenant's default connection, as the console does."""
    target = target_for_tenant(actor.pk, tenant.slug)
    assert target is not None
    return gate.start(Start(registry.get(name), target, actor.pk, data))


def start_chain(world: Any, *names: str) -> ChainOutcome:
    """Start operations one after another, by the operator, on another connection of the cast's tenant."""
    connection = make_connection(world.tenant, world.owner)
    target = target_for_tenant(world.operator.pk, world.tenant.slug, connection.pk)
    assert target is not None
    names = names or ("directory.groups.sync", "directory.role_definitions.sync")
    kinds = [registry.get(name) for name in names]
    return chains.start(chains.ChainStart(kinds, target, world.operator.pk, reference="onboarding:1"))


def make_restore(tenant: Tenant, actor: User) -> RestoreRun:
    """A previewed restore of one device category that the tenant lacks."""
    kind = catalogue.get("deviceCategories")
    writing = store.begin(
        tenant_id=tenant.pk, connection_id=None, run_id=None, kinds=[kind], fenced=transaction.atomic
    )
    thing = {"id": str(uuid.uuid4()), "displayName": "Kiosks", "description": "", "roleScopeTagIds": ["0"]}
    writing.add(kind, [store.NewItem(thing["id"], "Kiosks", "", "", {"object": thing})])
    writing.type_ended(kind, store.TypeResult(objects=1))
    backup = writing.complete()
    made = drafts.draft_create(
        tenant=tenant,
        backup=backup,
        items=backup.items.all(),
        options=Options(),
        connection_id=None,
        actor=actor,
    )
    with transaction.atomic():
        drafts.reading_keep(made.pk, Reading(listed={kind.key: []}))
    made.refresh_from_db()
    return made


def seal_all(count: int) -> int:
    """Seal run events until ``count`` are, as its task does again and again: it stands back from autovacuum, too."""
    sealed = 0
    for _ in range(100):
        sealed += seals.seal()
        if sealed >= count:
            break
        time.sleep(0.05)
    return sealed
