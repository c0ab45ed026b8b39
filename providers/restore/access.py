"""Who may use a backup of another tenant: whoever sees that tenant and may take its backups out."""

from providers.models import Backup, RestoreRun
from providers.selectors import target_for_tenant
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import Tenant


def may_use_source(user_id: int, restore: RestoreRun) -> bool:
    """Whether this person may restore from the run's backup. A tenant's own backup needs nothing more."""
    return may_use_backup(user_id, restore.backup, restore.tenant_id)


def may_use_backup(user_id: int, backup: Backup, tenant_id: int) -> bool:
    """Whether this person may restore ``backup`` into the tenant."""
    if backup.tenant_id == tenant_id:
        return True
    target = target_for_tenant(user_id, backup.tenant.slug)
    return target is not None and Capability.TRANSFER_BACKUPS in target.capabilities


def sees_source(user_id: int, restore: RestoreRun) -> bool:
    """Whether this reader may know of which tenant the backup is."""
    source: Tenant = restore.backup.tenant
    return source.pk == restore.tenant_id or target_for_tenant(user_id, source.slug) is not None
