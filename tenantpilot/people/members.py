"""The people of a workspace: who is in and with which role, and who has been invited."""

from typing import Any, cast

from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenantpilot.audit.exports import record_export
from tenantpilot.console.exports import csv_response
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page, link
from tenantpilot.console.states import badge_for
from tenantpilot.console.tables import table, table_data
from tenantpilot.people.scope import chosen_workspace, switch
from tenantpilot.people.words import person_name
from tenantpilot.tenancy.capabilities import Role
from tenantpilot.tenancy.invitations import open_invitations
from tenantpilot.tenancy.models import Membership, TenantEntitlement, Workspace

Row = dict[str, Any]

ROLE = Choice("role", gettext_lazy("Role"), Role.choices, gettext_lazy("Any role"))
STATUS = Choice(
    "status",
    gettext_lazy("State"),
    [("active", gettext_lazy("Active")), ("disabled", gettext_lazy("Disabled"))],
    gettext_lazy("Active and disabled"),
)
TABLE = table(
    "people",
    ("person", gettext_lazy("Person")),
    ("role", gettext_lazy("Workspace role")),
    ("tenants", gettext_lazy("Counts on")),
    ("state", gettext_lazy("State")),
    ("since", gettext_lazy("Member since")),
)
BATCH = 500


@page()
def people(request: SignedInRequest) -> HttpResponse:
    """Who works in a workspace, and who has been invited."""
    workspace = chosen_workspace(request)
    search, role, status = search_text(request), chosen(request, ROLE), chosen(request, STATUS)
    shown = keyset_page(_member_rows(workspace, search, role, status), request.GET, ("username", "id"))
    here = f"{request.path}?workspace={workspace.slug}"
    filters = filter_data(request, choices=[ROLE, STATUS], search_label=_("Search name"), keep=["workspace"])
    context = {
        "workspace": workspace,
        "people": [_listed(row) for row in shown.rows],
        "table": table_data(request, TABLE),
        "exportUrl": f"{reverse('people_export')}{link(request.GET, workspace=workspace.slug, size=None)}",
        "quick": switch(request, workspace),
        "invitations": _invited(workspace),
        "inviteUrl": f"{reverse('people_invite')}?workspace={workspace.slug}",
        "filters": {**filters, "clearUrl": here},
        "filtered": bool(search or role or status),
        "clearUrl": here,
        "pager": shown.pager,
    }
    return render(request, "people/people.html", context)


@page()
def people_export(request: SignedInRequest) -> HttpResponse:
    """Everybody of the current view as CSV."""
    workspace = chosen_workspace(request)
    wanted = {
        "search": search_text(request), "role": chosen(request, ROLE), "status": chosen(request, STATUS)
    }  # fmt: skip
    record_export("people", actor_id=request.user.pk, workspace_ids=[workspace.pk], filters=wanted)
    rows = _member_rows(workspace, **wanted).order_by("username", "id").iterator(chunk_size=BATCH)
    header = [_("Person"), _("Name"), _("Workspace role"), _("Counts on"), _("State"), _("Member since")]
    return cast(HttpResponse, csv_response("people", header, (_line(row) for row in rows)))


def _line(row: Row) -> list[Any]:
    data = _listed(row)
    state = badge_for("member", data["status"]).word
    return [row["username"], data["name"], data["role"], data["tenants"], state, data["since"]]


def _member_rows(workspace: Workspace, search: str, role: str, status: str) -> QuerySet[Any, Any]:
    rows = Membership.objects.filter(workspace=workspace)
    if search:
        rows = rows.filter(
            Q(user__username__icontains=search)
            | Q(user__first_name__icontains=search)
            | Q(user__last_name__icontains=search)
        )
    if role:
        rows = rows.filter(role=role)
    if status:
        rows = rows.filter(disabled_at__isnull=status == "active")
    entitled = (
        TenantEntitlement.objects.filter(user=OuterRef("user"), tenant__workspace=workspace)
        .order_by()
        .values("user")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return rows.annotate(
        username=F("user__username"),
        first=F("user__first_name"),
        last=F("user__last_name"),
        tenants=Subquery(entitled),
    ).values(
        "id",
        "username",
        "first",
        "last",
        "role",
        "all_tenants",
        "disabled_at",
        "created_at",
        "tenants",
        "user_id",
    )


def _listed(row: Row) -> Row:
    name = f"{row['first']} {row['last']}".strip() or row["username"]
    return {
        "name": name,
        "username": row["username"] if row["username"] != name else "",
        "url": reverse("person", args=[row["id"]]),
        "role": Role(row["role"]).label,
        "tenants": _("All tenants") if row["all_tenants"] else _count(row["tenants"] or 0),
        "status": "disabled" if row["disabled_at"] else "active",
        "since": row["created_at"],
    }


def _count(number: int) -> str:
    return ngettext("%(n)d tenant", "%(n)d tenants", number) % {"n": number}


def _invited(workspace: Workspace) -> list[Row]:
    rows = open_invitations(workspace.pk).select_related("invited_by").annotate(count=Count("tenants"))
    return [
        {
            "addressee": row.addressee,
            "role": Role(row.role).label,
            "tenants": _("All tenants") if row.all_tenants else _count(row.count),
            "expiresAt": row.expires_at,
            "by": person_name(row.invited_by),
            "renewUrl": reverse("invitation_renew", args=[row.pk]),
            "withdrawUrl": reverse("invitation_withdraw", args=[row.pk]),
        }
        for row in rows
    ]
