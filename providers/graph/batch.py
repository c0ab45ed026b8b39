"""JSON batching: 20 requests in one, each with a fate of its own.

https://learn.microsoft.com/graph/json-batching and .../graph/throttling#throttling-and-batching
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from providers.graph.answers import error_from
from providers.graph.costs import Cost, cost_of
from providers.graph.errors import GraphError, ResponseInvalid, Throttled
from providers.graph.pages import BatchRequest, BatchResponse
from providers.graph.requester import Call, Requester
from providers.graph.retry import Attempts
from providers.graph.urls import graph_url

_MOST = 20
_HEADERS = {"Content-Type": "application/json"}


class Batch:
    """Sends GETs in batches and repeats those parts that failed for the moment."""

    def __init__(self, requester: Requester, origin: str, version: str) -> None:
        self._requester = requester
        self._url = graph_url(origin, version, "/$batch")

    def send(self, requests: Sequence[BatchRequest]) -> list[BatchResponse]:
        if len({request.id for request in requests}) != len(requests):
            raise ValueError("The ids of a batch are not unique.")
        answers: list[BatchResponse] = []
        for start in range(0, len(requests), _MOST):
            chunk = requests[start : start + _MOST]
            found = self._send_chunk(chunk)
            answers.extend(found[request.id] for request in chunk)
        return answers

    def _send_chunk(self, chunk: Sequence[BatchRequest]) -> dict[str, BatchResponse]:
        found: dict[str, BatchResponse] = {}
        attempts = Attempts(self._requester.retry)
        pending = list(chunk)
        while True:
            for answer in self._round(pending):
                found[answer.id] = answer
            pending = [each for each in pending if _may_pass(found[each.id].error)]
            if not pending:
                return found
            errors = [error for each in pending if (error := found[each.id].error)]
            try:
                self._requester.wait_after(_longest(errors), attempts)
            except GraphError:
                return found

    def _round(self, requests: Sequence[BatchRequest]) -> Iterator[BatchResponse]:
        costs = [cost_of(request.url) for request in requests]
        # Numbers as ids on the wire: whatever the caller's ids look like, these are valid.
        body = {"requests": [_item(number, each) for number, each in enumerate(requests, 1)]}
        call = Call(self._url, _summed(costs), "POST", _HEADERS, orjson.dumps(body))
        items = self._requester.run(call, _items)
        for number, (request, cost) in enumerate(zip(requests, costs, strict=True), 1):
            item = items.get(str(number))
            yield _missing(request) if item is None else self._answer(request, cost, item)

    def _answer(self, request: BatchRequest, cost: Cost, item: dict[str, Any]) -> BatchResponse:
        status, body = item.get("status"), item.get("body")
        if not isinstance(status, int):
            return _missing(request)
        headers = _lower(item.get("headers"))
        self._requester.observe(status, headers, cost)
        error = None
        if not 200 <= status < 300:
            error = error_from(status, headers, body, client_request_id=headers.get("client-request-id", ""))
        return BatchResponse(request.id, status, headers, body, error)


def _item(number: int, request: BatchRequest) -> dict[str, Any]:
    item: dict[str, Any] = {"id": str(number), "method": "GET", "url": f"/{request.url.lstrip('/')}"}
    return {**item, "headers": dict(request.headers)} if request.headers else item


def _items(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    responses = data.get("responses")
    if not isinstance(responses, list):
        raise ResponseInvalid("The batch's answer has no responses.", status=200)
    return {str(each.get("id")): each for each in responses if isinstance(each, dict)}


def _summed(costs: Sequence[Cost]) -> tuple[Cost, ...]:
    services = dict.fromkeys(cost.service for cost in costs)
    return tuple(
        Cost(service, sum(cost.units for cost in costs if cost.service == service)) for service in services
    )


def _missing(request: BatchRequest) -> BatchResponse:
    error = ResponseInvalid("The batch's answer lacks this request.", transient=True)
    return BatchResponse(request.id, 0, {}, None, error)


def _may_pass(error: GraphError | None) -> bool:
    return error is not None and error.transient


def _longest(errors: Sequence[GraphError]) -> GraphError:
    """The one that asks for the longest wait; where none does, throttling before the rest."""
    return max(errors, key=lambda error: (error.retry_after or 0.0, isinstance(error, Throttled)))


def _lower(headers: Any) -> Mapping[str, str]:
    if not isinstance(headers, dict):
        return {}
    return {str(name).lower(): str(value) for name, value in headers.items()}
