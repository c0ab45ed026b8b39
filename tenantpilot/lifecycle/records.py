"""The audit entries of a tenant's later life."""

from typing import Any

from tenantpilot.audit.record import About, record
from tenantpilot.tenancy.models import Tenant


def tenant_record(action: str, tenant: Tenant, actor_id: int | None, **facts: Any) -> None:
    """Write what happened to the tenant; without an actor, by itself."""
    record(
        action,
        workspace_id=tenant.workspace_id,
        tenant_id=tenant.pk,
        actor_id=actor_id,
        about=About("tenant", tenant.pk, tenant.name),
        facts=facts,
    )
