"""What belongs to a tenant, and what becomes of it when the tenant is deleted.

Found by walking the models: whatever leads to a tenant by foreign keys belongs to it. A new model is deleted with its
tenant unless it is named here; a test holds the decision for every one of them.
"""

from dataclasses import dataclass
from functools import cache
from graphlib import TopologicalSorter
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet

from tenantpilot.tenancy.models import Tenant

Model = type[models.Model]

AUDIT = frozenset(
    {
        "audit.AuditEntry",
        "audit.AuditLink",
        "operations.Chain",
        "operations.ChainStep",
        "operations.OperationRun",
        "operations.RunEvent",
    }
)
"""Kept as it is, but for what a provider said (``erase`` empties that). Chains say which runs were one thing."""

TOMBSTONES = frozenset({"tenancy.Tenant", "providers.ProviderConnection", "providers.AppRegistration"})
"""Kept for what audit and runs name, emptied of everything else."""

KEPT = AUDIT | TOMBSTONES


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one model that are deleted with a tenant, by every way that leads to it.

    Rows of other tenants may point here (a restore from this tenant's backup into another one): ``pointers`` are their
    keys that can be emptied; what a key of ``holders`` points to stays as an empty shell.
    """

    model: Model
    paths: tuple[str, ...]
    pointers: tuple[tuple[Model, str], ...]
    holders: tuple[tuple[Model, str], ...]

    def rows(self, tenant_id: int) -> list[QuerySet[Any]]:
        """Return the rows that belong to the tenant, one query for each way: no index serves two ways at once."""
        found = [self.model._base_manager.filter(**{path: tenant_id}) for path in self.paths]
        for model, name in self.holders:
            held = model._base_manager.filter(**{name: OuterRef("pk")})
            found = [rows.exclude(Exists(held)) for rows in found]
        return found


@cache
def parts() -> tuple[Part, ...]:
    """Return what is deleted, in the order that the foreign keys allow: whatever points elsewhere goes first."""
    keys = belongings()
    order: TopologicalSorter[Model] = TopologicalSorter({model: set() for model in keys})
    for model, fields in keys.items():
        for field in fields:
            target: Model = field.related_model
            if target in keys and target is not model and not field.null:
                order.add(target, model)
    return tuple(
        Part(model, _paths(model, keys), _pointing(model, keys, null=True), _holders(model, keys))
        for model in order.static_order()
        if model._meta.label not in KEPT
    )


def belongings() -> dict[Model, list[Any]]:
    """Return every model that leads to a tenant, with the foreign keys by which it does."""
    found: dict[Model, list[Any]] = {Tenant: []}
    while True:
        more = {
            model: keys for model in _models() if (keys := _keys(model, found)) and found.get(model) != keys
        }
        if not more:
            return found
        found |= more


def _models() -> list[Model]:
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model is not Tenant
    ]


def _keys(model: Model, found: dict[Model, list[Any]]) -> list[Any]:
    fields = model._meta.concrete_fields
    return [field for field in fields if field.is_relation and field.related_model in found]


def _paths(model: Model, keys: dict[Model, list[Any]]) -> tuple[str, ...]:
    """The ways from the model to its tenant: by its own key to one where every row has that, else by all others."""
    fields = [field for field in keys[model] if field.related_model is not model]
    always = [field for field in fields if not field.null] or fields
    own = [field for field in always if field.related_model is Tenant and not field.null]
    return tuple(way for field in own or always for way in _ways(field, keys))


def _ways(field: Any, keys: dict[Model, list[Any]]) -> list[str]:
    if field.related_model is Tenant:
        return [field.name]
    return [f"{field.name}__{path}" for path in _paths(field.related_model, keys)]


def _pointing(model: Model, keys: dict[Model, list[Any]], *, null: bool) -> tuple[tuple[Model, str], ...]:
    return tuple(
        (other, field.name)
        for other, fields in keys.items()
        if other._meta.label not in AUDIT
        for field in fields
        if field.related_model is model and field.null is null
    )


def _holders(model: Model, keys: dict[Model, list[Any]]) -> tuple[tuple[Model, str], ...]:
    """What always points to the model, though its rows go with another tenant than the row that they point to."""
    return tuple(
        (other, name)
        for other, name in _pointing(model, keys, null=False)
        if not any(path.startswith(f"{name}__") for path in _paths(other, keys))
    )
