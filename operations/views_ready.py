"""What a busy panel asks until the run in its way has ended."""

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django_htmx.http import HTMX_STOP_POLLING

from operations import run_record
from operations.http import read_id
from operations.ready import start_again
from tenantpilot.console.pages import SignedInRequest, page, require
from tenantpilot.tenancy.capabilities import Capability


@page()
def run_ready(request: SignedInRequest, run: str) -> HttpResponse:
    """204 while the run is active, then 286 with the original start as a button; the start asks the gate anew."""
    start = start_again(request)
    record = run_record.find(request.user.pk, read_id(run))
    if record is None:
        raise Http404
    require(record.capabilities, Capability.VIEW_RUN)
    if record.completed_at is None:
        return HttpResponse(status=204)
    context = {"action": start | {"primary": True}, "tenant": record.tenant}
    return render(request, "operations/_start_ready.html", context, status=HTMX_STOP_POLLING)
