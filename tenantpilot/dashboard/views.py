"""The dashboard, its live part, and its map as a picture or as a table."""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from operations import phrases
from operations import selectors as run_selectors
from operations.run_data import run_data
from operations.selectors import ACTIVE_STATE, RunFilter
from providers.health import blockers_of, facts_in, health_of
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.states import BADGES
from tenantpilot.dashboard import heatmap, selectors
from tenantpilot.dashboard.selectors import Counts, Row

WORST = 6
RECENT = 6
POLL_SECONDS = 30


@page()
def dashboard(request: SignedInRequest) -> HttpResponse:
    """Which tenants need the person now, and what runs."""
    name = selectors.workspace_name(request.user, request.GET.get("workspace", ""))
    workspace = request.GET["workspace"] if name else ""
    counts = selectors.health_counts(request.user, workspace=workspace)
    together = selectors.total(counts)
    if not together.total():
        return render(request, "dashboard/dashboard.html", {"empty": True, "workspace": name})
    active = selectors.active_counts(request.user, workspace=workspace)
    cells = _cells(request, counts, workspace)
    worst = selectors.needing_attention(
        request.user,
        workspace=workspace,
        limit=WORST,
        ids=None if cells is None else selectors.worst_of(cells, WORST),
    )
    context = {
        "workspace": name,
        "counts": _tiles(together, active, workspace),
        "attention": [_attention(row) for row in worst],
        "attentionMore": _more(together, workspace, len(worst)),
        "map": _map(request, counts, cells, workspace),
        **_recent(request, workspace, many=together.total() > run_selectors.FEW_TENANTS),
    }
    return render(request, "dashboard/dashboard.html", context)


@page()
def dashboard_map(request: SignedInRequest) -> HttpResponse:
    """The map alone, as a picture or with ``?map=table`` as a table."""
    name = selectors.workspace_name(request.user, request.GET.get("workspace", ""))
    workspace = request.GET["workspace"] if name else ""
    counts = selectors.health_counts(request.user, workspace=workspace)
    return render(
        request,
        "dashboard/_map.html",
        {"map": _map(request, counts, _cells(request, counts, workspace), workspace)},
    )


@page()
def dashboard_live(request: SignedInRequest) -> HttpResponse:
    """How many runs are active now, the shown runs in place, and how many newer ones there are."""
    ids = [int(part) for part in request.GET.get("ids", "").split(",") if _is_id(part)][:RECENT]
    newest = int(request.GET["newest"]) if _is_id(request.GET.get("newest", "")) else 0
    workspace = request.GET.get("workspace", "").replace("\x00", "")
    rows, active, newer = selectors.live_runs(request.user, ids, newest, workspace)
    page_url = _dashboard_url(workspace)
    context = {
        "runs": [run_data(row) for row in rows],
        "showTenant": True,
        "poll": _poll(ids, newest, workspace),
        "newRuns": {"count": min(newer, run_selectors.MANY), "url": page_url},
        "active": sum(active.values()),
        "waiting": active["queued"],
    }
    return render(request, "dashboard/_live.html", context)


def _tiles(counts: Counter[str], active: dict[str, int], workspace: str) -> list[dict[str, Any]]:
    tenants, runs = reverse("tenants"), reverse("operations")
    tiles: list[dict[str, Any]] = [
        {
            "label": BADGES["tenant"][health].word,
            "count": counts[health],
            "tone": BADGES["tenant"][health].tone,
            "icon": BADGES["tenant"][health].icon,
            "url": f"{tenants}?{_query(workspace, health=health)}",
        }
        for health in ("ok", "warn", "down")
    ]
    running = {
        "label": _("Running now"),
        "count": sum(active.values()),
        "waiting": active["queued"],
        "tone": "info",
        "icon": "activity",
        "url": f"{runs}?{_query(workspace, state=ACTIVE_STATE)}",
        "live": True,
    }
    return [*tiles, running]


def _attention(row: Row) -> dict[str, Any]:
    facts = facts_in(row)
    first = blockers_of(facts)[0]
    about = phrases.About(
        tenant=row["name"],
        slug=row["slug"],
        workspace=row["workspace_name"],
        capabilities=frozenset([*row["held_by_workspace"], *row["held_by_tenant"]]),
        connection=facts.label if facts else "",
        connection_id=facts.id if facts else None,
        facts=first.facts,
    )
    steps = phrases.next_steps(first.code, about)
    return {
        "name": row["name"],
        "url": reverse("tenant", args=[row["slug"]]),
        "health": health_of(first.code),
        "reason": phrases.sentence(first.code, about),
        "step": steps[0] if steps else None,
    }


def _more(counts: Counter[str], workspace: str, shown: int) -> list[dict[str, Any]]:
    """Links to the lists that hold the rest."""
    if counts["down"] + counts["warn"] <= shown:
        return []
    return [
        {
            "label": BADGES["tenant"][health].word,
            "count": counts[health],
            "url": f"{reverse('tenants')}?{_query(workspace, health=health)}",
        }
        for health in ("down", "warn")
        if counts[health]
    ]


def _cells(request: SignedInRequest, counts: Counts, workspace: str) -> list[Row] | None:
    """The tenants one by one; None where they are too many."""
    if heatmap.is_grouped(counts):
        return None
    return selectors.cells(request.user, workspace=workspace, limit=heatmap.MOST_SQUARES)


def _map(request: SignedInRequest, counts: Counts, cells: list[Row] | None, workspace: str) -> dict[str, Any]:
    together = selectors.total(counts)
    as_table = request.GET.get("map") == "table"
    other = _query(workspace) if as_table else _query(workspace, map="table")
    data: dict[str, Any] = {
        "sentence": heatmap.sentence(together),
        "legend": heatmap.legend(together),
        "asTable": as_table,
        "pageUrl": f"{reverse('dashboard')}?{other}#tenant-map",
        "partUrl": f"{reverse('dashboard_map')}?{other}",
    }
    if cells is None:
        return data | {"bars": heatmap.bars(counts, workspace)}
    return data | {"squares": heatmap.squares(cells)}


def _recent(request: SignedInRequest, workspace: str, *, many: bool) -> dict[str, Any]:
    wanted = RunFilter(workspace=workspace)
    reach = run_selectors.reach_of(request.user, wanted, many=many)
    ids = run_selectors.run_ids(reach, wanted, limit=RECENT)
    return {
        "runs": [run_data(row) for row in run_selectors.run_rows(ids)],
        "showTenant": True,
        "runsUrl": f"{reverse('operations')}?{_query(workspace)}".removesuffix("?"),
        "poll": _poll(ids, max(ids, default=0), workspace),
    }


def _poll(ids: list[int], newest: int, workspace: str) -> dict[str, Any]:
    query = _query(workspace, ids=",".join(str(pk) for pk in ids), newest=str(newest))
    return {"url": f"{reverse('dashboard_live')}?{query}", "seconds": POLL_SECONDS}


def _query(workspace: str, **parts: str) -> str:
    return urlencode({name: value for name, value in {**parts, "workspace": workspace}.items() if value})


def _dashboard_url(workspace: str) -> str:
    return f"{reverse('dashboard')}?{_query(workspace)}".removesuffix("?")


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
