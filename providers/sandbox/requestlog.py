"""What was asked of the sandbox, how it answered and what it did: its own proof that nothing came twice."""

import contextlib
import hashlib
import itertools
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass

import orjson

from providers.sandbox.data import JSON

KEPT_ENTRIES = 2000
KEPT_WRITES = 20_000


@dataclass(frozen=True)
class LogEntry:
    """`applied` says that the change was made, whatever the answer was; `number` counts every entry."""

    time: float
    tenant: str
    service: str
    method: str
    path: str
    status: int
    client_id: str
    request_id: str
    in_batch: bool = False
    applied: bool = False
    body_hash: str = ""
    number: int = 0


class RequestLog:
    """Services are `graph`, `token`, and `batch` for the call that carries a batch."""

    def __init__(self) -> None:
        self.entries: deque[LogEntry] = deque(maxlen=KEPT_ENTRIES)
        self._writes: deque[LogEntry] = deque(maxlen=KEPT_WRITES)
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._numbers = itertools.count(1)
        self.last = 0

    def clear(self) -> None:
        """Forget everything but the numbers: they never come twice."""
        self.entries.clear()
        self._writes.clear()
        self._counts.clear()

    def add(
        self, tenant: str, service: str, method: str, path: str, status: int, client_id: str, request_id: str,
        in_batch: bool = False, *, applied: bool = False, body: bytes = b"",
    ) -> None:  # fmt: skip
        """Status 0 stands for a connection that was closed without an answer."""
        self.last = next(self._numbers)
        is_write = service == "graph" and method != "GET"
        entry = LogEntry(
            time.time(), tenant, service, method, path, status, client_id, request_id, in_batch,
            applied, body_hash(body) if is_write else "", self.last,
        )  # fmt: skip
        self.entries.append(entry)
        if is_write:
            self._writes.append(entry)
        self._counts[(tenant, service, status)] += 1

    def counts(self, tenant: str | None = None, service: str | None = None) -> dict[int, int]:
        """Answers by status, of one tenant and one service or of all."""
        total: Counter[int] = Counter()
        for (of_tenant, of_service, status), number in self._counts.items():
            if tenant in (None, of_tenant) and service in (None, of_service):
                total[status] += number
        return dict(sorted(total.items()))

    def share(self, status: int, tenant: str | None = None) -> float:
        """Share of Graph answers with this status, from 0 to 1; 0 when nothing was asked."""
        counts = self.counts(tenant, "graph")
        asked = sum(counts.values())
        return counts.get(status, 0) / asked if asked else 0.0

    def recent(self, tenant: str | None = None, limit: int = 100) -> list[JSON]:
        chosen = [entry for entry in self.entries if tenant in (None, entry.tenant)]
        return [asdict(entry) for entry in chosen[-limit:]]

    def writes(self, tenant: str | None = None, since: int = 0) -> list[JSON]:
        """Every request that could change something, oldest first, after the entry with number `since`."""
        return [
            asdict(entry) for entry in self._writes if tenant in (None, entry.tenant) and entry.number > since
        ]


def body_hash(body: bytes) -> str:
    """A hash of what a body says; order of keys and spacing do not count. Empty without a body."""
    if not body:
        return ""
    with contextlib.suppress(orjson.JSONDecodeError):
        body = orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(body).hexdigest()[:32]
