"""What a lost answer would have told: looking in the tenant whether a request landed."""

from collections.abc import Collection
from dataclasses import dataclass

from providers.catalogue import ObjectType
from providers.graph.client import GraphClient
from providers.objects.reader import list_objects
from providers.restore import groups
from providers.restore.entered import NOTHING, Entered
from providers.restore.matching import identity_of
from providers.restore.reading import read_one
from providers.restore.writers import Step
from providers.restore.writers.same import same_object
from providers.restore.writers.step import Content


@dataclass(frozen=True, slots=True)
class Found:
    """``certain``: the tenant could be read, and it shows that the request did or did not land."""

    landed: bool = False
    certain: bool = False
    object_id: str = ""


def look(
    graph: GraphClient,
    kind: ObjectType,
    step: Step,
    object_id: str,
    wanted: Content,
    known: Collection[str],
    secrets: Entered = NOTHING,
) -> Found:
    """Say whether ``step`` landed. ``known`` are the ids of its type that were there before. Raises GraphError.

    ``wanted`` lacks the places of ``secrets``: nobody sees whether these landed, so they are not compared.
    """
    if step.creates:
        return (
            _created_group(graph, wanted, known)
            if kind.key == groups.KEY
            else _created(graph, kind, wanted, known, secrets)
        )
    now = read_one(graph, kind, object_id)
    if step.landed is None:
        return Found(landed=now is None, certain=True, object_id=object_id)
    landed = now is not None and step.landed(secrets.without(now))
    return Found(landed=landed, certain=True, object_id=object_id)


def _created(
    graph: GraphClient, kind: ObjectType, wanted: Content, known: Collection[str], secrets: Entered
) -> Found:
    """The one new object of this identity and content; two of them are nobody's certain answer."""
    identity = identity_of(kind, wanted["object"])
    new = [
        each.id
        for page in list_objects(graph, kind, whole=True)
        for each in page.objects
        if each.id not in known and identity_of(kind, each.item) == identity
    ]
    if len(new) != 1:
        return Found(certain=not new)
    now = read_one(graph, kind, new[0])
    if now is None or not same_object(kind, wanted, secrets.without(now)):
        return Found()
    return Found(landed=True, certain=True, object_id=new[0])


def _created_group(graph: GraphClient, wanted: Content, known: Collection[str]) -> Found:
    name = str(wanted["object"]["displayName"]).replace("'", "''")
    pages = graph.pages("/groups", select=("id",), filter=f"displayName eq '{name}'")
    new = [str(each["id"]) for page in pages for each in page.value if each["id"] not in known]
    return Found(len(new) == 1, len(new) < 2, new[0] if len(new) == 1 else "")
