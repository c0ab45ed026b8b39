"""Which rendering a client wants: q-values count, as RFC 9110 section 12.5.1 has it."""

import math
from collections.abc import Iterable
from typing import Any

from django.http.request import MediaType
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

Rank = tuple[float, int]


def media_ranges(header: str) -> list[MediaType]:
    """Return the ranges of an Accept header; what can't be read is left out, an absent header accepts everything."""
    found = []
    for part in (header or "*/*").split(","):
        # Some old clients send a lone star.
        text = part.strip().replace("*;", "*/*;", 1) if part.strip().startswith("*;") else part.strip()
        try:
            found.append(MediaType("*/*" if text == "*" else text))
        except ValueError:
            continue
    return [media for media in found if media.main_type]


def quality(media: MediaType) -> float:
    """Return the q parameter; 1 when it is missing or unreadable."""
    try:
        q = float(media.params.get("q", "1"))
    except ValueError:
        return 1.0
    return q if math.isfinite(q) and 0 <= q <= 1 else 1.0


def rank(ranges: Iterable[MediaType], media_type: str) -> Rank | None:
    """Return how much ``media_type`` is wanted: q of its most specific range, and how closely that names it."""
    hits = [(media.specificity, quality(media)) for media in ranges if media.match(media_type)]
    if not hits:
        return None
    specificity, q = max(hits)
    return (q, specificity if specificity > 1 else 0) if q > 0 else None


def prefers_json(header: str) -> bool:
    """Say whether a client with this Accept header reads errors as JSON rather than HTML."""
    ranges = media_ranges(header)
    named = [
        (quality(media), min(media.specificity, 2))
        for media in ranges
        if media.main_type == "application" and (media.sub_type == "*" or "json" in media.sub_type)
    ]
    best = max(((q, place if place > 1 else 0) for q, place in named if q > 0), default=None)
    if best is None:
        return False
    html = rank(ranges, "text/html")
    return html is None or best > html


class QNegotiation(DefaultContentNegotiation):
    """REST framework ignores q-values; we don't. On a tie the more specific range wins, then the first renderer."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the renderer and its media type. Raises NotAcceptable."""
        ranges = media_ranges(request.META.get("HTTP_ACCEPT", ""))
        best: tuple[Any, BaseRenderer] | None = None
        for place, renderer in enumerate(renderers):
            wanted = rank(ranges, renderer.media_type)
            if wanted is not None and (best is None or (*wanted, -place) > best[0]):
                best = ((*wanted, -place), renderer)
        if best is None:
            raise NotAcceptable(available_renderers=list(renderers))
        return best[1], best[1].media_type
