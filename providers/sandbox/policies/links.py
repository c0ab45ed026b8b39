"""Links from profiles to certificates: bound when the profile is made, read by `$expand`, exchanged by `$ref`."""

from collections.abc import Callable
from typing import Any

from providers.sandbox import schema
from providers.sandbox.calls import Call, Reply, no_content, refused_body
from providers.sandbox.data import JSON
from providers.sandbox.policies import rules
from providers.sandbox.policies.actions import bound_id
from providers.sandbox.policies.bodies import new_body, refused
from providers.sandbox.policies.reading import admit, find
from providers.sandbox.policies.shown import CERTIFICATES, not_here
from providers.sandbox.policies.table import BY_KEY, ObjectType
from providers.sandbox.policies.writing import answer, made, save, touched

KIND = BY_KEY["deviceConfigurations"]
MANY = "rootCertificatesForServerValidation"
_BIND = "@odata.bind"


def create(call: Call) -> Reply:
    """A profile with the links that the body binds."""
    admit(KIND, call)
    item = made(KIND, call, new_body(KIND, call))
    item = rules.of(KIND).create(call, {**item, **_bound(call, item)})
    save(KIND, call, item, "Create")
    return answer(KIND, call, item, KIND.statuses.create)


def _bound(call: Call, item: JSON) -> JSON:
    found: JSON = {}
    for key, value in call.json_body().items():
        if not key.endswith(_BIND):
            continue
        name = key.removesuffix(_BIND)
        if isinstance(value, list) != (name == MANY):
            raise refused_body(call, schema.BadBody("type", key), KIND.type)
        targets = [_target(call, item, name, link) for link in (value if name == MANY else [value])]
        found[name] = targets if name == MANY else targets[0]
    return found


def change(update: Callable[[ObjectType, Call], Reply], call: Call) -> Reply:
    """A PATCH changes no link."""
    if any(key.endswith(_BIND) for key in call.json_body()):
        raise refused(KIND, "Links of an existing object are changed by $ref.")
    return update(KIND, call)


def put(name: str, call: Call) -> Reply:
    """One link, replaced."""
    item = _owner(call, name)
    return _keep(call, item, name, _target(call, item, name, call.json_body().get("@odata.id")))


def add(name: str, call: Call) -> Reply:
    item = _owner(call, name)
    target = _target(call, item, name, call.json_body().get("@odata.id"))
    links = item.get(name) or []
    if target in links:
        raise refused(KIND, "One or more added object references already exist.")
    return _keep(call, item, name, [*links, target])


def clear(name: str, call: Call) -> Reply:
    item = _owner(call, name)
    if not item.get(name):
        raise not_here(KIND, item["id"])
    return _keep(call, item, name, None)


def remove(name: str, call: Call) -> Reply:
    item, target = _owner(call, name), call.keys[2].text
    links = item.get(name) or []
    if target not in links:
        raise not_here(KIND, target)
    return _keep(call, item, name, [link for link in links if link != target])


def _owner(call: Call, name: str) -> JSON:
    admit(KIND, call)
    item = find(KIND, call)
    if call.keys[1].text.lower() != str(item["@odata.type"]).removeprefix("#").lower() or name not in _of(
        item
    ):
        raise not_here(KIND, item["id"])
    return item


def _of(item: JSON) -> dict[str, str]:
    """The links that the object's type has, and the type each leads to."""
    known = schema.navigations("beta", str(item["@odata.type"]).removeprefix("#"))
    return {name: target for name, target in known.items() if name in CERTIFICATES}


def _target(call: Call, item: JSON, name: str, link: Any) -> str:
    wanted = _of(item).get(name)
    if wanted is None:
        raise refused_body(call, schema.BadBody("unknown", name), KIND.type)
    found = call.tenant.policies.find(KIND.key, bound_id(link))
    if found is None:
        raise refused(KIND, f"The certificate profile '{bound_id(link)}' does not exist.")
    own = str(found["@odata.type"]).removeprefix("#")
    if not schema.is_a("beta", own, wanted):
        raise refused(KIND, f"'{name}' leads to '{wanted}', not to '{own}'.")
    return str(found["id"])


def _keep(call: Call, item: JSON, name: str, value: Any) -> Reply:
    save(KIND, call, touched({**item, name: value}), "Patch")
    return no_content()
