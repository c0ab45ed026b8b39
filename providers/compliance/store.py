"""Writing a compliance snapshot, and how long snapshots are kept."""

import json
from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.db.models import Count

from providers.models import ComplianceDevice
from providers.retention import KEPT_DAYS

# One a day is enough for a trend.
EACH_KEPT_DAYS = 60
_WRITE = """
INSERT INTO providers_compliancesnapshot (tenant_id, connection_id, run_id, taken_at, devices, summary, policies)
VALUES (%(tenant)s, %(connection)s, %(run)s, now(), %(devices)s, %(summary)s, %(policies)s)
ON CONFLICT (run_id) DO UPDATE SET taken_at = EXCLUDED.taken_at, devices = EXCLUDED.devices,
  summary = EXCLUDED.summary, policies = EXCLUDED.policies
"""
_THIN = """
DELETE FROM providers_compliancesnapshot s WHERE tenant_id = %(tenant)s AND (
  taken_at < now() - %(kept)s * interval '1 day'
  OR (taken_at < now() - %(each)s * interval '1 day' AND EXISTS (
    SELECT 1 FROM providers_compliancesnapshot l WHERE l.tenant_id = s.tenant_id AND l.taken_at > s.taken_at
      AND l.taken_at < date_trunc('day', s.taken_at, 'UTC') + interval '1 day'
  ))
)
"""

Part = dict[str, Any]


def states_of(collection_id: int) -> dict[str, int]:
    """Count the devices of a collection by state, those that are gone left out."""
    rows = ComplianceDevice.objects.filter(collection=collection_id, gone_at=None)
    return dict(rows.values_list("state").annotate(count=Count("id")))


def write(*, tenant_id: int, connection_id: int, run_id: int, parts: Mapping[str, Part]) -> None:
    """Write the run's snapshot and let go of what is older than it is kept. Call it inside the run's fence."""
    values = {name: json.dumps(part) for name, part in parts.items()}
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {"tenant": tenant_id, "connection": connection_id, "run": run_id, **values})
        cursor.execute(_THIN, {"tenant": tenant_id, "kept": KEPT_DAYS, "each": EACH_KEPT_DAYS})
