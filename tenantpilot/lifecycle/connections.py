"""Removing a provider connection: only while nothing runs on it."""

from django.db import transaction

from operations.choices import ACTIVE
from operations.models import OperationRun
from providers.models import ProviderConnection
from providers.removal import connection_remove
from providers.services import ConnectionRemoved
from tenantpilot.tenancy.archive import hold_live
from tenantpilot.tenancy.models import User


class ConnectionBusy(Exception):
    """A run is active on the connection."""

    def __init__(self, run: OperationRun) -> None:
        super().__init__(run.pk)
        self.run_id, self.operation_type = run.pk, run.operation_type


@transaction.atomic
def remove(connection: ProviderConnection, actor: User) -> None:
    """Remove the connection for good. Raises ConnectionBusy, ConnectionRemoved, and TenantArchived."""
    hold_live(connection.tenant_id)
    # The whole lock: the run of a start that comes at the same time is either seen here or finds the connection off.
    found = ProviderConnection.objects.select_for_update(of=("self",)).select_related("tenant")
    held = found.filter(pk=connection.pk, removed_at=None).first()
    if held is None:
        raise ConnectionRemoved
    run = OperationRun.objects.filter(connection=held, status__in=ACTIVE).first()
    if run is not None:
        raise ConnectionBusy(run)
    connection_remove(connection=held, actor=actor)
