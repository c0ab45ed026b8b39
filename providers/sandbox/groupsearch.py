"""Which `$filter`, `$orderby` and `$search` the service allows on groups, and `$search` itself."""

import re

from providers.sandbox import schema
from providers.sandbox.calls import Call
from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError, bad_request, unsupported
from providers.sandbox.filters import Filter, Predicate

FILTERABLE = {
    "id", "displayname", "mail", "mailnickname", "mailenabled", "securityenabled", "grouptypes",
    "createddatetime", "renewedDateTime".lower(), "onpremisessyncenabled", "onpremiseslastsyncdatetime",
    "onpremisessamaccountname", "onpremisessecurityidentifier", "isassignabletorole", "proxyaddresses",
    "membershiprule", "membershipruleprocessingstate", "classification", "visibility", "uniquename",
    "resourceprovisioningoptions", "expirationdatetime", "preferredlanguage", "securityidentifier",
}  # fmt: skip
ADVANCED_ONLY = {"ne", "not", "endswith", "null"}
SORTABLE = ("displayname", "id", "mail", "mailnickname", "createddatetime", "renewedDateTime".lower())
SEARCHABLE = {"displayname": "displayName", "description": "description", "mail": "mail"}
_CLAUSE = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*(AND|OR)?', re.IGNORECASE)
_SEARCH_HEADER = (
    "Request with $search query parameter only works through MSGraph with a special request header: "
    "'ConsistencyLevel: eventual'"
)


def check_filter(call: Call, wanted: Filter) -> None:
    """Raises 400 for properties and operators the service refuses, or allows as advanced query only."""
    known = {name.lower(): name for name in schema.properties(call.version, "microsoft.graph.group")}
    for name in wanted.properties:
        first = name.split("/")[0]
        if first.lower() not in known:
            message = f"Could not find a property named '{first}' on type 'microsoft.graph.group'."
            raise GraphError(400, "BadRequest", f"Invalid filter clause: {message}")
        if first.lower() not in FILTERABLE or "contains" in wanted.operators:
            raise unsupported(
                f"Unsupported or invalid query filter clause specified for property '{first}' "
                "of resource 'Group'."
            )
    if wanted.operators & ADVANCED_ONLY and not call.advanced():
        raise unsupported()


def check_orderby(call: Call) -> None:
    """Raises 400 for an order the service does not offer; fixes the case of property names."""
    known = {name.lower(): name for name in schema.properties(call.version, "microsoft.graph.group")}
    for name, _ in call.query.orderby:
        if name.lower() not in SORTABLE:
            raise unsupported("Sorting not supported for current query.")
        if name.lower() != "displayname" and not call.advanced():
            raise unsupported()
    if call.query.orderby and (call.query.filter or call.query.search) and not call.advanced():
        raise unsupported()
    call.query.orderby = tuple((known[name.lower()], down) for name, down in call.query.orderby)


def parse_search(call: Call) -> Predicate:
    """`$search`: quoted clauses `"property:words"`, matched by the beginnings of words."""
    if not call.eventual:
        raise unsupported(_SEARCH_HEADER)
    text = (call.query.search or "").strip()
    clauses: list[tuple[str, Predicate]] = []
    position, joined = 0, "OR"
    while position < len(text):
        found = _CLAUSE.match(text, position)
        if found is None:
            raise bad_request(
                f"Syntax error: character '{text[position]}' is not valid in '{text}'.", "BadRequest"
            )
        clauses.append((joined, _clause(found[1])))
        joined, position = (found[2] or "AND").upper(), found.end()
    if not clauses:
        raise bad_request("The $search query option must not be empty.", "BadRequest")
    return lambda group: _joined(clauses, group)


def _joined(clauses: list[tuple[str, Predicate]], group: JSON) -> bool:
    result = False
    for joined, matches in clauses:
        result = result and matches(group) if joined == "AND" else result or matches(group)
    return result


def _clause(text: str) -> Predicate:
    name, colon, words = text.partition(":")
    if not colon or name.lower() not in SEARCHABLE:
        raise unsupported(f"The property '{name}' is not supported by the $search query option.")
    wanted = words.lower().split()
    prop = SEARCHABLE[name.lower()]

    def matches(group: JSON) -> bool:
        found = re.split(r"[^\w]+", (group.get(prop) or "").lower())
        return all(any(word.startswith(part) for word in found) for part in wanted)

    return matches
