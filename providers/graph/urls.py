"""Builds Graph URLs, and refuses those that would carry the token elsewhere."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from providers.graph.errors import ResponseInvalid
from providers.graph.transport import origin_of

_VERSIONS = frozenset({"v1.0", "beta"})
_PATH = re.compile(r"(?:/[A-Za-z0-9_.$()'=,:@~%-]+)+")


def path_of(template: str, *segments: str) -> str:
    """``template`` with each ``{}`` replaced by a segment, quoted: ``path_of("/groups/{}/members", id)``."""
    if unusable := [each for each in segments if each in ("", ".", "..")]:
        raise ValueError(f"Not a path segment: {unusable[0]!r}.")
    return template.format(*(quote(each, safe="") for each in segments))


def graph_url(origin: str, version: str, path: str, query: Mapping[str, str] | None = None) -> str:
    """An absolute URL. Raises ``ValueError`` unless ``path`` is a plain one from the version's root."""
    if version not in _VERSIONS:
        raise ValueError(f"Not a version of Microsoft Graph: {version!r}.")
    if not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise ValueError(f"Not a Graph path: {path!r}.")
    return f"{origin}/{version}{path}{query_string(query or {})}"


def query_string(query: Mapping[str, str]) -> str:
    """``?…`` in the spelling of Microsoft's own documentation, or nothing."""
    return "?" + urlencode(query, quote_via=quote, safe="$,()'/:") if query else ""


def link_on(origin: str, link: str) -> str:
    """``link`` as it came. Raises ``ResponseInvalid`` if it leads to any other host than ``origin``."""
    if origin_of(link) != origin:
        raise ResponseInvalid("A link leads away from this cloud's Graph host; it was not followed.")
    return link


def bare_path(url: str) -> str:
    """The path of a URL without host and query, for diagnostics."""
    return urlsplit(url).path
