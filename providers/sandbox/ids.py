"""Identifiers and times as Graph writes them."""

import hashlib
from datetime import UTC, datetime
from uuid import UUID, uuid4

from providers.sandbox.tenants import format_guid


def derived_guid(*parts: object) -> str:
    """A version 4 style GUID that is always the same for the same parts."""
    raw = bytearray(hashlib.blake2b(":".join(map(str, parts)).encode(), digest_size=16).digest())
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    return format_guid(bytes(raw))


def format_random_guid() -> str:
    return str(uuid4())


def is_guid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def now_text() -> str:
    """The time as Graph writes it, with seven fraction digits."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def parse_time(text: str | None) -> float | None:
    """Unix seconds of an ISO 8601 time; None stays None."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
