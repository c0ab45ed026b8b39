"""Rows by the hundred for pages, and what every page test asks of an answer."""

import gzip
import time
import uuid
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from operations.choices import ExecutionStatus, RunOutcome
from operations.models import OperationRun
from providers.choices import ObjectKind
from providers.models import DirectoryCollection, DirectoryGroup, ProviderConnection, RoleDefinition
from tenantpilot.tenancy.models import Tenant, User, Workspace
from tests.factories import make_app

GROUPS = "directory.groups.sync"
ROLES = "directory.role_definitions.sync"
CHECK = "provider.connection.check"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_tenants(workspace: Workspace, actor: User, count: int, *, prefix: str = "customer") -> list[Tenant]:
    """Tenants with a connection each, all through one app registration."""
    app = make_app(workspace, actor)
    tenants = Tenant.objects.bulk_create(
        Tenant(
            workspace=workspace,
            name=f"{prefix.title()} {number:04}",
            slug=f"{prefix}-{number}",
            entra_tenant_id=uuid.uuid4(),
            primary_domain=f"{prefix}{number}.example",
        )
        for number in range(count)
    )
    ProviderConnection.objects.bulk_create(
        ProviderConnection(tenant=tenant, app_registration=app, label=app.name, is_default=True)
        for tenant in tenants
    )
    return tenants


def make_runs(connection: ProviderConnection, count: int, **facts: Any) -> list[OperationRun]:
    """Ended runs, or with ``status`` active ones; each active run gets a scope of its own."""
    now = timezone.now()
    status = facts.pop("status", ExecutionStatus.COMPLETED)
    ended = status == ExecutionStatus.COMPLETED
    if status == ExecutionStatus.RUNNING:
        facts |= {"fence": 1, "claim_token": uuid.uuid4(), "lease_until": now, "started_at": now}
    if ended:
        facts = {"outcome": RunOutcome.SUCCEEDED, "started_at": now, "completed_at": now} | facts
    return OperationRun.objects.bulk_create(
        OperationRun(
            **{
                "tenant": connection.tenant,
                "connection": connection,
                "operation_type": GROUPS,
                "op_key": uuid.uuid4().hex,
                "scope_key": f"test:{uuid.uuid4().hex}",
                "origin": "console",
                "status": status,
                "attempt": 1,
                "progress": {"done": 120, "total": 240},
                "created_at": now,
                **facts,
            }
        )
        for _ in range(count)
    )


def make_collection(tenant: Tenant, kind: ObjectKind, key: str, **facts: Any) -> DirectoryCollection:
    now = timezone.now()
    defaults = {"complete_at": now, "attempted_at": now}
    return DirectoryCollection.objects.create(
        tenant=tenant, kind=kind, selection_key=key, **(defaults | facts)
    )


def make_groups(collection: DirectoryCollection, names: list[str], **facts: Any) -> None:
    now: datetime = timezone.now()
    defaults: dict[str, Any] = {
        "first_observed_at": now,
        "observed_at": now,
        "fence": 1,
        "security_enabled": True,
    }
    DirectoryGroup.objects.bulk_create(
        DirectoryGroup(
            collection=collection, object_id=str(uuid.uuid4()), display_name=name, **(defaults | facts)
        )
        for name in names
    )


def make_roles(collection: DirectoryCollection, names: list[str], **facts: Any) -> None:
    now: datetime = timezone.now()
    defaults: dict[str, Any] = {
        "first_observed_at": now,
        "observed_at": now,
        "fence": 1,
        "allowed_actions": ["a/b"],
    }
    RoleDefinition.objects.bulk_create(
        RoleDefinition(
            collection=collection, object_id=str(uuid.uuid4()), display_name=name, **(defaults | facts)
        )
        for name in names
    )


def text_of(response: HttpResponse) -> str:
    return response.content.decode()


def weight(response: HttpResponse) -> int:
    """Bytes over the wire, as whitenoise's and every proxy's gzip sends them."""
    return len(gzip.compress(response.content, 6))


def milliseconds(client: Client, url: str, rounds: int = 5) -> float:
    """CPU time of this process, best of some rounds: what the neighbours of a busy machine can't change."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        client.get(url)
        best = min(best, time.process_time() - begun)
    return best * 1000
