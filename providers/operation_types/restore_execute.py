"""Carry out the frozen plan of a restore run."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from operations.choices import Access, RunOutcome, Surface
from operations.context import RunContext, RunResult
from operations.execution import error_facts
from operations.models import OperationRun
from operations.params import InvalidInput, Params
from operations.registry import Page, operation_type
from providers.choices import WRITING_ACTIONS, ItemOutcome, RestoreState
from providers.graph.errors import Stopped
from providers.models import RestorePlanItem, RestoreResult, RestoreRun
from providers.operation_types.restore_preview import RESTORE_RUN, restore_run_in, restore_run_of
from providers.readiness import Blocker, Needs
from providers.restore import access, blocking, drafts, entered, reasons, safety, store
from providers.restore.checking import check, targets_of
from providers.restore.entered import Entered
from providers.restore.executor import Executor
from providers.restore.journal import Journal
from providers.selectors import Target
from tenantpilot.tenancy.capabilities import Capability

NAME = "restore.execute"
PLAN_HASH = "planHash"
_DONE = (ItemOutcome.VERIFIED,)
_APPLIED = (ItemOutcome.VERIFIED, ItemOutcome.DIFFERS, ItemOutcome.UNVERIFIED)
_SHOWN_FAILURES = 50


@dataclass(frozen=True)
class RestoreExecuteParams(Params):
    """Which restore run, and which plan of it. Without a plan's hash the current one is meant."""

    restore_run: int | None = None
    plan_hash: str = ""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return validated input. Raises InvalidInput."""
        given = data.get(PLAN_HASH)
        if given is not None and not (isinstance(given, str) and _is_hash(given)):
            raise InvalidInput({PLAN_HASH: str(_("Send the hash of the plan."))})
        return cls(restore_run_in(data), given or "")

    def identity(self) -> dict[str, Any]:
        return {RESTORE_RUN: self.restore_run, PLAN_HASH: self.plan_hash or None}


def _is_hash(text: str) -> bool:
    return not text or (len(text) == 64 and all(letter in "0123456789abcdef" for letter in text))


def _bind(params: RestoreExecuteParams, target: Target) -> RestoreExecuteParams:
    restore = restore_run_of(target, params.restore_run)
    if params.plan_hash or restore.plan is None:
        return params
    return replace(params, plan_hash=restore.plan.hash)


def _blockers(target: Target, params: RestoreExecuteParams) -> Sequence[Blocker]:
    return blocking.blockers(target, restore_run_of(target, params.restore_run), params.plan_hash)


@operation_type(
    name=NAME,
    verb=_("Execute restore"),
    description=_("Writes what the plan says: safety backup first, then object by object, each verified."),
    capability=Capability.EXECUTE_RESTORE,
    surfaces={Surface.RESTORE},
    needs=Needs(),
    access=Access.WRITE,
    params=RestoreExecuteParams,
    bind=_bind,
    blockers=_blockers,
    resume=Page("restore_run", RESTORE_RUN),
    result=Page("restore_run", RESTORE_RUN),
)
def execute_restore(run: RunContext, params: Params) -> RunResult:
    """Write only while the tenant is as the plan saw it; keep what is touched; note each request before it leaves."""
    assert isinstance(params, RestoreExecuteParams)
    restore = RestoreRun.objects.select_related("tenant", "backup__tenant", "plan").get(
        pk=params.restore_run or 0
    )
    plan, facts = restore.plan, {RESTORE_RUN: restore.pk}
    initiator = OperationRun.objects.values_list("initiator_id", flat=True).get(pk=run.claim.run_id)
    if initiator is not None and not access.may_use_source(initiator, restore):
        return RunResult(RunOutcome.BLOCKED, reasons.SOURCE_HIDDEN.code, facts)
    reading = store.reading_of(restore)
    if plan is None or reading is None:
        return RunResult(RunOutcome.BLOCKED, reasons.PLAN_MISSING.code, facts)
    items = list(plan.items.filter(action__in=WRITING_ACTIONS).order_by("position").defer("sealed"))
    # Held here, still sealed, from now on: a preview may get old, and its secrets with it, while the work goes on.
    secrets = entered.of_plan(restore, items)
    if secrets is None:
        return RunResult(RunOutcome.BLOCKED, reasons.PLAN_CHANGED.code, facts)
    run.stage("checking")
    checked = check(run.graph, items, reading, targets_of(plan.resolutions))
    if checked.changed:
        changed = {**facts, "objects": ", ".join(checked.changed[:5])}
        return RunResult(RunOutcome.BLOCKED, reasons.PLAN_CHANGED.code, changed)
    run.stage("safety_backup")
    kept = safety.take(
        restore, checked.touched, run_id=run.claim.run_id, connection_id=run.connection.id, fenced=run.fenced
    )
    with run.fenced():
        RestoreRun.objects.filter(pk=restore.pk).update(
            state=RestoreState.EXECUTING, run=run.claim.run_id, safety_backup=kept
        )
    restore.safety_backup = kept
    return _written(run, restore, items, checked.known, secrets)


def _written(
    run: RunContext,
    restore: RestoreRun,
    items: Sequence[RestorePlanItem],
    known: dict[str, set[str]],
    secrets: Mapping[int, Entered],
) -> RunResult:
    run.stage("writing")
    journal = Journal(restore, run.claim.run_id, run.fence, run.fenced)

    def progress(done: int) -> None:
        run.report(done=done, total=len(items), **_counts(executor, items))

    executor = Executor(run.graph, journal, run.checkpoint, error_facts, secrets, known, progress)
    progress(0)
    try:
        executor.carry_out(items)
    finally:
        # However it ends: the run says what was applied. Whoever is fenced out says nothing any more.
        with suppress(Stopped):
            run.counts |= _counts(executor, items)
            # Before its first request it is a draft as before, which can be previewed and executed again.
            began = drafts.was_executed(restore)
            with run.fenced():
                RestoreRun.objects.filter(pk=restore.pk).update(
                    state=RestoreState.EXECUTED if began else RestoreState.DRAFT
                )
    return _result(run, restore, executor, items)


def _counts(executor: Executor, items: Sequence[RestorePlanItem]) -> dict[str, int]:
    """What was applied so far, by action, and what was not, by what became of it."""
    found: dict[str, int] = {}
    for item in items:
        outcome = executor.ended.get(item.pk)
        if outcome is None:
            continue
        name = item.action if outcome in _APPLIED else outcome.value
        found[str(name)] = found.get(str(name), 0) + 1
    return found


def _result(
    run: RunContext, restore: RestoreRun, executor: Executor, items: Sequence[RestorePlanItem]
) -> RunResult:
    rows = (
        RestoreResult.objects.filter(run=run.claim.run_id).select_related("item").order_by("item__position")
    )
    bad = [row for row in rows if row.outcome not in _DONE]
    counts = _counts(executor, items)
    failures = [_failure(row, restore.pk) for row in bad[:_SHOWN_FAILURES]]
    if not bad:
        return RunResult(RunOutcome.SUCCEEDED, counts=counts)
    facts: dict[str, Any] = {"failed": len(bad), "requested": len(items), RESTORE_RUN: restore.pk}
    if any(outcome in (*_APPLIED, ItemOutcome.UNCERTAIN) for outcome in executor.ended.values()):
        return RunResult(
            RunOutcome.PARTIALLY_SUCCEEDED, reasons.PARTLY_RESTORED.code, facts, counts, failures
        )
    if executor.fatal is not None:
        fatal = executor.fatal
        return RunResult(RunOutcome.FAILED, fatal.code, {**facts, **fatal.facts}, counts, failures)
    return RunResult(RunOutcome.FAILED, failures[0]["code"], failures[0]["facts"], counts, failures)


def _failure(row: RestoreResult, restore_run: int) -> dict[str, Any]:
    uncertain = row.outcome == ItemOutcome.UNCERTAIN
    reason = reasons.ITEM_UNCERTAIN if uncertain else reasons.ITEM_FAILED
    facts = {**row.facts, "name": row.item.name, RESTORE_RUN: restore_run, "cause": row.reason_code}
    return {"type": row.item.object_type, "code": reason.code, "facts": facts}
