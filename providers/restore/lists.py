"""Restore runs and plans as rows for pages."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from providers.catalogue import Ref
from providers.choices import WRITING_ACTIONS, ItemOutcome, RestoreAction, StepState
from providers.models import (
    BackupItem,
    DirectoryGroup,
    RestorePlanItem,
    RestoreResult,
    RestoreRun,
    RestoreSelection,
    RestoreStep,
)
from providers.objects.lookups import TYPE_OF
from providers.restore.store import reading_of

Row = dict[str, Any]
# What needs a person comes first.
_ACTION_ORDER = (
    RestoreAction.UNRESOLVED,
    RestoreAction.DELETE,
    RestoreAction.UPDATE,
    RestoreAction.CREATE,
    RestoreAction.SKIP,
)
_OUTCOME_ORDER = (
    ItemOutcome.FAILED,
    ItemOutcome.UNCERTAIN,
    ItemOutcome.DIFFERS,
    ItemOutcome.UNVERIFIED,
    ItemOutcome.SKIPPED,
    ItemOutcome.NOT_REACHED,
    ItemOutcome.VERIFIED,
)
MOST_TARGETS = 200


def runs_of(tenant_id: int) -> QuerySet[RestoreRun, Any]:
    """The tenant's restore runs, the newest to be ordered first by whoever pages them."""
    rows = RestoreRun.objects.filter(tenant=tenant_id)
    return rows.values(
        "id", "kind", "state", "created_at", "backup_id", "backup__created_at", "backup__tenant_id",
        "backup__tenant__name", "plan__counts", "run",
        person=Coalesce(F("created_by__first_name"), F("created_by__username")),
        username=F("created_by__username"),
    )  # fmt: skip


def items_of(restore: RestoreRun, *, action: str = "", search: str = "") -> QuerySet[RestorePlanItem, Any]:
    """The objects of the current plan, those that want something first; results beside them once executed."""
    rows = RestorePlanItem.objects.filter(plan=restore.plan_id)
    if action:
        rows = rows.filter(action=action)
    if search:
        rows = rows.filter(name__icontains=search)
    result = RestoreResult.objects.filter(item=OuterRef("pk"), run=restore.run or 0)
    rows = rows.annotate(
        outcome=Coalesce(Subquery(result.values("outcome")[:1]), Value("")),
        outcome_code=Subquery(result.values("reason_code")[:1]),
        outcome_facts=Subquery(result.values("facts")[:1]),
    ).annotate(rank=_rank(restore))
    return rows.values(
        "id", "position", "object_type", "name", "action", "why", "warnings", "candidates", "source_item_id",
        "outcome", "outcome_code", "outcome_facts", "rank", "live_id", "secrets",
    )  # fmt: skip


def _rank(restore: RestoreRun) -> Case:
    by_action = [When(action=action, then=Value(20 + number)) for number, action in enumerate(_ACTION_ORDER)]
    by_outcome = [When(outcome=outcome, then=Value(number)) for number, outcome in enumerate(_OUTCOME_ORDER)]
    cases = [*by_outcome, *by_action] if restore.run else by_action
    return Case(*cases, default=Value(30), output_field=IntegerField())


def warnings_of(restore: RestoreRun) -> list[Row]:
    """Each kind of warning once, with how many objects have it and some of their names."""
    rows = RestorePlanItem.objects.filter(plan=restore.plan_id).exclude(warnings=[])
    found: dict[str, Row] = {}
    matched: dict[str, None] = {}
    for name, notes in rows.order_by("position").values_list("name", "warnings"):
        for note in notes:
            entry = found.setdefault(
                note["code"], {"code": note["code"], "note": note, "names": [], "count": 0}
            )
            entry["count"] += 1
            if note["code"] == "by_name":
                matched |= dict.fromkeys(note["facts"]["names"].split(", "))
            entry["names"] += [name] if len(entry["names"]) < 5 else []
    if "by_name" in found:
        # One sentence for all of them: which targets, not whose.
        found["by_name"]["note"] = {"code": "by_name", "facts": {"names": ", ".join(matched)}}
    return list(found.values())


