"""Reads a refusal of the token endpoint. Branches on its numbers, never on its words."""

from collections.abc import Mapping
from typing import Any

import orjson

from providers.graph import raw_codes
from providers.graph.answers import retry_after_seconds
from providers.graph.errors import (
    ConsentMissing,
    CredentialRefused,
    Facts,
    ResponseInvalid,
    TenantUnknown,
    TokenError,
    TokenUnavailable,
)
from providers.graph.redaction import redacted

_KINDS: dict[str, type[TokenError]] = {
    raw_codes.CREDENTIAL_INVALID: CredentialRefused,
    raw_codes.CREDENTIAL_EXPIRED: CredentialRefused,
    raw_codes.CONSENT_MISSING: ConsentMissing,
    raw_codes.CONSENT_REVOKED: ConsentMissing,
    raw_codes.TENANT_NOT_FOUND: TenantUnknown,
    raw_codes.THROTTLED: TokenUnavailable,
    raw_codes.UNREACHABLE: TokenUnavailable,
}


def token_failure(
    status: int, headers: Mapping[str, str], content: bytes, *, hide: str
) -> TokenError | ResponseInvalid:
    """The failure an answer of the token or discovery endpoint stands for; ``hide`` is the secret sent."""
    body = _object(content)
    code = _code(body)
    facts: Facts = {
        "status": status,
        "code": code,
        "request_id": headers.get("x-ms-request-id") or _string(body, "trace_id"),
        "client_request_id": _string(body, "correlation_id"),
        "retry_after": retry_after_seconds(headers.get("retry-after")),
    }
    message = redacted(_string(body, "error_description") or "", hide)
    if status == 429:
        facts["code"] = code or "TooManyRequests"
    if status == 429 or status >= 500:
        return TokenUnavailable(message, **facts)
    if code is None:
        return ResponseInvalid("The token endpoint answered something else than JSON.", **facts)
    kind = _KINDS.get(raw_codes.reason_for(code, raw_codes.CREDENTIAL_INVALID), TokenError)
    return kind(message, **facts)


def _code(body: dict[str, Any]) -> str | None:
    """The number, where the table knows it, else the OAuth error, which it is more likely to know."""
    numbers = body.get("error_codes")
    number = f"AADSTS{numbers[0]}" if isinstance(numbers, list) and numbers else None
    error = _string(body, "error")
    if number and (raw_codes.is_known(number) or not error):
        return number
    return error


def _object(content: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return data if isinstance(data, dict) else {}


def _string(body: dict[str, Any], key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) and value else None
