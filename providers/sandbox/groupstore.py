"""Groups of one tenant: the seeded ones plus what was created, changed and deleted since.

Every group has a position that is never reused: seeded groups first, then created ones in order.
Pages are cut by position, so they stay correct while groups come and go.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from providers.sandbox.data import JSON
from providers.sandbox.tenants import GroupFactory, PersonFactory


@dataclass
class MemberChange:
    added: bool
    seq: int


@dataclass
class GroupStore:
    factory: GroupFactory
    people: PersonFactory
    created: list[JSON] = field(default_factory=list)
    patches: dict[int, JSON] = field(default_factory=dict)
    gone: dict[int, tuple[int, str]] = field(default_factory=dict)
    touched: dict[int, dict[str, int]] = field(default_factory=dict)
    members: dict[int, dict[str, MemberChange]] = field(default_factory=dict)
    seq: int = 0

    def __post_init__(self) -> None:
        self._created_positions = {
            group["id"]: self.factory.count + offset for offset, group in enumerate(self.created)
        }

    @property
    def end(self) -> int:
        """One past the last position."""
        return self.factory.count + len(self.created)

    def count(self) -> int:
        return self.end - len(self.gone)

    def position(self, group_id: str) -> int | None:
        """Position of a live group, or None."""
        position = self._created_positions.get(group_id.lower())
        if position is None:
            position = self.factory.index_of(group_id)
        return None if position is None or position in self.gone else position

    def id_at(self, position: int) -> str:
        """The id at a position, of a deleted group too."""
        if position < self.factory.count:
            return self.factory.ids.id_of(position)
        return str(self.created[position - self.factory.count]["id"])

    def at(self, position: int) -> JSON | None:
        """The live group at a position as a dict of its own, or None."""
        if position in self.gone:
            return None
        if position < self.factory.count:
            group = self.factory.make(position)
        else:
            group = dict(self.created[position - self.factory.count])
        patch = self.patches.get(position)
        if patch:
            group.update(patch)
        return group

    def get(self, group_id: str) -> JSON | None:
        position = self.position(group_id)
        return None if position is None else self.at(position)

    def walk(self, start: int = 0) -> Iterator[tuple[int, JSON]]:
        for position in range(start, self.end):
            group = self.at(position)
            if group is not None:
                yield position, group

    def find_by_name(self, name: str) -> list[str]:
        wanted = name.lower()
        return [group["id"] for _, group in self.walk() if group["displayName"].lower() == wanted]

    def create(self, group: JSON) -> None:
        self.seq += 1
        self._created_positions[group["id"]] = self.end
        self.touched[self.end] = dict.fromkeys(group, self.seq)
        self.created.append(group)

    def patch(self, position: int, changes: JSON) -> None:
        self.seq += 1
        self.patches.setdefault(position, {}).update(changes)
        seen = self.touched.setdefault(position, {})
        seen.update(dict.fromkeys(changes, self.seq))

    def delete(self, position: int) -> None:
        """Microsoft 365 groups can be restored for 30 days (`changed`), others are gone (`deleted`)."""
        group = self.at(position)
        if group is None:
            return
        self.seq += 1
        self.gone[position] = (self.seq, "changed" if "Unified" in group["groupTypes"] else "deleted")

    def change_member(self, position: int, member_id: str, added: bool) -> None:
        self.seq += 1
        self.members.setdefault(position, {})[member_id] = MemberChange(added, self.seq)

    def member_ids(self, position: int) -> list[str]:
        changes = self.members.get(position, {})
        first = [] if position >= self.factory.count else self._first_members(position)
        kept = [member for member in first if member not in changes or changes[member].added]
        return kept + [member for member, change in changes.items() if change.added and member not in first]

    def _first_members(self, position: int) -> list[str]:
        return self.people.members(self.factory.member_seed(position), devices=10 <= position <= 13)

    def member(self, member_id: str) -> JSON | None:
        group = self.get(member_id)
        if group is not None:
            return {"@odata.type": "#microsoft.graph.group", **group}
        return self.people.find(member_id)

    def changed_since(self, seq: int, until: int) -> list[tuple[int, int]]:
        """(sequence, position) of everything that changed after `seq`, oldest first."""
        last: dict[int, int] = {}
        for position, properties in self.touched.items():
            last[position] = max(properties.values())
        for position, members in self.members.items():
            last[position] = max(last.get(position, 0), *(change.seq for change in members.values()))
        last.update({position: when for position, (when, _) in self.gone.items()})
        return sorted((when, position) for position, when in last.items() if seq < when <= until)

    def dump(self) -> JSON:
        return {
            "created": self.created,
            "patches": {str(key): value for key, value in self.patches.items()},
            "gone": {str(key): list(value) for key, value in self.gone.items()},
            "touched": {str(key): value for key, value in self.touched.items()},
            "members": {
                str(key): {member: [change.added, change.seq] for member, change in value.items()}
                for key, value in self.members.items()
            },
            "seq": self.seq,
            "seeded": self.factory.count,
        }

    def restore(self, saved: JSON) -> None:
        """Take over a dump; one made for another number of seeded groups is ignored."""
        if saved.get("seeded") != self.factory.count:
            return
        self.created = saved["created"]
        self.patches = _int_keys(saved["patches"])
        self.gone = {key: (value[0], value[1]) for key, value in _int_keys(saved["gone"]).items()}
        self.touched = _int_keys(saved["touched"])
        self.members = {
            key: {member: MemberChange(*change) for member, change in value.items()}
            for key, value in _int_keys(saved["members"]).items()
        }
        self.seq = saved["seq"]
        self.__post_init__()


def _int_keys(saved: dict[str, Any]) -> dict[int, Any]:
    return {int(key): value for key, value in saved.items()}
