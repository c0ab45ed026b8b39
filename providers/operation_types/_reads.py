"""What the operations that read a directory have in common: one collection read inside a run."""

import contextvars
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from billiard.exceptions import SoftTimeLimitExceeded

from operations import reasons
from operations.context import RunContext
from operations.execution import error_facts
from operations.pulse import Cancelled, DeadlineReached
from providers import directory_store
from providers.choices import ObjectKind
from providers.directory_store import Reading, Scope
from providers.graph.client import Page
from providers.graph.errors import GraphError, ResponseInvalid

_REPORT_EVERY = 0.3
# As many pages as arrive while a batch is written.
_AHEAD = 4


@contextmanager
def reading(
    run: RunContext, kind: ObjectKind, selection_key: str, permissions: tuple[str, ...]
) -> Iterator[Reading]:
    """Read a collection inside the block, which must end with ``complete``.

    Whatever ends it early is noted on the collection, with what was seen so far, and raised again. ``permissions``
    is the any-of set that the read needs, for the words of a refusal that names none.
    """
    scope = Scope(run.tenant.id, run.connection.id, kind, selection_key, run.fence, run.fenced)
    read = directory_store.begin(scope)
    try:
        yield read
    except GraphError as error:
        read.abort(error.reason_code, error_facts(error, (permissions,)))
        raise
    except Cancelled:
        read.abort(reasons.CANCELLED.code, {})
        raise
    except (DeadlineReached, SoftTimeLimitExceeded):
        read.abort(reasons.TIMED_OUT.code, {})
        raise


@contextmanager
def ahead(pages: Iterator[Page]) -> Iterator[Iterator[Page]]:
    """Fetch pages on a thread while earlier ones are written; give an iterator over them.

    At most ``_AHEAD`` pages wait in memory. The thread sees the same context (for log lines) and never touches the
    database. Leaving the block waits for the request that is under way.
    """
    context = contextvars.copy_context()
    thread = ThreadPoolExecutor(1, thread_name_prefix="pages")

    def fetch() -> Page | None:
        return next(pages, None)

    fetched = deque(thread.submit(context.run, fetch) for _ in range(_AHEAD))

    def in_order() -> Iterator[Page]:
        while (page := fetched.popleft().result()) is not None:
            fetched.append(thread.submit(context.run, fetch))
            yield page

    try:
        yield in_order()
    finally:
        thread.shutdown(cancel_futures=True)


class Progress:
    """Reports how many objects were received, a few times a second at most: each report is a transaction."""

    def __init__(self, run: RunContext, total: int | None = None) -> None:
        self._run = run
        self.total = total
        self.done = 0
        self._reported_at = 0.0

    def add(self, count: int) -> None:
        """Count ``count`` more objects."""
        self.done += count
        if time.monotonic() - self._reported_at >= _REPORT_EVERY:
            self.report()

    def report(self, **counts: Any) -> None:
        """Write where the read stands."""
        self._reported_at = time.monotonic()
        total = None if self.total is None else max(self.total, self.done)
        self._run.report(done=self.done, total=total, **counts)


def require_all(read: Reading, expected: int | None) -> None:
    """Raise ResponseInvalid, which is worth another try, when fewer objects came than the provider counts."""
    if expected is not None and read.received() < expected:
        raise ResponseInvalid("Fewer objects came than the provider counts.", transient=True)
