"""The lists of tenants and connections, filtered by rights in SQL, as plain rows with the facts beside them."""

from typing import Any

from django.db.models import F, FilteredRelation, Max, OuterRef, Q, QuerySet, Subquery

from providers.health import fact_columns, status_in_sql, statuses_with
from providers.models import DirectoryCollection, ProviderConnection
from tenantpilot.tenancy.models import Tenant, User
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to

Row = dict[str, Any]
HEALTHS = ("ok", "warn", "down", "new")
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
OTHER_LETTERS = "other"


def workspaces_of(user: User) -> list[tuple[str, str]]:
    """Slug and name of the person's workspaces, as options of a filter."""
    return list(workspaces_visible_to(user).order_by("name").values_list("slug", "name"))


def tenant_rows(
    user: User, *, workspace: str = "", search: str = "", health: str = "", begins: str = ""
) -> QuerySet[Tenant, Row]:
    """The tenants that this person sees, with the facts of their default connection; archived ones are put away.

    `begins` is the first letter of their names, or OTHER_LETTERS for what begins with no Latin letter.
    """
    rows = visible_to(Tenant.objects.filter(archived_at=None), user)
    if begins:
        latin = Q(name__iregex=r"^[a-z]")
        rows = rows.filter(~latin if begins == OTHER_LETTERS else Q(name__istartswith=begins))
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    if search:
        rows = rows.filter(Q(name__icontains=search) | Q(primary_domain__icontains=search))
    default = FilteredRelation(
        "connections", condition=Q(connections__is_default=True, connections__provider="microsoft")
    )
    rows = rows.annotate(chosen=default).annotate(**fact_columns("chosen__"))
    if health:
        rows = rows.annotate(status=status_in_sql("chosen__")).filter(statuses_with(health))
    synced = (
        DirectoryCollection.objects.filter(tenant=OuterRef("pk"))
        .values("tenant")
        .annotate(last=Max("complete_at"))
        .values("last")
    )
    return rows.annotate(workspace_name=F("workspace__name"), synced_at=Subquery(synced)).values(
        "id", "slug", "name", "primary_domain", "workspace_name", "synced_at", *fact_columns()
    )


def connection_rows(
    user: User, *, workspace: str = "", search: str = "", health: str = ""
) -> QuerySet[ProviderConnection, Row]:
    """The connections of the tenants that this person sees, with their facts."""
    rows = visible_to(ProviderConnection.objects.filter(tenant__archived_at=None), user, path="tenant")
    if workspace:
        rows = rows.filter(tenant__workspace__slug=workspace)
    if search:
        rows = rows.filter(Q(label__icontains=search) | Q(tenant__name__icontains=search))
    rows = rows.annotate(**fact_columns())
    if health:
        rows = rows.annotate(status=status_in_sql()).filter(statuses_with(health))
    return rows.annotate(tenant_name=F("tenant__name"), tenant_slug=F("tenant__slug")).values(
        "id", "label", "tenant_name", "tenant_slug", *fact_columns()
    )


def connections_of(tenant_id: int) -> list[Row]:
    """The tenant's domain with each of its connections and their facts, the default first; at least one row."""
    rows = Tenant.objects.filter(pk=tenant_id).annotate(
        is_default=F("connections__is_default"), **fact_columns("connections__")
    )
    rows = rows.order_by(F("is_default").desc(nulls_last=True), "connections__label", "connections__id")
    return list(rows.values("primary_domain", "is_default", *fact_columns()))
