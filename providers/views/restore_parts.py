"""What the pages of a restore share: the run itself, its rows and its words as plain data."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from operations import gate, registry
from operations.choices import ACTIVE
from operations.gate import Start
from operations.models import OperationRun
from operations.outcomes import StartOutcome
from operations.serializers import outcome_data
from providers import catalogue
from providers.choices import WRITING_ACTIONS, ItemOutcome, RestoreAction
from providers.models import RestoreRun
from providers.restore.access import sees_source
from providers.restore.words import note_words, words_of
from providers.selectors import Target, target_for_tenant
from providers.views.parts import visible_tenant
from tenantpilot.console.pages import SignedInRequest
from tenantpilot.console.states import badge_for

EXECUTE = "restore.execute"
Row = dict[str, Any]


def restore_of(request: SignedInRequest, tenant: str, restore_run: int) -> tuple[Target, RestoreRun]:
    """The tenant's target, through the connection that the restore names, and the restore run. Raises Http404."""
    target = visible_tenant(request, tenant)
    restore = (
        RestoreRun.objects.select_related("plan", "tenant", "backup__tenant", "parent", "created_by")
        .filter(pk=restore_run, tenant=target.tenant.id)
        .first()
    )
    if restore is None:
        raise Http404
    if restore.connection_id is not None:
        target = target_for_tenant(request.user.pk, tenant, restore.connection_id) or target
    return target, restore


def title_of(kind: str, number: int) -> str:
    """What a restore run is called."""
    words = {"restore": _("Restore %(id)s"), "resume": _("Resume %(id)s"), "undo": _("Undo %(id)s")}
    return words[kind] % {"id": number}


def run_states(tenant_id: int, runs: Iterable[int]) -> dict[int, str]:
    """Where the executions of a tenant are, or how these ended, by restore run."""
    executions = OperationRun.objects.filter(tenant=tenant_id, operation_type=EXECUTE)
    rows = executions.filter(Q(pk__in=list(runs)) | Q(status__in=ACTIVE)).order_by("id")
    return {
        params["restoreRun"]: outcome or status
        for params, status, outcome in rows.values_list("params", "status", "outcome")
    }


def listed(row: Row, target: Target, states: Mapping[int, str]) -> Row:
    """A row of the list of restore runs. ``states``: where executions are or how they ended, by restore run."""
    other = row["backup__tenant_id"] != target.tenant.id
    counts = row["plan__counts"] or {}
    return {
        "name": title_of(row["kind"], row["id"]),
        "url": reverse("restore_run", args=[target.tenant.slug, row["id"]]),
        "state": row["state"],
        "runState": states.get(row["id"], ""),
        "createdAt": row["created_at"],
        "backupAt": row["backup__created_at"],
        "fromOther": other,
        "person": row["person"] or row["username"] or "",
        "counts": counts_data(counts),
        "runUrl": reverse("run", args=[row["run"]]) if row["run"] else "",
    }


def source_data(restore: RestoreRun, reader: int) -> Row:
    """Where the objects come from; a reader without that tenant learns only that it is another one."""
    backup, other = restore.backup, restore.backup.tenant_id != restore.tenant_id
    known = sees_source(reader, restore)
    return {
        "at": backup.created_at,
        "isOther": other,
        "tenant": backup.tenant.name if known else _("another tenant"),
        "number": backup.pk if known else None,
    }


def counts_data(counts: Mapping[str, int]) -> list[Row]:
    """The counts of a plan in words, what is overwritten first."""
    words = {
        RestoreAction.UPDATE: _("overwritten"),
        RestoreAction.CREATE: _("created"),
        RestoreAction.DELETE: _("deleted"),
        RestoreAction.UNRESOLVED: _("unresolved"),
        RestoreAction.SKIP: _("skipped"),
    }
    tones = {RestoreAction.UPDATE: "warn", RestoreAction.DELETE: "bad", RestoreAction.UNRESOLVED: "bad"}
    return [
        {"label": label, "count": counts[action.value], "tone": tones.get(action, "")}
        for action, label in words.items()
        if counts.get(action.value)
    ]


def results_data(results: Mapping[ItemOutcome, int]) -> list[Row]:
    """The counts of an execution in words, in the order given."""
    badges = {outcome: badge_for("restored", outcome.value) for outcome in results}
    return [
        {"label": badges[outcome].word, "count": count, "tone": badges[outcome].tone}
        for outcome, count in results.items()
    ]


def total_of(counts: Mapping[str, int]) -> int:
    """How many objects a plan writes."""
    return sum(counts.get(action.value, 0) for action in WRITING_ACTIONS)


def item_data(row: Row, restore: RestoreRun, names: Mapping[str, str], choices: Mapping[int, str]) -> Row:
    """An object of the plan as its row shows it."""
    kind = catalogue.get(row["object_type"])
    data: Row = {
        "id": row["id"],
        "name": row["name"] or _("Without a name"),
        "type": kind.singular,
        "action": row["action"],
        "why": note_words(row["why"]),
        "warnings": [note_words(note) for note in row["warnings"]],
        "url": reverse("restore_item", args=[restore.tenant.slug, restore.pk, row["id"]]),
        "hasDiff": row["action"] in WRITING_ACTIONS,
    }
    if row["outcome"]:
        data["outcome"] = row["outcome"]
        data["outcomeWords"] = words_of(row["outcome_code"] or "", row["outcome_facts"] or {})
    item = row["source_item_id"]
    if item and (row["action"] == RestoreAction.UNRESOLVED or item in choices):
        data["choice"] = choice_data(row, names, choices.get(item, ""))
    return data


def choice_data(row: Row, names: Mapping[str, str], chosen: str) -> Row:
    """What may be chosen for an object that the plan can't decide about."""
    options = [
        ("", _("Let the match decide")),
        ("skip", _("Leave it out")),
        ("create", _("Create a new one")),
    ]
    options += [
        (each, _("Overwrite %(name)s") % {"name": names.get(each) or each}) for each in row["candidates"]
    ]
    if chosen and chosen not in dict(options):
        options.append((chosen, _("Overwrite %(name)s") % {"name": names.get(chosen) or chosen}))
    return {
        "field": f"choice:{row['source_item_id']}",
        "value": chosen,
        "options": [{"value": value, "label": label} for value, label in options],
    }


def refusal_of(target: Target, restore: RestoreRun, reader: int) -> StartOutcome | None:
    """What executing would be refused with, None when it would be accepted. For people who may execute."""
    operation = registry.get(EXECUTE)
    if operation.capability not in target.capabilities:
        return None
    data = {"restoreRun": restore.pk}
    return gate.refusal(Start(operation, target, reader, data, surface="restore"))


def why_not(refusal: StartOutcome | None, target: Target) -> Row:
    """The reason and the next steps under a button that can't be pressed."""
    if refusal is None:
        return {}
    answer = outcome_data(refusal, target.capabilities)
    steps = answer.get("nextSteps") or answer.get("actions", [])
    # Secrets are entered further down on the same page.
    steps = [
        {**step, "href": f"{step['href']}#items-title"}
        if step.get("actionType") == "enter_secrets" and step.get("href")
        else step
        for step in steps
    ]
    return {"reason": answer.get("shortReason", ""), "nextSteps": steps, "code": refusal.reason_code}
