"""What the ids inside objects lead to: collected while objects are read, each asked for once."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers import catalogue
from providers.catalogue import ObjectType, Query, Ref
from providers.graph.client import GraphClient
from providers.graph.errors import GraphError
from providers.objects import paths
from providers.objects.wants import Part, Want, fetch

# Where an id of each kind is looked up. Users, applications and the rest are known by their ids alone: the read
# profile has no permission for their names.
TYPE_OF = {
    Ref.GROUP: "groups",
    Ref.FILTER: "assignmentFilters",
    Ref.SCOPE_TAG: "roleScopeTags",
    Ref.NAMED_LOCATION: "namedLocations",
    Ref.AUTHENTICATION_STRENGTH: "authenticationStrengthPolicies",
    Ref.AUTHENTICATION_CONTEXT: "authenticationContextClassReferences",
    Ref.MOBILE_APP: "mobileApps",
    Ref.NOTIFICATION_TEMPLATE: "notificationMessageTemplates",
    Ref.COMPLIANCE_SCRIPT: "deviceComplianceScripts",
    Ref.REUSABLE_SETTING: "reusablePolicySettings",
    Ref.DEVICE_CONFIGURATION: "deviceConfigurations",
}
REF_OF = {key: ref for ref, key in TYPE_OF.items()}
_MOST = 200


@dataclass(frozen=True, slots=True)
class Looked:
    """An id and what it leads to. ``item`` is empty when nothing was found, and ``error`` then says why."""

    kind: Ref
    id: str
    name: str
    item: Mapping[str, Any] = field(default_factory=dict)
    error: GraphError | None = None


def references_in(kind: ObjectType, content: Mapping[str, Any]) -> Iterator[tuple[Ref, str]]:
    """Every id inside the content that leads to another object; pseudo ids left out."""
    for reference in kind.all_references:
        for place in paths.places(content, reference.path):
            value = place.value
            if not isinstance(value, str) or not value or value in reference.keep:
                continue
            if reference.inside and not _is_inside(place.holder, reference.inside):
                continue
            yield reference.kind, value


def look_up(graph: GraphClient, wanted: Iterable[tuple[Ref, str]]) -> Iterator[Looked]:
    """Ask for each of these once, in batches; kinds that can't be looked up give nothing. Raises TokenError."""
    by_version: dict[str, list[tuple[Ref, str]]] = {}
    for ref, key in sorted(set(wanted), key=lambda each: (each[0].value, each[1])):
        if ref in TYPE_OF:
            by_version.setdefault(catalogue.get(TYPE_OF[ref]).version, []).append((ref, key))
    for version, keys in by_version.items():
        for start in range(0, len(keys), _MOST):
            yield from _asked(graph, version, keys[start : start + _MOST])


def _asked(graph: GraphClient, version: str, keys: list[tuple[Ref, str]]) -> Iterator[Looked]:
    found: dict[tuple[Ref, str], Looked] = {}
    failures: dict[Part, GraphError] = {}
    fetch(graph, version, [_want(ref, key, found) for ref, key in keys], failures)
    for ref, key in keys:
        error = failures.get(Part(key, ref.value))
        yield found.get((ref, key)) or Looked(ref, key, "", error=error)


def _want(ref: Ref, key: str, found: dict[tuple[Ref, str], Looked]) -> Want:
    kind = catalogue.get(TYPE_OF[ref])

    def put(item: dict[str, Any]) -> None:
        found[ref, key] = Looked(ref, key, kind.name_of(item), item)

    query = Query(select=_select(kind)).options()
    return Want(Part(key, ref.value), kind.item_path(key), put, query=query, single=True)


def _select(kind: ObjectType) -> str:
    if kind.listing.select:
        return kind.listing.select
    names = ("id", kind.name, *(name for name in kind.identity if "@" not in name))
    return ",".join(dict.fromkeys(names))


def _is_inside(holder: Any, odata_type: str) -> bool:
    return isinstance(holder, dict) and holder.get("@odata.type") == odata_type
