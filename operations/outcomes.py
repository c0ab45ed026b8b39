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


@dataclass(frozen=True, slots=True)
class ChainOutcome(StartOutcome):
    """What became of a request to start a chain: the outcome of its first admitted step, and what waits behind it.

    Deduped names the chain's current run and what is pending in it. Busy and blocked have neither chain nor steps.
    """

    chain_id: int | None = None
    accepted_operation: str | None = None
    pending_operations: tuple[str, ...] = ()

    @classmethod
    def load(cls, data: dict[str, Any]) -> Self:
        pending = {"pending_operations": tuple(data["pending_operations"])}
        return super(ChainOutcome, cls).load(data | pending)  # the bare super() does not know a slotted class


def stamp(moment: datetime) -> str:
    """Return an ISO 8601 time, as outcomes and facts carry it."""
    return moment.isoformat()
