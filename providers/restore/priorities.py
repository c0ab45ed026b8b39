"""The order in which a service applies objects of one kind: which places they can have, and what puts them there.

Graph moves one object at a time, and with it everything between its old place and its new one. Objects that nobody
chose are never moved themselves: among each other they stay as they are.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from providers import catalogue
from providers.catalogue import ObjectType
from providers.catalogue.model import Object
from providers.choices import WRITING_ACTIONS, RestoreAction
from providers.restore.model import Note, Planned, Reading, Source

Standing = Sequence[tuple[str, int]]
"""The ids of the objects of one order, each with its place, first one first."""
Group = tuple[str, tuple[str, ...]]
"""Type, and what the objects of one order have in common."""


def standings(kind: ObjectType, items: Iterable[Object]) -> dict[tuple[str, ...], Standing]:
    """The orders of a type, from its list."""
    assert kind.priority is not None
    found: dict[tuple[str, ...], list[tuple[str, int]]] = {}
    for item in items:
        if place := kind.priority.of(item):
            found.setdefault(kind.priority.alike(item), []).append((str(item["id"]), place))
    return {alike: _sorted(rows) for alike, rows in found.items()}


def reachable(standing: Standing, wanted: Mapping[str, int]) -> dict[str, int]:
    """The place that each wanted object can have: among four of a kind nobody is fifth."""
    now, found, last = dict(standing), dict[str, int](), 0
    spare = len(now.keys() | wanted.keys()) - len(wanted)
    for number, (key, place) in enumerate(sorted(wanted.items(), key=lambda pair: (pair[1], pair[0])), 1):
        last = place if now.get(key) == place else max(min(place, spare + number), last + 1)
        found[key] = last
    return found


def moves(standing: Standing, places: Mapping[str, int]) -> list[tuple[str, int]]:
    """The fewest moves after which every object is at its place, each object at most once.

    A move names the place that counts when it is made: those that move later may still stand before it.
    """
    current = [key for key, _place in standing]
    order = _wanted_order(current, places)
    staying = _staying(standing, order, places)
    found: list[tuple[str, int]] = []
    for number, key in enumerate(order):
        if key in staying:
            continue
        current.remove(key)
        index = current.index(order[number - 1]) + 1 if number else 0
        current.insert(index, key)
        found.append((key, index + 1))
    return found


def pushes(standing: Standing, places: Mapping[str, int]) -> bool:
    """Whether an object that is not wanted anywhere gets another place by that."""
    order = _wanted_order([key for key, _place in standing], places)
    return any(order[place - 1 : place] != [key] for key, place in standing if key not in places)


def _wanted_order(current: Sequence[str], places: Mapping[str, int]) -> list[str]:
    others, order = [key for key in current if key not in places], list[str]()
    for place, key in sorted((places[key], key) for key in current if key in places):
        free = max(0, place - 1 - len(order))
        order += [*others[:free], key]
        del others[:free]
    return [*order, *others]


def _staying(standing: Standing, order: Sequence[str], places: Mapping[str, int]) -> set[str]:
    """As many as can stay: all that nobody chose, and the longest row of chosen ones that are in order with them."""
    rank = {key: number for number, key in enumerate(order)}
    # Deleted objects may leave holes; then being in order alone does not make the numbers right.
    closed = [place for _key, place in standing] == list(range(1, len(standing) + 1))
    fixed = [(number, rank[key]) for number, (key, _place) in enumerate(standing) if key not in places]
    able = [
        key
        for number, (key, place) in enumerate(standing)
        if key in places
        and (closed or place == places[key])
        and all((number < there) == (rank[key] < its_rank) for there, its_rank in fixed)
    ]
    return {key for key, _place in standing if key not in places} | set(_longest_rising(able, rank))


def _longest_rising(keys: Sequence[str], rank: Mapping[str, int]) -> list[str]:
    ends: list[int] = []
    rows: list[list[str]] = []
    for key in keys:
        place = bisect_left(ends, rank[key])
        row = [*(rows[place - 1] if place else []), key]
        ends[place : place + 1], rows[place : place + 1] = [rank[key]], [row]
    return rows[-1] if rows else []


def _sorted(rows: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    return sorted(rows, key=lambda row: (row[1], row[0]))


@dataclass(slots=True)
class Orders:
    """The orders that a plan touches. ``places`` are those that its objects shall have, by the key of the item."""

    reading: Reading
    places: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, pairs: Iterable[tuple[Source, Planned]], reading: Reading) -> "Orders":
        """What the backup says, as far as the tenant has so many places."""
        orders, groups = cls(reading), dict[Group, dict[str, int]]()
        keys = dict[str, str]()
        for source, item in pairs:
            priority = catalogue.get(item.type).priority
            if priority is None or item.action not in WRITING_ACTIONS:
                continue
            thing = source.content["object"]
            # A default has no place, and what is one in the tenant gets none.
            if priority.of(thing) and (item.live is None or priority.of(item.live["object"])):
                its_id = item.live_id or item.key
                groups.setdefault((item.type, priority.alike(thing)), {})[its_id] = priority.of(thing)
                keys[its_id] = item.key
        for group, wanted in groups.items():
            found = reachable(orders._standing(group), wanted)
            orders.places |= {keys[its_id]: place for its_id, place in found.items()}
        return orders

    def settle(self, items: Iterable[Planned], *, update: bool) -> None:
        """Plan what the moves of some do to others: who is moved off its place by them has to be put back, too."""
        groups: dict[Group, list[Planned]] = {}
        for item in items:
            kind = catalogue.get(item.type)
            if item.key in self.places and item.wanted is not None and _takes_part(item, update):
                assert kind.priority is not None
                groups.setdefault((item.type, kind.priority.alike(item.wanted["object"])), []).append(item)
        for group, members in groups.items():
            self._settle(self._standing(group), members)

    def _settle(self, standing: Standing, members: Sequence[Planned]) -> None:
        last = max((place for _key, place in standing), default=0)
        new = [item.key for item in members if not item.live_id]
        later = [*standing, *((key, last + number) for number, key in enumerate(new, 1))]
        by_id = {item.live_id or item.key: item for item in members}
        places = {key: self.places[item.key] for key, item in by_id.items()}
        others_move = pushes(later, places)
        for key, _place in moves(later, places):
            item = by_id[key]
            if item.action is RestoreAction.SKIP:
                item.action, item.why = RestoreAction.UPDATE, None
                item.warnings.append(Note("priority_kept"))
            elif others_move:
                item.warnings.append(Note("others_move"))

    def _standing(self, group: Group) -> Standing:
        type_, alike = group
        rows = self.reading.listed.get(type_, ())
        return _sorted((row.id, row.priority) for row in rows if row.priority and row.alike == alike)


def _takes_part(item: Planned, update: bool) -> bool:
    unchanged = item.action is RestoreAction.SKIP and item.why is not None and item.why.code == "unchanged"
    return item.action in WRITING_ACTIONS or (unchanged and update)
