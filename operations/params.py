"""Input of an operation: declared, validated, and reduced to what makes two starts the same."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


class InvalidInput(ValueError):
    """Input that can't be used. ``errors`` maps each field to a sentence for the person who sent it."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        self.errors = dict(errors)
        super().__init__("; ".join(f"{name}: {words}" for name, words in self.errors.items()))


class FormText(str):
    """Text that a form sent: there it may stand for a number, which in JSON it never does."""


def whole_number(value: Any) -> int | None:
    """Return a JSON number, or a form's digits, as a whole number; None for anything else."""
    if isinstance(value, FormText) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    return value if type(value) is int else None


@dataclass(frozen=True)
class Params:
    """Validated input; the base takes none. Unknown keys are ignored, since the contract leaves them open."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """Return validated input. Raises InvalidInput naming each field that is wrong."""
        return cls()

    def identity(self) -> dict[str, Any]:
        """Return the fields that make two starts the same work, after defaults."""
        return asdict(self)


def op_key(operation: str, scope_key: str, identity: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the canonical JSON of what the work means: person, surface and time never count."""
    meaning = json.dumps(
        [operation, scope_key, identity], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(meaning.encode()).hexdigest()
