"""What the panel of a start asks until a run has ended: the one in its way, or its own."""

from urllib.parse import urlsplit

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django_htmx.http import HTMX_STOP_POLLING

from operations import run_record
from operations.http import read_id
from operations.phrases import OPEN_RESULT
from operations.ready import start_again
from operations.run_record import RunRecord
from operations.run_serializers import run_data
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.tenancy.capabilities import Capability


@page()
def run_ready(request: SignedInRequest, run: str) -> HttpResponse:
    """204 while the run is active, then 286 with the original start as a button; the start asks the gate anew."""
    start = start_again(request)
    record = _visible(request, run)
    if record.completed_at is None:
        return HttpResponse(status=204)
    context = {"action": start | {"primary": True}, "tenant": record.tenant}
    return render(request, "operations/_start_ready.html", context, status=HTMX_STOP_POLLING)


@page()
def run_follow(request: SignedInRequest, run: str) -> HttpResponse:
    """204 while the run is active, then 286 with how it ended and the way to what it brought; other parts are told."""
    record = _visible(request, run)
    if record.completed_at is None:
        return HttpResponse(status=204)
    data = run_data(record)
    results = [
        action
        for action in data.get("actions", ())
        if action["kind"] == OPEN_RESULT and action["href"] != _page_of(request)
    ]
    context = data | {"actions": results, "run": {"url": reverse("run", args=[record.id])}}
    response = render(request, "operations/_start_ended.html", context, status=HTMX_STOP_POLLING)
    response["HX-Trigger"] = "tp:run-ended"
    return response


def _page_of(request: SignedInRequest) -> str:
    """The path of the page that asks: what it shows needs no link to it."""
    return urlsplit(request.headers.get("HX-Current-URL", "")).path


def _visible(request: SignedInRequest, run: str) -> RunRecord:
    record = run_record.find(request.user.pk, read_id(run))
    if record is None:
        raise Http404
    require(record.capabilities, Capability.VIEW_RUN)
    return record
