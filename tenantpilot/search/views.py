"""The search page, and the lists that the switchers in the top bar open."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from operations.phrases import verb_of
from providers.inventory.types import find
from tenantpilot.console.filters import search_text
from tenantpilot.console.http import is_htmx, own_path
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.search import selectors, switching

MOST_OPTIONS = 20


@page()
def search(request: SignedInRequest) -> HttpResponse:
    """What is found for the text, the best five of each kind."""
    text = search_text(request)
    groups = [group for group in _groups(request, text) if group["rows"]] if text else []
    return render(request, "search/search.html", {"text": text, "groups": groups})


@page()
def switch_tenant(request: SignedInRequest) -> HttpResponse:
    """The tenants to go to, each by the page that is like the one the person is on."""
    at, text = _page(request), search_text(request)
    rows = selectors.tenant_options(request.user, text, limit=MOST_OPTIONS + 1)
    current = switching.current_tenant(at)
    context = {
        "options": [
            {
                "name": row["name"],
                "url": switching.tenant_page(at, row["slug"]),
                "current": row["slug"] == current,
            }
            for row in rows[:MOST_OPTIONS]
        ],
        "more": len(rows) > MOST_OPTIONS,
        "text": text,
    }
    if is_htmx(request):
        return render(request, "search/_options.html", context)
    return render(
        request, "search/switch.html", context | {"title": _("Go to tenant"), "searchable": True, "at": at}
    )


@page()
def switch_workspace(request: SignedInRequest) -> HttpResponse:
    """The workspaces that lists can be narrowed to."""
    at = _page(request)
    current = switching.current_workspace(at)
    rows = [{"name": _("All workspaces"), "slug": ""}, *selectors.workspace_options(request.user)]
    context = {
        "options": [
            {
                "name": row["name"],
                "url": switching.workspace_page(at, row["slug"]),
                "current": row["slug"] == current,
            }
            for row in rows
        ]
    }
    if is_htmx(request):
        return render(request, "search/_options.html", context)
    return render(request, "search/switch.html", context | {"title": _("Go to workspace")})


def _page(request: SignedInRequest) -> str:
    """The page that the person came from: htmx names it; without JavaScript the browser or the form does."""
    if is_htmx(request):
        return own_path(request, request.headers.get("HX-Current-URL", ""))
    return request.GET.get("at", "") or own_path(request, request.headers.get("Referer", ""))


def _groups(request: SignedInRequest, text: str) -> list[dict[str, Any]]:
    tenants, tenant_count = selectors.find_tenants(request.user, text)
    connections, connection_count = selectors.find_connections(request.user, text)
    run = selectors.find_run(request.user, text)
    return [
        _group(_("Tenants"), "tenants", text, [_tenant(row) for row in tenants], tenant_count),
        _group(
            _("Provider connections"),
            "connections",
            text,
            [_connection(row) for row in connections],
            connection_count,
        ),
        _group(
            _("Inventory"), "", text, [_object(row) for row in selectors.find_objects(request.user, text)], 0
        ),
        _group(_("Operations"), "operations", text, [_run(run)] if run else [], 1),
    ]


def _group(label: str, url_name: str, text: str, rows: list[dict[str, Any]], count: int) -> dict[str, Any]:
    group: dict[str, Any] = {"label": label, "rows": rows, "count": count}
    if count > len(rows):
        group["allUrl"] = f"{reverse(url_name)}?{urlencode({'q': text})}"
    return group


def _tenant(row: selectors.Row) -> dict[str, Any]:
    return {"label": row["name"], "note": row["primary_domain"], "url": reverse("tenant", args=[row["slug"]])}


def _connection(row: selectors.Row) -> dict[str, Any]:
    return {"label": row["label"], "note": row["tenant_name"], "url": reverse("connection", args=[row["id"]])}


def _object(row: selectors.Row) -> dict[str, Any]:
    kind = find(row["object_type"])
    note = _("%(type)s in %(tenant)s") % {
        "type": kind.singular if kind else row["object_type"],
        "tenant": row["tenant"],
    }
    url = reverse("inventory_object", args=[row["slug"], row["object_type"], row["object_id"]])
    return {"label": row["display_name"], "note": note, "url": url}


def _run(row: selectors.Row) -> dict[str, Any]:
    return {
        "label": f"{verb_of(row['operation_type'])} {row['id']}",
        "note": row["tenant__name"],
        "url": reverse("run", args=[row["id"]]),
        "state": row["outcome"] or row["status"],
    }
