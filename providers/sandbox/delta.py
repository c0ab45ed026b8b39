"""Delta query on groups: a first enumeration, then what changed since, by signed tokens."""

import time
from collections.abc import Iterator
from itertools import chain

import orjson

from providers.sandbox import cursor
from providers.sandbox.calls import Call, Reply, annotate, collection, context_of, projected, select_names
from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError, bad_request, unsupported
from providers.sandbox.filters import parse_filter
from providers.sandbox.groupkeys import not_found

FILTER_LIMIT = 50
MEMBERS_PER_ENTRY = 20


def groups_delta(call: Call) -> Reply:
    """One page. `full` enumerates all groups; `changes` reports what changed; `replay` does both."""
    state = _state(call)
    if state["m"] == "latest":
        return _answer(call, state, [], None)
    if state["m"] == "changes":
        return _changes_page(call, state)
    return _enumeration_page(call, state)


def _state(call: Call) -> JSON:
    query = call.query
    if query.skiptoken:
        state = cursor.unseal(call.state.cursor_key, query.skiptoken, "delta page", call.tenant.slug)
    elif query.deltatoken and query.deltatoken != "latest":
        state = cursor.unseal(call.state.cursor_key, query.deltatoken, "delta", call.tenant.slug)
        replay = call.tenant.settings.replay_deltas
        state |= {"m": "replay" if replay else "changes", "p": 0, "n": 1, "u": call.tenant.groups.seq}
    else:
        return _first_state(call)
    age = time.time() - state["at"]
    if age > call.tenant.settings.delta_lifetime_s or state["e"] != call.tenant.delta_epoch:
        location = f"{call.root}/groups/delta?$deltatoken="
        raise GraphError(410, headers={"Location": location})
    call.query.select = tuple(state["s"])
    return state


def _first_state(call: Call) -> JSON:
    for refused in ("expand", "orderby", "top", "search", "skip"):
        if refused in call.query.names:
            raise unsupported(f"The query parameter '${refused}' is not supported for this delta query.")
    return {
        "t": call.tenant.slug,
        "e": call.tenant.delta_epoch,
        "s": list(select_names(call, "group")),
        "f": _filtered_ids(call),
        "m": "latest" if call.query.deltatoken == "latest" else "full",
        "p": 0,
        "n": 1,
        "since": 0,
        "u": call.tenant.groups.seq,
        "at": time.time(),
    }


def _filtered_ids(call: Call) -> list[str] | None:
    if not call.query.filter:
        return None
    wanted = parse_filter(call.query.filter)
    if wanted.ids is None or len(wanted.ids) > FILTER_LIMIT:
        raise bad_request("Only filters of the form id eq '…' or id eq '…', at most 50, are supported.")
    for group_id in wanted.ids:
        if call.tenant.groups.position(group_id) is None:
            raise not_found(group_id)
    return wanted.ids


def _size(call: Call) -> int:
    size = call.tenant.settings.delta_page_size
    return size if call.page_limit is None else min(size, call.page_limit)


def _enumeration_page(call: Call, state: JSON) -> Reply:
    store, size, wanted = call.tenant.groups, _size(call), state["f"]
    entries: list[JSON] = []
    following: int | None = None
    count = 0
    for position, group in _walk(call, state):
        if wanted is not None and group["id"] not in wanted:
            continue
        if count == size:
            following = position
            break
        entries += _entries(call, state, position, group, None)
        count += 1
    if following is None and state["m"] == "replay":
        entries += [
            _removed(call, position)
            for _, position in store.changed_since(state["since"], state["u"])
            if position in store.gone and _is_wanted(call, state, position)
        ]
    return _answer(call, state, entries, following)


def _walk(call: Call, state: JSON) -> Iterator[tuple[int, JSON]]:
    store = call.tenant.groups
    if state["f"] is None:
        return store.walk(state["p"])
    positions = sorted(position for position in map(store.position, state["f"]) if position is not None)
    return chain((position, store.at(position) or {}) for position in positions if position >= state["p"])


def _changes_page(call: Call, state: JSON) -> Reply:
    store = call.tenant.groups
    changed = [
        position
        for _, position in store.changed_since(state["since"], state["u"])
        if _is_wanted(call, state, position)
    ]
    end = state["p"] + _size(call)
    entries: list[JSON] = []
    for position in changed[state["p"] : end]:
        group = store.at(position)
        if group is None:
            entries.append(_removed(call, position))
        else:
            entries += _entries(call, state, position, group, state["since"])
    return _answer(call, state, entries, end if end < len(changed) else None)


def _is_wanted(call: Call, state: JSON, position: int) -> bool:
    return state["f"] is None or call.tenant.groups.id_at(position) in state["f"]


def _removed(call: Call, position: int) -> JSON:
    reason = call.tenant.groups.gone[position][1]
    return {"id": call.tenant.groups.id_at(position), "@removed": {"reason": reason}}


def _entries(call: Call, state: JSON, position: int, group: JSON, since: int | None) -> list[JSON]:
    """What delta shows of a group: no nulls, always the id, members in several parts if many."""
    names = tuple(state["s"])
    shown = projected(call, group, tuple(name for name in names if name != "members"), "group")
    if names == ("members",):
        shown = {}
    if since is not None and _minimal(call):
        seen = call.tenant.groups.touched.get(position, {})
        shown = {name: value for name, value in shown.items() if seen.get(name, 0) > since}
    entry = {"id": group["id"]} | {name: value for name, value in shown.items() if value is not None}
    if "members" not in names:
        return [entry]
    members = _member_changes(call, position, since)
    if not members:
        return [entry]
    parts = [
        members[start : start + MEMBERS_PER_ENTRY] for start in range(0, len(members), MEMBERS_PER_ENTRY)
    ]
    return [{**entry, "members@delta": part} for part in parts]


def _member_changes(call: Call, position: int, since: int | None) -> list[JSON]:
    store = call.tenant.groups
    if since is None:
        return [_member(call, member_id) for member_id in store.member_ids(position)]
    changes = store.members.get(position, {}).items()
    return [
        _member(call, member_id) | ({} if change.added else {"@removed": {"reason": "deleted"}})
        for member_id, change in changes
        if change.seq > since
    ]


def _member(call: Call, member_id: str) -> JSON:
    person = call.tenant.groups.member(member_id)
    kind = person["@odata.type"] if person is not None else "#microsoft.graph.user"
    return {"@odata.type": kind, "id": member_id}


def _minimal(call: Call) -> bool:
    return "return=minimal" in call.headers.get("prefer", "").lower().replace(" ", "")


def _answer(call: Call, state: JSON, entries: list[JSON], following: int | None) -> Reply:
    next_link = delta_link = None
    key = call.state.cursor_key
    if following is not None:
        token = cursor.seal(key, {**state, "k": "delta page", "p": following, "n": state["n"] + 1})
        next_link = f"{call.root}/groups/delta?$skiptoken={token}"
    else:
        kept = {name: state[name] for name in ("t", "e", "s", "f")}
        token = cursor.seal(key, {**kept, "k": "delta", "since": state["u"], "at": time.time()})
        delta_link = f"{call.root}/groups/delta?$deltatoken={token}"
    context = context_of("groups", tuple(state["s"]))
    content = orjson.dumps(annotate(call, entries, "group"))
    reply = collection(
        call, context, content, type_name="group", objects=len(entries),
        next_link=next_link, delta_link=delta_link,
    )  # fmt: skip
    if _minimal(call):
        reply.headers["Preference-Applied"] = "return=minimal"
    return reply
