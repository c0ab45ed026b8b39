"""Reading the environment: every value is understood or refused, never guessed."""

import os
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def boolean(name: str, default: bool) -> bool:
    """Raise ImproperlyConfigured for anything but a plain yes or no."""
    value = text(name).lower()
    if not value:
        return default
    if value in TRUE | FALSE:
        return value in TRUE
    raise ImproperlyConfigured(f"{name} must be one of 1/0, true/false, yes/no, on/off.")


def number(name: str, default: float, *, least: float = 0) -> float:
    """Raise ImproperlyConfigured for what is no number or is below ``least``."""
    raw = text(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a number.") from None
    if not value >= least or value == float("inf"):
        raise ImproperlyConfigured(f"{name} must be at least {least:g}.")
    return value


def choice(name: str, options: Iterable[str], default: str) -> str:
    """Raise ImproperlyConfigured for a value that is none of the options."""
    value = text(name) or default
    if value not in set(options):
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(sorted(options))}.")
    return value


def items(name: str) -> list[str]:
    return [part.strip() for part in text(name).split(",") if part.strip()]


def host_map(name: str) -> dict[str, str]:
    """Read ``https://host=http://address`` pairs; raise ImproperlyConfigured for anything else."""
    pairs = {}
    for item in items(name):
        published, _, address = item.partition("=")
        if urlsplit(published).scheme != "https" or urlsplit(address).scheme not in {"http", "https"}:
            raise ImproperlyConfigured(
                f"{name} holds pairs like https://graph.microsoft.com=http://127.0.0.1:8400."
            )
        pairs[published.rstrip("/")] = address.rstrip("/")
    return pairs


def mail_server(name: str) -> dict[str, object]:
    """Read ``smtp[s]://user:password@host:port`` (``?starttls=1`` for smtp); raise ImproperlyConfigured for another.

    Returns Django's e-mail settings, empty when the variable is.
    """
    raw = text(name)
    if not raw:
        return {}
    try:
        parts = urlsplit(raw)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
        # Never the value: it holds a password.
        raise ImproperlyConfigured(f"{name} looks like smtp://user:password@mail.example.org:587?starttls=1.")
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port or (465 if parts.scheme == "smtps" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and parse_qs(parts.query).get("starttls") == ["1"],
    }


def refuse_unknown(prefix: str, known: Iterable[str]) -> None:
    """A misspelt variable is an error at start, not a default in silence."""
    unknown = sorted(name for name in os.environ if name.startswith(prefix) and name not in set(known))
    if unknown:
        raise ImproperlyConfigured(f"Unknown setting: {', '.join(unknown)}.")
