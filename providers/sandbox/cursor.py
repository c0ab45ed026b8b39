"""Page and delta tokens: opaque to clients, signed, and carrying the query they continue."""

import base64
import hashlib
import hmac
from typing import Any

import orjson

from providers.sandbox.errors import GraphError

_SIGNATURE_BYTES = 12
COSMOS_MARK = "[cosmosdb]"


def seal(key: bytes, content: dict[str, Any]) -> str:
    payload = orjson.dumps(content)
    return base64.urlsafe_b64encode(_signature(key, payload) + payload).decode().rstrip("=")


def unseal(key: bytes, token: str, kind: str, tenant: str) -> dict[str, Any]:
    """Content of a token of this kind and tenant; raises GraphError 400 for any other text."""
    token = token.removeprefix(COSMOS_MARK)
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise _refused(kind) from None
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, payload)):
        raise _refused(kind)
    content: dict[str, Any] = orjson.loads(payload)
    # Base64 has spare bits in its last character: only the exact text we gave out is accepted.
    if seal(key, content) != token.rstrip("=") or content["k"] != kind or content["t"] != tenant:
        raise _refused(kind)
    return content


def _refused(kind: str) -> GraphError:
    if kind == "delta":
        return GraphError(400, "Request_BadRequest", "Badly formed token.")
    return GraphError(400, "Directory_ExpiredPageToken", "The specified page token value is invalid.")


def _signature(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, payload, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
