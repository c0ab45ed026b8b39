"""Read one object as it is now, to set it beside what a backup holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from operations.choices import RunOutcome, Surface
from operations.context import RunContext, RunResult
from operations.params import InvalidInput, Params, whole_number
from operations.reasons import PARTLY_READ
from operations.registry import Page, operation_type
from providers import catalogue
from providers.backups import store
from providers.models import BackupItem
from providers.objects.reader import get_object
from providers.operation_types.policy_backup import parts_of
from providers.readiness import Blocker, Needs
from providers.reasons import PERMISSION_MISSING
from providers.selectors import MAX_ID, Target
from tenantpilot.tenancy.capabilities import Capability

ITEM = "backupItem"


@dataclass(frozen=True)
class CompareParams(Params):
    """Which item of a backup to compare with the tenant."""

    backup_item: int | None = None

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return validated input; a form sends digits. Raises InvalidInput."""
        if data.get(ITEM) is None:
            return cls()
        value = whole_number(data[ITEM])
        if value is None or not 0 < value <= MAX_ID:
            raise InvalidInput({ITEM: str(_("Send the number of a backup's item."))})
        return cls(value)

    def identity(self) -> dict[str, Any]:
        return {ITEM: self.backup_item}


def _bind(params: CompareParams, target: Target) -> CompareParams:
    if not BackupItem.objects.filter(tenant=target.tenant.id, pk=params.backup_item or 0).exists():
        raise InvalidInput({ITEM: str(_("This tenant has no such item in a backup."))})
    return params


def _blockers(target: Target, params: CompareParams) -> list[Blocker]:
    """The type's own permission: another one than most types need."""
    item = BackupItem.objects.get(pk=params.backup_item or 0)
    granted = target.connection.granted_permissions if target.connection else frozenset()
    missing = [any_of[0] for any_of in catalogue.get(item.object_type).read if granted.isdisjoint(any_of)]
    return [Blocker(PERMISSION_MISSING, {"permissions": ", ".join(missing)})] if missing else []


@operation_type(
    name="policy.compare",
    verb=_("Compare with tenant"),
    description=_("Reads one object as it is now and sets it beside a backup's version."),
    capability=Capability.BACK_UP_POLICIES,
    surfaces={Surface.TENANT},
    needs=Needs(),
    params=CompareParams,
    bind=_bind,
    blockers=_blockers,
    result=Page("backup_live", ITEM),
)
def compare_with_tenant(run: RunContext, params: Params) -> RunResult:
    """Read the object and keep what was found, or that it is gone, beside the item."""
    assert isinstance(params, CompareParams)
    item = BackupItem.objects.get(pk=params.backup_item or 0, tenant=run.tenant.id)
    kind = catalogue.get(item.object_type)
    run.stage("objects")
    read = get_object(run.graph, kind, item.object_id)
    error = next((each for each in read.failures.values() if each.transient), None) if read else None
    if error is not None and not run.last_attempt:
        raise error
    parts = parts_of(kind, read) if read else []
    store.keep_live(
        item, kind, read.content if read else None, parts, run_id=run.claim.run_id, fenced=run.fenced
    )
    run.report(done=1, total=1)
    if not parts:
        return RunResult.succeeded(**{kind.key: 1 if read else 0})
    failures = [{"type": kind.key, "code": part["code"], "facts": part["facts"]} for part in parts]
    return RunResult(
        RunOutcome.PARTIALLY_SUCCEEDED,
        PARTLY_READ.code,
        {"failed": len(parts), "requested": 1},
        {kind.key: 1},
        failures,
    )
