"""Reading what a plan is judged by: live lists, the objects behind the sources, and where references lead."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from providers import catalogue
from providers.catalogue import ObjectType, Ref
from providers.graph.client import BatchRequest, GraphClient
from providers.graph.errors import BadRequest, GraphError, NotFound, TokenError
from providers.graph.urls import path_of
from providers.objects.lookups import TYPE_OF
from providers.objects.reader import Listed, chunks, get_object, list_objects, read_full
from providers.restore import conditional
from providers.restore.matching import live_row, match
from providers.restore.model import Content, ObjectKey, Reading, RefKey, Source
from providers.restore.references import keys_in

Facts = Callable[[GraphError], dict[str, Any]]
_GROUP = Ref.GROUP.value


def read_live(
    graph: GraphClient,
    sources: Sequence[Source],
    *,
    same_tenant: bool,
    names: dict[RefKey, str],
    known_ids: dict[str, str],
    backup_ids: Collection[tuple[str, str]],
    facts_of: Facts,
    also: Collection[ObjectKey] = (),
    mapped: Collection[RefKey] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Reading:
    """Read what the sources need. A type that can't be read is told in ``failed``, never taken for an empty one.

    ``also``: live objects that are wanted whoever they are; ``mapped``: targets that were chosen. Raises TokenError
    and what stops the run.
    """
    reading = Reading()
    by_type: dict[str, list[Source]] = {}
    for source in sources:
        by_type.setdefault(source.type, []).append(source)
    references = _references(sources)
    for type_, _id in also:
        by_type.setdefault(type_, [])
    kinds = _types_to_list(by_type, references)
    for number, kind in enumerate(kinds):
        progress(number, len(kinds))
        listed = _list(graph, kind, reading, facts_of)
        if kind.key in by_type and listed is not None:
            wanted = _behind(kind, by_type[kind.key], reading, same_tenant, known_ids, backup_ids)
            wanted |= {object_id for type_, object_id in also if type_ == kind.key}
            _read_objects(graph, kind, [each for each in listed if each.id in wanted], reading)
    _look_up(graph, references, names, reading, same_tenant=same_tenant)
    reading.sought = sorted(target for kind, target in mapped if kind == _GROUP)
    reading.looked_up |= _by_id(graph, reading.sought)
    progress(len(kinds), len(kinds))
    return reading


def read_one(graph: GraphClient, kind: ObjectType, object_id: str) -> Content | None:
    """One object as it is now, None where there is none. Raises GraphError, also when a part can't be read."""
    read = get_object(graph, kind, object_id)
    if read is None:
        return None
    for failure in read.failures.values():
        raise failure
    return read.content


def _references(sources: Iterable[Source]) -> set[RefKey]:
    return {key for source in sources for key in keys_in(catalogue.get(source.type), source.content)}


def _types_to_list(by_type: Collection[str], references: Iterable[RefKey]) -> list[ObjectType]:
    led_to = {TYPE_OF[Ref(kind)] for kind, _id in references if Ref(kind) in TYPE_OF} - {TYPE_OF[Ref.GROUP]}
    return [kind for kind in catalogue.all_types() if kind.key in led_to or kind.key in by_type]


def _list(graph: GraphClient, kind: ObjectType, reading: Reading, facts_of: Facts) -> list[Listed] | None:
    try:
        listed = [each for page in list_objects(graph, kind, whole=True) for each in page.objects]
    except TokenError:
        raise
    except GraphError as error:
        reading.failed[kind.key] = (error.reason_code, facts_of(error))
        return None
    reading.listed[kind.key] = [live_row(kind, each.item) for each in listed]
    if kind.key == conditional.KEY:
        reading.exclusions = conditional.break_glass(each.item for each in listed)
    return listed


def _behind(
    kind: ObjectType,
    sources: Iterable[Source],
    reading: Reading,
    same_tenant: bool,
    known_ids: dict[str, str],
    backup_ids: Collection[tuple[str, str]],
) -> set[str]:
    """The live objects that a source is, or might be: a person may choose between these."""
    wanted: set[str] = set()
    known = {object_id for type_, object_id in backup_ids if type_ == kind.key}
    for source in sources:
        found = match(
            kind,
            {**source.content["object"], "id": source.id},
            reading.listed[kind.key],
            known_id=known_ids.get(source.key, ""),
            same_tenant=same_tenant,
            others=known - {source.id},
        )
        wanted |= {found.id, *found.candidates}
    return wanted


def _read_objects(graph: GraphClient, kind: ObjectType, listed: Sequence[Listed], reading: Reading) -> None:
    for group in chunks(kind, listed):
        for read in read_full(graph, kind, group):
            key = (kind.key, read.listed.id)
            if read.gone:
                reading.listed[kind.key] = [row for row in reading.listed[kind.key] if row.id != key[1]]
                continue
            reading.contents[key] = read.content
            if read.failures:
                reading.incomplete[key] = sorted(read.failures)


def _look_up(
    graph: GraphClient,
    references: Iterable[RefKey],
    names: dict[RefKey, str],
    reading: Reading,
    *,
    same_tenant: bool,
) -> None:
    """The groups, each once: by id in the tenant that they are of, and those that are not there by their names."""
    wanted = sorted(key for key in references if key[0] == _GROUP)
    if same_tenant:
        reading.looked_up |= _by_id(graph, [key[1] for key in wanted])
    missing = [key for key in wanted if key not in reading.looked_up]
    reading.looked_up |= _by_name(graph, sorted({names[key] for key in missing if names.get(key)}))


def existing(graph: GraphClient, group_ids: Sequence[str]) -> set[str]:
    """Which of these groups exist. Raises GraphError where that can't be told."""
    return {key[1] for key in _by_id(graph, group_ids)}


def _by_id(graph: GraphClient, group_ids: Sequence[str]) -> dict[RefKey, str]:
    requests = [
        BatchRequest(each, path_of("/groups/{}", each) + "?$select=id,displayName") for each in group_ids
    ]
    found: dict[RefKey, str] = {}
    for each, answer in zip(group_ids, graph.batch(requests), strict=True):
        if answer.error is None and isinstance(answer.body, dict):
            found[_GROUP, each] = str(answer.body.get("displayName") or "")
        elif answer.error is not None and not isinstance(answer.error, (NotFound, BadRequest)):
            raise answer.error
    return found


def _by_name(graph: GraphClient, names: Sequence[str]) -> dict[RefKey, str]:
    found: dict[RefKey, str] = {}
    for name in names:
        quoted = name.replace("'", "''")
        pages = graph.pages("/groups", select=("id", "displayName"), filter=f"displayName eq '{quoted}'")
        for page in pages:
            found |= {(_GROUP, str(each["id"])): str(each["displayName"]) for each in page.value}
    return found
