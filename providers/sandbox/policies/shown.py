"""How a stored object looks in an answer: version, `$expand`, `$select`, and what the service keeps back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.sandbox import schema
from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.errors import INTUNE, GraphError
from providers.sandbox.odata import split_outside
from providers.sandbox.policies.table import ObjectType

MASK = "****"
STRENGTH = "microsoft.graph.authenticationStrengthPolicy"
# Navigation properties of profiles that lead to other profiles; each has the id stored.
CERTIFICATES = frozenset(
    (
        "rootCertificate",
        "identityCertificate",
        "identityCertificateForClientAuthentication",
        "rootCertificatesForServerValidation",
    )
)
SECRET_NAMES = frozenset(
    (
        "preSharedKey",
        "sharedSecret",
        "password",
        "proxyPassword",
        "wifiPreSharedKey",
        "scepServerSharedSecret",
    )
)
_EXPANDED = re.compile(r"^([\w./]+)\s*(?:\((.*)\))?$", re.DOTALL)


@dataclass(frozen=True)
class Expand:
    """Navigation properties to show, each with what to show inside it."""

    inner: Mapping[str, "Expand"] = field(default_factory=dict)
    select: tuple[str, ...] = ()


def parse_expand(parts: tuple[str, ...]) -> Expand:
    """`$expand` with its nested options; a type cast before a name is left out."""
    inner: dict[str, Expand] = {}
    for item in parts:
        found = _EXPANDED.match(item.strip())
        if found is None:
            raise GraphError(400, "BadRequest", f"Syntax error in $expand at '{item}'.")
        options = dict(_option(text) for text in split_outside(found[2] or "", ";"))
        nested = parse_expand(tuple(split_outside(options.get("expand", ""), ",")))
        chosen = tuple(name.strip() for name in options.get("select", "").split(",") if name.strip())
        inner[found[1].rpartition("/")[2]] = Expand(nested.inner, chosen)
    return Expand(inner)


def _option(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lstrip("$").lower(), value.strip()


def wanted_expand(call: Call, kind: ObjectType, *, in_list: bool) -> Expand:
    """The request's `$expand`; raises 400 for what this type does not offer."""
    wanted = parse_expand(call.query.expand)
    known = schema.navigations(call.version, kind.full_type)
    for name in wanted.inner:
        cast = (name == "roleScopeTags" and kind.key == "roleAssignments") or (
            name in CERTIFICATES and kind.key == "deviceConfigurations"
        )
        if (name not in known and not cast) or (name not in kind.children and name not in CERTIFICATES):
            message = (
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' "
                f"on type '{kind.full_type}'."
            )
            raise GraphError(400, "BadRequest", message, style=kind.style)
        if in_list and not kind.expand_in_list and kind.key != "roleScopeTags":
            raise GraphError(400, "BadRequest", f"'{name}' cannot be expanded in a list.", style=kind.style)
    return wanted


def shown(call: Call, kind: ObjectType, item: JSON, expand: Expand, *, in_list: bool = False) -> JSON:
    """A stored object as this request may see it."""
    owner = f"{call.root}/$metadata#{kind.path}('{item['id']}')"
    out = _in_version(call, kind.full_type, _view(call, kind.full_type, item, expand, owner))
    if kind.key == "deviceConfigurations":
        _mask(out)
        out.pop("privacyAccessControls", None)
    if kind.key == "conditionalAccessPolicies":
        _show_strength(call, out)
    if not in_list:
        return out
    for name in kind.null_in_list:
        if name in out:
            out[name] = None
    for name in kind.absent_in_list:
        if name not in call.query.select:
            out.pop(name, None)
    if kind.key == "roleScopeTags" and "assignments" in expand.inner:
        out["assignments"] = []
    return out


def show_part(call: Call, type_name: str, item: JSON, expand: Expand, owner: str) -> JSON:
    """A part of an object, read on a path of its own."""
    return _in_version(call, type_name, _view(call, type_name, item, expand, owner))


