"""What the operations that read a directory have in common: one collection read inside a run."""

import contextvars
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self, TypeVar

from billiard.exceptions import SoftTimeLimitExceeded

from operations import reasons
from operations.context import RunContext
from operations.execution import error_facts
from operations.pulse import Cancelled, DeadlineReached
from providers import directory_store
from providers.choices import ObjectKind
from providers.directory_shapes import Shape
from providers.directory_store import Reading, Scope
from providers.graph.client import Page
from providers.graph.errors import GraphError, ResponseInvalid
from providers.reasons import LICENCE_MISSING

T = TypeVar("T")
_REPORT_EVERY = 0.3
# As many pages as arrive while a batch is written.
_AHEAD = 4


def begin(run: RunContext, kind: ObjectKind, selection_key: str, shape: Shape | None = None) -> Reading:
    """Begin to read a collection for the run. Raises Superseded."""
    scope = Scope(
        run.tenant.id, run.connection.id, kind, selection_key, run.fence, run.fenced, run.claim.run_id
    )
    return directory_store.begin(scope, shape)


@contextmanager
def reading(
    run: RunContext,
    kind: ObjectKind,
    selection_key: str,
    permissions: tuple[str, ...],
    shape: Shape | None = None,
) -> Iterator[Reading]:
    """Read a collection inside the block, which must end with ``complete``; see ``ending``."""
    read = begin(run, kind, selection_key, shape)
    with ending(read, (permissions,)):
        yield read


@contextmanager
def ending(read: Reading, permissions: Sequence[tuple[str, ...]], licence: str = "") -> Iterator[None]:
    """Note on the collection whatever ends the block early, with what was seen so far, and raise it again.

    ``permissions`` are the any-of sets that the read needs, for the words of a refusal that names none; ``licence``
    is what the tenant lacks when the service says that it lacks one.
    """
    try:
        yield
    except GraphError as error:
        read.abort(error.reason_code, read_facts(error, permissions, licence))
        raise
    except Cancelled:
        read.abort(reasons.CANCELLED.code, {})
        raise
    except (DeadlineReached, SoftTimeLimitExceeded):
        read.abort(reasons.TIMED_OUT.code, {})
        raise


def read_facts(
    error: GraphError, permissions: Sequence[tuple[str, ...]], licence: str = ""
) -> dict[str, Any]:
    """Return what the words of a failed read's reason need."""
    facts: dict[str, Any] = error_facts(error, permissions)
    if licence and error.reason_code == LICENCE_MISSING.code:
        facts["licence"] = licence
    return facts


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


class Abreast:
    """Fetches chains of pages side by side, each one page ahead of whoever takes them.

    A chain is never asked by two threads at once. Threads see the context they were made in (for log lines) and
    never touch the database. Leaving the block waits for the requests that are under way.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="pages")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def fetch(self, chain: Iterator[T]) -> Iterator[T]:
        """Ask for the first page now; return an iterator over all of them, which raises what the chain raises."""
        first = self._ask(chain)

        def in_order() -> Iterator[T]:
            asked = first
            while (page := asked.result()) is not None:
                asked = self._ask(chain)
                yield page

        return in_order()

    def _ask(self, chain: Iterator[T]) -> "Future[T | None]":
        def ask() -> T | None:
            return next(chain, None)

        return self._pool.submit(contextvars.copy_context().run, ask)


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
