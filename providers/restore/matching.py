"""Which live object is the one that was backed up. Names are not unique, and no candidate is guessed at."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.catalogue import ObjectType, Protection
from providers.catalogue.model import Object


@dataclass(frozen=True, slots=True)
class Live:
    """What a list tells of a live object: enough to find it, not to compare it."""

    id: str
    name: str
    odata_type: str
    identity: tuple[str, ...]
    protection: Protection = Protection.FREE
    priority: int = 0
    alike: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Match:
    """The live object's id, none, or the candidates between which a person has to choose."""

    id: str = ""
    candidates: tuple[str, ...] = field(default=())


def live_row(kind: ObjectType, item: Object) -> Live:
    """What matching needs of an object as Graph lists it."""
    return Live(
        str(item.get("id", "")),
        kind.name_of(item),
        str(item.get("@odata.type", "")),
        identity_of(kind, item),
        kind.protection(item),
        kind.priority.of(item) if kind.priority else 0,
        kind.priority.alike(item) if kind.priority else (),
    )


def identity_of(kind: ObjectType, item: Object) -> tuple[str, ...]:
    """What identifies the same object elsewhere."""
    return tuple(_plain(item.get(name)) for name in kind.identity)


def match(
    kind: ObjectType,
    item: Object,
    live: Sequence[Live],
    *,
    known_id: str = "",
    same_tenant: bool,
    others: Collection[str] = (),
) -> Match:
    """Find ``item`` among the live objects of its type.

    ``known_id`` is an id that it certainly has here (it was created by an earlier run). In the tenant that it came
    from its own id comes first, and ``others`` (ids that the same backup knows as other objects) are not taken for it.
    """
    by_id = {row.id: row for row in live}
    if known_id and known_id in by_id:
        return Match(known_id)
    own = by_id.get(str(item.get("id", ""))) if same_tenant else None
    if own is not None and own.odata_type == str(item.get("@odata.type", "")):
        return Match(own.id)
    if kind.protection(item) is Protection.UPDATE_ONLY:
        return _one([row for row in live if _same_default(row, item)])
    wanted = identity_of(kind, item)
    taken = set(others) if same_tenant else set()
    return _one([row for row in live if row.identity == wanted and row.id not in taken])


def _same_default(row: Live, item: Object) -> bool:
    """Every tenant has its own of each default: the kind tells which."""
    return row.protection is Protection.UPDATE_ONLY and row.odata_type == str(item.get("@odata.type", ""))


def _one(rows: Sequence[Live]) -> Match:
    if len(rows) > 1:
        return Match(candidates=tuple(row.id for row in rows))
    return Match(rows[0].id) if rows else Match()


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