def _view(call: Call, declared: str, item: JSON, expand: Expand, owner: str) -> JSON:
    name = str(item.get("@odata.type", declared)).removeprefix("#")
    navigations = schema.navigations("beta", name if schema.has_type("beta", name) else declared)
    out = {key: value for key, value in item.items() if key not in navigations}
    for key, inner in expand.inner.items():
        if key not in navigations:
            continue
        stored = _resolved(call, key, item)
        out[f"{key}@odata.context"] = f"{owner}/{key}"
        if isinstance(stored, list):
            out[key] = [_chosen(_view(call, navigations[key], part, inner, owner), inner) for part in stored]
        elif stored is not None:
            out[key] = _chosen(_view(call, navigations[key], stored, inner, owner), inner)
        else:
            out[key] = None
    return out


def _chosen(item: JSON, expand: Expand) -> JSON:
    if not expand.select:
        return item
    return {key: value for key, value in item.items() if key in expand.select or key == "@odata.type"}


def _resolved(call: Call, key: str, item: JSON) -> Any:
    """What a navigation property leads to: kept inside the object, or an object of another collection."""
    stored = item.get(key, [])
    policies = call.tenant.policies
    if key in CERTIFICATES:
        if isinstance(item.get(key), str):
            return policies.find("deviceConfigurations", item[key])
        found_each = (policies.find("deviceConfigurations", each) for each in item.get(key) or ())
        return [each for each in found_each if each] if key.startswith("rootCertificates") else None
    if key == "definition":
        return policies.find("groupPolicyDefinitions", str(stored))
    if key == "presentation":
        found = (
            presentation
            for definition in policies.all("groupPolicyDefinitions")
            for presentation in definition["presentations"]
            if presentation["id"] == stored
        )
        return next(found, None)
    if key == "roleDefinition":
        return call.tenant.intune_roles.get(str(stored))
    if key == "roleScopeTags":
        return [tag for tag in policies.all("roleScopeTags") if tag["id"] in stored]
    return stored


def _in_version(call: Call, declared: str, item: JSON) -> JSON:
    """v1.0 knows fewer types and properties: what it lacks is left out, a type it lacks shows its base."""
    if call.version == "beta":
        return item
    out: JSON = narrowed(declared, item)
    return out


def narrowed(declared: str, value: Any) -> Any:
    """A value without what v1.0 does not know."""
    if isinstance(value, list):
        return [narrowed(declared, item) for item in value]
    if not isinstance(value, dict) or not schema.has_type("v1.0", declared):
        return value
    name = str(value.get("@odata.type", declared)).removeprefix("#")
    if not schema.has_type("v1.0", name):
        name = declared
    known = schema.properties("v1.0", name)
    out: JSON = {}
    for key, inner in value.items():
        if key == "@odata.type":
            out[key] = f"#{name}"
        elif key.partition("@")[0] in known:
            out[key] = narrowed(schema.item_type(known.get(key, {})), inner)
    return out


def _mask(item: JSON) -> None:
    """Secrets never come back: text of OMA settings as asterisks, keys and passwords as null."""
    for name in SECRET_NAMES & item.keys():
        item[name] = None
    if "omaSettings" in item:
        item["omaSettings"] = [
            {**setting, "value": MASK} if setting.get("isEncrypted") else setting
            for setting in item["omaSettings"]
        ]


def _show_strength(call: Call, item: JSON) -> None:
    controls = item.get("grantControls")
    strength = (controls or {}).get("authenticationStrength")
    if not controls or not strength:
        return
    found = call.tenant.policies.find("authenticationStrengthPolicies", strength["id"])
    context = f"{call.root}/$metadata#{item['id']}/grantControls/authenticationStrength/$entity"
    item["grantControls"] = {**controls, "authenticationStrength@odata.context": context}
    if found is not None:
        plain = {key: value for key, value in found.items() if key != "combinationConfigurations"}
        item["grantControls"]["authenticationStrength"] = _in_version(call, STRENGTH, plain)


def not_here(kind: ObjectType, object_id: str) -> GraphError:
    if kind.style == INTUNE:
        return GraphError(404, message="The requested resource was not found.", style=INTUNE)
    return GraphError(404, "ResourceNotFound", f"Resource '{object_id}' does not exist.", style=kind.style)
