"""Choosing the columns of a list."""

from django.http import Http404, HttpResponse, HttpResponseRedirect

from tenantpilot.console import tables
from tenantpilot.console.http import own_path
from tenantpilot.console.navigation import home_url
from tenantpilot.console.pages import SignedInRequest, page


@page("POST")
def table_columns(request: SignedInRequest, table: str) -> HttpResponse:
    """Keep the columns that this person wants to see in a list, or show all of them again; back to the list."""
    declared = tables.get(table)
    if declared is None:
        raise Http404
    reset = "reset" in request.POST
    tables.choose(request.user.pk, declared, declared.choosable if reset else request.POST.getlist("column"))
    return HttpResponseRedirect(own_path(request, request.POST.get("next", "")) or home_url())
