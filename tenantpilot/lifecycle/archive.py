"""Archiving a tenant and bringing it back.

``archive`` writes the first of the tenant's leaving times, and the gate refuses every start from then on. What runs is
asked to end; ``settle`` does the rest once it has. It is called with the request, and each second by every worker until
it is done: a crash anywhere only makes it later.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from operations import acts
from operations.choices import ACTIVE
from operations.models import OperationRun
from providers.removal import connections_put_away
from tenantpilot.lifecycle.records import tenant_record
from tenantpilot.tenancy.models import Tenant, User

log = structlog.get_logger(__name__)


def archive(tenant: Tenant, actor: User) -> bool:
    """Archive the tenant; False when it is archived already. Nothing starts on it from now on."""
    now = timezone.now()
    kept = keep_until(now)
    with transaction.atomic():
        live = Tenant.objects.filter(pk=tenant.pk, archived_at=None)
        if not live.update(archived_at=now, archived_by=actor, keep_until=kept):
            return False
        tenant_record("tenant.archiving", tenant, actor.pk, keep_until=kept)
    settle(tenant.pk)
    return True


def settle(tenant_id: int) -> bool:
    """Ask what still runs to end; once nothing does, wipe the credentials and say archived.

    Safe to repeat, at the same time, from any process. Returns whether this call finished it.
    """
    if stop_work(tenant_id):
        return False
    with transaction.atomic():
        # Whoever holds the row is at it.
        leaving = Tenant.objects.select_for_update(no_key=True, skip_locked=True)
        tenant = leaving.filter(pk=tenant_id, archived_at__isnull=False, sealed_at=None).first()
        if tenant is None or active_runs(tenant_id).exists():
            return False
        facts = connections_put_away(tenant_id=tenant_id)
        now = timezone.now()
        tenant.sealed_at, tenant.keep_until = now, tenant.keep_until or keep_until(now)
        tenant.save(update_fields=["sealed_at", "keep_until"])
        tenant_record("tenant.archived", tenant, tenant.archived_by_id, keep_until=tenant.keep_until, **facts)
    log.info("tenant_archived", tenant=tenant.slug, **facts)
    return True


def stop_work(tenant_id: int) -> bool:
    """Cancel what is queued on an archived tenant and ask what runs to stop; say whether anything is still active."""
    # Still archived while we look: a tenant that was just brought back keeps its new runs.
    asked = active_runs(tenant_id).filter(cancel_requested_at=None, tenant__archived_by__isnull=False)
    for run_id, actor_id in asked.values_list("pk", "tenant__archived_by"):
        acts.cancel(run_id, actor_id)
    return active_runs(tenant_id).exists()


def active_runs(tenant_id: int) -> QuerySet[OperationRun]:
    """What an archived tenant waits for, the oldest first."""
    return OperationRun.objects.filter(tenant=tenant_id, status__in=ACTIVE).order_by("pk")


def bring_back(tenant: Tenant, actor: User) -> bool:
    """Take an archived tenant into use again; False when it is in use, or its deletion has begun.

    Its connections stay as archiving left them: disabled, and those of its own app registrations without credential.
    """
    with transaction.atomic():
        archived = Tenant.objects.filter(pk=tenant.pk, archived_at__isnull=False, deleting_at=None)
        if not archived.update(archived_at=None, archived_by=None, sealed_at=None, keep_until=None):
            return False
        tenant_record("tenant.brought_back", tenant, actor.pk)
    return True


def keep_until(moment: datetime) -> datetime:
    """Return until when the data of a tenant that is archived at this moment is kept."""
    return moment + timedelta(days=settings.ARCHIVE_KEEP_DAYS)
