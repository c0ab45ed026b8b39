"""From a page of one tenant to the same kind of page of another."""

from urllib.parse import urlencode, urlsplit

from django.http import QueryDict
from django.urls import Resolver404, resolve, reverse

SAME_PAGE = frozenset(
    {
        "tenant",
        "directory_groups",
        "directory_role_definitions",
        "inventory",
        "inventory_objects",
        "inventory_changes",
        "compliance",
        "compliance_devices",
        "compliance_policies",
    }
)
"""Pages that every tenant has and everybody who sees it may open."""
FILTERED_BY_TENANT = frozenset({"operations"})
FILTERED_BY_WORKSPACE = frozenset({"dashboard", "tenants", "connections", "operations", "people"})
KEPT = ("selection", "state", "operation", "mine", "since", "health", "group", "type", "kind")
"""Query parts that mean the same for another tenant. A place in a list and a search text do not."""


def tenant_page(page: str, slug: str) -> str:
    """Return the page of tenant `slug` that is like `page`; the tenant's own page where there is none alike."""
    name, kept = _read(page)
    if name in SAME_PAGE:
        return _with(reverse(name, args=[slug]), kept)
    if name in FILTERED_BY_TENANT:
        return _with(reverse(name), {**kept, "tenant": slug})
    return reverse("tenant", args=[slug])


def workspace_page(page: str, slug: str) -> str:
    """Return the list at `page` narrowed to workspace `slug` (or widened to all for ""); else the dashboard."""
    name, kept = _read(page)
    target = name if name in FILTERED_BY_WORKSPACE else "dashboard"
    if name != target:
        kept = {}
    return _with(reverse(target), {**kept, **({"workspace": slug} if slug else {})})


def current_tenant(page: str) -> str:
    """Return the slug of the tenant that the page is about; empty for a page about none or many."""
    parts = urlsplit(page)
    try:
        found = resolve(parts.path).kwargs.get("tenant", "")
    except Resolver404:
        return ""
    return str(found or QueryDict(parts.query).get("tenant", ""))


def current_workspace(page: str) -> str:
    """Return the slug of the workspace that the page is narrowed to."""
    return QueryDict(urlsplit(page).query).get("workspace") or ""


def _read(page: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(page)
    query = QueryDict(parts.query)
    kept = {name: query[name] for name in KEPT if query.get(name)}
    try:
        return resolve(parts.path).url_name or "", kept
    except Resolver404:
        return "", {}


def _with(url: str, query: dict[str, str]) -> str:
    return f"{url}?{urlencode(query)}" if query else url
