"""What an object leads to: ids of groups, filters, scope tags and the like, found, exchanged or taken out."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from providers.catalogue import ObjectType, Ref
from providers.objects.lookups import TYPE_OF
from providers.objects.paths import Place, places

Content = dict[str, Any]
Key = tuple[str, str]
"""Kind of reference (the value of a ``Ref``) and id in the source."""

GLOBAL = frozenset({Ref.ROLE, Ref.APPLICATION, Ref.ADMX_DEFINITION})
"""Ids that mean the same in every tenant: role templates, app ids, built-in ADMX definitions."""

_BUILT_IN_STRENGTH = "00000000-0000-0000-0000-0000000000"
_DROP = object()


@dataclass(frozen=True, slots=True)
class Found:
    """A reference where it stands."""

    kind: Ref
    id: str
    site: Place

    @property
    def key(self) -> Key:
        return (self.kind.value, self.id)


def found_in(kind: ObjectType, content: Content) -> Iterator[Found]:
    """Every reference of the object that means one tenant's own thing; pseudo ids and global ones are left out."""
    for reference in kind.all_references:
        if reference.kind in GLOBAL:
            continue
        for site in places(content, reference.path):
            value = site.value
            if not isinstance(value, str) or not value or value in reference.keep:
                continue
            if reference.inside and site.holder.get("@odata.type") != reference.inside:
                continue
            if reference.kind is Ref.AUTHENTICATION_STRENGTH and value.startswith(_BUILT_IN_STRENGTH):
                continue
            yield Found(reference.kind, value, site)


def keys_in(kind: ObjectType, content: Content) -> list[Key]:
    """The references of the object, each once, in the order of the catalogue."""
    return list(dict.fromkeys(found.key for found in found_in(kind, content)))


def leads_to_own_type(kind: ObjectType) -> bool:
    """Whether objects of the type need others of it first."""
    return any(TYPE_OF.get(reference.kind) == kind.key for reference in kind.all_references)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A reference that was taken out, and whether that widens what the object applies to."""

    key: Key
    widens: bool


def rewritten(
    kind: ObjectType, content: Content, target: Callable[[Key], str | None]
) -> tuple[Content, list[Dropped]]:
    """A copy with each reference exchanged for ``target`` of it; None takes it out, with what hangs on it alone."""
    copy = deepcopy(content)
    dropped: list[Dropped] = []
    for found in list(found_in(kind, copy)):
        value = target(found.key)
        if value is None:
            dropped.append(Dropped(found.key, _widens(found)))
            found.site.put(_DROP)
        else:
            found.site.put(value)
    if dropped:
        _purge(copy)
    return copy, dropped


def _widens(found: Found) -> bool:
    """Without an excluded group more devices or people are reached; so they are without a filter."""
    if found.kind is Ref.FILTER:
        return True
    holder = found.site.holder
    return isinstance(holder, dict) and "exclusion" in str(holder.get("@odata.type", "")).lower()


def _purge(content: Content) -> None:
    """Take out what lost its target: whole assignments, list elements, single values."""
    assignments = content.get("assignments")
    if isinstance(assignments, list):
        content["assignments"] = [each for each in assignments if not _without_group(each)]
    _clean(content)


def _without_group(assignment: Any) -> bool:
    target = assignment.get("target") if isinstance(assignment, dict) else None
    if not isinstance(target, dict):
        return False
    if target.get("deviceAndAppManagementAssignmentFilterId") is _DROP:
        target["deviceAndAppManagementAssignmentFilterId"] = None
        target["deviceAndAppManagementAssignmentFilterType"] = "none"
    return target.get("groupId") is _DROP


def _clean(node: Any) -> None:
    if isinstance(node, dict):
        for name, value in list(node.items()):
            if value is _DROP or (isinstance(value, dict) and value.get("id") is _DROP):
                node[name] = None
            else:
                _clean(value)
    elif isinstance(node, list):
        node[:] = [each for each in node if not _lost(each)]
        for each in node:
            _clean(each)


def _lost(element: Any) -> bool:
    return element is _DROP or (isinstance(element, dict) and element.get("id") is _DROP)
