"""The objects of one tenant by type: made from the seed when a type is asked for; only changes are kept."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from providers.sandbox.data import JSON

if TYPE_CHECKING:
    from providers.sandbox.models import Tenant


class PolicyStore:
    """Objects are never changed in place: a change is a new object under the same id."""

    def __init__(self, tenant: "Tenant", saved: JSON | None = None) -> None:
        self._tenant = tenant
        self._saved: dict[str, JSON] = saved or {}
        self._shelves: dict[str, dict[str, JSON]] = {}
        self._touched: dict[str, set[str]] = {}
        self._ordered: set[str] = set()
        # What was received for settings-catalog secrets, by the token that stands for each; kept in this process only.
        self.received: dict[str, str] = {}

    def shelf(self, key: str) -> dict[str, JSON]:
        """Every object of a type by id, in the order the service lists them."""
        found = self._shelves.get(key)
        if found is None:
            found = self._shelves[key] = self._make(key)
        return found

    def _make(self, key: str) -> dict[str, JSON]:
        from providers.sandbox.policies.seeds import seed_objects

        found = {item["id"]: item for item in seed_objects(self._tenant, key)}
        saved = self._saved.pop(key, None)
        if saved is None:
            return found
        for gone in saved["gone"]:
            found.pop(gone, None)
        found.update(saved["changed"])
        self._touched[key] = {*saved["gone"], *saved["changed"]}
        if "order" in saved:
            self._ordered.add(key)
            known = [item for item in saved["order"] if item in found]
            found = {item: found[item] for item in dict.fromkeys([*known, *found])}
        return found

    def all(self, key: str) -> Iterable[JSON]:
        return self.shelf(key).values()

    def find(self, key: str, object_id: str) -> JSON | None:
        shelf = self.shelf(key)
        return shelf.get(object_id) or shelf.get(object_id.lower())

    def put(self, key: str, item: JSON) -> None:
        self.shelf(key)[item["id"]] = item
        self._touched.setdefault(key, set()).add(item["id"])

    def remove(self, key: str, object_id: str) -> None:
        if self.shelf(key).pop(object_id, None) is not None:
            self._touched.setdefault(key, set()).add(object_id)

    def order(self, key: str, ids: list[str]) -> None:
        """List the objects of a type in another order."""
        shelf = self.shelf(key)
        self._shelves[key] = {item: shelf[item] for item in dict.fromkeys([*ids, *shelf])}
        self._ordered.add(key)

    def dump(self) -> JSON:
        changes = dict(self._saved)
        for key in {*self._touched, *self._ordered}:
            shelf, touched = self.shelf(key), self._touched.get(key, set())
            changes[key] = {
                "changed": {item: shelf[item] for item in shelf if item in touched},
                "gone": sorted(touched - shelf.keys()),
            }
            if key in self._ordered:
                changes[key]["order"] = list(shelf)
        return changes
