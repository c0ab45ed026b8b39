"""Keyset paging: a page begins after (or ends before) a row, so page 800 costs what page 1 costs."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict

SIZES = (25, 50, 100)
DEFAULT_SIZE = 50
CURSORS = ("after", "before")
MAX_ID = 2**63 - 1

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a sorted list: the sort values of a row; `backwards` asks for what stands before it."""

    values: tuple[Any, ...]
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """The rows of a page, and `pager` as `ui/_pager.html` draws it."""

    rows: list[Row]
    pager: dict[str, Any]


def page_size(params: QueryDict) -> int:
    """How many rows the reader wants on a page: 25, 50 (unless asked) or 100."""
    wanted = params.get("size", "")
    return int(wanted) if wanted in {str(size) for size in SIZES} else DEFAULT_SIZE


def read_cursor(params: QueryDict, types: Sequence[type]) -> Cursor | None:
    """The place that the query names; None for the first page and for anything that can't be read."""
    name = next((name for name in CURSORS if name in params), "")
    try:
        text = base64.urlsafe_b64decode(params.get(name, "") + "==")
        values = json.loads(text)
    except (binascii.Error, ValueError):
        return None
    if not isinstance(values, list) or [type(value) for value in values] != list(types):
        return None
    if not all(_fits(value) for value in values):
        return None
    return Cursor(tuple(values), backwards=name == "before")


def keyset_page(rows: QuerySet[Any, Row], params: QueryDict, key: tuple[str, str]) -> Page:
    """One page of `rows` (a `values()` queryset), ordered by `key`: a text and an id, both ascending."""
    cursor, size = read_cursor(params, (str, int)), page_size(params)
    found = list(_from(rows, cursor, key)[: size + 1])
    if cursor and not found:
        cursor, found = None, list(_from(rows, None, key)[: size + 1])
    return cut(found, cursor, size, params, key)


def cut(found: list[Row], cursor: Cursor | None, size: int, params: QueryDict, key: Sequence[str]) -> Page:
    """The page out of up to `size` + 1 rows that were read from `cursor` on, in the order they were read."""
    more, shown = len(found) > size, found[:size]
    backwards = cursor is not None and cursor.backwards
    if backwards:
        shown.reverse()
    has_earlier = more if backwards else cursor is not None
    has_later = backwards or more
    pager: dict[str, Any] = {}
    if len(shown) >= SIZES[0] or has_earlier:
        pager["sizes"] = size_links(params)
    if shown and has_earlier:
        pager["backUrl"] = link(params, before=_write(shown[0], key))
    if shown and has_later:
        pager["nextUrl"] = link(params, after=_write(shown[-1], key))
    return Page(shown, pager)


def size_links(params: QueryDict) -> list[dict[str, Any]]:
    """How many rows a page may have, as links; each begins at the first page."""
    chosen = page_size(params)
    return [
        {"label": str(size), "url": link(params, size=str(size)), "current": size == chosen} for size in SIZES
    ]


def link(params: QueryDict, **changes: str | None) -> str:
    """The same list with other query parts, from its first page unless a cursor is among them; None removes."""
    query = params.copy()
    for name in CURSORS:
        query.pop(name, None)
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = value
    return f"?{query.urlencode()}"


def _from(rows: QuerySet[Any, Row], cursor: Cursor | None, key: tuple[str, str]) -> QuerySet[Any, Row]:
    text, number = key
    if cursor is None:
        return rows.order_by(text, number)
    at, pk = cursor.values
    side = "lt" if cursor.backwards else "gt"
    # The first condition alone bounds the index scan; the second one is exact.
    rows = rows.filter(
        Q(**{f"{text}__{side}e": at}), Q(**{f"{text}__{side}": at}) | Q(**{f"{number}__{side}": pk})
    )
    return rows.order_by(f"-{text}", f"-{number}") if cursor.backwards else rows.order_by(text, number)


def _write(row: Row, key: Sequence[str]) -> str:
    text = json.dumps([row[name] for name in key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _fits(value: Any) -> bool:
    if isinstance(value, int):
        return 0 <= value <= MAX_ID
    return "\x00" not in value and len(value) <= 2000
