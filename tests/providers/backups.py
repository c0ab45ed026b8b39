"""A tenant with policies in the sandbox, backed up in process; what a worker would wait for is not waited for."""

from functools import partial
from typing import Any

import pytest

from operations.models import OperationRun
from providers import sessions
from providers.graph.costs import DIRECTORY, IDENTITY, INTUNE
from providers.graph.throttle import RateBudget, ServiceLimits
from providers.models import Backup, BackupItem
from providers.sandbox.control import Control
from tests.providers.conftest import Live, make_live

_WIDE = ServiceLimits(window=10, initial=5_000, highest=10_000)
WIDE = {DIRECTORY: _WIDE, INTUNE: _WIDE, IDENTITY: _WIDE}


def widen_budget(patch: pytest.MonkeyPatch) -> None:
    """The budget of Microsoft's limits would make a backup take as long as it does there."""
    patch.setattr(sessions, "RateBudget", partial(RateBudget, limits=WIDE))


def live_with_policies(sandbox: Control, *, policies: int = 1, **conditions: Any) -> Live:
    """A tenant with so many objects of each type, and as many groups as their assignments need."""
    return make_live(sandbox, groups=20, policies=policies, **conditions)


def back_up(live: Live, *types: str) -> Backup:
    """Run a backup to its end; give what it made."""
    backup_run(live, *types)
    return newest(live)


def backup_run(live: Live, *types: str) -> OperationRun:
    return live.run("policy.backup", **({"objectTypes": list(types)} if types else {}))


def newest(live: Live) -> Backup:
    found = Backup.objects.filter(tenant=live.tenant).order_by("-id").first()
    assert found is not None
    return found


def items(backup: Backup, object_type: str) -> dict[str, BackupItem]:
    rows = BackupItem.objects.filter(backup=backup, object_type=object_type).select_related("version")
    return {row.object_id: row for row in rows}


def hashes(backup: Backup) -> dict[tuple[str, str], str]:
    """What the backup holds, by type and id."""
    rows = BackupItem.objects.filter(backup=backup)
    return {(kind, key): found for kind, key, found in rows.values_list(
        "object_type", "object_id", "version__content_hash")}  # fmt: skip
