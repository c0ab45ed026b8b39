"""Links to other objects: bound where the object is made, exchanged one by one by ``$ref`` afterwards."""

from functools import partial
from typing import Any

from providers.catalogue import Detail, ObjectType
from providers.restore.writers.step import ID, Content, Step

Link = tuple[str, str]
"""The property, and the id that it leads to."""


def bindings(kind: ObjectType, wanted: Content, *, origin: str) -> Content:
    """What the body that creates the object says of them."""
    body: dict[str, Any] = {}
    for detail in _with_links(kind):
        assert detail.links is not None
        for name, target in _links(wanted, detail.name):
            if name in detail.links.many:
                body.setdefault(f"{name}@odata.bind", []).append(_url(kind, target, origin))
            else:
                body[f"{name}@odata.bind"] = _url(kind, target, origin)
    return body


def steps(kind: ObjectType, wanted: Content, live: Content, *, origin: str) -> list[Step]:
    """What differs: one that leads elsewhere is replaced, of many each comes and goes by itself."""
    return [step for detail in _with_links(kind) for step in _steps(kind, detail, wanted, live, origin)]


def _steps(kind: ObjectType, detail: Detail, wanted: Content, live: Content, origin: str) -> list[Step]:
    assert detail.links is not None
    here, there, many = _links(wanted, detail.name), _links(live, detail.name), detail.links.many
    cast = str(wanted["object"].get("@odata.type", "")).removeprefix("#")
    base, kept = f"{kind.path}/{ID}/{cast}", {name for name, _target in here}
    found = []
    for name, target in there:
        if (name, target) in here or (name not in many and name in kept):
            continue
        place = f"{base}/{name}/{target}/$ref" if name in many else f"{base}/{name}/$ref"
        gone = partial(_leads, detail.name, (name, target), False)
        found.append(Step(f"unlink:{name}:{target}", "DELETE", place, kind.version, landed=gone))
    for name, target in here:
        if (name, target) not in there:
            body = {"@odata.id": _url(kind, target, origin)}
            method = "POST" if name in many else "PUT"
            come = partial(_leads, detail.name, (name, target), True)
            found.append(
                Step(f"link:{name}:{target}", method, f"{base}/{name}/$ref", kind.version, body, landed=come)
            )
    return found


def _with_links(kind: ObjectType) -> list[Detail]:
    return [detail for detail in kind.details if detail.links is not None]


def _links(content: Content, part: str) -> list[Link]:
    return sorted((str(each["property"]), str(each["id"])) for each in content.get(part) or [])


def _leads(part: str, link: Link, expected: bool, now: Content) -> bool:
    return (link in _links(now, part)) is expected


def _url(kind: ObjectType, target: str, origin: str) -> str:
    return f"{origin}/{kind.version}{kind.path}('{target}')"
