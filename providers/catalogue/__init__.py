"""The catalogue of object types: what inventory, backup and restore know of a tenant, one entry a type.

Adding a type is one entry in the file of its area; the catalogue's tests ask every type the same questions.
"""

from providers.catalogue import apps, compliance, configuration, enrolment, identity, scripts, tenant
from providers.catalogue.model import (
    Area,
    Assignments,
    AssignmentsRead,
    AssignmentsWrite,
    Create,
    Detail,
    Links,
    ObjectType,
    PlainValues,
    Priority,
    Protection,
    Query,
    Ref,
    Reference,
    Update,
)

__all__ = [
    "Area",
    "Assignments",
    "AssignmentsRead",
    "AssignmentsWrite",
    "Create",
    "Detail",
    "Links",
    "ObjectType",
    "PlainValues",
    "Priority",
    "Protection",
    "Query",
    "Ref",
    "Reference",
    "UnknownObjectType",
    "Update",
    "all_types",
    "backup_types",
    "get",
]


class UnknownObjectType(LookupError):
    """No object type has this key."""


_FILES = (apps, compliance, configuration, enrolment, identity, scripts, tenant)
_ORDERED: tuple[ObjectType, ...] = tuple(
    sorted((kind for file in _FILES for kind in file.TYPES), key=lambda kind: (kind.order, kind.key))
)
_BY_KEY = {kind.key: kind for kind in _ORDERED}
if len(_BY_KEY) != len(_ORDERED):
    raise ValueError("Two object types share a key.")


def get(key: str) -> ObjectType:
    """Return the type. Raises UnknownObjectType."""
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownObjectType(key) from None


def all_types() -> tuple[ObjectType, ...]:
    """Return every type in the order in which a restore has to create them."""
    return _ORDERED


def backup_types() -> tuple[ObjectType, ...]:
    """Return the types that a backup holds, in the same order."""
    return tuple(kind for kind in _ORDERED if kind.backed_up)
