"""Operation types that exist in one test only, and shorthands to walk a run through its life."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import uuid4

import pytest
from django.contrib.postgres.functions import TransactionNow
from django.db import connection
from django.db.models.expressions import CombinedExpression

from operations import registry, transitions
from operations.choices import Access, RunOutcome, Surface
from operations.context import RunContext, RunResult
from operations.models import OperationRun
from operations.params import InvalidInput, Params
from operations.registry import OperationType
from operations.transitions import Claim, Ending
from providers.readiness import Needs
from tenantpilot.tenancy.capabilities import Capability

READ, OTHER, WRITE = "probe.read", "probe.other", "probe.write"
WORKER = "host:test:1:2"


@dataclass(frozen=True)
class ProbeParams(Params):
    """Takes a key that makes starts different, and refuses one value of it."""

    key: str = "all"

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        key = data.get("key") or "all"
        if key == "wrong":
            raise InvalidInput({"key": "That is the wrong one."})
        return cls(key)


def succeed(run: RunContext, params: Params) -> RunResult:
    return RunResult.succeeded(things=1)


def declare(
    monkeypatch: pytest.MonkeyPatch,
    name: str = READ,
    handler: Callable[[RunContext, Any], RunResult] = succeed,
    *,
    access: Access = Access.READ,
    needs: Needs | None = None,
) -> OperationType:
    """Register an operation type until the test ends, although the registry is closed."""
    kind = OperationType(
        name=name,
        verb="Probe",
        description="A test's own.",
        capability=Capability.SYNC_GROUPS,
        surfaces=frozenset({Surface.TENANT, Surface.CONNECTION}),
        needs=needs or Needs(permissions=(("GroupMember.Read.All", "Group.Read.All"),)),
        access=access,
        params=ProbeParams,
        handler=handler,
    )
    monkeypatch.setitem(registry._types, name, kind)
    return kind


def claim(run_id: int, worker: str = WORKER) -> Claim:
    claimed = transitions.claim(run_id, worker)
    assert claimed is not None
    return claimed


def ending(outcome: RunOutcome = RunOutcome.SUCCEEDED, reason: str = "") -> Ending:
    return Ending(outcome, reason, {}, {}, {}, [], {}, [])


def ago(seconds: float) -> CombinedExpression:
    """A moment by the database's clock, which stands still inside a test's transaction."""
    return TransactionNow() - timedelta(seconds=seconds)


def now() -> datetime:
    """The time as the database's statements see it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def expire_lease(run_id: int) -> None:
    OperationRun.objects.filter(pk=run_id).update(lease_until=ago(1))


def make_due(run_id: int) -> None:
    """Let the waiting time of a queued run be over, and the second that the click's own message gets."""
    OperationRun.objects.filter(pk=run_id).update(not_before=ago(60), created_at=ago(60))


def stranger(run: Claim) -> Claim:
    """The claim of somebody who held the run under an older fence."""
    values = {name: getattr(run, name) for name in run.__slots__}
    return Claim(**(values | {"fence": run.fence - 1, "token": uuid4()}))


def row(run_id: int) -> OperationRun:
    return OperationRun.objects.get(pk=run_id)


def kinds(run_id: int) -> list[str]:
    return list(row(run_id).events.order_by("seq").values_list("kind", flat=True))


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        return int(cursor.fetchone()[0])
