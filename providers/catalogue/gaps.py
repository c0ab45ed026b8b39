"""What no restore brings back, so that a plan says it before anybody executes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Gap:
    """One such thing. ``code`` is the plan's note.

    ``types`` are the ``@odata.type`` that have it.
    """

    code: str
    types: frozenset[str]

    def concerns(self, wanted: Mapping[str, Any]) -> bool:
        """Whether the object that is written would lack it, or keep another one."""
        return str(wanted.get("@odata.type", "")).rpartition(".")[2] in self.types
