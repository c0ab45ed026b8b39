"""What a run cost, and the ids that Microsoft's support asks for."""

from collections import deque
from datetime import UTC, datetime
from threading import Lock
from typing import Any

_IDS_KEPT = 20


class Meter:
    """Counts Graph requests (a batch is one), not those for tokens. Usable from many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.requests = 0
        self.retries = 0
        self.throttled_seconds = 0.0
        self.bytes = 0
        self._ids: deque[dict[str, Any]] = deque(maxlen=_IDS_KEPT)

    def sent(self, *, again: bool) -> None:
        with self._lock:
            self.requests += 1
            self.retries += again

    def received(self, count: int) -> None:
        with self._lock:
            self.bytes += count

    def throttled(self, seconds: float) -> None:
        with self._lock:
            self.throttled_seconds += seconds

    def answered(self, *, path: str, status: int, request_id: str | None, client_request_id: str) -> None:
        """``path`` without its query, which may name what was searched for."""
        entry = {
            "requestId": request_id,
            "clientRequestId": client_request_id,
            "status": status,
            "path": path,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        with self._lock:
            self._ids.append(entry)

    @property
    def last_request_ids(self) -> list[dict[str, Any]]:
        """The newest answers, oldest first: requestId, clientRequestId, status, path, at."""
        with self._lock:
            return list(self._ids)

    def snapshot(self) -> dict[str, int | float]:
        """requests, retries, throttledSeconds, bytes (as received, hence compressed)."""
        with self._lock:
            return {
                "requests": self.requests,
                "retries": self.retries,
                "throttledSeconds": round(self.throttled_seconds, 3),
                "bytes": self.bytes,
            }
