"""Limits per tenant, app and service, as in Microsoft's published throttling limits.

A request costs resource units; units of the last window are added up, and requests that were
refused count too, so a client that does not wait stays refused.
"""

import math
import time
from collections import deque
from dataclasses import dataclass, field

# Per app and tenant: (requests, writes) per 20 seconds.
INTUNE_LIMITS = {"intune": (1000, 100), "devices": (2000, 200)}
INTUNE_WINDOW_S = 20.0
ACCESS_LIMIT = (1, 1.0)  # conditional access: one request a second, all apps of a tenant together
DIRECTORY_WRITES = (3000, 150.0)
HIGHEST_REPORTED_SHARE = 1.8


@dataclass
class Window:
    limit: int
    seconds: float
    entries: deque[tuple[float, int]] = field(default_factory=deque)
    used: int = 0

    def add(self, cost: int, now: float) -> None:
        self.drop_old(now)
        self.entries.append((now, cost))
        self.used += cost

    def drop_old(self, now: float) -> None:
        while self.entries and self.entries[0][0] <= now - self.seconds:
            self.used -= self.entries.popleft()[1]

    def wait(self, now: float) -> float:
        """Seconds until the window is below its limit again."""
        excess = self.used - self.limit
        for at, cost in self.entries:
            excess -= cost
            if excess < 0:
                return max(at + self.seconds - now, 0.0)
        return self.seconds


@dataclass(frozen=True)
class Verdict:
    """What the limits say about one request; `wait` is None when it may pass."""

    share: float
    wait: float | None = None
    information: str = "ResourceUnitLimitExceeded"


class Throttle:
    def __init__(self) -> None:
        self._windows: dict[tuple[str, str, str], Window] = {}

    def clear(self) -> None:
        self._windows.clear()

    def ask(
        self,
        tenant: str,
        client_id: str,
        *,
        service: str,
        write: bool,
        cost: int,
        units: int,
        window_s: float,
    ) -> Verdict:
        """Count one request and say whether it may pass."""
        now = time.monotonic()
        worst = Verdict(0.0)
        for kind, limit, seconds, amount in _limits(service, write, cost, units, window_s):
            whose = "" if service == "access" else client_id
            window = self._window((tenant, whose, kind), limit, seconds)
            window.add(amount, now)
            share = window.used / limit
            if share > 1:
                information = "WriteLimitExceeded" if kind.endswith("writes") else "ResourceUnitLimitExceeded"
                return Verdict(min(share, HIGHEST_REPORTED_SHARE), window.wait(now), information)
            if share > worst.share:
                worst = Verdict(share)
        return worst

    def _window(self, key: tuple[str, str, str], limit: int, seconds: float) -> Window:
        window = self._windows.get(key)
        if window is None or (window.limit, window.seconds) != (limit, seconds):
            window = self._windows[key] = Window(limit, seconds)
        return window


def service_of(path: str) -> str:
    """Whose limits a path counts against: `intune`, `devices`, `access` or `directory`."""
    lower = path.lower()
    if lower.startswith("devicemanagement/manageddevice") or _is_script(lower):
        return "devices"
    if lower.startswith(("devicemanagement", "deviceappmanagement")):
        return "intune"
    return "access" if lower.startswith("identity/conditionalaccess") else "directory"


def _is_script(path: str) -> bool:
    return path.startswith("devicemanagement/device") and "scripts" in path.split("/")[1]


def _limits(
    service: str, write: bool, cost: int, units: int, window_s: float
) -> list[tuple[str, int, float, int]]:
    if service == "access":
        return [(service, *ACCESS_LIMIT, 1)]
    if service in INTUNE_LIMITS:
        requests, writes = INTUNE_LIMITS[service]
        limits = [(service, requests, INTUNE_WINDOW_S, 1)]
        return [*limits, (f"{service} writes", writes, INTUNE_WINDOW_S, 1)] if write else limits
    limits = [("directory", units, window_s, cost)]
    return [*limits, ("directory writes", *DIRECTORY_WRITES, 1)] if write else limits


def resource_units(path: str, *, select: bool, expand: bool, top: int | None) -> int:
    """Cost of a directory request by Microsoft's table of resource units."""
    cost = 1
    if path.endswith("/members"):
        cost = 3
    elif path.startswith("applications") or path.endswith("/approleassignments"):
        cost = 2
    cost += (1 if expand else 0) - (1 if select else 0) - (1 if top is not None and top < 20 else 0)
    return max(cost, 1)


def retry_after(mode: str, wait: float) -> str | None:
    """The header's value: whole seconds, a fraction, 0, or no header at all."""
    if mode == "missing":
        return None
    if mode == "zero":
        return "0"
    if mode == "fraction":
        return f"{wait:.3f}"
    return str(max(1, math.ceil(wait)))
