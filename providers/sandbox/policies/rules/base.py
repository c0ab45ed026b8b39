"""The rules of a type without peculiarities, and what the others share."""

from collections.abc import Iterable

from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.policies.bodies import refused
from providers.sandbox.policies.table import ObjectType


class Rules:
    """Each method raises GraphError for what the service refuses; `create` and `update` may fill things in."""

    def __init__(self, kind: ObjectType) -> None:
        self.kind = kind

    def create(self, call: Call, item: JSON) -> JSON:
        return self.check(call, item)

    def update(self, call: Call, stored: JSON, changed: JSON) -> JSON:
        self.protect(stored)
        return self.check(call, changed)

    def delete(self, call: Call, item: JSON) -> None:
        self.protect(item)

    def assign(self, call: Call, item: JSON, assignments: list[JSON]) -> None:
        """Raises for assignments that this object cannot have."""

    def check(self, call: Call, item: JSON) -> JSON:
        """What holds for new and for changed objects alike."""
        return item

    def protect(self, item: JSON) -> None:
        """Raises for objects that belong to the service."""

    def must_exist(self, call: Call, key: str, ids: Iterable[object], words: str) -> None:
        for wanted in ids:
            if call.tenant.policies.find(key, str(wanted)) is None:
                raise refused(self.kind, f"The {words} '{wanted}' does not exist.")

    def groups_must_exist(self, call: Call, ids: Iterable[object]) -> None:
        for wanted in ids:
            if call.tenant.groups.position(str(wanted)) is None:
                raise refused(self.kind, f"The group '{wanted}' does not exist.")
