"""When a request is tried again, and how waiting stays interruptible."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from providers.graph.errors import GraphError, Throttled, TokenUnavailable

Checkpoint = Callable[[], None]
_SLICE = 1.0


@dataclass(frozen=True)
class RetryPolicy:
    """Bounds for the retries of one request, in seconds.

    Beyond them the failure goes up with its ``retry_after``, and the run can be queued again: a worker
    must not sleep for minutes on a tenant.
    """

    tries: int = 4
    throttled_tries: int = 8
    base: float = 0.5
    cap: float = 15.0
    total_wait: float = 90.0


@dataclass
class Attempts:
    """The retries of one request so far."""

    policy: RetryPolicy
    failures: int = 0
    throttles: int = 0
    waited: float = field(default=0.0)

    def wait_after(self, failure: GraphError) -> float | None:
        """Seconds until the next try; ``None`` when there is to be none."""
        if not failure.transient:
            return None
        wait = self._wait(failure)
        if wait is None or self.waited + wait > self.policy.total_wait:
            return None
        self.waited += wait
        return wait

    def _wait(self, failure: GraphError) -> float | None:
        if isinstance(failure, (Throttled, TokenUnavailable)):
            self.throttles += 1
            count, allowed = self.throttles, self.policy.throttled_tries
        else:
            self.failures += 1
            count, allowed = self.failures, self.policy.tries
        if count >= allowed:
            return None
        # A Retry-After of 0 is seen beside a service that is still throttling.
        return failure.retry_after or self._backoff(count)

    def _backoff(self, count: int) -> float:
        ceiling = min(self.policy.cap, self.policy.base * 2.0 ** (count - 1))
        return ceiling * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing


def pause(seconds: float, checkpoint: Checkpoint | None) -> None:
    """Wait, asking ``checkpoint`` at least once a second; what it raises ends the wait."""
    until = time.monotonic() + seconds
    while True:
        if checkpoint is not None:
            checkpoint()
        left = until - time.monotonic()
        if left <= 0:
            return
        time.sleep(min(left, _SLICE))
