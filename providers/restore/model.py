"""What plans are made of: sources, what was read of the live tenant, decisions, and planned items."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.choices import MappingChoice, RestoreAction
from providers.objects.masking import Flag
from providers.restore.assigning import AssignmentChoice
from providers.restore.matching import Live

Content = dict[str, Any]
RefKey = tuple[str, str]
"""Kind of reference and id in the source."""
ObjectKey = tuple[str, str]
"""Object type and id."""

PENDING = "{{pending:%s}}"
"""Stands for an id that the plan itself makes, until it is made; the key of the planned item is inside."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a restore may do. ``guarded``: conditional access keeps the tenant's break-glass exclusions."""

    update: bool = True
    create: bool = True
    assignments: str = AssignmentChoice.BACKED_UP.value
    state_as_backed_up: bool = False
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret of an object that its backup lacks: the way to it, and whether the object waits for it.

    ``entered`` is the id under which somebody entered the value; the value itself is no part of a plan.
    """

    way: str
    required: bool
    entered: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An object as it was backed up. ``choice``: "" lets the match decide, "create", "skip", or a live object's id.

    ``entered``: the ids of secrets that were entered, by their ways.
    """

    type: str
    id: str
    name: str
    content: Content
    item_id: int | None = None
    incomplete: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    choice: str = ""
    entered: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person chose for a reference whose target is missing."""

    choice: MappingChoice
    target_id: str = ""
    target_name: str = ""
    reason: str = ""


@dataclass(slots=True)
class Reading:
    """What was read of the live tenant: lists by type, whole objects where needed, and what could not be read."""

    listed: dict[str, list[Live]] = field(default_factory=dict)
    contents: dict[ObjectKey, Content] = field(default_factory=dict)
    incomplete: dict[ObjectKey, list[str]] = field(default_factory=dict)
    failed: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    # Groups and users are looked up, never listed: id to name.
    looked_up: dict[RefKey, str] = field(default_factory=dict)
    # Groups that a person chose by ID: each is in ``looked_up``, or there is none.
    sought: list[str] = field(default_factory=list)
    exclusions: dict[str, list[str]] = field(default_factory=dict)

    def name_of(self, kind: str, object_id: str) -> str:
        return next((row.name for row in self.listed.get(kind, ()) if row.id == object_id), "")


@dataclass(frozen=True, slots=True)
class Note:
    """A warning or a reason: a code of ``providers.restore.words`` and the facts that its words need."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a reference becomes. ``how``: same, name, mapped, planned, create, skip, or missing.

    A missing one with a target was mapped to what is not there any more.
    """

    kind: str
    source_id: str
    source_name: str
    how: str
    target_id: str = ""
    target_name: str = ""
    reason: str = ""

    @property
    def key(self) -> RefKey:
        return (self.kind, self.source_id)

    @property
    def value(self) -> str | None:
        return None if self.how == "skip" else self.target_id


@dataclass(slots=True)
class Planned:
    """What the plan does with one object. ``depends``: keys of items that have to be there first."""

    type: str
    key: str
    name: str
    action: RestoreAction
    source_item: int | None = None
    live_id: str = ""
    live_hash: str = ""
    wanted: Content | None = None
    live: Content | None = None
    why: Note | None = None
    warnings: list[Note] = field(default_factory=list)
    missing: list[RefKey] = field(default_factory=list)
    candidates: tuple[str, ...] = ()
    depends: tuple[str, ...] = ()
    secrets: list[Hidden] = field(default_factory=list)
    wanted_hash: str = ""


@dataclass(slots=True)
class Draft:
    """A plan before it is kept: its items in the order of execution, and every reference with what it becomes."""

    items: list[Planned]
    resolutions: list[Resolution]
