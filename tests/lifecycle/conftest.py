"""What the tests of a tenant's later life share."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from operations.models import OperationRun
from providers.choices import BackupState, ObjectKind
from providers.models import (
    Backup,
    BackupItem,
    BackupReference,
    ContentVersion,
    ProviderConnection,
    RetentionRule,
)
from tenantpilot.audit.models import AuditEntry
from tenantpilot.lifecycle import archive
from tenantpilot.tenancy.models import Tenant
from tests import factories
from tests.console.rows import make_collection, make_groups, make_roles, make_runs


@pytest.fixture
def archived(world: Any) -> Any:
    """The world with its tenant archived and sealed."""
    archive.archive(world.tenant, world.manager)
    world.tenant.refresh_from_db()
    assert world.tenant.sealed_at is not None
    return world


def own_connection(world: Any, *, ready: bool = True) -> ProviderConnection:
    """A second connection of the tenant, through an app registration of its own."""
    app = factories.make_app(world.workspace, world.owner, tenant=world.tenant)
    return factories.make_connection(world.tenant, world.owner, app=app, ready=ready)


def running(connection: ProviderConnection, **facts: Any) -> OperationRun:
    """A run that a worker holds, in the scope of its connection."""
    scope = f"connection:{connection.pk}"
    return make_runs(connection, 1, status="running", scope_key=scope, **facts)[0]


def end(run: OperationRun, outcome: str = "cancelled") -> None:
    """End an active run as its worker would."""
    OperationRun.objects.filter(pk=run.pk).update(
        status="completed", outcome=outcome, completed_at=timezone.now(), claim_token=None, lease_until=None
    )


def fill(tenant: Tenant, connection: ProviderConnection, count: int = 3) -> None:
    """Something of everything that is kept of a tenant."""
    groups = make_collection(tenant, ObjectKind.GROUPS, uuid.uuid4().hex, connection=connection)
    make_groups(groups, [f"Group {number}" for number in range(count)])
    roles = make_collection(tenant, ObjectKind.ENTRA_ROLE_DEFINITIONS, uuid.uuid4().hex)
    make_roles(roles, [f"Role {number}" for number in range(count)])
    backup = Backup.objects.create(tenant=tenant, connection=connection)
    content = ContentVersion.objects.create(
        tenant=tenant, content_hash=uuid.uuid4().hex, content=b"sealed", size=6
    )
    for number in range(count):
        BackupItem.objects.create(
            backup=backup,
            tenant=tenant,
            object_type="policies",
            object_id=str(number),
            version=content,
            complete=True,
        )
    BackupReference.objects.create(backup=backup, kind="group", object_id="1")
    Backup.objects.filter(pk=backup.pk).update(state=BackupState.COMPLETE, completed_at=timezone.now())
    RetentionRule.objects.create(tenant=tenant, keep_last=1, keep_days=1, keep_months=1)
    failures = [{"type": "groups", "code": "provider.unreachable", "count": 1}]
    make_runs(connection, count, outcome="failed", failures=failures, diagnostics=[{"path": "/groups"}])


def actions(tenant: Tenant) -> list[str]:
    """What the audit log says of the tenant, in order."""
    entries = AuditEntry.objects.filter(tenant=tenant, action__startswith="tenant.")
    return list(entries.order_by("id").values_list("action", flat=True))
