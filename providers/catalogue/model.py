"""What the catalogue says of a type of object: how it is read, told apart, written, and what it leads to.

Facts are those of Microsoft's metadata and documentation, and of public backup tools where these are silent.

Paths into an object's content (``{"object": {…}, "assignments": […], "<detail>": […]}``) are names joined by dots;
``[]`` stands for every element of a list, ``**`` for any depth: ``object.conditions.users.includeGroups[]``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from providers.catalogue.gaps import Gap

AnyOf = tuple[str, ...]
Object = Mapping[str, Any]
Words = str | Promise


class Area(Enum):
    """Where an administrator finds the objects."""

    TENANT = "tenant"
    CONFIGURATION = "configuration"
    COMPLIANCE = "compliance"
    SCRIPTS = "scripts"
    ENROLMENT = "enrolment"
    UPDATES = "updates"
    APPS = "apps"
    DEVICES = "devices"
    IDENTITY = "identity"

    @property
    def label(self) -> Words:
        return _AREAS[self]


_AREAS: dict[Area, Words] = {
    Area.TENANT: _("Tenant administration"),
    Area.CONFIGURATION: _("Device configuration"),
    Area.COMPLIANCE: _("Compliance"),
    Area.SCRIPTS: _("Scripts and remediations"),
    Area.ENROLMENT: _("Enrolment"),
    Area.UPDATES: _("Windows updates"),
    Area.APPS: _("Apps"),
    Area.DEVICES: _("Devices"),
    Area.IDENTITY: _("Identity"),
}


class Protection(Enum):
    """What may be done to an object: nothing ever, updates only (it is always there, and never assigned), anything."""

    NEVER = "never"
    UPDATE_ONLY = "update_only"
    FREE = "free"


class Ref(Enum):
    """What an id inside an object leads to."""

    GROUP = "group"
    FILTER = "filter"
    SCOPE_TAG = "scope_tag"
    USER = "user"
    ROLE = "role"
    NAMED_LOCATION = "named_location"
    AUTHENTICATION_STRENGTH = "authentication_strength"
    AUTHENTICATION_CONTEXT = "authentication_context"
    TERMS_OF_USE = "terms_of_use"
    APPLICATION = "application"
    MOBILE_APP = "mobile_app"
    NOTIFICATION_TEMPLATE = "notification_template"
    COMPLIANCE_SCRIPT = "compliance_script"
    REUSABLE_SETTING = "reusable_setting"
    DEVICE_CONFIGURATION = "device_configuration"
    ADMX_DEFINITION = "admx_definition"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Reference:
    """Ids at ``path`` lead to ``kind``. Values in ``keep`` are pseudo ids, the same in every tenant.

    ``inside``: only where the object that holds the value has this ``@odata.type``.
    """

    path: str
    kind: Ref
    keep: frozenset[str] = frozenset()
    inside: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """Options of a GET; empty ones are left out."""

    select: str = ""
    filter: str = ""
    expand: str = ""
    top: int = 0

    def options(self) -> dict[str, str]:
        """The options as Graph spells them."""
        named = {
            "$select": self.select,
            "$filter": self.filter,
            "$expand": self.expand,
            "$top": str(self.top or ""),
        }
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Properties that lead to other objects of the same type, by the ``@odata.type`` that has them.

    Those in ``many`` lead to several. They are read with ``$expand``, and kept as ``property`` and ``id`` of each.
    """

    of: Mapping[str, tuple[str, ...]]
    many: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Detail:
    """A further read of each object, kept in its content under ``name``.

    ``path`` is below the object, or absolute when it begins with a slash; ``{id}`` in it is the object's id.
    ``single``: one JSON object instead of a list. ``types``: only objects of these ``@odata.type`` have it.
    ``links``: it is where these lead. ``replaced_by`` is the action that writes all of it, under the action's own
    name. ``each`` is read for every element of the list, with ``{each}`` for the element's id; what it gives is kept
    in the element under its own name, or replaces the element when single.
    """

    name: str
    path: str
    query: Query = Query()
    single: bool = False
    each: "Detail | None" = None
    types: frozenset[str] = frozenset()
    replaced_by: str = ""
    links: Links | None = None

    def belongs_to(self, item: Object) -> bool:
        """Whether this object has it."""
        types = self.links.of if self.links else self.types
        return not types or item.get("@odata.type") in types


class AssignmentsRead(Enum):
    """How assignments are read: expanded in the list, expanded on the item, or below it."""

    LIST = "list"
    ITEM = "item"
    BELOW = "below"


class AssignmentsWrite(Enum):
    """How they are written: by the ``assign`` action (which replaces all), one POST each, or as role assignments."""

    ACTION = "action"
    EACH = "each"
    ROLES = "roles"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Assignments:
    """``body_key`` is the list's name in the body of ``action``; ``item_type`` each element's ``@odata.type``."""

    read: AssignmentsRead = AssignmentsRead.BELOW
    write: AssignmentsWrite = AssignmentsWrite.ACTION
    body_key: str = "assignments"
    action: str = "assign"
    item_type: str = ""
    path: str = "assignments"


