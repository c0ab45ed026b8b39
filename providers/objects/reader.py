"""Reading objects of one type: the list, and then everything that belongs to each of them, 20 requests at a time.

What one part of one object met is told by that object, never raised: only a list that can't be read, a missing token
and a stopped run end a read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.catalogue import AssignmentsRead, Detail, ObjectType, Protection
from providers.graph.client import GraphClient
from providers.graph.errors import GraphError, NotFound, ResponseInvalid
from providers.objects.wants import Part, Want, fetch

Item = dict[str, Any]
_MARKERS = ("lastModifiedDateTime", "modifiedDateTime", "version")
_ASSIGNMENTS = "assignments"
OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as its list shows it. ``marker`` changes when the object does, where the service has such a thing."""

    id: str
    name: str
    odata_type: str
    marker: str
    item: Item


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A page of the list; ``count`` is the size of all of it, where the service says so."""

    objects: list[Listed]
    count: int | None


@dataclass(slots=True)
class ReadObject:
    """An object with all that was read of it. ``failures`` maps each part that could not be read to why.

    ``gone``: it was deleted between the list and this read.
    """

    listed: Listed
    content: dict[str, Any]
    failures: dict[str, GraphError] = field(default_factory=dict)
    gone: bool = False

    @property
    def complete(self) -> bool:
        return not self.failures


def list_objects(graph: GraphClient, kind: ObjectType, *, whole: bool = False) -> Iterator[ListedPage]:
    """The objects of a type, page by page; ``whole`` asks for all that the list can give of each.

    The list was read completely only if the iteration ends without an error. Built-in objects that Microsoft owns
    and nobody may change are left out. Raises GraphError.
    """
    query = kind.listing
    expected: int | None = None
    received = 0
    pages = graph.pages(
        kind.path,
        version=kind.version,
        select=query.select or None,
        filter=query.filter or None,
        top=query.top or None,
        expand=(query.expand or None) if whole else None,
    )
    for page in pages:
        expected = page.count if expected is None else expected
        received += len(page.value)
        listed = [_listed(kind, item) for item in page.value]
        yield ListedPage([each for each in listed if _is_somebodys(kind, each)], expected)
    if expected is not None and received < expected:
        raise ResponseInvalid("Fewer objects came than the provider counts.", transient=True)


def get_object(graph: GraphClient, kind: ObjectType, object_id: str) -> ReadObject | None:
    """One object with everything that belongs to it; None when there is none of this id. Raises GraphError."""
    found: list[Item] = []
    want = Want(Part(object_id, OBJECT), _item_url(kind, object_id, whole=True), found.append, single=True)
    failures: dict[Part, GraphError] = {}
    fetch(graph, kind.version, [want], failures)
    for error in failures.values():
        if isinstance(error, NotFound):
            return None
        raise error
    read = read_full(graph, kind, [_listed(kind, found[0])])[0]
    return None if read.gone else read


def read_full(graph: GraphClient, kind: ObjectType, objects: Sequence[Listed]) -> list[ReadObject]:
    """These objects in the same order, with all that belongs to them. Raises TokenError and what stops a run."""
    reads = [ReadObject(each, {OBJECT: dict(each.item)}) for each in objects]
    failures: dict[Part, GraphError] = {}
    fetch(graph, kind.version, [want for read in reads for want in _wants(kind, read)], failures)
    followed = [want for read in reads for want in _plain_values(kind, read)]
    refused: dict[Part, GraphError] = {}
    fetch(graph, kind.version, followed, refused)
    by_id = {read.listed.id: read for read in reads}
    for part, error in failures.items():
        by_id[part.object_id].failures[part.name] = error
    for part, error in refused.items():
        # Refused for good: the value stays masked, which the object is flagged for. Anything else may pass.
        if error.transient:
            by_id[part.object_id].failures[part.name] = error
    _find_gone(graph, kind, [read for read in reads if _met_nothing(read)])
    for read in reads:
        _settle(kind, read)
    return reads


def chunks(kind: ObjectType, objects: Iterable[Listed], most: int = 20) -> Iterator[list[Listed]]:
    """Objects in groups whose first reads fill one batch."""
    size = max(1, most // max(1, _reads_per_object(kind)))
    group: list[Listed] = []
    for each in objects:
        group.append(each)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group


def _reads_per_object(kind: ObjectType) -> int:
    below = kind.assignments is not None and bool(kind.assignments.path) and _reads_below(kind)
    return kind.read_item + len(kind.details) + below


def _reads_below(kind: ObjectType) -> bool:
    return kind.assignments is not None and kind.assignments.read is AssignmentsRead.BELOW


def _wants(kind: ObjectType, read: ReadObject) -> Iterator[Want]:
    object_id, content = read.listed.id, read.content
    if kind.read_item:

        def put_item(item: Item) -> None:
            content[OBJECT] = item

        yield Want(Part(object_id, OBJECT), _item_url(kind, object_id, whole=True), put_item, single=True)
    for detail in kind.details:
        if not detail.belongs_to(read.listed.item):
            continue
        yield _links_want(kind, read, detail) if detail.links else _detail_want(kind, read, detail)
    if kind.assignments is not None and kind.assignments.path and _assignments_lacking(kind, read):
        url = f"{kind.item_path(object_id)}/{kind.assignments.path}"

        def put_assignments(found: list[Item]) -> None:
            content[_ASSIGNMENTS] = found

        yield Want(Part(object_id, _ASSIGNMENTS), url, put_assignments)


def _assignments_lacking(kind: ObjectType, read: ReadObject) -> bool:
    """Whether they must be read apart; an expanded list that was cut off says so by a link."""
    if _reads_below(kind):
        return True
    item = read.listed.item
    if kind.assignments and kind.assignments.read is AssignmentsRead.LIST:
        return _ASSIGNMENTS not in item or f"{_ASSIGNMENTS}@odata.nextLink" in item
    return False


def _detail_want(kind: ObjectType, read: ReadObject, detail: Detail) -> Want:
    object_id = read.listed.id
    part = Part(object_id, detail.name)
    url = _detail_url(kind, object_id, detail)

    def put(found: Any) -> list[Want] | None:
        read.content[detail.name] = found
        if detail.each is None:
            return None
        return [_each_want(kind, part, detail.each, found, number) for number in range(len(found))]

    return Want(part, url, put, query=detail.query.options(), single=detail.single)


def _links_want(kind: ObjectType, read: ReadObject, detail: Detail) -> Want:
    """Where the object leads: every property of its type must be in the answer, or nobody knows."""
    assert detail.links is not None
    object_id, type_ = read.listed.id, read.listed.odata_type
    names = detail.links.of[type_]

    def put(item: Item) -> None:
        links = []
        for name in names:
            if name not in item or f"{name}@odata.nextLink" in item:
                raise ResponseInvalid("The object came without all of its links.", status=200)
            found = item[name] if isinstance(item[name], list) else [item[name]]
            links += [{"property": name, "id": _id_of(each)} for each in found if each is not None]
        read.content[detail.name] = links

    cast = type_.removeprefix("#")
    query = {"$select": "id", "$expand": ",".join(f"{cast}/{name}($select=id)" for name in names)}
    return Want(Part(object_id, detail.name), kind.item_path(object_id), put, query=query, single=True)


def _id_of(item: Any) -> str:
    key = item.get("id") if isinstance(item, dict) else None
    if not isinstance(key, str) or not key:
        raise ResponseInvalid("An object came without an id.", status=200)
    return key


def _each_want(kind: ObjectType, part: Part, detail: Detail, elements: list[Item], number: int) -> Want:
    element = elements[number]
    path = detail.path.replace("{each}", str(element.get("id")))
    url = path if path.startswith("/") else f"{kind.item_path(part.object_id)}/{path}"

    def put(found: Any) -> None:
        if detail.single:
            elements[number] = found
        else:
            element[detail.name] = found

    return Want(part, url, put, query=detail.query.options(), single=detail.single)


def _detail_url(kind: ObjectType, object_id: str, detail: Detail) -> str:
    if detail.path.startswith("/"):
        return detail.path.replace("{id}", object_id)
    return f"{kind.item_path(object_id)}/{detail.path}".rstrip("/")


def _plain_values(kind: ObjectType, read: ReadObject) -> Iterator[Want]:
    """The clear text of values that the object shows masked."""
    plain = kind.plain_values
    if plain is None:
        return
    for each in read.content[OBJECT].get(plain.name) or ():
        key = each.get(plain.key)
        if not each.get(plain.flag) or not isinstance(key, str):
            continue
        path = plain.path.replace("{key}", key.replace("'", "''"))

        def put(answer: Item, into: Item = each) -> None:
            if isinstance(answer.get("value"), str):
                into["value"] = answer["value"]

        url = f"{kind.item_path(read.listed.id)}/{path}"
        yield Want(Part(read.listed.id, plain.name), url, put, single=True)


def _met_nothing(read: ReadObject) -> bool:
    return any(isinstance(error, NotFound) for error in read.failures.values())


def _find_gone(graph: GraphClient, kind: ObjectType, reads: Sequence[ReadObject]) -> None:
    """Tell objects that were deleted meanwhile from those of which only a part is missing."""
    wants = [
        Want(Part(read.listed.id, OBJECT), _item_url(kind, read.listed.id, whole=False), _ignore, single=True)
        for read in reads
    ]
    failures: dict[Part, GraphError] = {}
    fetch(graph, kind.version, wants, failures)
    for read in reads:
        read.gone = isinstance(failures.get(Part(read.listed.id, OBJECT)), NotFound)


def _ignore(_found: Any) -> None:
    return None


def _settle(kind: ObjectType, read: ReadObject) -> None:
    """Move expanded assignments to where those of every type are."""
    item = read.content[OBJECT]
    expanded = item.pop(_ASSIGNMENTS, None)
    if kind.assignments is None or not kind.assignments.path:
        return
    if _ASSIGNMENTS not in read.content and isinstance(expanded, list) and OBJECT not in read.failures:
        read.content[_ASSIGNMENTS] = expanded
    if _ASSIGNMENTS not in read.content and _ASSIGNMENTS not in read.failures:
        read.failures[_ASSIGNMENTS] = read.failures.get(OBJECT) or ResponseInvalid(
            "The object came without its assignments.", status=200
        )


def _item_url(kind: ObjectType, object_id: str, *, whole: bool) -> str:
    options = (kind.item if kind.read_item else kind.listing).options() if whole else {"$select": "id"}
    allowed = {name: value for name, value in options.items() if name in ("$select", "$expand")}
    query = "&".join(f"{name}={value}" for name, value in allowed.items())
    return kind.item_path(object_id) + (f"?{query}" if query else "")


def _listed(kind: ObjectType, item: Item) -> Listed:
    key = _id_of(item)
    marker = next((str(item[name]) for name in _MARKERS if item.get(name)), "")
    return Listed(key, kind.name_of(item), str(item.get("@odata.type") or ""), marker, item)


def _is_somebodys(kind: ObjectType, listed: Listed) -> bool:
    return kind.protection(listed.item) is not Protection.NEVER
