"""Deleting an archived tenant: its data goes in batches, then the row becomes a tombstone.

From the first moment the tenant is "deleting": nothing of it is shown but that. Every batch is a transaction of its own
and finds what is left by looking, so a crash anywhere only makes it later.
"""

import time
from functools import partial

import structlog
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from operations.choices import ExecutionStatus
from operations.models import OperationRun
from providers.removal import connections_empty
from tenantpilot.lifecycle.archive import active_runs
from tenantpilot.lifecycle.parts import Part, parts
from tenantpilot.lifecycle.records import tenant_record
from tenantpilot.tenancy.grants import tenant_forget
from tenantpilot.tenancy.models import Tenant, User

log = structlog.get_logger(__name__)
BATCH = 5000
# Seconds that one call works before others have their turn.
TURN = 2.0
# Backups are immutable to everything else but retention; said for one transaction.
_MAY_GO = "SET LOCAL tenantpilot.backups_may_go = 'on'"
_SAID = ~Q(failures=[]) | ~Q(diagnostics=[])


def delete(tenant: Tenant, actor: User | None, **facts: object) -> bool:
    """Begin to delete an archived tenant; False when it is in use, or its deletion has begun. No way back from here."""
    with transaction.atomic():
        archived = Tenant.objects.filter(pk=tenant.pk, sealed_at__isnull=False, deleting_at=None)
        if not archived.update(deleting_at=timezone.now()):
            return False
        tenant_record("tenant.deleting", tenant, actor.pk if actor else None, **facts)
    return True


def delete_expired() -> int:
    """Begin to delete every archived tenant whose data was kept as long as promised; return how many."""
    due = Tenant.objects.filter(sealed_at__isnull=False, deleting_at=None, keep_until__lte=timezone.now())
    return sum(delete(tenant, None, kept_until=tenant.keep_until) for tenant in due.order_by("pk"))


def go_on(tenant_id: int) -> bool:
    """Delete some of what is left; return whether the tenant is gone now. Safe to repeat, from any process."""
    ends = time.monotonic() + TURN
    # What was found empty stays so: nothing is written to a tenant that is being deleted.
    left = [partial(_delete, part) for part in parts()] + [_empty_runs]
    while time.monotonic() < ends:
        with transaction.atomic():
            tenant = _mine(tenant_id)
            if tenant is None or active_runs(tenant_id).exists():
                return False
            while left and not left[0](tenant_id):
                del left[0]
            if not left:
                _bury(tenant)
                return True
    return False


def _mine(tenant_id: int) -> Tenant | None:
    """The tenant, unless another process is at it."""
    leaving = Tenant.objects.select_for_update(no_key=True, skip_locked=True)
    return leaving.filter(pk=tenant_id, deleting_at__isnull=False, deleted_at=None).first()


def _delete(part: Part, tenant_id: int) -> int:
    """Delete up to a batch of the part's rows; 0 when there are none."""
    found = (list(rows.values_list("pk", flat=True)[:BATCH]) for rows in part.rows(tenant_id))
    ids = next(filter(None, found), [])
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_MAY_GO)
    for model, name in part.pointers:
        model._base_manager.filter(**{f"{name}__in": ids}).update(**{name: None})
    # Not through the collector: what points here is gone already, and 5,000 rows need not be read to go.
    doomed = part.model._base_manager.filter(pk__in=ids)
    return int(doomed._raw_delete(doomed.db))


def _empty_runs(tenant_id: int) -> int:
    """Empty up to a batch of ended runs of what the provider said; 0 when there are none."""
    runs = OperationRun.objects.filter(_SAID, tenant=tenant_id, status=ExecutionStatus.COMPLETED)
    ids = list(runs.values_list("pk", flat=True)[:BATCH])
    return OperationRun.objects.filter(pk__in=ids).update(failures=[], diagnostics=[]) if ids else 0


def _bury(tenant: Tenant) -> None:
    """Leave what audit and runs name: the tenant's name, slug and ids, and those of its connections."""
    tenant_forget(tenant)
    connections_empty(tenant_id=tenant.pk)
    tenant.primary_domain, tenant.deleted_at = "", timezone.now()
    tenant.save(update_fields=["primary_domain", "deleted_at"])
    tenant_record("tenant.deleted", tenant, None)
    log.info("tenant_deleted", tenant=tenant.slug)
