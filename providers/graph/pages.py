"""What a client hands out: pages of a collection, and answers of a batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.graph.errors import GraphError, ResponseInvalid


@dataclass(slots=True)
class Page:
    """One page; it may be empty. ``count`` is the size of the collection, where the provider says it."""

    value: list[dict[str, Any]]
    next_link: str | None = None
    delta_link: str | None = None
    count: int | None = None


@dataclass(frozen=True)
class BatchRequest:
    """A GET inside a batch. ``url`` is relative to the version's root, ``id`` unique in the batch."""

    id: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchResponse:
    """The last answer to one request of a batch. ``error`` is ``None`` exactly if its status is 2xx."""

    id: str
    status: int
    headers: Mapping[str, str]
    body: Any
    error: GraphError | None = None


def page_from(data: dict[str, Any]) -> Page:
    """Raises ``ResponseInvalid`` if this is no page: a missing ``value`` must not look like an empty one."""
    value, count = data.get("value"), data.get("@odata.count")
    next_link, delta_link = data.get("@odata.nextLink"), data.get("@odata.deltaLink")
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ResponseInvalid("The page has no list of objects.", status=200)
    if not all(link is None or (isinstance(link, str) and link) for link in (next_link, delta_link)):
        raise ResponseInvalid("The page's link is not a URL.", status=200)
    return Page(value, next_link, delta_link, count if isinstance(count, int) else None)
