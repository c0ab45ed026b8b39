"""Compliance of a tenant as plain rows: the latest of each part, the trend, and the devices."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import TruncDate

from providers.choices import ObjectKind
from providers.compliance.shapes import OUT_OF_COMPLIANCE, SELECTION
from providers.directory_lists import PRESENT
from providers.models import ComplianceDevice, ComplianceSnapshot, DevicePolicies, DirectoryCollection

Row = dict[str, Any]
OUT = "out"
"""Stands for every state that is out of compliance."""
KEYS = {"devices": "states", "summary": "counts", "policies": "policies"}
_DEVICE = (
    "id", "object_id", "display_name", "platform", "os_version", "owner", "user_name", "model", "serial", "encrypted",
    "state", "state_since", "since_known", "grace_until", "reported_at", "first_observed_at", "observed_at", "gone_at",
)  # fmt: skip


def latest(tenant_id: int) -> Row | None:
    """The tenant's last snapshot; None when there was never one."""
    rows = ComplianceSnapshot.objects.filter(tenant=tenant_id).order_by("-taken_at")
    return rows.values("run_id", "taken_at", *KEYS).first()


def latest_with(tenant_id: int, part: str) -> Row | None:
    """The last snapshot in which this part was observed."""
    rows = ComplianceSnapshot.objects.filter(tenant=tenant_id, **{f"{part}__has_key": KEYS[part]})
    return rows.order_by("-taken_at").values("run_id", "taken_at", part).first()


def trend(tenant_id: int, since: datetime) -> Mapping[date, dict[str, int]]:
    """The last count of each day, by state; a day on which the devices were not observed is not in it."""
    rows = (
        ComplianceSnapshot.objects.filter(tenant=tenant_id, taken_at__gte=since, devices__has_key="states")
        .annotate(day=TruncDate("taken_at"))
        .order_by("day", "-taken_at")
        .distinct("day")
    )
    return {row["day"]: row["devices"]["states"] for row in rows.values("day", "devices")}


def collection_of(tenant_id: int) -> Row | None:
    """The tenant's collection of devices: when it was last read, and whether completely."""
    rows = DirectoryCollection.objects.filter(
        tenant=tenant_id, kind=ObjectKind.COMPLIANCE_DEVICES, selection_key=SELECTION
    )
    found = rows.values(
        "id", "complete_at", "attempted_at", "reason_code", "reason_facts", "object_count"
    ).first()
    return dict(found) if found else None


def device_rows(
    collection_id: int, *, search: str = "", state: str = "", platform: str = "", presence: str = ""
) -> QuerySet[ComplianceDevice, Row]:
    """The devices of a collection, gone ones included; the state may be `OUT`."""
    rows = ComplianceDevice.objects.filter(collection=collection_id)
    if search:
        rows = rows.filter(
            Q(display_name__icontains=search)
            | Q(user_name__icontains=search)
            | Q(serial__iexact=search)
            | Q(object_id=search.lower())
        )
    if state:
        rows = rows.filter(state__in=OUT_OF_COMPLIANCE if state == OUT else (state,))
    if platform:
        rows = rows.filter(platform=platform)
    if presence:
        rows = rows.filter(gone_at__isnull=presence == PRESENT)
    return rows.values(*_DEVICE)


def longest_out(collection_id: int, limit: int) -> list[Row]:
    """The devices that are out of compliance for longest."""
    rows = device_rows(collection_id, state=OUT, presence=PRESENT)
    return list(rows.order_by("state_since", "display_name", "id")[:limit])


def policies_of(device_pk: int) -> Row | None:
    """Which policies a device fails, as last observed; None when nobody asked."""
    rows = DevicePolicies.objects.filter(device=device_pk)
    found = rows.values("attempted_at", "observed_at", "reason_code", "reason_facts", "failing").first()
    return dict(found) if found else None


def device_row(collection_id: int, object_id: str) -> Row | None:
    """One device; None when it was never seen."""
    if "\x00" in object_id:  # which no text in the database can hold
        return None
    return (
        ComplianceDevice.objects.filter(collection=collection_id, object_id=object_id)
        .values(*_DEVICE)
        .first()
    )
