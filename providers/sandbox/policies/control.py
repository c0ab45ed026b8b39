"""What a person, a test or the command line can do to the policies, apps and devices of a tenant."""

import random
from copy import deepcopy

from providers.sandbox.data import JSON
from providers.sandbox.ids import format_random_guid, now_text
from providers.sandbox.lookups import ControlError, Lookups, known_types
from providers.sandbox.models import Tenant
from providers.sandbox.policies.derived import completed
from providers.sandbox.policies.devices import STATES
from providers.sandbox.policies.rules.service import Enrolment
from providers.sandbox.policies.seeds import identifier, samples, seed_at
from providers.sandbox.policies.table import BY_KEY, CATALOGUE
from providers.sandbox.policies.tweak import tweaked
from providers.sandbox.policies.writing import touched

ROLES = "roleDefinitions"
READING = {"objects", "object", "object_counts", "secret_behind"}


class PolicyControl(Lookups):
    """Objects are named by type and by id, or by a display name that only one of them has."""

    def objects(self, tenant: str, kind: str) -> list[JSON]:
        """Every object of a type as it is stored: with its parts, and with secrets in clear."""
        known_types([kind])
        with self._state.lock:
            found = self._tenant(tenant)
            found.settle()
            return deepcopy(list(self._shelf(found, kind).values()))

    def object(self, tenant: str, kind: str, name: str) -> JSON:
        with self._state.lock:
            return deepcopy(self._object(self._tenant(tenant), kind, name))

    def secret_behind(self, tenant: str, token: str) -> str | None:
        """The clear value that was sent for a settings-catalog secret; every other secret stands in the object."""
        with self._state.lock:
            return self._tenant(tenant).policies.received.get(token)

    def object_counts(self, tenant: str) -> dict[str, int]:
        """How many objects of each type of the catalogue the tenant has now."""
        return {kind: len(self.objects(tenant, kind)) for kind in (*CATALOGUE, ROLES)}

    def put_object(self, tenant: str, kind: str, item: JSON) -> str:
        """Keep an object exactly as it is given, past every rule; returns its id."""
        known_types([kind])
        with self._state.lock:
            self._put(self._tenant(tenant), kind, deepcopy(item))
        return str(item["id"])

    def change_object(self, tenant: str, kind: str, name: str, changes: JSON) -> JSON:
        """Change properties as an administrator would: the time of change and the version move on."""
        with self._state.lock:
            found = self._tenant(tenant)
            changed = {**self._object(found, kind, name), **deepcopy(changes)}
            if kind != ROLES:
                changed = touched(completed(BY_KEY[kind], changed))
            self._put(found, kind, changed)
            return deepcopy(changed)

    def tweak_object(self, tenant: str, kind: str, name: str) -> JSON:
        """Change one setting of an object, whichever it has: what a person might do in the admin center."""
        changes = tweaked(self.object(tenant, kind, name))
        return self.change_object(tenant, kind, name, changes)

    def rename_object(self, tenant: str, kind: str, name: str, new_name: str) -> str:
        known_types([kind])
        return str(self.change_object(tenant, kind, name, {_name_of(kind): new_name})["id"])

    def delete_object(self, tenant: str, kind: str, name: str) -> str:
        """Delete the object with this id or name; returns its id."""
        with self._state.lock:
            found = self._tenant(tenant)
            item = self._object(found, kind, name)
            self._remove(found, kind, item["id"])
            return str(item["id"])

    def add_object(self, tenant: str, kind: str, name: str | None = None) -> str:
        """Create one more object from the samples of its type; returns its id."""
        known_types([kind])
        if not samples(kind):
            raise ControlError(f"Objects of the type {kind!r} are created through Graph only.")
        with self._state.lock:
            found = self._tenant(tenant)
            shelf = found.policies.shelf(kind)
            item = seed_at(found, kind, len(shelf))
            table, typed = BY_KEY[kind], str(item.get("@odata.type", ""))
            number = max((int(key) for key in shelf if key.isdigit()), default=len(shelf))
            item = {**item, "id": identifier(table, number, format_random_guid(), typed)}
            if kind == "deviceEnrollmentConfigurations":
                item["priority"] = 1 + len(Enrolment(table).alike(found.policies, item))
            found.policies.put(kind, completed(table, {**item, table.name: name or item[table.name]}))
            self._state.dirty = True
            return str(item["id"])

    def wipe(self, tenant: str, kind: str | None = None) -> int:
        """Delete every object of a type, or of all types of the catalogue; the service's own stay."""
        if kind is not None:
            known_types([kind])
        with self._state.lock:
            found = self._tenant(tenant)
            gone = 0
            for key in (*CATALOGUE, ROLES) if kind is None else (kind,):
                for item in list(self._shelf(found, key).values()):
                    if not of_the_service(key, item):
                        self._remove(found, key, item["id"])
                        gone += 1
            return gone

    def shuffle(self, tenant: str, kind: str | None = None, seed: int = 1) -> int:
        """List objects, and the lists inside settings, in another order; nothing else changes."""
        if kind is not None:
            known_types([kind])
        with self._state.lock:
            found, mixed = self._tenant(tenant), random.Random(seed)
            for key in CATALOGUE if kind is None else (kind,):
                ids = list(found.policies.shelf(key))
                mixed.shuffle(ids)
                found.policies.order(key, ids)
                for item in list(found.policies.all(key)):
                    found.policies.put(key, _mixed(item, mixed))
            self._state.dirty = True
            return len(CATALOGUE) if kind is None else 1

    def set_devices(self, tenant: str, state: str, number: int = 1, only: str | None = None) -> int:
        """Let this many more devices have a compliance state; `only` takes them from one other state."""
        if state not in STATES or only not in (None, *STATES):
            raise ControlError(f"A compliance state is one of {', '.join(STATES)}.")
        with self._state.lock:
            found = self._tenant(tenant)
            chosen = [
                item
                for item in found.policies.all("managedDevices")
                if item["complianceState"] != state and only in (None, item["complianceState"])
            ][:number]
            for item in chosen:
                changed = {**item, "complianceState": state, "lastSyncDateTime": now_text()}
                found.policies.put("managedDevices", changed)
            self._state.dirty = True
            return len(chosen)

    def _object(self, tenant: Tenant, kind: str, name: str) -> JSON:
        known_types([kind])
        tenant.settle()
        shelf = self._shelf(tenant, kind)
        item = shelf.get(name) or shelf.get(name.lower())
        if item is not None:
            return item
        found = [item for item in shelf.values() if item.get(_name_of(kind)) == name]
        if len(found) != 1:
            words = "No object is" if not found else f"{len(found)} objects are"
            raise ControlError(f"{words} named {name!r} in {kind} of {tenant.slug}; use the id.")
        return found[0]

    def _shelf(self, tenant: Tenant, kind: str) -> dict[str, JSON]:
        """Intune's roles are kept apart from the types of the table."""
        return tenant.intune_roles if kind == ROLES else tenant.policies.shelf(kind)

    def _put(self, tenant: Tenant, kind: str, item: JSON) -> None:
        if kind == ROLES:
            tenant.intune_roles[item["id"]] = item
        else:
            tenant.policies.put(kind, item)
        self._state.dirty = True

    def _remove(self, tenant: Tenant, kind: str, object_id: str) -> None:
        if kind == ROLES:
            tenant.intune_roles.pop(object_id, None)
        else:
            tenant.policies.remove(kind, object_id)
        self._state.dirty = True


def _name_of(kind: str) -> str:
    return "displayName" if kind == ROLES else BY_KEY[kind].name


def of_the_service(kind: str, item: JSON) -> bool:
    """Whether an object exists in every tenant and cannot be deleted."""
    return bool(
        item.get("isBuiltIn")
        or item.get("isGlobalScript")
        or item.get("isDefaultProfile")
        or item.get("policyType") == "builtIn"
        or (kind == "deviceEnrollmentConfigurations" and item["priority"] == 0)
        or item.get("displayName") == "EnrollmentNotificationInternalMEO"
    )


def _mixed(item: JSON, mixed: random.Random) -> JSON:
    """The object with its assignments, apps and nested lists of settings in another order."""
    out = dict(item)
    for name in ("assignments", "apps", "settings", "definitionValues", "localizedNotificationMessages"):
        if isinstance(out.get(name), list):
            out[name] = mixed.sample(out[name], len(out[name]))
    return out
