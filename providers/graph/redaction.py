"""Keeps tokens and secrets out of what people and logs get to read."""

import re
from urllib.parse import quote, quote_plus

_MASK = "[redacted]"
_LONGEST = 500
_SECRETS = (
    re.compile(r"eyJ[\w-]{8,}(?:\.[\w-]*){0,2}"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+[\w.~+/=-]{16,}"),
    re.compile(r"(?i)\b(client_secret|client_assertion|access_token|password)(\W{1,4})[^\s&\"',;]+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)


def redacted(text: str, *values: str) -> str:
    """``text`` without anything that looks like a token or key, without ``values``, and not too long."""
    for value in values:
        for spelling in {value, quote(value, safe=""), quote_plus(value)} if value else ():
            text = text.replace(spelling, _MASK)
    for pattern in _SECRETS:
        text = pattern.sub(_MASK, text)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
