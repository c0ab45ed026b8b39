"""The rate budget: all workers that call one tenant stay under its limit together.

Microsoft warns from 80 % of a limit on (``x-ms-throttle-limit-percentage``), and requests sent while
throttled still count against it: https://learn.microsoft.com/graph/throttling. So we slow down at the
warning, and when one worker is told to wait, all of them do.
"""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from threading import Lock

import redis
import structlog
from redis.backoff import NoBackoff
from redis.retry import Retry

from providers.graph.answers import retry_after_seconds
from providers.graph.costs import DIRECTORY, IDENTITY, INTUNE, INTUNE_WRITES
from providers.graph.errors import Throttled
from providers.graph.local_budget import LocalBudget

log = structlog.get_logger(__name__)

_SCRIPT = files("providers.graph").joinpath("budget.lua").read_text("utf-8")
_STATE_TTL = 3600
_LOST_SHARE = 0.5
_GOAL = 0.85  # as in budget.lua


@dataclass(frozen=True)
class ServiceLimits:
    """Units a second to start with and never to pass, and the provider's counting window in seconds.

    ``documented``: units in a window that hold for every tenant, so that they may be used at once; 0 where none do.
    """

    window: float
    initial: float
    highest: float
    documented: float = 0


# Documented: directory 3,500 units / 10 s for the smallest tenants, Intune 1,000 requests / 20 s, of which 100
# writes, conditional access 1 request / s. https://learn.microsoft.com/graph/throttling-limits
LIMITS: Mapping[str, ServiceLimits] = {
    DIRECTORY: ServiceLimits(window=10, initial=40, highest=300),
    INTUNE: ServiceLimits(window=20, initial=20, highest=45, documented=1000),
    INTUNE_WRITES: ServiceLimits(window=20, initial=4.5, highest=4.8, documented=100),
    IDENTITY: ServiceLimits(window=1, initial=0.8, highest=0.9),
}


class RateBudget:
    """One per client; all with the same ``key`` (cloud, tenant and app) share one budget through Redis.

    With Redis gone, each falls back by itself to half of the rate it last knew, and asks Redis again
    after ``redis_rest`` seconds. No call waits for Redis longer than the client's socket timeout.
    """

    def __init__(
        self,
        redis_or_url: "redis.Redis | str",
        *,
        key: str,
        limits: Mapping[str, ServiceLimits] = LIMITS,
        redis_rest: float = 5.0,
    ) -> None:
        self._redis = budget_redis(redis_or_url) if isinstance(redis_or_url, str) else redis_or_url
        self._script = self._redis.register_script(_SCRIPT)
        self._key = key
        self._limits = limits
        self._redis_rest = redis_rest
        self._redis_back_at = 0.0
        self._lock = Lock()
        self._known_rates: dict[str, float] = {}
        self._known_use: dict[str, tuple[float, float]] = {}
        self._corrections: dict[str, float] = {}
        self._local: dict[str, LocalBudget] = {}

    def acquire(
        self,
        cost: float = 1,
        *,
        service: str = DIRECTORY,
        pause: Callable[[float], None] = time.sleep,
        longest: float | None = None,
    ) -> float:
        """Wait until ``cost`` units may be used; the seconds waited.

        ``pause`` does the waiting and may end it by an exception. Raises ``Throttled`` with a
        ``retry_after`` instead of waiting longer than ``longest`` seconds in all.
        """
        waited = 0.0
        while True:
            wait = self._take(cost, service)
            if wait <= 0:
                return waited
            if longest is not None and waited + wait > longest:
                raise Throttled("The tenant's rate budget is used up.", retry_after=wait)
            # Workers that were told the same second should not all come back in the same millisecond.
            wait += random.uniform(0, min(0.05, wait / 4))  # noqa: S311
            pause(wait)
            waited += wait

    def observe(
        self,
        status: int,
        headers: Mapping[str, str],
        *,
        service: str = DIRECTORY,
        cost: float = 1,
        wait: float | None = None,
    ) -> None:
        """Learn from an answer to a request that was let through for ``cost``.

        ``wait``: the seconds chosen where a 429 names none.
        """
        charged = _number(headers.get("x-ms-resource-unit"))
        if charged is not None and charged != cost:
            with self._lock:
                self._corrections[service] = self._corrections.get(service, 0.0) + charged - cost
        if status == 429:
            pause = retry_after_seconds(headers.get("retry-after")) or wait or 1.0
            self._tell("throttled", pause, service)
            return
        percent = _number(headers.get("x-ms-throttle-limit-percentage"))
        if percent:
            self._tell("percent", percent, service)

    def rate(self, service: str = DIRECTORY) -> float | None:
        """Units a second, as last known; ``None`` before the first request."""
        return self._known_rates.get(service)

    def _take(self, cost: float, service: str) -> float:
        wait = self._ask_redis("take", cost, service)
        return self._fallback(service).take(cost) if wait is None else wait

    def _tell(self, verb: str, value: float, service: str) -> None:
        if self._ask_redis(verb, value, service) is None:
            self._fallback(service).tell(verb, value)

    def _ask_redis(self, verb: str, value: float, service: str) -> float | None:
        """Seconds to wait, or ``None`` while Redis does not answer."""
        if time.monotonic() < self._redis_back_at:
            return None
        limits = self._limits[service]
        with self._lock:
            correction = self._corrections.pop(service, 0.0)
        arguments = (
            verb, value, correction, limits.window, limits.initial, limits.highest,
            self._known_rates.get(service, 0), _STATE_TTL, limits.documented,
        )  # fmt: skip
        try:
            wait, rate, used = self._script(keys=[f"graph:budget:{self._key}:{service}"], args=arguments)
        except (redis.RedisError, OSError) as failure:
            self._redis_back_at = time.monotonic() + self._redis_rest
            log.warning("graph.budget.redis_gone", error=type(failure).__name__, service=service)
            return None
        self._known_rates[service] = float(rate)
        self._known_use[service] = (float(used), time.monotonic())
        self._local.pop(service, None)
        return float(wait)

    def _fallback(self, service: str) -> LocalBudget:
        with self._lock:
            if service not in self._local:
                known = self._known_rates.get(service, self._limits[service].initial)
                rate = known * _LOST_SHARE
                self._local[service] = LocalBudget(rate, debt=self._overdrawn(service, rate))
            return self._local[service]

    def _overdrawn(self, service: str, rate: float) -> float:
        """Units by which a window would be too full if use at ``rate`` followed what was used at once."""
        limits = self._limits[service]
        used, at = self._known_use.get(service, (0.0, 0.0))
        if not limits.documented or time.monotonic() - at > limits.window:
            return 0.0
        return max(0.0, used + rate * limits.window - _GOAL * limits.documented)


@lru_cache(maxsize=8)
def budget_redis(url: str) -> "redis.Redis":
    """A client that gives up quickly: a budget is not worth a long wait."""
    return redis.Redis.from_url(
        url, socket_timeout=0.25, socket_connect_timeout=0.25, retry=Retry(NoBackoff(), 0)
    )


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else None
    except ValueError:
        return None
    return number if number is not None and 0 < number < 1e6 else None
