"""What ends soon, told once each to whoever manages it: secrets and certificates at 30 and at 7 days, archived
tenants at 7 days and at 1 day before they are deleted."""

from django.db import connection

from operations.notices import MANAGES_SQL, manages_tenant_sql

THRESHOLDS = (7, 30)
DELETION_THRESHOLDS = (1, 7)

# A new credential has a new version, and so two notices of its own. The nearest threshold alone is told.
_TELL = f"""
INSERT INTO operations_notification (recipient_id, kind, app_registration_id, credential_version, days_left, expires_at)
SELECT u.id, 'credential_expiring', a.id, a.credential_version, d.days, a.credential_expires_at
FROM providers_appregistration a
CROSS JOIN LATERAL (
  SELECT min(days) AS days FROM unnest(%(thresholds)s::int[]) AS days
  WHERE a.credential_expires_at <= now() + days * interval '1 day'
) d
JOIN tenancy_membership m ON m.workspace_id = a.workspace_id
JOIN tenancy_user u ON u.id = m.user_id AND u.is_active
WHERE a.credential_encrypted <> '' AND a.credential_expires_at > now() AND d.days IS NOT NULL
  AND (a.tenant_id IS NULL OR EXISTS (
    SELECT 1 FROM tenancy_tenant t WHERE t.id = a.tenant_id AND t.archived_at IS NULL))
  AND {MANAGES_SQL.format(user="u.id")}
ON CONFLICT (recipient_id, app_registration_id, credential_version, days_left) DO NOTHING
"""  # noqa: S608  # constants only

_TELL_DELETIONS = f"""
INSERT INTO operations_notification (recipient_id, kind, tenant_id, days_left, expires_at)
SELECT u.id, 'tenant_deletion', t.id, d.days, t.keep_until
FROM tenancy_tenant t
CROSS JOIN LATERAL (
  SELECT min(days) AS days FROM unnest(%(thresholds)s::int[]) AS days
  WHERE t.keep_until <= now() + days * interval '1 day'
) d
JOIN tenancy_membership m ON m.workspace_id = t.workspace_id
JOIN tenancy_user u ON u.id = m.user_id AND u.is_active
WHERE t.archived_at IS NOT NULL AND t.deleting_at IS NULL AND t.keep_until > now() AND d.days IS NOT NULL
  AND {manages_tenant_sql("u.id")}
ON CONFLICT (recipient_id, tenant_id, expires_at, days_left) DO NOTHING
"""  # noqa: S608  # constants only


def tell() -> int:
    """Write the notices that are due, in two statements; return how many. Safe to run again and at the same time."""
    with connection.cursor() as cursor:
        cursor.execute(_TELL, {"thresholds": list(THRESHOLDS)})
        told = cursor.rowcount
        cursor.execute(_TELL_DELETIONS, {"thresholds": list(DELETION_THRESHOLDS)})
        return told + cursor.rowcount
