"""What was read of a tenant's directory, as plain rows beside how far it can be trusted."""

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Func, IntegerField, Q, QuerySet

from providers.models import DirectoryCollection, DirectoryGroup, RoleDefinition

Row = dict[str, Any]
PRESENT, GONE = "present", "gone"


def collections_of(tenant_id: int) -> list[Row]:
    """The tenant's collections: when each was last read, whether completely, and how much it holds."""
    rows = DirectoryCollection.objects.filter(tenant=tenant_id).values(
        "id",
        "kind",
        "selection_key",
        "complete_at",
        "attempted_at",
        "reason_code",
        "reason_facts",
        "object_count",
    )
    return [dict(row) for row in rows.order_by("kind", "selection_key")]


def group_rows(collection_id: int, *, search: str = "", presence: str = "") -> QuerySet[DirectoryGroup, Row]:
    """The groups of a collection, gone ones included."""
    rows = _narrowed(DirectoryGroup.objects.filter(collection=collection_id), search, presence)
    return rows.values(
        "id", "object_id", "display_name", "description", "observed_at", "gone_at", "group_types", "mail_enabled",
        "security_enabled",
    )  # fmt: skip


def role_rows(
    collection_ids: Sequence[int], *, search: str = "", presence: str = "", origin: str = ""
) -> QuerySet[RoleDefinition, Row]:
    """The role definitions of these collections, gone ones included; `origin` is "built_in" or "custom"."""
    rows = _narrowed(RoleDefinition.objects.filter(collection__in=collection_ids), search, presence)
    if origin:
        rows = rows.filter(is_built_in=origin == "built_in")
    return rows.annotate(
        action_count=Func(F("allowed_actions"), function="cardinality", output_field=IntegerField())
    ).values(
        "id",
        "collection_id",
        "display_name",
        "description",
        "observed_at",
        "gone_at",
        "is_built_in",
        "action_count",
    )


def _narrowed(rows: Any, search: str, presence: str) -> Any:
    if search:
        rows = rows.filter(Q(display_name__icontains=search) | Q(object_id=search.lower()))
    if presence:
        rows = rows.filter(gone_at__isnull=presence == PRESENT)
    return rows
