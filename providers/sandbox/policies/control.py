"""What a person, a test or the command line can do to the policies, apps and devices of a tenant."""

from copy import deepcopy

from providers.sandbox.data import JSON
from providers.sandbox.lookups import Lookups, known_types
from providers.sandbox.policies.table import CATALOGUE

READING = {"objects", "object_counts"}


class PolicyControl(Lookups):
    def objects(self, tenant: str, kind: str) -> list[JSON]:
        """Every object of a type as it is stored: with its parts, and with secrets in clear."""
        known_types([kind])
        with self._state.lock:
            found = self._tenant(tenant)
            found.settle()
            if kind == "roleDefinitions":
                return deepcopy(list(found.intune_roles.values()))
            return deepcopy(list(found.policies.all(kind)))

    def object_counts(self, tenant: str) -> dict[str, int]:
        """How many objects of each type of the catalogue the tenant has now."""
        return {kind: len(self.objects(tenant, kind)) for kind in (*CATALOGUE, "roleDefinitions")}
