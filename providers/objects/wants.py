"""Many reads in few requests: each want is one object or one collection to its end, sent with others in batches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from providers.graph.client import BatchRequest, BatchResponse, GraphClient
from providers.graph.errors import GraphError, ResponseInvalid, TokenError

_LINK = "@odata.nextLink"
_KEPT = "/$()',=;:@-_.~"


class Part(NamedTuple):
    """Which part of which object a read is for."""

    object_id: str
    name: str


# What was found: one object, or the whole list. It may give further reads.
Put = Callable[[Any], "list[Want] | None"]


@dataclass(slots=True)
class Want:
    """A GET of ``url`` (relative to the version's root) whose result is handed to ``put`` once it is complete."""

    part: Part
    url: str
    put: Put
    query: Mapping[str, str] = field(default_factory=dict)
    single: bool = False
    found: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        path, _mark, given = self.url.partition("?")
        options = "&".join(f"{name}={quote(value, safe=_KEPT)}" for name, value in self.query.items())
        query = "&".join(each for each in (quote(given, safe=_KEPT + "&%"), options) if each)
        return quote(path, safe=_KEPT + "%") + (f"?{query}" if query else "")


def fetch(graph: GraphClient, version: str, wants: Sequence[Want], failures: dict[Part, GraphError]) -> None:
    """Satisfy the wants and those that follow from them; note in ``failures`` why a part could not be read.

    Raises TokenError, which no later request would escape, and whatever stops the run.
    """
    pending = list(wants)
    while pending:
        later: list[Want] = []
        for want, answer in zip(pending, _answers(graph, version, pending), strict=True):
            try:
                later += _taken(want, answer, version)
            except GraphError as error:
                failures.setdefault(want.part, error)
        pending = later


def _answers(graph: GraphClient, version: str, wants: Sequence[Want]) -> list[BatchResponse]:
    requests = [BatchRequest(str(number), want.address) for number, want in enumerate(wants)]
    try:
        return graph.batch(requests, version=version)
    except TokenError:
        raise
    except GraphError as error:
        return [BatchResponse(each.id, error.status or 0, {}, None, error) for each in requests]


def _taken(want: Want, answer: BatchResponse, version: str) -> list[Want]:
    """Hand over what came, or ask for the next page of it."""
    if answer.error is not None:
        raise answer.error
    body = answer.body
    if not isinstance(body, dict):
        raise ResponseInvalid("A part of the batch is not a JSON object.", status=answer.status)
    if want.single:
        return want.put(body) or []
    value, link = body.get("value"), body.get(_LINK)
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ResponseInvalid("A part of the batch has no list of objects.", status=answer.status)
    want.found += value
    if not link:
        return want.put(want.found) or []
    address = _relative(link, version)
    if address == want.url:
        raise ResponseInvalid("The page's links lead in a circle.", status=answer.status)
    return [Want(want.part, address, want.put, found=want.found)]


def _relative(link: Any, version: str) -> str:
    """The link of a next page as a batch wants it. Its host is not asked: the batch goes to ours."""
    parts = urlsplit(link) if isinstance(link, str) else None
    root = f"/{version}/"
    if parts is None or not parts.path.startswith(root):
        raise ResponseInvalid("The page's link leads elsewhere.", status=200)
    return parts.path[len(root) - 1 :] + (f"?{parts.query}" if parts.query else "")
