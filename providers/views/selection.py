"""Tenants chosen in their list, and what may be started on all of them at once."""

from typing import Any

from django.urls import reverse

from operations.buttons import CHECK_CONNECTION
from operations.notices import bar_of
from operations.views_bulk import MOST, bulk_operations
from tenantpilot.console.pages import SignedInRequest
from tenantpilot.console.paging import link


def selection_data(request: SignedInRequest, rows: Any, shown: list[dict[str, Any]]) -> dict[str, Any] | None:
    """What `ui/_selection.html` draws over a list of tenants; None for who may start nothing anywhere.

    `rows` are all rows of the view and `shown` those of this page. With `?select=all` every row is chosen, those of
    other pages included, up to what one bulk start takes.
    """
    held = bar_of(request.user).held
    kinds = sorted(bulk_operations(), key=lambda kind: (kind.name != CHECK_CONNECTION, str(kind.verb)))
    actions = [{"name": kind.name, "label": kind.verb} for kind in kinds if kind.capability in held]
    if not actions or not shown:
        return None
    total = len(rows.order_by().values_list("id", flat=True)[: MOST + 1])
    data: dict[str, Any] = {
        "url": reverse("tenants_start"),
        "actions": actions,
        "here": f"{request.path}{link(request.GET, select=None)}",
        "total": min(total, MOST),
        "all": request.GET.get("select") == "all",
        "others": [],
    }
    if data["all"]:
        here = {row["slug"] for row in shown}
        slugs = rows.order_by("name", "id").values_list("slug", flat=True)[:MOST]
        data["others"] = [slug for slug in slugs if slug not in here][: MOST - len(here)]
        data["chosen"] = len(here) + len(data["others"])
    elif total > len(shown):
        data["allUrl"] = link(request.GET, select="all")
    return data