@dataclass(frozen=True, slots=True)
class PlainValues:
    """Masked values in the list ``name`` whose clear text a function gives for the id under ``key``."""

    name: str
    key: str
    flag: str
    path: str


@dataclass(frozen=True, slots=True)
class Priority:
    """Objects that are alike in ``within`` stand in an order of their own: 1 comes first, 0 is outside of it.

    ``field`` says an object's place; ``action`` puts it there, and the others move to make room.
    """

    field: str = "priority"
    action: str = "setPriority"
    within: tuple[str, ...] = ("@odata.type",)

    def of(self, item: Object) -> int:
        """The place of an object, 0 where it has none."""
        value = item.get(self.field)
        return value if isinstance(value, int) else 0

    def alike(self, item: Object) -> tuple[str, ...]:
        """What the objects of one order have in common."""
        return tuple(str(item.get(name) or "") for name in self.within)


class Create(Enum):
    """What creates an object; what follows a ``POST`` is named after it."""

    POST = "post"
    POST_TARGET_APPS = "post_target_apps"
    POST_MESSAGES = "post_messages"
    POST_DEFINITION_VALUES = "post_definition_values"
    POST_COMBINATIONS = "post_combinations"
    TEMPLATE_INSTANCE = "template_instance"
    PATCH_OWN_ID = "patch_own_id"
    NONE = "none"


class Update(Enum):
    """What brings an existing object to a wanted state; ``PUT`` carries the whole of it."""

    PATCH = "patch"
    PUT = "put"
    PATCH_TARGET_APPS = "patch_target_apps"
    PATCH_MESSAGES = "patch_messages"
    PATCH_DEFINITION_VALUES = "patch_definition_values"
    PATCH_SETTINGS = "patch_settings"
    PATCH_SCHEDULED_ACTIONS = "patch_scheduled_actions"
    PUT_SCHEDULED_ACTIONS = "put_scheduled_actions"
    PATCH_COMBINATIONS = "patch_combinations"
    NONE = "none"


def _free(_object: Object) -> Protection:
    return Protection.FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectType:
    """One type of object of a tenant, with every fact that reading, comparing and restoring it needs.

    ``read`` and ``write`` are any-of sets of application permissions, the least one first. ``read_item``: the list
    leaves properties out, so each object is read alone, with ``item`` as options. ``identity`` names what identifies
    the same object in another tenant. ``unordered`` are paths of lists whose order means nothing; ``secrets`` end in
    names whose values nobody is shown, wherever they stand. ``strip_create`` and ``strip_update`` are paths of a body,
    beside what every type strips; those in ``written_apart`` are content all the same, but written by another call.
    ``keep_ids`` names the members whose ``id`` is content: it leads elsewhere.
    ``priority``: objects stand in an order, which a request of its own changes.
    ``not_restorable`` says why, if so; ``gaps`` are what of it is not restored though the object is.
    """

    key: str
    label: Words
    singular: Words
    area: Area
    path: str
    graph_type: str
    order: int
    read: tuple[AnyOf, ...]
    write: tuple[AnyOf, ...] = ()
    version: str = "beta"
    name: str = "displayName"
    listing: Query = Query()
    read_item: bool = False
    item: Query = Query()
    details: tuple[Detail, ...] = ()
    assignments: Assignments | None = None
    plain_values: PlainValues | None = None
    priority: Priority | None = None
    identity: tuple[str, ...] = ("displayName", "@odata.type")
    protection: Callable[[Object], Protection] = _free
    unordered: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    secrets: tuple[str, ...] = ()
    strip_create: tuple[str, ...] = ()
    strip_update: tuple[str, ...] = ()
    written_apart: tuple[str, ...] = ()
    keep_ids: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    create: Create = Create.POST
    update: Update = Update.PATCH
    type_in_update: bool = False
    delete_path: str = ""
    backed_up: bool = True
    not_restorable: Words = ""
    gaps: tuple[Gap, ...] = ()
    licence: str = "Microsoft Intune"
    all_references: tuple[Reference, ...] = field(init=False)
    all_unordered: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        targets = (
            _TARGETS if self.assignments and self.assignments.write is not AssignmentsWrite.ROLES else ()
        )
        object.__setattr__(self, "all_references", (*self.references, *_SCOPE_TAGS, *targets))
        object.__setattr__(self, "all_unordered", (*self.unordered, "object.roleScopeTagIds", "assignments"))

    def __str__(self) -> str:
        return self.key

    @property
    def restorable(self) -> bool:
        return not self.not_restorable

    def item_path(self, object_id: str) -> str:
        """Where one object is."""
        return f"{self.path}/{object_id}"

    def name_of(self, item: Object) -> str:
        """What people call it; empty where it has no name."""
        value = item.get(self.name)
        return value if isinstance(value, str) else ""


_SCOPE_TAGS = (Reference("object.roleScopeTagIds[]", Ref.SCOPE_TAG, frozenset({"0"})),)
_TARGETS = (
    Reference("assignments[].target.groupId", Ref.GROUP),
    Reference(
        "assignments[].target.deviceAndAppManagementAssignmentFilterId",
        Ref.FILTER,
        frozenset({"", "00000000-0000-0000-0000-000000000000"}),
    ),
)
