"""Lists, objects and their parts."""

from collections.abc import Sequence
from urllib.parse import quote

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, collection, context_of, entity, projected, select_names
from providers.sandbox.data import JSON
from providers.sandbox.errors import INTUNE, GraphError, approval_required, missing_licence
from providers.sandbox.filters import folded, parse_filter
from providers.sandbox.paging import INTUNE_MAXIMUM, cut, directory_page_size
from providers.sandbox.policies.shown import (
    Expand,
    not_here,
    parse_expand,
    show_part,
    shown,
    wanted_expand,
)
from providers.sandbox.policies.table import ObjectType

SETTINGS_PAGE = 50


def admit(kind: ObjectType, call: Call) -> None:
    """Raises 403 when the tenant lacks the licence, or a write lacks what Multi Admin Approval asks for."""
    settings = call.tenant.settings
    if kind.style != INTUNE:
        if not settings.entra_premium:
            message = "Tenant is not licensed for this feature. A Microsoft Entra ID P1 licence is needed."
            raise GraphError(403, "AccessDenied", message)
        return
    if not settings.intune or (kind.key == "windowsDriverUpdateProfiles" and not settings.windows_updates):
        raise missing_licence()
    protected = call.method != "GET" and settings.approval_required
    if protected and "x-msft-approval-justification" not in call.headers:
        raise approval_required()


def list_objects(kind: ObjectType, call: Call) -> Reply:
    """A filtered, ordered page. Intune counts unasked and clamps `$top`; the directory does neither."""
    admit(kind, call)
    return answer_list(kind, call, list(call.tenant.policies.all(kind.key)))


def answer_list(kind: ObjectType, call: Call, found: Sequence[JSON]) -> Reply:
    size = _page_size(kind, call)
    if call.query.filter:
        matches = parse_filter(call.query.filter).matches
        found = [item for item in found if matches(item)]
    for name, descending in reversed(call.query.orderby):
        found = sorted(found, key=lambda item: str(folded(item.get(name)) or ""), reverse=descending)
    total = len(found)
    if call.style == INTUNE and call.query.skiptoken is None and call.query.skip:
        found = found[call.query.skip :]
    page, link, _ = cut(call, found, size)
    names, expand = select_names(call, kind.type), wanted_expand(call, kind, in_list=True)
    items = [
        _selected(call, kind, shown(call, kind, item, expand, in_list=True), names, expand) for item in page
    ]
    if link and kind.cosmos:
        link = link.replace("$skiptoken=", f"$skiptoken={quote('[cosmosdb]')}")
    count = total if call.style == INTUNE or call.query.count else None
    return collection(
        call, context_of(kind.path, names), items, type_name=kind.type, count=count, next_link=link
    )


def _page_size(kind: ObjectType, call: Call) -> int:
    if kind.style != INTUNE:
        return directory_page_size(call)
    asked = kind.page if kind.cosmos else call.query.top or kind.page
    return max(1, min(asked, call.tenant.settings.page_size or asked, INTUNE_MAXIMUM))


def _selected(call: Call, kind: ObjectType, item: JSON, names: tuple[str, ...], expand: Expand) -> JSON:
    chosen = projected(call, item, names, kind.type)
    if not names:
        return chosen
    extra = [name for key in expand.inner for name in (f"{key}@odata.context", key)]
    return chosen | {name: item[name] for name in extra if name in item}


def find(kind: ObjectType, call: Call) -> JSON:
    object_id = call.keys[0].text
    found = call.tenant.policies.find(kind.key, object_id)
    if found is None:
        raise not_here(kind, object_id)
    return found


def get_object(kind: ObjectType, call: Call) -> Reply:
    """One object; a type in place of its id lists the objects of that type."""
    admit(kind, call)
    cast = f"microsoft.{call.keys[0].text.removeprefix('microsoft.')}"
    if not call.keys[0].is_key and schema.is_a(call.version, cast, kind.full_type):
        found = call.tenant.policies.all(kind.key)
        return answer_list(kind, call, [item for item in found if item.get("@odata.type") == f"#{cast}"])
    return answer_object(kind, call, find(kind, call))


def answer_object(kind: ObjectType, call: Call, item: JSON, status: int = 200) -> Reply:
    names = select_names(call, kind.type)
    expand = wanted_expand(call, kind, in_list=False)
    whole = _selected(call, kind, shown(call, kind, item, expand), names, expand)
    return entity(call, context_of(kind.path, names), whole, type_name=kind.type, status=status)


def list_parts(kind: ObjectType, name: str, type_name: str, call: Call) -> Reply:
    """A collection inside one object, such as its assignments or settings."""
    admit(kind, call)
    owner = find(kind, call)
    return answer_parts(kind, call, owner.get(name) or [], type_name, f"{kind.path}('{owner['id']}')/{name}")


def answer_parts(kind: ObjectType, call: Call, parts: Sequence[JSON], type_name: str, context: str) -> Reply:
    expand = parse_expand(call.query.expand)
    default = SETTINGS_PAGE if context.endswith("/settings") else INTUNE_MAXIMUM
    total = len(parts)
    asked = min(call.query.top or default, INTUNE_MAXIMUM)
    page, link, _ = cut(call, parts, max(1, min(asked, call.tenant.settings.page_size or asked)))
    owner = f"{call.root}/$metadata#{context}"
    items = [show_part(call, type_name, part, expand, owner) for part in page]
    return collection(
        call, context, items, type_name=type_name.rpartition(".")[2], count=total, next_link=link
    )  # fmt: skip


def find_part(kind: ObjectType, parts: Sequence[JSON], part_id: str) -> JSON:
    for part in parts:
        if part["id"].lower() == part_id.lower():
            return part
    raise not_here(kind, part_id)


def get_part(kind: ObjectType, name: str, type_name: str, call: Call) -> Reply:
    admit(kind, call)
    owner = find(kind, call)
    part = find_part(kind, owner.get(name) or [], call.keys[1].text)
    context = f"{kind.path}('{owner['id']}')/{name}"
    expand = parse_expand(call.query.expand)
    whole = show_part(call, type_name, part, expand, f"{call.root}/$metadata#{context}")
    return entity(call, context, whole, type_name=type_name.rpartition(".")[2])
