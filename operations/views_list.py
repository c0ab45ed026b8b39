"""The list of runs, its live rows, and the "recent runs" part of other pages."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_htmx.http import HTMX_STOP_POLLING

from operations import registry, selectors
from operations.choices import ExecutionStatus, RunOutcome
from operations.run_data import active_ids, poll_data, run_data
from operations.selectors import ACTIVE_STATE, RunFilter
from providers.selectors import MAX_ID, Target, target_for_connection, target_for_tenant
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import cut, link, page_size, read_cursor
from tenantpilot.console.tables import known, table, table_data
from tenantpilot.tenancy.models import Tenant
from tenantpilot.tenancy.permissions import visible_to, workspaces_visible_to

STATES: list[tuple[str, str | Promise]] = [
    (ACTIVE_STATE, gettext_lazy("Queued or running")),
    (ExecutionStatus.QUEUED, ExecutionStatus.QUEUED.label),
    (ExecutionStatus.RUNNING, ExecutionStatus.RUNNING.label),
    *RunOutcome.choices,
]
TABLE = table(
    "operations",
    ("operation", gettext_lazy("Operation")),
    ("tenant", gettext_lazy("Tenant")),
    ("state", gettext_lazy("State")),
    ("progress", gettext_lazy("Progress")),
    ("initiator", gettext_lazy("Started by")),
    ("when", gettext_lazy("When")),
    ("took", gettext_lazy("Took")),
)
MAX_POLLED = 100


@page()
def run_list(request: SignedInRequest) -> HttpResponse:
    """What ran, what runs, what failed, over every tenant that the person may read runs of."""
    choices = _choices(request)
    wanted = _filter(request, choices)
    reach = selectors.reach_of(request.user, wanted)
    cursor, size = read_cursor(request.GET, (int,)), page_size(request.GET)
    at = cursor.values[0] if cursor else None
    backwards = cursor is not None and cursor.backwards
    ids = selectors.run_ids(
        reach, wanted, limit=size + 1, before=None if backwards else at, after=at if backwards else None
    )
    shown = cut([{"id": pk} for pk in ids], cursor, size, request.GET, ("id",))
    rows = selectors.run_rows([row["id"] for row in shown.rows])
    fixed = _fixed(request, wanted)
    columns = table_data(request, TABLE)
    context = {
        "runs": [run_data(row) for row in rows],
        "table": columns,
        "filters": filter_data(
            request, choices=choices, fixed=fixed, search_label=_("Search tenant or run number")
        ),
        "filtered": wanted != RunFilter() or cursor is not None,
        "clearUrl": request.path,
        "tenantsUrl": reverse("tenants"),
        "pager": shown.pager,
        "quick": _quick(request),
        "exportUrl": f"{reverse('operations_export')}{link(request.GET, size=None)}".removesuffix("?"),
        "daysUrl": f"{reverse('operation_days')}{link(request.GET, size=None)}".removesuffix("?"),
        "poll": poll_data(rows, _poll_query(request.GET, rows, columns, first_page=cursor is None)),
    }
    return render(request, "operations/run_list.html", context)


@page()
def run_rows(request: SignedInRequest) -> HttpResponse:
    """The asked-for rows, drawn in place; 286 once none of them is active, and the page's other parts are told."""
    ids = [int(part) for part in request.GET.get("ids", "").split(",") if _is_id(part)][:MAX_POLLED]
    newest = request.GET.get("newest", "")
    wanted = _filter(request, _choices(request, with_workspaces=False))
    rows = selectors.polled_rows(request.user, ids, int(newest) if _is_id(newest) else None, wanted)
    query = request.GET.copy()
    query.pop("ids", None)
    poll = poll_data(rows, query.urlencode())
    newer = rows[0].get("newer", 0) if rows else 0
    listed = query.copy()
    listed.pop("newest", None)
    listed.pop("list", None)
    listed.pop("hide", None)
    context = {
        "runs": [run_data(row) for row in rows],
        # What the page has put away, so that a poll asks for no settings.
        "table": {"hidden": dict.fromkeys(known(TABLE, request.GET.get("hide", "").split(",")), True)},
        "poll": poll,
        "newRuns": {"count": min(newer, selectors.MANY), "url": f"{reverse('operations')}{link(listed)}"},
    }
    response = render(
        request, "operations/_run_rows.html", context, status=200 if poll else HTMX_STOP_POLLING
    )
    if len(active_ids(rows)) < len(ids):
        response["HX-Trigger"] = "tp:run-ended"
    return response


