"""Which objects a backup found new, changed and gone beside the earlier one."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.backups.changes import changed_items, earlier_backups
from providers.choices import ChangeKind
from providers.selectors import Target
from providers.views import backup_words as words
from providers.views.backups import picking, restore_url, tenant_data, visible_backup
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import keyset_page

Row = dict[str, Any]
CHANGE = Choice(
    "change",
    gettext_lazy("Change"),
    [(each.value, each.label) for each in (ChangeKind.NEW, ChangeKind.CHANGED, ChangeKind.GONE)],
    gettext_lazy("Any change"),
)


@page()
def backup_changes(request: SignedInRequest, tenant: str, backup: int) -> HttpResponse:
    """Every object that differs from the backup before; each leads to its difference."""
    target = visible_tenant(request, tenant)
    row = visible_backup(target, backup)
    earlier = earlier_backups(row["results"])
    types = _types(earlier)
    search, kind, change = search_text(request), chosen(request, types), chosen(request, CHANGE)
    rows = changed_items(backup, earlier, object_type=kind, change=change)
    if search:
        rows = rows.filter(name__icontains=search)
    shown = keyset_page(rows, request.GET, ("name", "id"))
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "backup": words.backup_data(row, target),
        "earlier": [_earlier(pk, target) for pk in sorted(earlier, reverse=True)],
        "lost": _lost(row, earlier),
        "changes": [_change_data(each, target) for each in shown.rows],
        "filters": filter_data(request, choices=[types, CHANGE], search_label=_("Search name")),
        "filtered": bool(search or kind or change),
        "clearUrl": request.path,
        "pager": shown.pager,
        # A restore draws on one backup.
        "picking": picking(target, next(iter(earlier))) if len(earlier) == 1 else None,
    }
    return render(request, "providers/backup_changes.html", context)


def _types(earlier: dict[int, list[str]]) -> Choice:
    keys = {key for types in earlier.values() for key in types}
    options = sorted(((key, words.label_of(key)) for key in keys), key=lambda pair: pair[1])
    return Choice("type", _("Type"), options, _("Any type"))


def _earlier(pk: int, target: Target) -> Row:
    return {"id": pk, "url": reverse("backup", args=[target.tenant.slug, pk])}


def _lost(row: Row, earlier: dict[int, list[str]]) -> bool:
    """Whether something was compared with a backup that retention has removed since."""
    return any("since" in found and found["since"] not in earlier for found in row["results"].values())


def _change_data(row: Row, target: Target) -> Row:
    slug = target.tenant.slug
    url = reverse("backup_item", args=[slug, row["backup_id"], row["id"]])
    if row["change"] == ChangeKind.CHANGED:
        url = reverse("backup_diff", args=[slug, row["was"], row["id"]])
    data = {
        "name": row["name"] or _("(no name)"),
        "type": words.singular_of(row["object_type"]),
        "change": row["change"],
        "url": url,
    }
    if row["change"] != ChangeKind.NEW:
        was_in = row["backup_id"] if row["change"] == ChangeKind.GONE else row["was_backup"]
        data["pick"] = row["was"] or row["id"]
        data["restoreUrl"] = restore_url(target, was_in, data["pick"])
    return data
