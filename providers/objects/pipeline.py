"""Reading many types at once: lists and objects on threads, a bounded number of objects in memory."""

import contextvars
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Lock, Semaphore
from typing import Any

from providers.catalogue import ObjectType
from providers.graph.client import GraphClient
from providers.graph.errors import GraphError, TokenError
from providers.objects.reader import Listed, ReadObject, chunks, list_objects, read_full

# Batches that are under way at once: the provider's limits are reached long before more would help.
WORKERS = 6
LISTS = 3
# Batches that are read but not yet taken: what bounds the memory.
AHEAD = 12


@dataclass(frozen=True, slots=True)
class Found:
    """Objects of a type that were read, completely or in part."""

    kind: ObjectType
    objects: list[ReadObject]


@dataclass(frozen=True, slots=True)
class Ended:
    """No more objects of this type follow. ``error``: its list could not be read to the end."""

    kind: ObjectType
    listed: int
    error: GraphError | None


def read_types(graph: GraphClient, kinds: Sequence[ObjectType]) -> Iterator[Found | Ended]:
    """Read every object of these types; each type ends with one ``Ended``.

    Threads send the requests and never touch the database. Raises TokenError and whatever stops the run; leaving early
    waits for the requests that are under way.
    """
    reading = _Reading(graph, len(kinds))
    try:
        for kind in kinds:
            reading.begin(kind)
        yield from reading.events()
    finally:
        reading.end()


class _Reading:
    def __init__(self, graph: GraphClient, kinds: int) -> None:
        self._graph = graph
        self._kinds = kinds
        self._events: SimpleQueue[Found | Ended | BaseException] = SimpleQueue()
        self._room = Semaphore(AHEAD)
        self._stopped = Event()
        self._lists = ThreadPoolExecutor(LISTS, thread_name_prefix="lists")
        self._objects = ThreadPoolExecutor(WORKERS, thread_name_prefix="objects")
        self._context = contextvars.copy_context()

    def begin(self, kind: ObjectType) -> None:
        self._lists.submit(self._guarded, self._list, kind)

    def events(self) -> Iterator[Found | Ended]:
        ended = 0
        while ended < self._kinds:
            event = self._events.get()
            if isinstance(event, BaseException):
                raise event
            yield event
            if isinstance(event, Found):
                self._room.release()
            else:
                ended += 1

    def end(self) -> None:
        self._stopped.set()
        # A list that waits for room sees that nobody will make any.
        self._room.release(LISTS)
        self._lists.shutdown(cancel_futures=True)
        self._objects.shutdown(cancel_futures=True)

    def _guarded(self, work: Callable[..., None], *args: Any) -> None:
        """Hand what ends the whole read to the reader of the events; a thread has nobody else to tell."""
        try:
            self._context.copy().run(work, *args)
        except BaseException as error:
            self._events.put(error)

    def _list(self, kind: ObjectType) -> None:
        tally = _Tally(kind, self._events.put)
        error: GraphError | None = None
        try:
            pages = list_objects(self._graph, kind, whole=True)
            for group in chunks(kind, (each for page in pages for each in page.objects)):
                self._room.acquire()
                if self._stopped.is_set():
                    return
                tally.more(len(group))
                self._objects.submit(self._guarded, self._read, kind, group, tally)
        except TokenError:
            raise
        except GraphError as failure:
            error = failure
        tally.listed_all(error)

    def _read(self, kind: ObjectType, group: list[Listed], tally: "_Tally") -> None:
        found = read_full(self._graph, kind, group)
        self._events.put(Found(kind, found))
        tally.one_less()


class _Tally:
    """Says that a type has ended once its list has and none of its groups is under way."""

    def __init__(self, kind: ObjectType, tell: Callable[[Ended], None]) -> None:
        self._kind, self._tell = kind, tell
        self._lock = Lock()
        self._listed, self._open = 0, 1
        self._error: GraphError | None = None

    def more(self, objects: int) -> None:
        with self._lock:
            self._listed += objects
            self._open += 1

    def listed_all(self, error: GraphError | None) -> None:
        self._error = error
        self.one_less()

    def one_less(self) -> None:
        with self._lock:
            self._open -= 1
            ended = self._open == 0
        if ended:
            self._tell(Ended(self._kind, self._listed, self._error))
