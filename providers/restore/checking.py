"""Right before the first write: is the tenant still as the plan saw it?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from providers import catalogue
from providers.catalogue import ObjectType, Ref
from providers.choices import RestoreAction
from providers.graph.client import GraphClient
from providers.models import RestorePlanItem
from providers.objects.canonical import content_hash
from providers.objects.reader import Listed, ReadObject, chunks, list_objects, read_full
from providers.restore import groups
from providers.restore.matching import identity_of
from providers.restore.model import Content, Reading
from providers.restore.reading import existing
from providers.restore.store import contents_of


@dataclass(slots=True)
class Checked:
    """What was found: the touched objects as they are, every id by type, and what is not as the plan saw it."""

    touched: dict[str, list[ReadObject]] = field(default_factory=dict)
    known: dict[str, set[str]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)


def check(
    graph: GraphClient, items: Sequence[RestorePlanItem], reading: Reading, targets: Iterable[str]
) -> Checked:
    """Read every touched object again, and look for new objects where the plan creates some.

    ``targets`` are the ids of the groups that the plan assigns to. Raises GraphError: what can't be read again can't
    be written over.
    """
    checked = Checked()
    by_type: dict[str, list[RestorePlanItem]] = {}
    for item in items:
        if item.object_type != groups.KEY:
            by_type.setdefault(item.object_type, []).append(item)
    for key, planned in by_type.items():
        _check_type(graph, catalogue.get(key), planned, reading, checked)
    wanted = sorted(set(targets))
    checked.changed += sorted(set(wanted) - existing(graph, wanted))
    return checked


def targets_of(resolutions: Iterable[dict[str, str]]) -> list[str]:
    """The ids of the groups that exist already and that the plan's references become."""
    return [
        each["target_id"]
        for each in resolutions
        if each["kind"] == Ref.GROUP.value and each["how"] in ("same", "name", "mapped")
    ]


def _check_type(
    graph: GraphClient, kind: ObjectType, items: Sequence[RestorePlanItem], reading: Reading, checked: Checked
) -> None:
    listed = {each.id: each for page in list_objects(graph, kind, whole=True) for each in page.objects}
    checked.known[kind.key] = set(listed)
    there = {item.live_id: item for item in items if item.live_id}
    checked.changed += [item.name for object_id, item in there.items() if object_id not in listed]
    reads = checked.touched.setdefault(kind.key, [])
    for group in chunks(kind, [listed[each] for each in there if each in listed]):
        for read in read_full(graph, kind, group):
            for failure in read.failures.values():
                raise failure
            if read.gone or content_hash(kind, read.content) != there[read.listed.id].live_hash:
                checked.changed.append(read.listed.name)
            reads.append(read)
    _check_new(kind, items, listed, reading, checked)


def _check_new(
    kind: ObjectType,
    items: Iterable[RestorePlanItem],
    listed: dict[str, Listed],
    reading: Reading,
    checked: Checked,
) -> None:
    """An object that appeared since under the identity of one to create would become its twin."""
    then = {row.id for row in reading.listed.get(kind.key, ())}
    appeared = {identity_of(kind, each.item) for each in listed.values() if each.id not in then}
    for item in items:
        if item.action == RestoreAction.CREATE and appeared:
            wanted: Content = contents_of(item)[0] or {}
            if identity_of(kind, wanted.get("object", {})) in appeared:
                checked.changed.append(item.name)
