"""Reads an answer: the JSON of a good one, the failure of a bad one."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from providers.graph import errors
from providers.graph.errors import Facts, GraphError, ResponseInvalid

_SCOPES = re.compile(r"one of the following scopes:\s*(.+?)(?:\s+-\s+Operation ID|$)", re.DOTALL)
_APPROVAL = re.compile(r"\bmulti[- ]?admin approval\b", re.IGNORECASE)
_SCOPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)+")
_LONGEST_RETRY_AFTER = 24 * 3600.0


def json_object(content: bytes, **facts: Any) -> dict[str, Any]:
    """The JSON object in ``content``. Raises ``ResponseInvalid``."""
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError:
        data = None
    if isinstance(data, dict):
        return data
    # Half a document looks just like a proxy's error page, and both tend to pass.
    raise ResponseInvalid("The answer is not a JSON object.", transient=True, **facts)


def retry_after_seconds(value: str | None) -> float | None:
    """Seconds of a ``Retry-After`` header: whole, with a fraction, or a date. ``None`` if unusable."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _seconds_until(value)
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, _LONGEST_RETRY_AFTER)


def error_from(status: int, headers: Mapping[str, str], body: Any, *, client_request_id: str) -> GraphError:
    """The failure that a Graph answer, or one of a batch, stands for."""
    code, message, inner = _error_parts(body)
    facts: Facts = {
        "status": status,
        "code": code,
        "request_id": headers.get("request-id") or inner.get("request-id"),
        "client_request_id": client_request_id,
        "retry_after": retry_after_seconds(headers.get("retry-after")),
    }
    if status == 403:
        return _forbidden(message, facts)
    if status == 410:
        return errors.DeltaExpired(_text_of(message), location=headers.get("location"), **facts)
    if status == 501:
        facts["transient"] = False
    if status < 400:
        return ResponseInvalid(f"Unexpected status {status}.", **facts)
    return _kind_of(status)(_text_of(message), **facts)


def _kind_of(status: int) -> type[errors.RequestFailed]:
    if status >= 500:
        return errors.ServerError
    return _KINDS.get(status, errors.BadRequest)


_KINDS: dict[int, type[errors.RequestFailed]] = {
    401: errors.Unauthorized,
    404: errors.NotFound,
    408: errors.ServerError,
    429: errors.Throttled,
}


def _forbidden(message: str, facts: Facts) -> errors.Forbidden:
    text = _text_of(message)
    found = _SCOPES.search(text)
    scopes = tuple(dict.fromkeys(_SCOPE.findall(found[1]))) if found else ()
    # Identity policies answer the same code with and without the licence; only the text tells them apart.
    lacks_permission = facts.get("code") == "Forbidden" and "scopes are missing" in text
    lacks_approval = _APPROVAL.search(text) is not None
    return errors.Forbidden(
        text, scopes=scopes, lacks_permission=lacks_permission, lacks_approval=lacks_approval, **facts
    )


def _error_parts(body: Any) -> tuple[str | None, str, dict[str, Any]]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None, "", {}
    inner = error.get("innerError") or error.get("innererror")
    code, message = error.get("code"), error.get("message")
    return (
        code if isinstance(code, str) and code else None,
        message if isinstance(message, str) else "",
        inner if isinstance(inner, dict) else {},
    )


def _text_of(message: str) -> str:
    """Intune wraps its message in a JSON document of its own."""
    if not message.lstrip().startswith("{"):
        return message
    try:
        wrapped = orjson.loads(message)
    except orjson.JSONDecodeError:
        return message
    text = wrapped.get("Message") if isinstance(wrapped, dict) else None
    return text if isinstance(text, str) else message


def _seconds_until(date: str) -> float:
    try:
        return max(0.0, (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return math.nan
