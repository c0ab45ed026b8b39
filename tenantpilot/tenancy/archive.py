"""What may not happen to a tenant that is archived."""

from tenantpilot.tenancy.models import Tenant


class TenantArchived(Exception):
    """This tenant is archived: its connections and credentials do not change until somebody brings it back."""

    def __init__(self, name: str, slug: str) -> None:
        super().__init__(slug)
        self.name, self.slug = name, slug


def hold_live(tenant_id: int) -> Tenant:
    """Return the tenant, which nobody archives until the transaction ends. Raises TenantArchived.

    Starts do not wait for the lock: it leaves the key alone.
    """
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenant_id)
    if tenant.archived_at is not None:
        raise TenantArchived(tenant.name, tenant.slug)
    return tenant