def choices_of(restore: RestoreRun) -> dict[int, str]:
    """What a person chose for single objects, by backup item."""
    rows = RestoreSelection.objects.filter(restore_run=restore).exclude(choice="")
    return dict(rows.values_list("item_id", "choice"))


def targets_for(restore: RestoreRun, kinds: Iterable[str]) -> dict[str, list[tuple[str, str]]]:
    """Ids and names of what a reference of each kind may become, as far as a list takes them."""
    wanted = set(kinds)
    reading = reading_of(restore) if wanted - {Ref.GROUP.value} else None
    found = {}
    for kind in wanted:
        if kind == Ref.GROUP.value:
            found[kind] = _groups(restore.tenant_id)
        else:
            listed = reading.listed.get(TYPE_OF.get(Ref(kind), ""), []) if reading else []
            options = sorted(((row.id, row.name) for row in listed), key=lambda option: option[1].lower())
            found[kind] = options[:MOST_TARGETS]
    return found


def ids_seen(restore: RestoreRun, kinds: Iterable[str]) -> dict[str, set[str]]:
    """The ids of all that a reference of each kind may become, for kinds of which the preview read a list."""
    reading = reading_of(restore)
    listed = reading.listed if reading else {}
    types = {kind: TYPE_OF.get(Ref(kind), "") for kind in kinds}
    return {kind: {row.id for row in listed[key]} for kind, key in types.items() if key in listed}


def group_names(tenant_id: int, object_ids: Iterable[str]) -> dict[str, str]:
    """The names of those of these groups that the last sync saw."""
    rows = DirectoryGroup.objects.filter(
        collection__tenant=tenant_id, collection__kind="groups", gone_at=None, object_id__in=list(object_ids)
    )
    return dict(rows.values_list("object_id", "display_name"))


def _groups(tenant_id: int) -> list[tuple[str, str]]:
    """Groups as they were last synced; any other can be named by its object ID."""
    rows = DirectoryGroup.objects.filter(
        collection__tenant=tenant_id, collection__kind="groups", gone_at=None
    ).order_by("display_name", "object_id")
    return list(dict.fromkeys(rows.values_list("object_id", "display_name")[:MOST_TARGETS]))


def results_of(restore: RestoreRun) -> dict[ItemOutcome, int]:
    """How many objects came to what in its last run, what wants a person first; together all of the plan."""
    found = Counter(
        dict(
            RestoreResult.objects.filter(restore_run=restore, run=restore.run or 0)
            .values_list("outcome")
            .annotate(count=Count("*"))
        )
    )
    counts = restore.plan.counts if restore.plan else {}
    writes = sum(counts.get(action.value, 0) for action in WRITING_ACTIONS)
    # Whoever was killed wrote no result for what it did not reach.
    found[ItemOutcome.NOT_REACHED] += max(writes - found.total(), 0)
    found[ItemOutcome.SKIPPED] += counts.get(RestoreAction.SKIP, 0)
    return {outcome: found[outcome] for outcome in _OUTCOME_ORDER if found[outcome]}


def open_steps(restore: RestoreRun) -> int:
    """How many requests left without an answer that anybody heard."""
    rows = RestoreStep.objects.filter(restore_run=restore)
    return rows.filter(Q(state=StepState.SENT) | Q(state=StepState.UNCERTAIN)).count()


def steps_of(item_id: int, run: int) -> list[Row]:
    """The journal of one object."""
    rows = RestoreStep.objects.filter(item=item_id, run=run).order_by("id")
    found: Any = rows.values(
        "method", "path", "state", "sent_count", "sent_at", "answered_at", "code", "facts"
    )
    return list(found)


def types_in(backup_id: int) -> list[tuple[str, int]]:
    """The object types of a backup with how many objects it holds of each."""
    rows = BackupItem.objects.filter(backup=backup_id).values("object_type").annotate(count=Count("id"))
    return list(rows.values_list("object_type", "count"))
