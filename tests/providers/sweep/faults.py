"""What is made to go wrong at one request of a run, and how that is taken back."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from operations import transitions
from operations.context import RunContext
from operations.models import OperationRun
from operations.pulse import Cancelled
from providers.graph.transport import Transport
from providers.models import ProviderConnection
from tests.providers.conftest import Live


class Killed(BaseException):
    """As by kill -9: nobody catches it."""


@dataclass(frozen=True)
class Fault:
    """``at(live, n)`` lets the n-th request from there on meet it, until the block ends."""

    name: str
    at: Callable[[Live, int], AbstractContextManager[None]]
    reads: bool = True

    def __str__(self) -> str:
        return self.name


def _scripted(name: str, *, reads: bool = True, **script: Any) -> Fault:
    @contextmanager
    def at(live: Live, number: int) -> Iterator[None]:
        live.sandbox.fail_request(live.slug, number, **script)
        try:
            yield
        finally:
            live.heal()
            _forgotten(live)

    return Fault(name, at, reads)


def _forgotten(live: Live) -> None:
    """Forget the facts that the fault left on the connection; that they block a start is asked elsewhere."""
    ProviderConnection.objects.filter(pk=live.connection.pk).update(
        fault_code="", fault_facts={}, throttled_until=None
    )


@contextmanager
def _killed_at(live: Live, number: int, *, after: bool) -> Iterator[None]:
    """The worker dies right before its n-th request, or with the answer in hand; its lease ends."""
    seen, real = [0], Transport.send

    def send(self: Transport, *args: Any, **more: Any) -> Any:
        seen[0] += 1
        if seen[0] == number and not after:
            raise Killed
        answer = real(self, *args, **more)
        if seen[0] == number:
            raise Killed
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transport, "send", send)
        yield


@contextmanager
def _cancelled_at(live: Live, number: int) -> Iterator[None]:
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
    Fault("cancel", _cancelled_at),
    Fault("worker killed before the request", lambda live, number: _killed_at(live, number, after=False)),
    Fault("worker killed after the answer", lambda live, number: _killed_at(live, number, after=True)),
)
