"""Cutting collections into pages: sizes, and the signed token in a nextLink."""

from collections.abc import Sequence
from typing import Any

from providers.sandbox import cursor
from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError, bad_request, unsupported

DIRECTORY_DEFAULT, DIRECTORY_MAXIMUM = 100, 999
INTUNE_MAXIMUM = 1000
_CARRIED = ("select", "filter", "expand", "orderby", "top", "skip", "count", "search")


def directory_page_size(call: Call) -> int:
    """`$top` within 1 to 999 (400 beyond), 100 without it; a tenant may be set to smaller pages."""
    top = call.query.top
    if top is not None and not 1 <= top <= DIRECTORY_MAXIMUM:
        raise unsupported(
            f"Invalid page size specified: '{top}'. Must be between 1 and {DIRECTORY_MAXIMUM} inclusive."
        )
    if "skip" in call.query.names:
        raise bad_request("'$skip' is not supported by the service.")
    size = top or DIRECTORY_DEFAULT
    return min(size, call.tenant.settings.page_size or size)


def resume(call: Call) -> JSON:
    """State of the page asked for. A token's own query replaces the one in the URL."""
    if call.query.skiptoken is None:
        return {"p": 0, "n": 1}
    state = cursor.unseal(call.state.cursor_key, call.query.skiptoken, "page", call.tenant.slug)
    if state["r"] != call.path:
        raise bad_request("The specified page token value is invalid.", "Directory_ExpiredPageToken")
    for name, value in zip(_CARRIED, state["q"], strict=True):
        setattr(call.query, name, _tuples(value))
    return state


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def next_link(call: Call, position: int, page: int) -> str:
    """Link to the page that starts at `position`; carries the query inside the token."""
    query = [getattr(call.query, name) for name in _CARRIED]
    content = {
        "k": "page", "t": call.tenant.slug, "r": call.path, "p": position, "n": page + 1, "q": query
    }  # fmt: skip
    token = cursor.seal(call.state.cursor_key, content)
    kept = f"{call.query.raw}&" if call.query.raw else ""
    return f"{call.root}/{call.path}?{kept}$skiptoken={token}"


def cut(call: Call, items: Sequence[JSON], size: int) -> tuple[list[JSON], str | None, bool]:
    """One page of a list in memory: (objects, nextLink, whether this is the first page)."""
    state = resume(call)
    start = state["p"]
    size = size if call.page_limit is None else min(size, call.page_limit)
    chosen = list(items[start : start + size])
    more = start + size < len(items)
    return chosen, next_link(call, start + size, state["n"]) if more else None, state["n"] == 1


def page_number(call_key: bytes, tenant: str, token: str | None, kinds: Sequence[str]) -> int:
    """The number of the page a token leads to, 1 without a token or with one that is not ours."""
    for kind in kinds if token else ():
        try:
            return int(cursor.unseal(call_key, str(token), kind, tenant).get("n", 1))
        except GraphError:  # a bad token is refused later, with the right words
            continue
    return 1
