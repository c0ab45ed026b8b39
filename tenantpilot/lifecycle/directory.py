"""Correcting which directory a tenant is: only while nothing runs on it."""

from django.db import transaction

from operations.choices import ACTIVE
from operations.models import OperationRun
from providers.services import tenant_id_change
from tenantpilot.tenancy.models import Tenant, User


class TenantBusy(Exception):
    """A run is active on the tenant."""

    def __init__(self, run: OperationRun) -> None:
        super().__init__(run.pk)
        self.run_id, self.operation_type = run.pk, run.operation_type


@transaction.atomic
def change(tenant: Tenant, entra_tenant_id: str, actor: User) -> None:
    """Give the tenant another Entra tenant ID. Raises TenantBusy, TenantArchived, and IntegrityError where it is taken.

    A run under way reads or writes the directory of the old ID, and a write holds that one to itself: with another ID
    it would no longer be in the way of a second write.
    """
    # The whole lock: the run of a start that comes at the same time is either seen here, or waits until the ID is
    # changed and then finds its connection not verified.
    Tenant.objects.select_for_update(of=("self",)).get(pk=tenant.pk)
    run = OperationRun.objects.filter(tenant=tenant, status__in=ACTIVE).order_by("pk").first()
    if run is not None:
        raise TenantBusy(run)
    tenant_id_change(tenant=tenant, entra_tenant_id=entra_tenant_id, actor=actor)
