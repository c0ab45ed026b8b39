"""The way in to the records."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.records import rights
from tenantpilot.records.base import RecordAdmin, refusal


@page()
def records(request: SignedInRequest) -> HttpResponse:
    """What kinds of rows there are to look at."""
    if not rights.owned_workspaces(request.user).exists():
        raise PermissionDenied(refusal())
    kinds = [each for each in admin.site._registry.values() if isinstance(each, RecordAdmin)]
    context = {
        "records": [
            {
                "label": kind.title,
                "url": reverse(f"admin:{kind.opts.app_label}_{kind.opts.model_name}_changelist"),
            }
            for kind in kinds
        ]
    }
    return render(request, "records/records.html", context)
