"""The picture above the run list. It comes after the list, so that counting two weeks delays no page."""

from dataclasses import replace
from datetime import timedelta

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from operations import daily, selectors
from operations.views_list import read_filter
from tenantpilot.console.http import is_htmx
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import link


@page()
def run_days(request: SignedInRequest) -> HttpResponse:
    """Ended runs per day over two weeks, under the list's filters but those of state and day."""
    today = timezone.localdate()
    start = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = replace(read_filter(request), state="", since=start - timedelta(days=daily.DAYS - 1))
    rows = selectors.daily_counts(selectors.reach_of(request.user, wanted), wanted)
    as_table = request.GET.get("show") == "table"
    other = link(request.GET, show=None if as_table else "table")
    context = {
        "picture": daily.picture(rows, today),
        "asTable": as_table,
        "otherUrl": f"{reverse('operation_days')}{other}",
        "runsUrl": reverse("operations"),
    }
    return render(
        request, "operations/_run_days.html" if is_htmx(request) else "operations/run_days.html", context
    )
