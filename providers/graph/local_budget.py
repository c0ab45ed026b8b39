"""What a worker keeps to while the shared budget is out of reach."""

import time
from threading import Lock

_SLOWEST = 0.05


class LocalBudget:
    """A bucket that only ever gets slower: the others are not known, so nothing is risked.

    ``debt``: units that have to be earned back before the first one is granted.
    """

    def __init__(self, rate: float, *, debt: float = 0.0) -> None:
        self.rate = max(_SLOWEST, rate)
        self._tokens = 1.0 - debt
        self._at = time.monotonic()
        self._paused_until = 0.0
        self._cut_at = 0.0
        self._lock = Lock()

    def take(self, cost: float) -> float:
        """Seconds to wait before asking again; 0 when ``cost`` units were granted."""
        with self._lock:
            now = time.monotonic()
            if now < self._paused_until:
                return self._paused_until - now
            capacity = max(1.0, self.rate * 0.5)
            self._tokens = min(capacity, self._tokens + (now - self._at) * self.rate)
            self._at = now
            # A batch may cost more than the bucket holds: it goes when the bucket is full, and leaves a debt.
            lacking = min(cost, capacity) - self._tokens
            if lacking > 0:
                return lacking / self.rate
            self._tokens -= cost
            return 0.0

    def tell(self, verb: str, value: float) -> None:
        """``percent`` and ``throttled`` as in the shared budget."""
        with self._lock:
            now = time.monotonic()
            self._tokens = min(self._tokens, 0.0)
            if verb == "throttled":
                self._paused_until = max(self._paused_until, now + value)
            if now - self._cut_at < 1:
                return
            self._cut_at = now
            self.rate = max(_SLOWEST, self.rate * (0.5 if verb == "throttled" else 0.7 / value))
