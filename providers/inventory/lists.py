"""The inventory as plain rows beside how far it can be trusted."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import F, Q, QuerySet, Sum
from django.db.models.functions import TruncDate

from providers.choices import ObjectKind
from providers.directory_lists import PRESENT
from providers.inventory.types import APPS, INVENTORY_TYPES, MANAGED_DEVICES
from providers.models import DirectoryCollection, InventoryObject, InventoryRead, ObjectChange

Row = dict[str, Any]
POLICY_GROUP, APP_GROUP, DEVICE_GROUP = "policies", "apps", "devices"
_OBJECT = (
    "id", "collection_id", "object_id", "display_name", "description", "odata_type", "platform", "state", "assigned",
    "marker", "reported_at", "summary", "first_observed_at", "observed_at", "gone_at",
)  # fmt: skip


def group_of(key: str) -> str:
    """Which of the lists an object type belongs to: policies, apps or devices."""
    return {APPS: APP_GROUP, MANAGED_DEVICES.key: DEVICE_GROUP}.get(key, POLICY_GROUP)


def types_in(group: str) -> list[str]:
    """The keys of the object types in a list, by their words."""
    kinds = sorted(INVENTORY_TYPES, key=lambda kind: str(kind.label))
    return [kind.key for kind in kinds if group_of(kind.key) == group]


def collections_of(tenant_id: int) -> dict[str, Row]:
    """The tenant's collections by object type: when each was last read, what that found, and what it holds."""
    rows = DirectoryCollection.objects.filter(tenant=tenant_id, kind=ObjectKind.INVENTORY).values(
        "id", "selection_key", "complete_at", "attempted_at", "reason_code", "reason_facts", "object_count",
        "new_count", "changed_count", "gone_count",
    )  # fmt: skip
    return {row["selection_key"]: dict(row) for row in rows}


def object_rows(
    collections: Iterable[int],
    *,
    search: str = "",
    presence: str = "",
    platform: str = "",
    state: str = "",
    assigned: str = "",
) -> QuerySet[InventoryObject, Row]:
    """The objects of these collections, gone ones included. ``assigned`` is "yes", "no" or "unknown"."""
    rows = InventoryObject.objects.filter(collection__in=list(collections))
    if search:
        # A device is looked for by its user or its serial number as well.
        rows = rows.filter(
            Q(display_name__icontains=search)
            | Q(object_id=search.lower())
            | Q(summary__user__icontains=search)
            | Q(summary__serial__iexact=search)
        )
    if presence:
        rows = rows.filter(gone_at__isnull=presence == PRESENT)
    if platform:
        rows = rows.filter(platform=platform)
    if state:
        rows = rows.filter(state=state)
    if assigned:
        rows = rows.filter(assigned={"yes": True, "no": False, "unknown": None}[assigned])
    return rows.values(*_OBJECT)


def object_row(collection_id: int, object_id: str) -> Row | None:
    """One object; None when it was never seen."""
    if "\x00" in object_id:  # which no text in the database can hold
        return None
    rows = InventoryObject.objects.filter(collection=collection_id, object_id=object_id)
    return rows.values(*_OBJECT).first()


def change_rows(
    tenant_id: int, *, kind: str = "", object_type: str = "", run_id: int | None = None
) -> QuerySet[ObjectChange, Row]:
    """What was seen to change in the inventory, to be ordered by time."""
    rows = ObjectChange.objects.filter(tenant=tenant_id, collection__kind=ObjectKind.INVENTORY)
    if kind:
        rows = rows.filter(kind=kind)
    if object_type:
        rows = rows.filter(collection__selection_key=object_type)
    if run_id is not None:
        rows = rows.filter(run_id=run_id)
    named: Any = rows.annotate(object_type=F("collection__selection_key"))
    found: QuerySet[ObjectChange, Row] = named.values(
        "id", "object_id", "name", "kind", "observed_at", "run_id", "changes", "object_type"
    )
    return found


def changes_of(collection_id: int, object_id: str, limit: int) -> list[Row]:
    """What was seen of one object, newest first."""
    rows = ObjectChange.objects.filter(collection=collection_id, object_id=object_id).order_by("-id")
    return [dict(row) for row in rows.values("kind", "observed_at", "run_id", "changes")[:limit]]


def days_of(tenant_id: int, since: datetime) -> Mapping[date, Row]:
    """What the reads of each day found in all; a day without a read is not in it."""
    rows = (
        InventoryRead.objects.filter(tenant=tenant_id, ended_at__gte=since)
        .annotate(day=TruncDate("ended_at"))
        .values("day")
        .annotate(new=Sum("new_count"), changed=Sum("changed_count"), gone=Sum("gone_count"))
    )
    return {row["day"]: dict(row) for row in rows}


def last_read(tenant_id: int) -> Row | None:
    """How the tenant's last inventory run ended."""
    rows = InventoryRead.objects.filter(tenant=tenant_id).order_by("-ended_at")
    found = rows.values("run_id", "ended_at", "requested_count", "read_count").first()
    return dict(found) if found else None


def month_before(moment: datetime, days: int) -> datetime:
    """Return the beginning of the day that lies ``days`` days, that day included, before ``moment`` (local)."""
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return start - timedelta(days=days - 1)
