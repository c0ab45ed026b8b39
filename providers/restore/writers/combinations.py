"""The conditions that an authentication strength puts on single methods, one request each.

A condition is told apart by the combinations that it is for, and those must be allowed: what is not wanted goes first,
then the allowed combinations change, then what is new or changed comes.
"""

from functools import partial
from typing import Any

from providers.catalogue import ObjectType
from providers.restore.bodies import stripped
from providers.restore.writers.same import part
from providers.restore.writers.step import ID, Content, Step

PART = "combinationConfigurations"
Condition = dict[str, Any]


def removals(kind: ObjectType, wanted: Content, live: Content) -> list[Step]:
    """Take away what the wanted state does not have."""
    here = _by_use(wanted)
    return [
        Step(
            f"combination:{use}",
            "DELETE",
            _path(kind, each["id"]),
            kind.version,
            landed=partial(_silent, use),
        )
        for use, each in _by_use(live).items()
        if use not in here
    ]


def steps(kind: ObjectType, wanted: Content, *, live: Content) -> list[Step]:
    """Add and change what differs."""
    there = _by_use(live)
    return [
        _writing(kind, use, each, there.get(use))
        for use, each in _by_use(wanted).items()
        if use not in there or _meaning(kind, each) != _meaning(kind, there[use])
    ]


def _writing(kind: ObjectType, use: str, condition: Condition, old: Condition | None) -> Step:
    landed = partial(_says, kind, use, condition)
    name, body = f"combination:{use}", stripped(condition)
    if old is None:
        return Step(name, "POST", _path(kind), kind.version, body, makes=True, landed=landed)
    return Step(name, "PATCH", _path(kind, old["id"]), kind.version, body, landed=landed)


def _path(kind: ObjectType, its_id: str = "") -> str:
    return f"{kind.path}/{ID}/{PART}/{its_id}".rstrip("/")


def _by_use(content: Content) -> dict[str, Condition]:
    return {_use(each): each for each in content.get(PART) or []}


def _use(condition: Condition) -> str:
    method = str(condition.get("@odata.type", "")).rpartition(".")[2].removesuffix("CombinationConfiguration")
    return " ".join([method, *sorted(condition.get("appliesToCombinations") or [])])


def _meaning(kind: ObjectType, condition: Condition) -> Any:
    return part(kind, {PART: [condition]}, PART)


def _says(kind: ObjectType, use: str, condition: Condition, now: Content) -> bool:
    found = _by_use(now).get(use)
    return found is not None and _meaning(kind, found) == _meaning(kind, condition)


def _silent(use: str, now: Content) -> bool:
    return use not in _by_use(now)
