"""Content at rest: compressed, then encrypted with the keys of credentials."""

import zlib
from typing import Any

import orjson

from providers import secrets

_LEVEL = 6


def sealed(clear: bytes) -> bytes:
    """Return canonical content as it is stored."""
    return secrets.encrypt_bytes(zlib.compress(clear, _LEVEL))


def opened(stored: bytes | memoryview) -> bytes:
    """Return stored content in clear. Raises ValueError when no key opens it."""
    return zlib.decompress(secrets.decrypt_bytes(bytes(stored)))


def content_in(stored: bytes | memoryview) -> dict[str, Any]:
    """Return the content itself. Raises ValueError when no key opens it."""
    content: dict[str, Any] = orjson.loads(opened(stored))
    return content


def resealed(stored: bytes | memoryview) -> bytes:
    """Return the same content encrypted with the first key. Raises ValueError when no key opens it."""
    return secrets.encrypt_bytes(secrets.decrypt_bytes(bytes(stored)))
