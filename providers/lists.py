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
LIFE_COLUMNS = ("archived_at", "sealed_at", "deleting_at", "deleted_at", "keep_until")


def workspaces_of(user: User) -> list[tuple[str, str]]:
    """Slug and name of the person's workspaces, as options of a filter."""
    return list(workspaces_visible_to(user).order_by("name").values_list("slug", "name"))


# Which tenants a list shows, by their place in life; none named: those in use.
ARCHIVED, EVERY = "archived", "all"
_IN_LIFE = {
    "": Q(archived_at=None),
    ARCHIVED: Q(archived_at__isnull=False, deleted_at=None),
    EVERY: Q(deleted_at=None),
}


def tenant_rows(
    user: User, *, workspace: str = "", search: str = "", health: str = "", begins: str = "", life: str = ""
) -> QuerySet[Tenant, Row]:
    """The tenants that this person sees, with the facts of their default connection; archived ones are put away.

    `begins` is the first letter of their names, or OTHER_LETTERS for what begins with no Latin letter. `life` is
    ARCHIVED for those that are put away, EVERY for all.
    """
    rows = visible_to(Tenant.objects.filter(_IN_LIFE[life]), user)
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
        "id", "slug", "name", "primary_domain", "workspace_name", "synced_at", *LIFE_COLUMNS, *fact_columns()
    )


def connection_rows(
    user: User, *, workspace: str = "", search: str = "", health: str = ""
) -> QuerySet[ProviderConnection, Row]:
    """The connections of the tenants that this person sees, with their facts."""
    present = ProviderConnection.objects.filter(tenant__archived_at=None, removed_at=None)
    rows = visible_to(present, user, path="tenant")
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
    present = FilteredRelation("connections", condition=Q(connections__removed_at=None))
    rows = Tenant.objects.filter(pk=tenant_id).annotate(present=present)
    rows = rows.annotate(
        is_default=F("present__is_default"),
        purpose=F("present__app_registration__purpose"),
        **fact_columns("present__"),
    )
    rows = rows.order_by(F("is_default").desc(nulls_last=True), "present__label", "present__id")
    return list(rows.values("primary_domain", "is_default", "purpose", *fact_columns()))
