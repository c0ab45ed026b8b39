"""One call for acts and refusals."""

from typing import Any

from tenantpilot.tenancy.models import AuditEntry


def record(
    action: str,
    *,
    workspace_id: int,
    tenant_id: int | None = None,
    actor_id: int | None,
    surface: str = "",
    reason_code: str = "",
    facts: dict[str, Any] | None = None,
) -> None:
    """Write an audit entry. ``facts`` must hold no secret: entries can never be changed or removed."""
    AuditEntry.objects.create(
        action=action,
        workspace_id=workspace_id,
        tenant_id=tenant_id,
        actor_id=actor_id,
        surface=surface,
        reason_code=reason_code,
        facts=facts or {},
    )
