"""The list of runs as CSV: the current view, all of its pages, written down in the audit log."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

from django.http import HttpResponse
from django.utils.translation import gettext as _

from operations import selectors
from operations.run_data import run_data
from operations.selectors import Reach, RunFilter
from operations.views_list import read_filter
from tenantpilot.audit.exports import record_export
from tenantpilot.console.exports import csv_response
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.states import badge_for
from tenantpilot.tenancy.permissions import workspaces_visible_to

BATCH = 500


@page()
def run_export(request: SignedInRequest) -> HttpResponse:
    """Every run of the current view, newest first, as far as this person may read runs."""
    wanted = read_filter(request)
    reach = selectors.reach_of(request.user, wanted)
    workspaces = workspaces_visible_to(request.user)
    if wanted.workspace:
        workspaces = workspaces.filter(slug=wanted.workspace)
    ids = list(workspaces.order_by("id").values_list("id", flat=True))
    record_export("operations", actor_id=request.user.pk, workspace_ids=ids, filters=asdict(wanted))
    header = [
        _("Run"), _("Operation"), _("Tenant"), _("State"), _("Reason"), _("Started by"), _("Accepted"), _("Began"),
        _("Ended"),
    ]  # fmt: skip
    return cast(HttpResponse, csv_response("operations", header, _lines(reach, wanted)))


def _lines(reach: Reach, wanted: RunFilter) -> Iterator[list[Any]]:
    before: int | None = None
    while ids := selectors.run_ids(reach, wanted, limit=BATCH, before=before):
        yield from (_line(row) for row in selectors.run_rows(ids))
        before = ids[-1]


def _line(row: dict[str, Any]) -> list[Any]:
    data = run_data(row)
    return [
        data["runId"],
        data["operatorVerb"],
        data["tenant"]["name"],
        badge_for("run", data.get("outcome") or data["executionStatus"]).word,
        data.get("shortReason", ""),
        data["initiator"]["name"] if "initiator" in data else "TenantPilot",
        data["createdAt"],
        data["startedAt"],
        data["completedAt"],
    ]
