"""What the dashboard counts, all of it in SQL under the person's rights: 10,000 tenants are a few rows here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, Count, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Left, Upper

from operations.choices import ACTIVE, ExecutionStatus
from operations.models import OperationRun
from providers.health import fact_columns, has_credential, health_of, status_in_sql, statuses_with
from providers.lists import LETTERS, OTHER_LETTERS
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.models import (
    Tenant,
    TenantGroupObjectPermission,
    User,
    WorkspaceGroupObjectPermission,
)
from tenantpilot.tenancy.names import shown_name
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to

Row = dict[str, Any]
Counts = dict[str, Counter[str]]
RUN_COLUMNS = (
    "id", "operation_type", "status", "outcome", "progress", "reason_code", "reason_facts", "created_at", "started_at",
    "completed_at", "tenant__slug", "tenant__name", "tenant__workspace__name", "connection__label", "initiator_name",
)  # fmt: skip
WORST_FIRST = ("down", "warn")


def workspace_name(user: User, slug: str) -> str:
    """Return the name of the workspace; empty when the person does not belong to it, or none is named."""
    slug = slug.replace("\x00", "")
    if not slug:
        return ""
    return workspaces_visible_to(user).filter(slug=slug).values_list("name", flat=True).first() or ""


def health_counts(user: User, *, workspace: str = "") -> Counts:
    """Return how many visible tenants have each health, by the letter that their name begins with."""
    rows = (
        _tenants(user, workspace)
        .annotate(letter=Upper(Left("name", 1)))
        .order_by()
        .values("letter", "status")
        .annotate(count=Count("id"))
    )
    counts: Counts = {}
    for row in rows:
        letter = row["letter"] if row["letter"] in LETTERS else OTHER_LETTERS
        counts.setdefault(letter, Counter())[health_of(row["status"])] += row["count"]
    return counts


def cells(user: User, *, workspace: str = "", limit: int) -> list[Row]:
    """Return id, name, slug and health of the visible tenants in the order of their names."""
    rows = _tenants(user, workspace).order_by("name", "id").values("id", "name", "slug", "status")[:limit]
    return [row | {"health": health_of(row["status"])} for row in rows]


def worst_of(rows: Iterable[Row], limit: int) -> list[int]:
    """Return the ids of the worst among `cells`: without access first, then in the order given."""
    found = [row for row in rows if row["health"] in WORST_FIRST]
    return [row["id"] for row in sorted(found, key=lambda row: WORST_FIRST.index(row["health"]))[:limit]]


def needing_attention(
    user: User, *, workspace: str = "", limit: int, ids: Sequence[int] | None = None
) -> list[Row]:
    """Return the worst tenants, without access first, with their facts and what the person may do there.

    `ids` names them where `cells` were read, which saves the database from judging all of them once more.
    """
    if ids is None:
        rows = _tenants(user, workspace).filter(statuses_with("down") | statuses_with("warn"))
        rows = rows.alias(rank=Case(When(statuses_with("warn"), then=Value(1)), default=Value(0)))
        rows = rows.order_by("rank", "name", "id")
    else:
        rows = _visible(user, workspace).filter(pk__in=ids).order_by("name", "id")
    groups = user.groups.values("id")
    by_workspace = WorkspaceGroupObjectPermission.objects.filter(
        group__in=groups, content_object=OuterRef("workspace_id")
    )
    by_tenant = TenantGroupObjectPermission.objects.filter(group__in=groups, content_object=OuterRef("pk"))
    rows = rows.annotate(
        **fact_columns("chosen__"),
        workspace_name=F("workspace__name"),
        held_by_workspace=ArraySubquery(by_workspace.values("permission__codename")),
        held_by_tenant=ArraySubquery(by_tenant.values("permission__codename")),
    )
    wanted = ["id", "name", "slug", "workspace_name", "held_by_workspace", "held_by_tenant"]
    found = list(rows.values(*wanted, *fact_columns())[:limit])
    return found if ids is None else sorted(found, key=lambda row: ids.index(row["id"]))


def active_counts(user: User, *, workspace: str = "") -> dict[str, int]:
    """Return how many visible runs are queued and how many run."""
    runs = visible_to(
        OperationRun.objects.filter(status__in=ACTIVE), user, capability=Capability.VIEW_RUN, path="tenant"
    )
    if workspace:
        runs = runs.filter(tenant__workspace__slug=workspace)
    found = dict(runs.order_by().values_list("status").annotate(Count("id")))
    return {
        status.value: found.get(status, 0) for status in (ExecutionStatus.QUEUED, ExecutionStatus.RUNNING)
    }


def live_runs(
    user: User, ids: list[int], newest: int, workspace: str = ""
) -> tuple[list[Row], dict[str, int], int]:
    """Return, in one statement: these runs, how many are queued and running, how many are newer than `newest`."""
    seen = visible_to(OperationRun.objects.all(), user, capability=Capability.VIEW_RUN, path="tenant")
    near = seen.filter(tenant__workspace__slug=workspace) if workspace else seen
    counts = {status.value: _counted(near.filter(status=status)) for status in ACTIVE}
    counts["newer"] = _counted(near.filter(pk__gt=newest))
    name = shown_name("initiator")
    shown = seen.filter(pk__in=ids).annotate(initiator_name=name, **counts).order_by("-id")
    rows = list(shown.values(*RUN_COLUMNS, *counts))
    # Where there is no run to carry the counts, the person does.
    carrier = rows[0] if rows else User.objects.annotate(**counts).values(*counts).get(pk=user.pk)
    return rows, {status.value: carrier[status.value] for status in ACTIVE}, carrier["newer"]


def _counted(runs: QuerySet[OperationRun]) -> Coalesce:
    count = runs.order_by().annotate(all=Value(1)).values("all").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(count), 0)


def total(counts: Counts) -> Counter[str]:
    """Return the counts of all letters together."""
    return sum(counts.values(), Counter())


def ordered(counts: Counts) -> Sequence[str]:
    """Return the letters that there are, in the order of the alphabet, other names last."""
    return sorted(counts, key=lambda letter: (letter == OTHER_LETTERS, letter))


def _tenants(user: User, workspace: str) -> QuerySet[Any]:
    """The visible tenants with the `status` of their default connection, from which follows their health."""
    rows = _visible(user, workspace).annotate(fact_has_credential=has_credential("chosen__"))
    return rows.annotate(status=status_in_sql("chosen__"))


def _visible(user: User, workspace: str) -> QuerySet[Any]:
    """The visible tenants beside their default connection; archived ones are put away."""
    rows = visible_to(Tenant.objects.filter(archived_at=None), user)
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    default = FilteredRelation(
        "connections", condition=Q(connections__is_default=True, connections__provider="microsoft")
    )
    return rows.annotate(chosen=default)