@page()
def recent_runs(request: SignedInRequest) -> HttpResponse:
    """The "recent runs" part of a tenant's or a connection's page, drawn anew after a start."""
    return render(request, "operations/_recent_runs.html", recent_context(request, *_place(request)))


def recent_context(request: SignedInRequest, target: Target, connection_id: int | None) -> dict[str, Any]:
    """Keys of `operations/_recent_runs.html` for a tenant's page, or for the page of one of its connections."""
    rows = selectors.recent_rows(request.user, tenant_id=target.tenant.id, connection_id=connection_id)
    place = f"connection={connection_id}" if connection_id else f"tenant={target.tenant.slug}"
    return {
        "runs": [run_data(row) for row in rows],
        "poll": poll_data(rows),
        "runsUrl": f"{reverse('operations')}?tenant={target.tenant.slug}",
        "recentUrl": f"{reverse('operation_recent')}?{place}",
    }


def _place(request: SignedInRequest) -> tuple[Target, int | None]:
    named = request.GET.get("connection", "")
    if not named:
        target = target_for_tenant(request.user.pk, request.GET.get("tenant", ""))
    else:
        target = target_for_connection(request.user.pk, int(named)) if _is_id(named) else None
    if target is None:
        raise Http404
    return target, int(named) if named else None


def read_filter(request: SignedInRequest) -> RunFilter:
    """What the query asks for; rights are asked for by whoever runs it."""
    return _filter(request, _choices(request, with_workspaces=False))


def _choices(request: SignedInRequest, *, with_workspaces: bool = True) -> list[Choice]:
    kinds = [(kind.name, kind.verb) for kind in registry.all_types()]
    choices = [
        Choice("state", _("State"), STATES, _("Any state")),
        Choice("operation", _("Operation"), kinds, _("Any operation")),
    ]
    if with_workspaces:
        workspaces = list(workspaces_visible_to(request.user).order_by("name").values_list("slug", "name"))
    else:
        # A poll reads no options; rights are asked for by the query itself.
        workspaces = [(request.GET.get("workspace", "").replace("\x00", ""), "")]
    return [*choices, Choice("workspace", _("Workspace"), workspaces, _("All workspaces"))]


def _filter(request: SignedInRequest, choices: list[Choice]) -> RunFilter:
    picked = {choice.name: chosen(request, choice) for choice in choices}
    return RunFilter(
        **picked,
        search=search_text(request),
        tenant=request.GET.get("tenant", "").replace("\x00", ""),
        since=_midnight() if request.GET.get("since") == "today" else None,
        initiator_id=request.user.pk if request.GET.get("mine") == "1" else None,
    )


def _fixed(request: SignedInRequest, wanted: RunFilter) -> list[tuple[str, str]]:
    fixed = []
    if wanted.tenant:
        seen = visible_to(Tenant.objects.filter(slug=wanted.tenant), request.user)
        name = seen.values_list("name", flat=True).first() or wanted.tenant
        fixed.append(("tenant", _("Tenant: %(name)s") % {"name": name}))
    if wanted.since:
        fixed.append(("since", _("Today")))
    if wanted.initiator_id:
        fixed.append(("mine", _("Mine")))
    return fixed


def _quick(request: SignedInRequest) -> list[dict[str, Any]]:
    quick = [
        (_("All"), {}),
        (_("Running"), {"state": ACTIVE_STATE}),
        (_("Failed today"), {"state": RunOutcome.FAILED.value, "since": "today"}),
        (_("Mine"), {"mine": "1"}),
    ]
    owned = {"state", "since", "mine"}
    set_now = {name: request.GET[name] for name in owned if request.GET.get(name)}
    return [
        {
            "label": label,
            "url": link(request.GET, **{name: parts.get(name) for name in owned}),
            "current": set_now == parts,
        }
        for label, parts in quick
    ]


def _poll_query(
    params: QueryDict, rows: list[dict[str, Any]], columns: dict[str, Any], *, first_page: bool
) -> str:
    query = params.copy()
    for name in ("after", "before", "size", "ids", "newest"):
        query.pop(name, None)
    query["list"] = "1"
    if columns["hidden"]:
        query["hide"] = ",".join(columns["hidden"])
    if first_page and rows:
        query["newest"] = str(rows[0]["id"])
    return query.urlencode()


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and 0 < int(text) <= MAX_ID
