"""One restore: its preview, the confirmation before it is executed, and what became of it."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from operations.buttons import start_buttons
from operations.choices import ACTIVE, Surface
from operations.models import OperationRun
from providers import catalogue
from providers.choices import RestoreAction, RestoreKind, RestoreState
from providers.models import RestorePlanItem, RestoreRun
from providers.objects.diff import diff
from providers.restore import groups, store
from providers.restore.access import may_use_source
from providers.restore.drafts import was_executed
from providers.restore.lists import (
    choices_of,
    items_of,
    open_steps,
    results_of,
    steps_of,
    warnings_of,
)
from providers.restore.words import note_words, words_of
from providers.selectors import Target
from providers.views.backup_words import change_groups
from providers.views.restore_execute import CONFIRM, OPERATION, PLAN_HASH, TENANT_NAME, wants_name
from providers.views.restore_forms import OptionsForm
from providers.views.restore_parts import (
    counts_data,
    item_data,
    refusal_of,
    restore_of,
    results_data,
    source_data,
    title_of,
    total_of,
    why_not,
)
from providers.views.restore_secrets import asked_of, ids_of
from providers.views.restore_targets import targets_data
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.console.paging import Cursor, Page, cut, page_size, read_cursor
from tenantpilot.tenancy.capabilities import Capability

PREVIEW = "restore.preview"
KEY = ("rank", "position")
ACTION = Choice(
    "action",
    gettext_lazy("Action"),
    [(action.value, action.label) for action in RestoreAction],
    gettext_lazy("Any action"),
)
Row = dict[str, Any]


@page()
def restore_run(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """What exactly will change, and is it safe; afterwards: what became of each object."""
    target, restore = restore_of(request, tenant, restore_run)
    run, head = _run_of(restore), _head(request, target, restore)
    executed = (run is not None and run.status in ACTIVE) or was_executed(restore)
    may_enter = head["mayPrepare"] and not executed and not store.is_old(restore)
    context = {
        **head,
        "executed": executed,
        **(_executed(target, restore, run) if executed else _draft(request, target, restore)),
        **_items(request, restore, may_enter=may_enter),
    }
    return render(request, "restores/restore_detail.html", context)


@page()
def restore_review(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """The page before the execution: what is about to be written where, and the confirmation."""
    target, restore = restore_of(request, tenant, restore_run)
    require(target.capabilities, Capability.EXECUTE_RESTORE)
    if restore.plan is None or not may_use_source(request.user.pk, restore):
        raise Http404
    refusal = refusal_of(target, restore, request.user.pk)
    counts = restore.plan.counts
    context = {
        **_head(request, target, restore),
        "planHash": restore.plan.hash,
        "counts": counts_data(counts),
        "consequence": _consequence(counts, target.tenant.name),
        "wantsName": wants_name(restore),
        "fields": {"planHash": PLAN_HASH, "confirm": CONFIRM, "tenantName": TENANT_NAME},
        "warnings": _warnings(restore),
        "blocked": why_not(refusal, target),
        "executeUrl": reverse("restore_execute", args=[tenant, restore.pk]),
        "readAt": restore.plan.read_at,
    }
    return render(request, "restores/restore_review.html", context)


@page()
def restore_item(request: SignedInRequest, tenant: str, restore_run: int, item: int) -> HttpResponse:
    """What changes about one object, and the journal of its requests."""
    target, restore = restore_of(request, tenant, restore_run)
    found = RestorePlanItem.objects.filter(pk=item, plan=restore.plan_id).first()
    if found is None:
        raise Http404
    kind = catalogue.get(found.object_type)
    context = {
        **_head(request, target, restore),
        "item": {
            "name": found.name,
            "type": kind.singular,
            "action": found.action,
            "why": note_words(found.why),
            "warnings": [note_words(note) for note in found.warnings],
        },
        "groups": _changes(found, _names(restore)),
        "steps": [
            {**step, "words": words_of(step["code"], step["facts"])}
            for step in steps_of(found.pk, restore.run or 0)
        ],
    }
    template = "restores/_restore_diff.html" if is_htmx(request) else "restores/restore_item.html"
    return render(request, template, context)


def _head(request: SignedInRequest, target: Target, restore: RestoreRun) -> Row:
    slug = target.tenant.slug
    prepares = Capability.PREVIEW_RESTORE in target.capabilities and may_use_source(request.user.pk, restore)
    return {
        "tenant": {"name": target.tenant.name, "url": reverse("tenant", args=[slug])},
        "title": title_of(restore.kind, restore.pk),
        "restore": {
            "id": restore.pk,
            "kind": restore.kind,
            "state": restore.state,
            "version": restore.version,
            "createdAt": restore.created_at,
            "person": restore.created_by.get_full_name() or restore.created_by.username
            if restore.created_by
            else "",
            "url": reverse("restore_run", args=[slug, restore.pk]),
            "parentUrl": reverse("restore_run", args=[slug, restore.parent_id]) if restore.parent_id else "",
            "parent": title_of(restore.parent.kind, restore.parent.pk) if restore.parent else "",
        },
        "source": source_data(restore, request.user.pk),
        "listUrl": reverse("restore_runs", args=[slug]),
        "mayPrepare": prepares,
    }


def _draft(request: SignedInRequest, target: Target, restore: RestoreRun) -> Row:
    prepares = Capability.PREVIEW_RESTORE in target.capabilities and may_use_source(request.user.pk, restore)
    plan = restore.plan
    data: Row = {
        "chosen": restore.selections.count(),
        "stale": plan is not None and store.is_stale(plan),
        "readAt": restore.read_at,
        "counts": counts_data(plan.counts) if plan else [],
        "total": total_of(plan.counts) if plan else 0,
        "warnings": _warnings(restore),
        **(_may_execute(request, target, restore) if plan else {}),
    }
    if not prepares:
        return data
    slug = target.tenant.slug
    data |= {
        "starts": _previews(request, target, restore),
        "form": _options_form(target, restore),
        "optionsUrl": reverse("restore_options", args=[slug, restore.pk]),
        "itemsUrl": reverse("restore_items", args=[slug, restore.pk]),
        "targetsUrl": reverse("restore_targets", args=[slug, restore.pk]),
        **(targets_data(restore) if plan else {}),
    }
    return data


def _previews(request: SignedInRequest, target: Target, restore: RestoreRun) -> list[Row]:
    data: dict[str, Any] = {"restoreRun": restore.pk}
    buttons = start_buttons(target, Surface.TENANT, request.user.pk, only=PREVIEW, data=data)
    for button in buttons:
        button["fields"] = [{"name": "targetContext.restoreRun", "value": restore.pk}]
        if restore.connection_id:
            button["fields"].append({"name": "providerConnectionId", "value": restore.connection_id})
        if restore.plan is not None:
            button["label"], button["primary"] = _("Preview again"), store.is_stale(restore.plan)
    return buttons


def _may_execute(request: SignedInRequest, target: Target, restore: RestoreRun) -> Row:
    if Capability.EXECUTE_RESTORE not in target.capabilities:
        return {"blocked": {"reason": _("Ask somebody who is Manager to execute it."), "nextSteps": []}}
    if not may_use_source(request.user.pk, restore):
        return {"blocked": {"reason": _("You may not use the backup of the other tenant."), "nextSteps": []}}
    blocked = why_not(refusal_of(target, restore, request.user.pk), target)
    return {"blocked": blocked, "reviewUrl": reverse("restore_review", args=[target.tenant.slug, restore.pk])}


def _options_form(target: Target, restore: RestoreRun) -> OptionsForm:
    initial = {**restore.options, "connection": str(restore.connection_id or "")}
    return OptionsForm(tenant_id=target.tenant.id, initial=initial)


def _run_of(restore: RestoreRun) -> OperationRun | None:
    """The run that executes it, from the moment it is accepted, or the last that did."""
    waiting = Q(status__in=ACTIVE, operation_type=OPERATION, params__restoreRun=restore.pk)
    runs = OperationRun.objects.filter(Q(pk=restore.run or 0) | waiting, tenant=restore.tenant_id)
    return runs.only("id", "status", "outcome").order_by("-id").first()


def _executed(target: Target, restore: RestoreRun, run: OperationRun | None) -> Row:
    active = run is not None and run.status in ACTIVE
    slug = target.tenant.slug
    may_go_on = not active and restore.kind != RestoreKind.UNDO
    return {
        "runUrl": reverse("run", args=[run.pk]) if run else "",
        "active": active,
        "progressUrl": reverse("run_progress", args=[run.pk]) if run and active else "",
        "outcome": (run.outcome or run.status) if run else "",
        "counts": counts_data(restore.plan.counts)
        if active and restore.plan
        else results_data(results_of(restore)),
        "unanswered": open_steps(restore),
        "lost": not active and restore.state == RestoreState.EXECUTING,
        "resumeUrl": reverse("restore_resume", args=[slug, restore.pk]) if not active else "",
        "undoUrl": reverse("restore_undo", args=[slug, restore.pk])
        if may_go_on and restore.safety_backup_id
        else "",
    }


def _secrets(row: Row, restore: RestoreRun, kept: frozenset[int] | None) -> Row:
    """Where the secrets of an object are entered, and how many are; nothing where nobody is asked for any."""
    asked = asked_of(row["action"], row["secrets"], kept) if kept is not None else []
    if not asked:
        return {}
    url = reverse("restore_secrets", args=[restore.tenant.slug, restore.pk, row["source_item_id"]])
    return {"secrets": {"url": url, "done": sum(each.entered for each in asked), "total": len(asked)}}


def _items(request: SignedInRequest, restore: RestoreRun, *, may_enter: bool) -> Row:
    if restore.plan_id is None:
        return {"items": [], "filtered": False}
    search, action = search_text(request), chosen(request, ACTION)
    shown = _page(request, restore, action, search)
    reading = store.reading_of(restore) if any(row["candidates"] for row in shown.rows) else None
    names = {row.id: row.name for rows in reading.listed.values() for row in rows} if reading else {}
    choices = choices_of(restore)
    kept = ids_of(restore) if may_enter and any(row["secrets"] for row in shown.rows) else None
    return {
        "items": [
            {**item_data(row, restore, names, choices), **_secrets(row, restore, kept)} for row in shown.rows
        ],
        "pager": shown.pager,
        "filters": filter_data(request, choices=[ACTION], search_label=_("Search name")),
        "filtered": bool(search or action),
        "clearUrl": request.path,
    }


def _page(request: SignedInRequest, restore: RestoreRun, action: str, search: str) -> Page:
    """One page, by rank and then by place in the plan."""
    cursor, size = read_cursor(request.GET, (int, int)), page_size(request.GET)
    rows = items_of(restore, action=action, search=search)
    return cut(list(_from(rows, cursor)[: size + 1]), cursor, size, request.GET, KEY)


def _from(rows: Any, cursor: Cursor | None) -> Any:
    if cursor is None:
        return rows.order_by(*KEY)
    rank, position = cursor.values
    side = "lt" if cursor.backwards else "gt"
    beyond = Q(**{f"rank__{side}": rank}) | Q(rank=rank, **{f"position__{side}": position})
    return rows.filter(beyond).order_by(*(f"-{name}" if cursor.backwards else name for name in KEY))


def _warnings(restore: RestoreRun) -> list[Row]:
    return [
        {"words": note_words(entry["note"]), "names": entry["names"], "count": entry["count"]}
        for entry in warnings_of(restore)
    ]


def _consequence(counts: Mapping[str, int], tenant: str) -> list[str]:
    """What the checkbox is ticked for, one sentence for each kind of write."""
    words = []
    if number := counts.get(RestoreAction.UPDATE):
        words.append(
            ngettext(
                "%(count)s object in %(tenant)s is overwritten.",
                "%(count)s objects in %(tenant)s are overwritten.",
                number,
            )
            % {"count": number, "tenant": tenant}
        )
    if number := counts.get(RestoreAction.CREATE):
        words.append(
            ngettext(
                "%(count)s object is created in %(tenant)s.",
                "%(count)s objects are created in %(tenant)s.",
                number,
            )
            % {"count": number, "tenant": tenant}
        )
    if number := counts.get(RestoreAction.DELETE):
        words.append(
            ngettext(
                "%(count)s object is deleted from %(tenant)s.",
                "%(count)s objects are deleted from %(tenant)s.",
                number,
            )
            % {"count": number, "tenant": tenant}
        )
    return words


def _changes(item: RestorePlanItem, names: Mapping[str, str]) -> list[Row]:
    """The differences from the live object to the wanted one, by part; secrets are hidden."""
    wanted, live = store.contents_of(item)
    if item.object_type == groups.KEY or (wanted is None and live is None):
        return []
    kind, nothing = catalogue.get(item.object_type), dict[str, Any](object={})
    after = nothing if item.action == RestoreAction.DELETE else wanted or nothing
    return change_groups(diff(kind, live or nothing, after), names)


def _names(restore: RestoreRun) -> dict[str, str]:
    """What ids in the contents of the plan are called; a mark stands for what is only made."""
    assert restore.plan is not None
    rows = restore.plan.resolutions
    return {row["target_id"]: row["target_name"] or row["source_name"] for row in rows if row["target_id"]}
