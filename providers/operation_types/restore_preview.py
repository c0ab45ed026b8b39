"""Read the live tenant behind a restore run, and freeze what the restore would do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from operations.choices import Surface
from operations.context import RunContext, RunResult
from operations.execution import error_facts
from operations.params import InvalidInput, Params, whole_number
from operations.registry import Page, operation_type
from providers import catalogue
from providers.choices import RestoreKind
from providers.models import RestoreRun
from providers.readiness import Needs
from providers.restore import drafts, store, undo
from providers.restore.model import Reading
from providers.restore.reading import read_live
from providers.restore.reasons import ALREADY_EXECUTED
from providers.selectors import MAX_ID, Target
from tenantpilot.tenancy.capabilities import Capability

NAME = "restore.preview"
RESTORE_RUN = "restoreRun"


@dataclass(frozen=True)
class RestorePreviewParams(Params):
    """Which restore run to preview."""

    restore_run: int | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return validated input. Raises InvalidInput."""
        return cls(restore_run_in(data))

    def identity(self) -> dict[str, Any]:
        return {RESTORE_RUN: self.restore_run}


def restore_run_in(data: Mapping[str, Any]) -> int | None:
    """The restore run that the input names, if any; forms send digits. Raises InvalidInput."""
    if data.get(RESTORE_RUN) is None:
        return None
    value = whole_number(data[RESTORE_RUN])
    if value is not None and 0 < value <= MAX_ID:
        return value
    raise InvalidInput({RESTORE_RUN: str(_("Send the number of a restore run."))})


def restore_run_of(target: Target, restore_run: int | None) -> RestoreRun:
    """The restore run into this tenant. Raises InvalidInput for none, and for another tenant's."""
    found = (
        RestoreRun.objects.select_related("plan", "backup__tenant", "tenant", "parent")
        .filter(pk=restore_run or 0, tenant=target.tenant.id)
        .first()
    )
    if found is None:
        raise InvalidInput({RESTORE_RUN: str(_("This tenant has no such restore run."))})
    return found


def _bind(params: RestorePreviewParams, target: Target) -> RestorePreviewParams:
    restore_run_of(target, params.restore_run)
    return params


@operation_type(
    name=NAME,
    verb=_("Preview restore"),
    description=_("Reads the live objects behind a restore and freezes what it would do."),
    capability=Capability.PREVIEW_RESTORE,
    surfaces={Surface.TENANT},
    needs=Needs(),
    params=RestorePreviewParams,
    bind=_bind,
    result=Page("restore_run", RESTORE_RUN),
)
def preview_restore(run: RunContext, params: Params) -> RunResult:
    """Read every type concerned; a type that can't be read leaves its objects unresolved, and says why."""
    assert isinstance(params, RestorePreviewParams)
    restore = RestoreRun.objects.select_related("tenant", "backup__tenant", "parent").get(
        pk=params.restore_run or 0
    )
    run.stage("reading")
    reading = _read(run, restore)
    run.stage("freezing")
    try:
        with run.fenced():
            plan = drafts.reading_keep(restore.pk, reading)
    except drafts.Closed:
        return RunResult.failed(ALREADY_EXECUTED, restoreRun=restore.pk)
    failures = [
        {"type": key, "code": code, "facts": facts} for key, (code, facts) in sorted(reading.failed.items())
    ]
    requested = len(reading.listed) + len(failures)
    return RunResult.read(requested=requested, counts=plan.counts, failures=failures)


def _read(run: RunContext, restore: RestoreRun) -> Reading:
    basis = store.basis_of(restore)
    also = []
    if restore.kind == RestoreKind.UNDO and restore.parent is not None:
        known = {kind.key for kind in catalogue.backup_types()}
        also = [each.key for each in undo.created_by(restore.parent) if each.type in known]
    return read_live(
        run.graph,
        basis.sources,
        same_tenant=basis.same_tenant,
        names=basis.names,
        known_ids=basis.known_ids,
        backup_ids=basis.backup_ids,
        also=also,
        mapped={
            (key[0], decision.target_id) for key, decision in basis.decisions.items() if decision.target_id
        },
        facts_of=error_facts,
        progress=lambda done, total: run.report(done=done, total=total),
    )
