"""Members and owners of groups, as collections, as counts and as `$expand`."""

from providers.sandbox.calls import Call, Reply, collection, no_content, plain_number, projected, select_names
from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError, bad_request
from providers.sandbox.groupkeys import not_found, position_of
from providers.sandbox.odata import split_outside
from providers.sandbox.paging import cut, directory_page_size

EXPAND_LIMIT = 20
CASTS = {"user": "user", "device": "device", "group": "group"}


def expanded(call: Call, group: JSON) -> JSON:
    """What `$expand` adds to a group: at most 20 members or owners, and no link to more."""
    added: JSON = {}
    for item in call.query.expand:
        name, _, options = item.partition("(")
        if name.strip().lower() not in ("members", "owners", "transitivemembers", "memberof"):
            message = f"Could not find a property named '{name}' on type 'microsoft.graph.group'."
            raise GraphError(400, "BadRequest", f"Parsing OData Select and Expand failed: {message}")
        position = call.tenant.groups.position(group["id"])
        ids = _ids(call, position if position is not None else -1, name.strip().lower())
        people = [call.tenant.groups.member(member_id) for member_id in ids[:EXPAND_LIMIT]]
        wanted = _nested_select(options.removesuffix(")"))
        added[name.strip()] = [_only(person, wanted) for person in people if person is not None]
    return added


def _nested_select(options: str) -> list[str]:
    for option in split_outside(options, ";"):
        name, _, value = option.partition("=")
        if name.strip().lower().removeprefix("$") == "select":
            return [part.strip() for part in value.split(",")]
    return []


def _only(person: JSON, wanted: list[str]) -> JSON:
    if not wanted:
        return person
    return {name: value for name, value in person.items() if name in wanted or name.startswith("@")}


def _ids(call: Call, position: int, relation: str) -> list[str]:
    if position < 0 or relation == "memberof":
        return []
    ids = call.tenant.groups.member_ids(position)
    return ids[:1] if relation == "owners" else ids


def _relation(call: Call) -> tuple[list[JSON], str]:
    """Objects of the relation the path names, after a cast if there is one, and their type."""
    steps = call.path.lower().split("/")
    relation = next(step for step in steps if step in ("members", "owners", "transitivemembers", "memberof"))
    ids = _ids(call, position_of(call), relation)
    objects = [item for item in map(call.tenant.groups.member, ids) if item is not None]
    for step in steps:
        cast = CASTS.get(step.rpartition(".")[2]) if "graph." in step else None
        if cast:
            typed = f"#microsoft.graph.{cast}"
            kept = [item for item in objects if item["@odata.type"] == typed]
            return [
                {key: value for key, value in item.items() if key != "@odata.type"} for item in kept
            ], cast
    return objects, "directoryObject"


def list_members(call: Call) -> Reply:
    size = directory_page_size(call)
    objects, type_name = _relation(call)
    page, link, first = cut(call, objects, size)
    wanted = call.query.select
    if type_name == "directoryObject":
        page = [_only(item, list(wanted)) for item in page]
    else:
        names = select_names(call, type_name)
        page = [projected(call, item, names, type_name) for item in page]
    count = len(objects) if call.advanced() and first else None
    context = "directoryObjects" if type_name == "directoryObject" else f"{type_name}s"
    suffix = f"({','.join(wanted)})" if wanted else ""
    return collection(call, context + suffix, page, type_name=type_name, count=count, next_link=link)


def count_members(call: Call) -> Reply:
    if not call.eventual:
        raise bad_request("$count is not currently supported.")
    return plain_number(len(_relation(call)[0]))


def add_member(call: Call) -> Reply:
    position = position_of(call)
    body = call.json_body()
    link = body.get("@odata.id")
    if not isinstance(link, str) or set(body) != {"@odata.id"}:
        raise bad_request("A value is required for property '@odata.id' of the reference.")
    member_id = link.rstrip("/").rsplit("/", 1)[-1]
    store = call.tenant.groups
    if store.member(member_id) is None:
        raise not_found(member_id)
    if member_id in store.member_ids(position):
        message = "One or more added object references already exist for the following modified properties: 'members'."
        raise bad_request(message)
    call.tenant.write(lambda: store.change_member(position, member_id, added=True))
    return no_content()


def remove_member(call: Call) -> Reply:
    position = position_of(call)
    member_id = call.keys[1].text
    store = call.tenant.groups
    if member_id not in store.member_ids(position):
        raise not_found(member_id)
    call.tenant.write(lambda: store.change_member(position, member_id, added=False))
    return no_content()
