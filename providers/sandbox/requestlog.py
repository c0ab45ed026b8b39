"""What was asked of the sandbox and how it answered, so that a test can ask for a share of 429."""

import time
from collections import Counter, deque
from dataclasses import asdict, dataclass

from providers.sandbox.data import JSON

KEPT_ENTRIES = 2000


@dataclass(frozen=True)
class LogEntry:
    time: float
    tenant: str
    service: str
    method: str
    path: str
    status: int
    client_id: str
    request_id: str
    in_batch: bool = False


class RequestLog:
    def __init__(self) -> None:
        self.entries: deque[LogEntry] = deque(maxlen=KEPT_ENTRIES)
        self._counts: Counter[tuple[str, str, int]] = Counter()

    def clear(self) -> None:
        self.entries.clear()
        self._counts.clear()

    def add(
        self, tenant: str, service: str, method: str, path: str, status: int, client_id: str, request_id: str,
        in_batch: bool = False,
    ) -> None:  # fmt: skip
        """Status 0 stands for a connection that was closed without an answer."""
        entry = LogEntry(time.time(), tenant, service, method, path, status, client_id, request_id, in_batch)
        self.entries.append(entry)
        self._counts[(tenant, service, status)] += 1

    def counts(self, tenant: str | None = None, service: str | None = None) -> dict[int, int]:
        """Answers by status, of one tenant and one service (`graph`, `token`) or of all."""
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
