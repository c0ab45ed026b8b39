"""Which application permissions are missing, and for what they are needed."""

from typing import Any

from operations import registry
from providers.choices import Purpose
from providers.permissions import purposes_for
from providers.readiness import ConnectionFacts


def missing_grants(facts: ConnectionFacts) -> list[dict[str, Any]]:
    """The least permission of every unmet need, with the operations that wait for it."""
    waiting: dict[str, list[str]] = {}
    for kind in registry.all_types():
        for any_of in kind.needs.permissions:
            if facts.granted_permissions.isdisjoint(any_of):
                waiting.setdefault(any_of[0], []).append(str(kind.verb))
    return [{"name": name, "why": verbs} for name, verbs in waiting.items()]


def asked_grants(purpose: str = Purpose.READ) -> list[dict[str, Any]]:
    """The permissions that an app registration of this purpose asks for, each with what it is for."""
    return [{"name": name, "why": [str(words)]} for name, words in purposes_for(purpose).items()]
