"""Reasons: why something can't start or went wrong, declared once.

Rows keep a code and facts; words are made when shown, so better words need no migration.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.utils.functional import Promise

Severity = Literal["info", "warning", "error"]
Words = str | Promise
HOLE = "–"


class Facts(dict[str, Any]):
    """Facts of an older row may lack a key that today's words name."""

    def __missing__(self, key: str) -> str:
        return HOLE


@dataclass(frozen=True)
class NextStep:
    """Something the reader can do: ``route`` names the place, ``capability`` what it takes.

    A reader without the capability gets ``otherwise`` instead of the action, with a link to the same place.
    """

    label: Words
    action_type: str
    route: str = ""
    capability: str = ""
    otherwise: Words = ""
    description: Words = ""


@dataclass(frozen=True)
class Reason:
    """``title`` says what is wrong in one sentence; %(name)s placeholders are filled from the row's facts.

    ``title_of_several`` is the sentence where a fact names several things, with commas between them.
    """

    code: str
    title: Words
    next_steps: tuple[NextStep, ...] = ()
    severity: Severity = "error"
    title_of_several: Words = ""

    def sentence(self, facts: Mapping[str, Any]) -> str:
        """Return today's words for these facts."""
        several = self.title_of_several and any(
            ", " in fact for fact in facts.values() if isinstance(fact, str)
        )
        return str(self.title_of_several if several else self.title) % Facts(facts)


_reasons: dict[str, Reason] = {}


def declare(reason: Reason) -> Reason:
    """Add ``reason`` to the catalogue. Raises ValueError for a code that is taken or malformed."""
    area, _, what = reason.code.partition(".")
    if not (area.islower() and what.replace("_", "").isalnum() and what == what.lower()):
        raise ValueError(f"Malformed reason code: {reason.code}")
    if reason.code in _reasons:
        raise ValueError(f"Reason declared twice: {reason.code}")
    _reasons[reason.code] = reason
    return reason


def get(code: str) -> Reason:
    """Return the reason with this code. Raises KeyError for an unknown one."""
    return _reasons[code]


def all_reasons() -> tuple[Reason, ...]:
    """Return the whole catalogue, by code."""
    return tuple(_reasons[code] for code in sorted(_reasons))
