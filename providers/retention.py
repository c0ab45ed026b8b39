"""For how long what was observed is kept beside the latest state: a year to look back, and some days."""

from django.db import connection

KEPT_DAYS = 400
_FORGET = """
DELETE FROM providers_objectchange
WHERE tenant_id = %(tenant)s AND observed_at < now() - %(days)s * interval '1 day'
"""


def forget_changes(tenant_id: int) -> None:
    """Let go of the tenant's changes that are older than they are kept."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, {"tenant": tenant_id, "days": KEPT_DAYS})
