"""How the directory's objects become rows: which properties are asked for, and what each column takes of them.

Values are given as PostgreSQL's own text, which COPY takes as it is: half the cost of a row went into adapting it.

Property names: Microsoft Graph reference, resource types group, unifiedRoleDefinition and roleDefinition.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.choices import ObjectKind
from providers.directory_history import History
from providers.graph.errors import ResponseInvalid
from providers.models import DirectoryGroup, RoleDefinition
from providers.models.directory import DirectoryObject

JSON = Mapping[str, Any]

_ID_LENGTH = 128
_TEMPLATE_LENGTH = 64
_NAME_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of object: its properties at the provider, and its row's columns after ``object_id``.

    ``history``: what of it is compared from read to read, and kept.
    """

    model: type[DirectoryObject]
    fields: tuple[str, ...]
    columns: tuple[str, ...]
    values: Callable[[JSON], tuple[str | None, ...]]
    history: History | None = None

    @property
    def table(self) -> str:
        return self.model._meta.db_table


def object_id(item: JSON) -> str:
    """Return the object's id. Raises ResponseInvalid: an object without one can't be told from another."""
    found = item.get("id")
    if isinstance(found, str) and 0 < len(found) <= _ID_LENGTH:
        return found
    raise ResponseInvalid("An object has no id.", status=200)


def text(value: object) -> str:
    """Return a string as it came, but for NUL, which JSON can carry and PostgreSQL can't store; else an empty one."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def _name(item: JSON) -> str:
    return text(item.get("displayName"))[:_NAME_LENGTH]


def _flag(value: object) -> str:
    return "t" if value is True else "f"


def _texts(value: object) -> list[str]:
    return [text(each) for each in value] if isinstance(value, list) else []


def _array(texts: Iterable[str]) -> str:
    quoted = (each.replace("\\", "\\\\").replace('"', '\\"') for each in texts)
    return "{" + ",".join(f'"{each}"' for each in quoted) + "}"


def moment(value: object) -> str | None:
    """Return the time as it came, once it is known to be one. Raises ResponseInvalid."""
    if value is None:
        return None
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        raise ResponseInvalid("A time of an object can't be read.", status=200) from None
    return str(value)


def _group(item: JSON) -> tuple[str | None, ...]:
    # Delta leaves out what was never set; what is absent counts as unset.
    get = item.get
    return (
        _name(item),
        text(get("description")),
        _array(_texts(get("groupTypes"))),
        _flag(get("mailEnabled")),
        _flag(get("securityEnabled")),
        text(get("membershipRule")),
        _flag(get("isAssignableToRole")),
        _flag(get("onPremisesSyncEnabled")),
        moment(get("createdDateTime")),
    )


def _role(item: JSON, actions: Iterable[str]) -> tuple[str | None, ...]:
    return (
        _name(item),
        text(item.get("description")),
        text(item.get("templateId"))[:_TEMPLATE_LENGTH],
        _flag(item.get("isBuiltIn")),
        _flag(item.get("isEnabled", True)),
        _array(sorted(set(actions))),
    )


def _entra_role(item: JSON) -> tuple[str | None, ...]:
    return _role(item, _actions(item.get("rolePermissions")))


def _intune_role(item: JSON) -> tuple[str | None, ...]:
    nested = (each.get("resourceActions") for each in _objects(item.get("rolePermissions")))
    return _role(item, (action for permissions in nested for action in _actions(permissions)))


def _actions(permissions: object) -> list[str]:
    return [action for each in _objects(permissions) for action in _texts(each.get("allowedResourceActions"))]


def _objects(value: object) -> list[JSON]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


_ROLE_COLUMNS = ("display_name", "description", "template_id", "is_built_in", "is_enabled", "allowed_actions")
_ROLE_FIELDS = ("id", "displayName", "description", "isBuiltIn", "rolePermissions")

SHAPES: dict[ObjectKind, Shape] = {
    ObjectKind.GROUPS: Shape(
        DirectoryGroup,
        (
            "id",
            "displayName",
            "description",
            "groupTypes",
            "mailEnabled",
            "securityEnabled",
            "membershipRule",
            "isAssignableToRole",
            "onPremisesSyncEnabled",
            "createdDateTime",
        ),
        (
            "display_name",
            "description",
            "group_types",
            "mail_enabled",
            "security_enabled",
            "membership_rule",
            "is_assignable_to_role",
            "on_premises_sync_enabled",
            "created_date_time",
        ),
        _group,
    ),
    ObjectKind.ENTRA_ROLE_DEFINITIONS: Shape(
        RoleDefinition, (*_ROLE_FIELDS, "templateId", "isEnabled"), _ROLE_COLUMNS, _entra_role
    ),
    ObjectKind.INTUNE_ROLE_DEFINITIONS: Shape(RoleDefinition, _ROLE_FIELDS, _ROLE_COLUMNS, _intune_role),
}
