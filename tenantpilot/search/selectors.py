"""What a person finds. Rights are asked for in each statement; nothing is kept between two searches."""

from typing import Any

from django.db.models import Case, Count, F, Q, QuerySet, Value, When, Window

from operations.models import OperationRun
from providers.choices import ObjectKind
from providers.models import InventoryObject, ProviderConnection
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import Tenant, User
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to

Row = dict[str, Any]
BEST = 5
MAX_ID = 2**63 - 1


def find_tenants(user: User, text: str, *, limit: int = BEST) -> tuple[list[Row], int]:
    """Return the best matches by name or domain, those that begin with the text first, and how many there are."""
    rows = visible_to(Tenant.objects.filter(archived_at=None), user)
    rows = rows.filter(Q(name__icontains=text) | Q(primary_domain__icontains=text))
    begins = Q(name__istartswith=text) | Q(primary_domain__istartswith=text)
    return _best(rows, begins, ("name", "id"), ("name", "slug", "primary_domain"), limit)


def find_connections(user: User, text: str, *, limit: int = BEST) -> tuple[list[Row], int]:
    """Return the best matches by label or tenant, and how many there are."""
    present = ProviderConnection.objects.filter(tenant__archived_at=None, removed_at=None)
    rows = visible_to(present, user, path="tenant")
    rows = rows.filter(Q(label__icontains=text) | Q(tenant__name__icontains=text))
    return _best(
        rows.annotate(tenant_name=F("tenant__name")),
        Q(label__istartswith=text),
        ("label", "id"),
        ("id", "label", "tenant_name"),
        limit,
    )


def find_objects(user: User, text: str, *, limit: int = BEST) -> list[Row]:
    """Return the first policies, apps and devices whose names begin with the text; gone ones are left out.

    They may be millions, hence by the index on the beginning of names, and not counted.
    """
    objects = InventoryObject.objects.filter(
        collection__kind=ObjectKind.INVENTORY,
        collection__tenant__archived_at=None,
        display_name__istartswith=text,
        gone_at=None,
    )
    seen = visible_to(objects, user, path="collection__tenant")
    rows: QuerySet[Any, Any] = seen.order_by("display_name", "id").values(
        "object_id",
        "display_name",
        object_type=F("collection__selection_key"),
        tenant=F("collection__tenant__name"),
        slug=F("collection__tenant__slug"),
    )
    return list(rows[:limit])


def find_run(user: User, text: str) -> Row | None:
    """Return the run of this number; None for no number, no such run, and one that the person may not read."""
    number = text.removeprefix("#")
    if not (number.isascii() and number.isdigit() and len(number) < 20 and 0 < int(number) <= MAX_ID):
        return None
    runs = OperationRun.objects.filter(pk=int(number))
    seen = visible_to(runs, user, capability=Capability.VIEW_RUN, path="tenant")
    rows: QuerySet[Any, Any] = seen.values("id", "operation_type", "status", "outcome", "tenant__name")
    return rows.first()


def tenant_options(user: User, text: str, *, limit: int) -> list[Row]:
    """Return the first visible tenants that match, by name, as options of the switcher."""
    rows = visible_to(Tenant.objects.filter(archived_at=None), user)
    if text:
        rows = rows.filter(Q(name__icontains=text) | Q(primary_domain__icontains=text))
    found: QuerySet[Any, Any] = rows.order_by("name", "id").values("name", "slug")
    return list(found[:limit])


def workspace_options(user: User) -> list[Row]:
    """Return the person's workspaces by name."""
    found: QuerySet[Any, Any] = workspaces_visible_to(user).order_by("name", "id").values("name", "slug")
    return list(found)


def _best(
    rows: QuerySet[Any], begins: Q, order: tuple[str, ...], columns: tuple[str, ...], limit: int
) -> tuple[list[Row], int]:
    rank = Case(When(begins, then=Value(0)), default=Value(1))
    # The count comes with the rows: one statement for each kind of thing.
    found = rows.annotate(rank=rank, found=Window(Count("*"))).order_by("rank", *order)
    best = list(found.values(*columns, "found")[:limit])
    return best, best[0]["found"] if best else 0
