"""What goes on by itself: every worker looks each second for tenants on their way out, and takes the next step."""

import structlog
from django.db.models import Q

from tenantpilot.lifecycle import archive, erase
from tenantpilot.tenancy.models import Tenant

log = structlog.get_logger(__name__)
MOST = 100
_ON_THEIR_WAY = Q(sealed_at=None) | Q(deleting_at__isnull=False)


def sweep() -> None:
    """Take every tenant that leaves a step further. One that fails is logged and keeps no other waiting."""
    leaving = Tenant.objects.filter(_ON_THEIR_WAY, archived_at__isnull=False, deleted_at=None).order_by("pk")
    for tenant_id, sealed_at in leaving.values_list("pk", "sealed_at")[:MOST]:
        step = archive.settle if sealed_at is None else erase.go_on
        try:
            step(tenant_id)
        except Exception:
            log.exception("tenant_step_failed", tenant=tenant_id)
