"""The heartbeat of a claimed run: renews the lease, hears of a cancel, and stops work that is not ours any more."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog
from django.conf import settings
from django.db import Error, connection

from operations import transitions
from operations.transitions import Claim
from providers.graph.errors import Stopped

log = structlog.get_logger(__name__)

LOOK_EVERY = 1.0  # seconds between two looks for a cancel; beats are rarer, since they write
GRACE = 60.0  # seconds after the deadline in which a run may still finish


class FencedOut(Stopped):
    """The run has a newer fence, or has ended: nothing more may be written in its name."""


class Cancelled(Stopped):
    """Somebody asked the run to stop."""


class DeadlineReached(Stopped):
    """The run took longer than it may."""


class Pulse:
    """Beats on a thread and a database connection of its own while the ``with`` block lasts."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._ended = threading.Event()
        self._lost = False
        self._cancelled = False
        self._beat_at = time.monotonic()
        self._pause = min(LOOK_EVERY, settings.RUN_HEARTBEAT)
        self._deadline = time.monotonic() + settings.RUN_DEADLINE
        self._thread = threading.Thread(target=self._beat, name=f"pulse-{claim.run_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(timeout=5)

    def beaten(self, at: float) -> None:
        """Note that the lease was renewed by other means, asked for at the monotonic time ``at``."""
        self._beat_at = max(self._beat_at, at)

    def checkpoint(self) -> None:
        """Raise FencedOut, Cancelled or DeadlineReached when work must stop.

        Without a renewed lease for ``RUN_SELF_FENCE`` seconds the run may be somebody else's by now.
        """
        if self._lost or time.monotonic() - self._beat_at > settings.RUN_SELF_FENCE:
            raise FencedOut
        if self._cancelled:
            raise Cancelled
        if time.monotonic() > self._deadline:
            raise DeadlineReached

    def _beat(self) -> None:
        try:
            # A handler that hangs past its deadline must not hold its scope for good: no beat, and the lease ends.
            while not self._ended.wait(self._pause) and time.monotonic() < self._deadline + GRACE:
                due = time.monotonic() - self._beat_at >= settings.RUN_HEARTBEAT - self._pause / 2
                self._ask(transitions.renew if due else transitions.look, renews=due)
        finally:
            connection.close()

    def _ask(self, question: Callable[[Claim], bool | None], *, renews: bool) -> None:
        asked_at = time.monotonic()
        try:
            answer = question(self._claim)
        except Error as error:
            log.warning("heartbeat_failed", run=self._claim.run_id, error=type(error).__name__)
            connection.close()
            return
        if answer is None:
            self._lost = True
            self._ended.set()
            return
        if renews:
            self.beaten(asked_at)
        self._cancelled = answer
