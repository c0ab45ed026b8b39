"""Tenants: where do we stand, tenant by tenant; and is this one in order."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations import registry
from operations.buttons import CHECK_CONNECTION, start_buttons
from operations.choices import Access, Surface
from operations.views_list import recent_context
from providers.choices import Purpose
from providers.directory_lists import collections_of
from providers.health import blockers_of, facts_in, health_of, status_of
from providers.lists import (
    ARCHIVED,
    EVERY,
    LETTERS,
    LIFE_COLUMNS,
    OTHER_LETTERS,
    connections_of,
    tenant_rows,
    workspaces_of,
)
from providers.readiness import ConnectionFacts
from providers.selectors import Target, target_for_tenant
from providers.views.parts import banner, directory_links, may_manage, status
from providers.views.selection import selection_data
from providers.views.tabs import tabs
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page, link
from tenantpilot.console.states import BADGES, badge_for
from tenantpilot.console.tables import table, table_data
from tenantpilot.lifecycle.shown import leaving, tombstone
from tenantpilot.tenancy.capabilities import Capability
from tenantpilot.tenancy.choices import TenantState
from tenantpilot.tenancy.models import tenant_state

SYNC_INVENTORY = "inventory.sync"
HEALTH = Choice(
    "health",
    gettext_lazy("Health"),
    [(value, badge.word) for value, badge in BADGES["tenant"].items()],
    gettext_lazy("Any health"),
)
TABLE = table(
    "tenants",
    ("tenant", gettext_lazy("Tenant")),
    ("health", gettext_lazy("Health")),
    ("workspace", gettext_lazy("Workspace")),
    ("connection", gettext_lazy("Connection")),
    ("sync", gettext_lazy("Last sync")),
)


LIFE = Choice(
    "life",
    gettext_lazy("Archived"),
    [(ARCHIVED, gettext_lazy("Archived only")), (EVERY, gettext_lazy("In use and archived"))],
    gettext_lazy("In use only"),
)


@page()
def tenant_list(request: SignedInRequest) -> HttpResponse:
    """Every tenant that the person sees."""
    workspaces = workspaces_of(request.user)
    in_workspace = workspace_choice(workspaces)
    health, workspace = chosen(request, HEALTH), chosen(request, in_workspace)
    search = search_text(request)
    begins = chosen_letter(request)
    life = chosen(request, LIFE)
    rows = tenant_rows(
        request.user, workspace=workspace, search=search, health=health, begins=begins, life=life
    )
    shown = keyset_page(rows, request.GET, ("name", "id"))
    filters = filter_data(
        request,
        choices=[HEALTH, in_workspace, LIFE],
        search_label=_("Search name or domain"),
        fixed=[("begins", _letter_words(begins))] if begins else (),
    )
    context = {
        "tenants": [listed_tenant(row) for row in shown.rows],
        "table": table_data(request, TABLE, without=() if len(workspaces) > 1 else ("workspace",)),
        "selection": selection_data(request, rows, shown.rows),
        "filters": filters,
        "filtered": bool(filters["active"]),
        "clearUrl": request.path,
        "pager": shown.pager,
        "exportUrl": f"{reverse('tenants_export')}{link(request.GET, size=None)}".removesuffix("?"),
    }
    return render(request, "providers/tenant_list.html", context)


@page()
def tenant_detail(request: SignedInRequest, tenant: str) -> HttpResponse:
    """One tenant, and what can be started on it; of one that is deleted, what is left."""
    target = target_for_tenant(request.user.pk, tenant)
    if target is None:
        return render(request, "lifecycle/tombstone.html", tombstone(request.user, tenant))
    gone = leaving(target)
    context = {
        "state": health_of(status(target)),
        "leaving": gone,
        "banner": None if gone else banner(target, here=request.path),
        "starts": start_buttons(target, Surface.TENANT, request.user.pk, first=_first_action(target)),
        "tabs": tabs(target, "tenant"),
        **_facts(request, target),
    }
    return render(request, "providers/tenant_detail.html", context)


def _first_action(target: Target) -> str:
    """What there is to do next: look at what the tenant holds once it can be reached, and until then at why not."""
    return SYNC_INVENTORY if health_of(status(target)) == "ok" else CHECK_CONNECTION


def workspace_choice(workspaces: list[tuple[str, str]]) -> Choice:
    """The workspace filter, the same on every list."""
    return Choice("workspace", _("Workspace"), workspaces, _("All workspaces"))


def chosen_letter(request: SignedInRequest) -> str:
    """The first letter that the list is narrowed to; empty for none and for what is no such group."""
    begins = request.GET.get("begins", "")
    return begins if begins in (*LETTERS, OTHER_LETTERS) else ""


def _letter_words(begins: str) -> str:
    return (
        _("Other first letters")
        if begins == OTHER_LETTERS
        else _("Begins with %(letter)s") % {"letter": begins}
    )


def _facts(request: SignedInRequest, target: Target) -> dict[str, Any]:
    ref, rows = target.tenant, connections_of(target.tenant.id)
    manages = may_manage(target)
    return {
        "tenant": {
            "name": ref.name,
            "domain": rows[0]["primary_domain"],
            "entraTenantId": str(ref.entra_tenant_id),
            "workspace": {"name": ref.workspace},
        },
        **_connections(rows, manages=manages),
        "addConnectionUrl": reverse("connection_add", args=[ref.slug]) if manages else "",
        "editUrl": reverse("tenant_edit", args=[ref.slug]) if manages else "",
        "archiveUrl": reverse("tenant_archive", args=[ref.slug]) if _may_archive(target) else "",
        "directory": directory_links(ref.slug, collections_of(ref.id)),
        **recent_context(request, target, None),
    }


def _may_archive(target: Target) -> bool:
    return Capability.MANAGE_TENANT in target.capabilities and target.tenant.archived_at is None


def _connections(rows: list[dict[str, Any]], *, manages: bool) -> dict[str, Any]:
    """The connections beside each other; what each is good for is said where there is a choice."""
    found = [_connection(row, facts) for row in rows if (facts := facts_in(row))]
    without_default = bool(found) and not any(each["isDefault"] for each in found)
    for each in found:
        if without_default and manages:
            each["makeDefaultUrl"] = reverse("connection_default", args=[each["id"]])
        if len(found) == 1:
            del each["readyFor"]
    return {"connections": found, "withoutDefault": without_default}


def _connection(row: dict[str, Any], facts: ConnectionFacts) -> dict[str, Any]:
    kinds = [kind for kind in registry.all_types() if kind.access is Access.READ]
    ready = [str(kind.verb) for kind in kinds if not blockers_of(facts, kind.needs)]
    return {
        "id": facts.id,
        "label": facts.label,
        "url": reverse("connection", args=[facts.id]),
        "status": status_of(blockers_of(facts)),
        "isDefault": row["is_default"],
        "purpose": Purpose(row["purpose"]).label,
        "readyFor": [
            _("Every read can start.") if len(ready) == len(kinds) else _can_start(ready),
            *_writes(facts),
        ],
    }


def _can_start(verbs: list[str]) -> str:
    if not verbs:
        return _("Nothing can start now.")
    return _("Can start: %(operations)s.") % {"operations": ", ".join(verbs)}


def _writes(facts: ConnectionFacts) -> list[str]:
    if facts.permissions_observed_at is None:
        return []
    may_write = any("ReadWrite" in name for name in facts.granted_permissions)
    return [_("May write.") if may_write else _("Reads only.")]


def listed_tenant(row: dict[str, Any]) -> dict[str, Any]:
    """What the list shows of a row of `tenant_rows`."""
    facts = facts_in(row)
    found = status_of(blockers_of(facts))
    health = health_of(found)
    life = tenant_state(*(row[name] for name in LIFE_COLUMNS[:4]))
    data: dict[str, Any] = {
        "name": row["name"],
        "slug": row["slug"],
        "url": reverse("tenant", args=[row["slug"]]),
        "domain": row["primary_domain"],
        "health": health,
        "lastSyncAt": row["synced_at"],
        "workspace": {"name": row["workspace_name"]},
    }
    if life is not TenantState.ACTIVE:
        data |= {"life": life.value, "keepUntil": row["keep_until"]}
    elif health in {"warn", "down"} or facts is None:
        data["reason"] = badge_for("connection", found).word
    if facts is not None:
        data["connection"] = {"label": facts.label, "url": reverse("connection", args=[facts.id])}
    return data
