"""Failure scripts: what is to go wrong, where, when and how often."""

import fnmatch
import itertools
from dataclasses import asdict, dataclass, field, fields

from providers.sandbox.data import JSON

KINDS = (
    "status",  # an error answer; `after_write` lets the change land first, here and with the next two
    "drop",  # the connection is closed without an answer
    "truncate",  # the JSON is cut off and the connection closed
    "hang",  # no answer until the client gives up
    "slow",  # the answer is late by `delay_s`
    "hold",  # the answer waits until the script is cleared
    "empty_page",  # no objects, but a nextLink to the same place
    "short_page",  # fewer objects than asked for, with a nextLink
    "expire_token",  # 401 from here on for the token that was used
    "revoke_consent",  # the service principal goes away, then 401
    "approval",  # Multi Admin Approval answers a write
    "licence",  # Intune says that the tenant has no licence
)


@dataclass
class Fault:
    """One script. Empty conditions match everything; `nth` and `times` count matching requests.

    `batch` true means requests inside of batches, false those on the wire, among them `$batch` itself.
    """

    kind: str = "status"
    service: str = "graph"
    tenant: str | None = None
    path: str | None = None
    method: str | None = None
    page: int | None = None
    nth: int | None = None
    times: int | None = None
    batch: bool | None = None
    status: int = 503
    code: str | None = None
    message: str | None = None
    style: str | None = None
    retry_after: str | None = None
    after_write: bool = False
    delay_s: float = 0.0
    id: int = 0
    seen: int = 0
    used: int = 0
    cleared: bool = False

    def applies(self, request: "Request") -> bool:
        """Whether this request meets the conditions; counts it when it does."""
        if self.times is not None and self.used >= self.times:
            return False
        if not self._meets(request):
            return False
        self.seen += 1
        if self.nth is not None and self.seen != self.nth:
            return False
        self.used += 1
        return True

    def _meets(self, request: "Request") -> bool:
        wanted = (self.service, request.service), (self.tenant, request.tenant), (self.page, request.page)
        if any(value is not None and value != actual for value, actual in wanted):
            return False
        if self.batch is not None and self.batch != request.in_batch:
            return False
        if self.method is not None and self.method.upper() != request.method:
            return False
        return self.path is None or fnmatch.fnmatchcase(request.path.lower(), self.path.lower().lstrip("/"))


@dataclass(frozen=True)
class Request:
    """What a fault is matched against; `path` has no version and no leading slash."""

    service: str
    tenant: str
    method: str
    path: str
    page: int = 1
    in_batch: bool = False


@dataclass
class FaultBook:
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ids = itertools.count(1)

    def add(self, **values: object) -> Fault:
        """Add a script; raises ValueError for an unknown kind or condition."""
        known = {item.name for item in fields(Fault)} - {"id", "seen", "used", "cleared"}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"Unknown fault condition: {', '.join(unknown)}.")
        fault = Fault(**values)  # type: ignore[arg-type]  # names were checked, values come from JSON
        if fault.kind not in KINDS:
            raise ValueError(f"Unknown fault kind {fault.kind!r}; known: {', '.join(KINDS)}.")
        fault.id = next(self._ids)
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        for fault in self.faults:
            fault.cleared = True
        self.faults = []

    def matching(self, request: Request) -> list[Fault]:
        return [fault for fault in self.faults if fault.applies(request)]

    def dump(self) -> list[JSON]:
        return [asdict(fault) for fault in self.faults]
