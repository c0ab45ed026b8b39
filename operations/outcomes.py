"""The answer to a start, a value that can explain itself: codes and facts; words are made when shown."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

from operations.choices import StartStatus


@dataclass(frozen=True, slots=True)
class RunRef:
    """A run as an outcome names it."""

    id: int
    status: str
    operation_type: str
    created_at: str
    initiator: str = ""


@dataclass(frozen=True, slots=True)
class StartOutcome:
    """What became of a request to start.

    ``run`` is the new one (accepted), the same one (deduped) or the one in the way (scope_busy); absent when blocked or
    hidden from the reader. ``blockers`` lists every code found, the first being *the* reason.
    """

    status: StartStatus
    operation_type: str
    tenant: dict[str, Any]
    connection: dict[str, Any] | None
    run: RunRef | None = None
    reason_code: str = ""
    reason_facts: dict[str, Any] = field(default_factory=dict)
    blockers: tuple[str, ...] = ()

    def dump(self) -> dict[str, Any]:
        """Return plain JSON data from which ``load`` makes the same outcome again."""
        return asdict(self)

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        run = RunRef(**data["run"]) if data["run"] else None
        return cls(
            **{
                **data,
                "run": run,
                "status": StartStatus(data["status"]),
                "blockers": tuple(data["blockers"]),
            }
        )


def stamp(moment: datetime) -> str:
    """Return an ISO 8601 time, as outcomes and facts carry it."""
    return moment.isoformat()
