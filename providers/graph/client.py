"""The one thin adapter between operations and Microsoft Graph."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from providers.graph.auth import TokenSource
from providers.graph.batch import Batch
from providers.graph.clouds import hosts
from providers.graph.costs import cost_of, write_costs
from providers.graph.credentials import AppIdentity
from providers.graph.errors import DeltaExpired, ResponseInvalid
from providers.graph.meter import Meter
from providers.graph.pages import BatchRequest, BatchResponse, Page, page_from
from providers.graph.requester import Call, Requester
from providers.graph.retry import RetryPolicy
from providers.graph.throttle import RateBudget
from providers.graph.transport import Transport
from providers.graph.urls import graph_url, link_on

__all__ = ["BatchRequest", "BatchResponse", "GraphClient", "Meter", "Page"]

_EVENTUAL = {"ConsistencyLevel": "eventual"}


class GraphClient:
    """Speaks to one tenant's Graph as one app. Reads are tried again; a write is sent once wherever it may have landed.

    ``checkpoint`` is called before each request and at least once a second while waiting; what it raises
    (``Stopped``) ends the read. ``transport`` and ``tokens`` are shared by all clients of a process.
    Methods raise the errors of ``providers.graph.errors`` after the retries that ``retry`` allows, and
    ``ValueError`` for a path that is not one.
    """

    def __init__(
        self,
        identity: AppIdentity,
        *,
        transport: Transport,
        tokens: TokenSource,
        budget: RateBudget | None = None,
        meter: Meter | None = None,
        checkpoint: Callable[[], None] | None = None,
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
    ) -> None:
        self.identity = identity
        self.meter = meter or Meter()
        self._origin = hosts(identity.cloud).graph
        self._requester = Requester(
            identity,
            origin=self._origin,
            transport=transport,
            tokens=tokens,
            budget=budget,
            meter=self.meter,
            checkpoint=checkpoint,
            retry=retry,
        )

    @property
    def clock_skew(self) -> float | None:
        """Seconds by which our clock is ahead of the provider's, as the last answer told the time."""
        return self._requester.clock_skew

    def get(
        self,
        path: str,
        *,
        version: str = "v1.0",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        select: Sequence[str] | str | None = None,
        expand: Sequence[str] | str | None = None,
    ) -> dict[str, Any]:
        """One JSON object; of a collection, its first page as it came."""
        query = {**(params or {}), **_query(select=select, expand=expand)}
        return self._requester.run(self._call(path, version, query, headers), _as_it_came)

    def pages(
        self,
        path: str,
        *,
        version: str = "v1.0",
        select: Sequence[str] | str | None = None,
        filter: str | None = None,
        top: int | None = None,
        expand: Sequence[str] | str | None = None,
        headers: Mapping[str, str] | None = None,
        count: bool = False,
    ) -> Iterator[Page]:
        """The pages of a collection, one in memory at a time.

        The collection was read completely only if the iteration ended without an error. ``count`` asks
        for the number of objects, which the directory gives on the first page; it also makes the
        query an advanced one (``ConsistencyLevel: eventual``).
        """
        query = _query(select=select, filter=filter, top=top, expand=expand, count=count)
        call = self._call(path, version, query, {**(headers or {}), **(_EVENTUAL if count else {})})
        yield from self._chain(call)

    def delta(
        self,
        path: str,
        *,
        select: Sequence[str] | str | None = None,
        link: str | None = None,
        version: str = "v1.0",
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Page]:
        """The changes of a collection (``/groups``) since ``link``, or all of it without one.

        The last page, and only that, has ``delta_link``: store it once everything before it is stored.
        ``select`` counts on the first call only and travels in the links. Removed objects carry
        ``@removed``; an object may come more than once. Raises ``DeltaExpired`` when the link is too old.
        """
        if link is not None:
            call = Call(link_on(self._origin, link), (cost_of(link),), headers=dict(headers or {}))
        else:
            start = path if path.rstrip("/").endswith(("/delta", "/delta()")) else f"{path}/delta"
            call = self._call(start, version, _query(select=select), headers)
        page: Page | None = None
        try:
            for page in self._chain(call):
                yield page
        except DeltaExpired as failure:
            failure.location = self._own(failure.location)
            raise
        if page is None or page.delta_link is None:
            raise ResponseInvalid("The delta ended without a link to continue from.", status=200)

    def batch(self, requests: Sequence[BatchRequest], *, version: str = "v1.0") -> list[BatchResponse]:
        """The answers in the order of ``requests``, sent 20 at a time.

        Each has its own status: those throttled or failed for the moment are sent again, and what still
        failed then is told by ``error``, not raised. Raises only if a batch as a whole cannot be sent.
        """
        return Batch(self._requester, self._origin, version).send(requests)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str = "v1.0",
        sending: Callable[[], None] | None = None,
    ) -> dict[str, Any]:
        """Write, once; the answer's JSON object, empty where Graph gives none.

        ``sending`` is called right before the request leaves, so that what may have landed can be noted first. A
        failure is ``uncertain`` when the write may have been carried out all the same; then nothing is sent again.
        ``Stopped`` is raised only while nothing is under way.
        """
        url = graph_url(self._origin, version, path)
        content = None if body is None else orjson.dumps(body)
        headers = {"Content-Type": "application/json"} if content is not None else {}
        return self._requester.write(Call(url, write_costs(url), method, headers, content), sending)

    @property
    def origin(self) -> str:
        """The published address of this cloud's Graph, for the URLs that bodies bind references with."""
        return self._origin

    def _chain(self, call: Call) -> Iterator[Page]:
        while True:
            page = self._requester.run(call, page_from)
            link = page.next_link
            if link is not None and (page.delta_link or link_on(self._origin, link) == call.url):
                raise ResponseInvalid("The page's links lead in a circle.", status=200)
            for each in (link, page.delta_link):
                if each is not None:
                    link_on(self._origin, each)
            yield page
            if link is None:
                return
            del page
            call = Call(link, (cost_of(link),), headers=call.headers)

    def _call(
        self, path: str, version: str, query: Mapping[str, str], headers: Mapping[str, str] | None
    ) -> Call:
        url = graph_url(self._origin, version, path, query)
        return Call(url, (cost_of(url),), headers=dict(headers or {}))

    def _own(self, location: str | None) -> str | None:
        try:
            return location and link_on(self._origin, location)
        except ResponseInvalid:
            return None


def _as_it_came(data: dict[str, Any]) -> dict[str, Any]:
    return data


def _query(
    *,
    select: Sequence[str] | str | None = None,
    filter: str | None = None,
    top: int | None = None,
    expand: Sequence[str] | str | None = None,
    count: bool = False,
) -> dict[str, str]:
    options = {
        "$select": _joined(select),
        "$filter": filter,
        "$expand": _joined(expand),
        "$top": str(top) if top else None,
        "$count": "true" if count else None,
    }
    return {name: value for name, value in options.items() if value}


def _joined(names: Sequence[str] | str | None) -> str | None:
    return names if isinstance(names, str) or names is None else ",".join(names)
