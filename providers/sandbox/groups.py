"""`/groups`: reading, searching, counting and changing groups."""

from collections import OrderedDict
from collections.abc import Iterator
from secrets import token_bytes

import orjson

from providers.sandbox.calls import (
    Call,
    Reply,
    checked_body,
    collection,
    context_of,
    entity,
    no_content,
    plain_number,
    projected,
    select_names,
)
from providers.sandbox.data import JSON
from providers.sandbox.errors import bad_request, unsupported
from providers.sandbox.filters import Filter, folded, parse_filter
from providers.sandbox.groupkeys import not_found, position_of
from providers.sandbox.groupsearch import check_filter, check_orderby, parse_search
from providers.sandbox.ids import now_text
from providers.sandbox.members import expanded
from providers.sandbox.paging import directory_page_size, next_link, resume
from providers.sandbox.tenants import format_guid, security_identifier

REQUIRED = ("displayName", "mailEnabled", "mailNickname", "securityEnabled")
CACHE_BYTES = 24_000_000


class PageCache:
    """Encoded pages of seeded groups, so that a second reading of a big tenant costs little."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._pages: OrderedDict[tuple[object, ...], tuple[bytes, int, int]] = OrderedDict()

    def get(self, key: tuple[object, ...]) -> tuple[bytes, int, int] | None:
        found = self._pages.get(key)
        if found is not None:
            self._pages.move_to_end(key)
        return found

    def put(self, key: tuple[object, ...], page: tuple[bytes, int, int]) -> None:
        self._pages[key] = page
        self._size += len(page[0])
        while self._size > self._limit:
            _, (dropped, _, _) = self._pages.popitem(last=False)
            self._size -= len(dropped)


_cache = PageCache(CACHE_BYTES)


def list_groups(call: Call) -> Reply:
    state = resume(call)
    size = directory_page_size(call)
    names = select_names(call, "group")
    wanted = _filter(call)
    check_orderby(call)
    if call.query.expand and call.advanced():
        raise unsupported()
    items, objects, following = _page(call, state["p"], size, names, wanted)
    count = _count(call, wanted) if call.advanced() and state["n"] == 1 else None
    link = None if following is None else next_link(call, following, state["n"])
    context = context_of("groups", names)
    return collection(
        call, context, items, type_name="group", objects=objects, count=count, next_link=link
    )  # fmt: skip


def _filter(call: Call) -> Filter | None:
    """What `$filter` and `$search` ask for together, once the service would allow it."""
    wanted = None
    if call.query.filter:
        wanted = parse_filter(call.query.filter)
        check_filter(call, wanted)
    if call.query.search is None:
        return wanted
    found = parse_search(call)
    if wanted is None:
        return Filter(found)
    both = wanted.matches
    return Filter(lambda item: both(item) and found(item), ids=wanted.ids)


def _page(
    call: Call, start: int, size: int, names: tuple[str, ...], wanted: Filter | None
) -> tuple[list[JSON] | bytes, int, int | None]:
    """(objects or their encoding, how many, position of the next page or None)."""
    store = call.tenant.groups
    if call.page_limit is not None:
        size = min(size, call.page_limit)
    if call.query.orderby or wanted is not None or call.query.expand or call.metadata != "minimal":
        groups, following = _chosen(call, start, size, wanted)
        shown = [{**projected(call, group, names, "group"), **expanded(call, group)} for group in groups]
        return shown, len(shown), following
    key = (store.factory.ids, store.seq, names, start, size, call.version)
    page = _cache.get(key)
    if page is None:
        groups, following = take(store.walk(start), size)
        shown = _shown(call, groups, names)
        page = (orjson.dumps(shown), len(shown), -1 if following is None else following)
        _cache.put(key, page)
    return page[0], page[1], None if page[2] < 0 else page[2]


def _shown(call: Call, groups: list[JSON], names: tuple[str, ...]) -> list[JSON]:
    """The chosen properties of many groups; every group has the same properties."""
    if groups and names and all(name in groups[0] for name in names):
        return [{name: group[name] for name in names} for group in groups]
    return [projected(call, group, names, "group") for group in groups]


def _chosen(call: Call, start: int, size: int, wanted: Filter | None) -> tuple[list[JSON], int | None]:
    if not call.query.orderby:
        return take(_matching(call, start, wanted), size)
    everything = [group for _, group in _matching(call, 0, wanted)]
    for name, descending in reversed(call.query.orderby):
        everything.sort(key=lambda group: folded(group.get(name)) or "", reverse=descending)
    following = start + size if start + size < len(everything) else None
    return everything[start : start + size], following


def _matching(call: Call, start: int, wanted: Filter | None) -> Iterator[tuple[int, JSON]]:
    store = call.tenant.groups
    if wanted is not None and wanted.ids is not None:
        found = [store.position(group_id) for group_id in wanted.ids]
        positions = sorted({position for position in found if position is not None and position >= start})
        candidates: Iterator[tuple[int, JSON]] = (
            (position, store.at(position) or {}) for position in positions
        )
    else:
        candidates = store.walk(start)
    return (pair for pair in candidates if wanted is None or wanted.matches(pair[1]))


def take(walk: Iterator[tuple[int, JSON]], size: int) -> tuple[list[JSON], int | None]:
    """The next `size` groups and the position of the one after them, None at the end."""
    groups: list[JSON] = []
    for position, group in walk:
        if len(groups) == size:
            return groups, position
        groups.append(group)
    return groups, None


def _count(call: Call, wanted: Filter | None) -> int:
    if wanted is None:
        return call.tenant.groups.count()
    return sum(1 for _ in _matching(call, 0, wanted))


def count_groups(call: Call) -> Reply:
    if not call.eventual:
        raise bad_request("$count is not currently supported.")
    call.query.count = True
    return plain_number(_count(call, _filter(call)))


def get_group(call: Call) -> Reply:
    group = call.tenant.groups.at(position_of(call)) or {}
    names = select_names(call, "group")
    shown = {**projected(call, group, names, "group"), **expanded(call, group)}
    return entity(call, context_of("groups", names), shown, type_name="group")


def create_group(call: Call) -> Reply:
    body = checked_body(call, "group", required=REQUIRED)
    members = _bound_members(call, body)
    group = _new_group(call, body)
    store = call.tenant.groups

    def land() -> None:
        position = store.end
        store.create(group)
        for member in members:
            store.change_member(position, member, added=True)

    call.tenant.write(land)
    reply = entity(call, "groups", group, type_name="group", status=201)
    address = f"{call.base}/v2/{call.tenant.tenant_id}/directoryObjects/{group['id']}"
    reply.headers["Location"] = f"{address}/Microsoft.DirectoryServices.Group"
    return reply


def _bound_members(call: Call, body: JSON) -> list[str]:
    found = []
    for link in body.get("members@odata.bind") or []:
        member_id = str(link).rstrip("/").rsplit("/", 1)[-1]
        if call.tenant.groups.member(member_id) is None:
            raise not_found(member_id)
        found.append(member_id)
    return found


def _new_group(call: Call, body: JSON) -> JSON:
    check_group_rules(body)
    raw = bytearray(token_bytes(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    # Any seeded group shows which properties a plain read has.
    template = call.tenant.groups.factory.make(0)
    blank: JSON = {name: [] if isinstance(value, list) else None for name, value in template.items()}
    created = now_text()[:19] + "Z"
    unified = "Unified" in body.get("groupTypes", [])
    address = f"{body['mailNickname']}@{call.tenant.primary_domain}" if body["mailEnabled"] else None
    given = {name: value for name, value in body.items() if "@" not in name}
    return {
        **blank,
        **given,
        "id": format_guid(bytes(raw)),
        "createdDateTime": created,
        "renewedDateTime": created,
        "mail": address,
        "proxyAddresses": [f"SMTP:{address}"] if address else [],
        "securityIdentifier": security_identifier(bytes(raw)),
        "visibility": given.get("visibility") or ("Public" if unified else None),
    }


def check_group_rules(body: JSON) -> None:
    """Rules the schema does not hold: known group types and visibilities, and what goes together."""
    types = body.get("groupTypes") or []
    if any(kind not in ("Unified", "DynamicMembership") for kind in types):
        raise bad_request("Invalid value specified for property 'groupTypes' of resource 'Group'.")
    if body.get("visibility") not in (None, "Public", "Private", "HiddenMembership"):
        raise bad_request("Invalid value specified for property 'visibility' of resource 'Group'.")
    if "mailEnabled" in body and body["mailEnabled"] and "Unified" not in types:
        raise bad_request("Mail-enabled security and distribution groups cannot be created here.")
    if "DynamicMembership" in types and not body.get("membershipRule"):
        raise bad_request("A value is required for property 'membershipRule' of resource 'Group'.")
    nickname = body.get("mailNickname")
    if nickname is not None and (
        not nickname.isascii() or any(mark in nickname for mark in '@()\\[]";:<>, ')
    ):
        raise bad_request("Invalid value specified for property 'mailNickname' of resource 'Group'.")


def update_group(call: Call) -> Reply:
    position = position_of(call)
    body = checked_body(call, "group")
    for fixed in ("mailEnabled", "isAssignableToRole"):
        if fixed in body:
            raise bad_request(f"Property '{fixed}' cannot be changed after creation.")
    check_group_rules({name: value for name, value in body.items() if name in ("visibility", "mailNickname")})
    if "displayName" in body and not body["displayName"]:
        raise bad_request("Invalid value specified for property 'displayName' of resource 'Group'.")
    changes = {name: value for name, value in body.items() if "@" not in name}
    call.tenant.write(lambda: call.tenant.groups.patch(position, changes))
    return no_content()


def delete_group(call: Call) -> Reply:
    position = position_of(call)
    call.tenant.write(lambda: call.tenant.groups.delete(position))
    return no_content()
