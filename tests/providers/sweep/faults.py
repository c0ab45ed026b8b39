"""What is made to go wrong at one request of a run, and how that is taken back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from threading import Lock
from typing import Any

import pytest
from django.utils import timezone

from operations import execution, transitions
from operations.choices import StartStatus
from operations.context import RunContext
from operations.models import OperationRun
from operations.outcomes import StartOutcome
from operations.pulse import Cancelled
from providers import catalogue
from providers.graph.transport import Transport
from providers.models import ProviderConnection, RestoreRun
from tests import budgets
from tests.providers.conftest import Live
from tests.providers.restoring import start_execution


class Killed(BaseException):
    """As by kill -9: nobody catches it."""


@dataclass(frozen=True)
class Fault:
    """``at(live, n, key)`` lets the n-th request, or whatever else ``counts`` says, meet it until the block ends.

    ``reads``: whether a backup is tried with it, too. ``touches``: somebody else changes the type ``key``.
    """

    name: str
    at: Callable[[Live, int, str], AbstractContextManager[None]]
    reads: bool = True
    counts: str = "requests"
    touches: bool = False

    def __str__(self) -> str:
        return self.name


def _scripted(name: str, *, reads: bool = True, **script: Any) -> Fault:
    @contextmanager
    def at(live: Live, number: int, key: str) -> Iterator[None]:
        live.sandbox.fail_request(live.slug, number, **script)
        try:
            yield
        finally:
            live.heal()
            _forgotten(live)

    return Fault(name, at, reads)


def _forgotten(live: Live) -> None:
    """Forget the facts that the fault left on the connection and in the rate budget: both are asked about elsewhere.

    Hundreds of 429s in a row would let the budget all but stop.
    """
    budgets.forget()
    ProviderConnection.objects.filter(pk=live.connection.pk).update(
        fault_code="", fault_facts={}, throttled_until=None
    )


@contextmanager
def _on_wire(
    before: Callable[[int], None], after: Callable[[int], None] = lambda number: None
) -> Iterator[None]:
    """Call these around every request on the wire, with its number."""
    seen, real, lock = [0], Transport.send, Lock()

    def send(self: Transport, *args: Any, **more: Any) -> Any:
        with lock:
            seen[0] += 1
            mine = seen[0]
        before(mine)
        answer = real(self, *args, **more)
        after(mine)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "send", send)
        yield


@contextmanager
def _killed_at(live: Live, number: int, key: str, *, after: bool) -> Iterator[None]:
    """The worker dies right before its n-th request, or with the answer in hand; its lease ends."""

    def die(mine: int) -> None:
        if mine == number:
            raise Killed

    alive: Callable[[int], None] = lambda mine: None  # noqa: E731
    with _on_wire(alive, die) if after else _on_wire(die):
        yield


@contextmanager
def _changed_at(live: Live, number: int, key: str) -> Iterator[None]:
    """Somebody changes or adds an object of this type right before the n-th request leaves."""

    def change(mine: int) -> None:
        if mine != number:
            return
        found = live.sandbox.objects(live.slug, key)
        if not found:
            live.sandbox.add_object(live.slug, key)
            return
        name = "description" if "description" in found[-1] else catalogue.get(key).name
        live.sandbox.change_object(live.slug, key, found[-1]["id"], {name: "Somebody"})

    with _on_wire(change):
        yield


@contextmanager
def _started_again_at(live: Live, number: int, key: str) -> Iterator[None]:
    """A second click and a second delivery of the message, right before the n-th request leaves."""

    def again(mine: int) -> None:
        if mine != number:
            return
        run = OperationRun.objects.get(tenant=live.tenant, status="running")
        outcome = _started(live, run)
        assert (outcome.status, outcome.run and outcome.run.id) == (StartStatus.DEDUPED, run.pk)
        execution.execute(run.pk)

    with _on_wire(again):
        yield


def _started(live: Live, run: OperationRun) -> StartOutcome:
    restore = RestoreRun.objects.get(pk=run.params["restoreRun"])
    return start_execution(live, restore)


@contextmanager
def counted(live: Live) -> Iterator["Places"]:
    """Note where each fault could have happened in this block."""
    found = Places()
    real = RunContext.checkpoint

    def checkpoint(self: RunContext) -> None:
        found.checkpoints += 1
        real(self)

    def sent(mine: int) -> None:
        found.wire = max(found.wire, mine)

    since = live.sandbox.mark()
    with pytest.MonkeyPatch.context() as patch, _on_wire(sent):
        patch.setattr(RunContext, "checkpoint", checkpoint)
        yield found
    log = live.sandbox.log(live.slug, 5000)
    came = [each for each in log if each["number"] > since and each["service"] in ("graph", "batch")]
    found.requests = len(came)
    found.writes = [number for number, each in enumerate(came, 1) if writes(each)]
    # Tokens travel on the wire, too, always ahead of what they are for.
    on_wire = [each for each in came if not each["in_batch"]]
    ahead = found.wire - len(on_wire)
    found.writes_on_wire = [number + ahead for number, each in enumerate(on_wire, 1) if writes(each)]


def writes(entry: dict[str, Any]) -> bool:
    return entry["service"] == "graph" and entry["method"] != "GET"


@dataclass
class Places:
    """How often each kind of place came, and which of them were requests that write."""

    requests: int = 0
    wire: int = 0
    checkpoints: int = 0
    writes: list[int] = field(default_factory=list)
    writes_on_wire: list[int] = field(default_factory=list)

    def of(self, fault: Fault) -> tuple[int, list[int]]:
        """How many there are for this fault, and which of them write."""
        written = {"requests": self.writes, "wire": self.writes_on_wire}.get(fault.counts, [])
        return int(getattr(self, fault.counts)), written


@contextmanager
def _cancelled_at(live: Live, number: int, key: str) -> Iterator[None]:
    """The run is asked to stop at its n-th checkpoint, of which there is one before each request."""
    seen, real = [0], RunContext.checkpoint

    def checkpoint(self: RunContext) -> None:
        real(self)
        seen[0] += 1
        if seen[0] >= number:
            raise Cancelled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunContext, "checkpoint", checkpoint)
        yield


def reaped(run: OperationRun) -> None:
    """The lease of a killed worker ends and the reaper comes."""
    OperationRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
    reads = [run.operation_type] if run.operation_type != "restore.execute" else []
    assert [found.run_id for found in transitions.reap(reads, [])] == [run.pk]


FAULTS = (
    _scripted("403", status=403),
    _scripted("429, Retry-After 0", status=429, retry_after="0"),
    _scripted("500", status=500),
    _scripted("503", status=503),
    _scripted("connection closed", kind="drop"),
    _scripted("answer cut off", kind="truncate"),
    _scripted("504 after it landed", status=504, after_write=True, reads=False),
    _scripted("closed after it landed", kind="drop", after_write=True, reads=False),
    Fault("cancel", _cancelled_at, counts="checkpoints"),
    Fault("worker killed before the request", partial(_killed_at, after=False), counts="wire"),
    Fault("worker killed after the answer", partial(_killed_at, after=True), counts="wire"),
    Fault("tenant changed by somebody else", _changed_at, reads=False, counts="wire", touches=True),
    Fault("started and delivered again", _started_again_at, reads=False, counts="wire"),
)
