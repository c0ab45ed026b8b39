"""Backups of a tenant: the list, and one of them with what it holds."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations.buttons import start_buttons
from operations.choices import Surface
from providers import catalogue
from providers.backups import lists
from providers.choices import BackupKind, BackupState
from providers.selectors import MAX_ID, Target
from providers.views import backup_words as words
from providers.views.backup_picture import changes_over_time
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.console.filters import Choice, chosen, filter_data, search_text
from tenantpilot.console.pages import SignedInRequest, page
from tenantpilot.console.paging import cut, keyset_page, page_size, read_cursor
from tenantpilot.console.tables import table, table_data
from tenantpilot.tenancy.capabilities import Capability

Row = dict[str, Any]
BACKUP = "policy.backup"
KIND = Choice(
    "kind", gettext_lazy("Kind"), [(each.value, each.label) for each in BackupKind], gettext_lazy("Any kind")
)
STATE = Choice(
    "state",
    gettext_lazy("State"),
    [(each.value, each.label) for each in BackupState],
    gettext_lazy("Any state"),
)
ITEM_STATE = Choice(
    "state",
    gettext_lazy("State"),
    [
        ("complete", gettext_lazy("Complete")),
        ("incomplete", gettext_lazy("Incomplete")),
        ("flagged", gettext_lazy("With secrets that can't be restored")),
    ],
    gettext_lazy("Any state"),
)
BACKUP_TABLE = table(
    "backups",
    ("backup", gettext_lazy("Backup")),
    ("state", gettext_lazy("State")),
    ("objects", gettext_lazy("Objects")),
    ("changes", gettext_lazy("Changes")),
    ("by", gettext_lazy("Started by")),
    ("when", gettext_lazy("When")),
)
ITEM_TABLE = table(
    "backup-items",
    ("object", gettext_lazy("Object")),
    ("type", gettext_lazy("Type")),
    ("state", gettext_lazy("State")),
)


@page()
def backup_list(request: SignedInRequest, tenant: str) -> HttpResponse:
    """Every backup of the tenant, the newest first."""
    target = visible_tenant(request, tenant)
    kind, state = chosen(request, KIND), chosen(request, STATE)
    rows = lists.backup_rows(target.tenant.id, kind=kind, state=state)
    shown = _newest_first(request, rows)
    filtered = bool(kind or state)
    transfers = Capability.TRANSFER_BACKUPS in target.capabilities
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "backups": [words.backup_data(row, target) for row in shown.rows],
        "starts": start_buttons(target, Surface.TENANT, request.user.pk, only=BACKUP),
        "picture": changes_over_time(target.tenant.id) if not filtered else None,
        "table": table_data(request, BACKUP_TABLE),
        "filters": filter_data(request, choices=[KIND, STATE]),
        "filtered": filtered,
        "clearUrl": request.path,
        "pager": shown.pager,
        "importUrl": reverse("backup_import", args=[tenant]) if transfers else "",
        "retentionUrl": reverse("backup_retention", args=[tenant]),
    }
    return render(request, "providers/backup_list.html", context)


@page()
def backup_detail(request: SignedInRequest, tenant: str, backup: int) -> HttpResponse:
    """One backup: how each type ended, and the objects that it holds."""
    target = visible_tenant(request, tenant)
    row = visible_backup(target, backup)
    search, kind, state = search_text(request), chosen(request, _types(row)), chosen(request, ITEM_STATE)
    rows = lists.item_rows(backup, search=search, object_type=kind, state=state)
    shown = keyset_page(rows, request.GET, ("name", "id"))
    transfers = Capability.TRANSFER_BACKUPS in target.capabilities
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "backup": words.backup_data(row, target) | _more(row),
        "types": _type_rows(row, target),
        "items": [item_data(each, tenant) for each in shown.rows],
        "table": table_data(request, ITEM_TABLE),
        "filters": filter_data(
            request, choices=[_types(row), ITEM_STATE], search_label=_("Search name or object ID")
        ),
        "filtered": bool(search or kind or state),
        "clearUrl": request.path,
        "pager": shown.pager,
        "exportUrl": reverse("backup_export", args=[tenant, backup])
        if transfers and row["object_count"]
        else "",
        "restoreUrl": restore_url(target, backup) if row["object_count"] and row["completed_at"] else "",
        "picking": picking(target, backup) if row["completed_at"] else None,
    }
    return render(request, "providers/backup_detail.html", context)


def restore_url(target: Target, backup: int, item: int | None = None) -> str:
    """Where a restore of the backup, or of one object of it, is prepared; empty for who may not."""
    if Capability.PREVIEW_RESTORE not in target.capabilities:
        return ""
    chosen_item = f"&item={item}" if item else ""
    return f"{reverse('restore_new', args=[target.tenant.slug])}?backup={backup}{chosen_item}"


def picking(target: Target, backup: int) -> Row | None:
    """How objects of the backup are chosen in a list for a restore; None for who may not prepare one."""
    if Capability.PREVIEW_RESTORE not in target.capabilities:
        return None
    return {"url": reverse("restore_new", args=[target.tenant.slug]), "backup": backup}


def visible_backup(target: Target, pk: int) -> Row:
    """The tenant's backup of that number. Raises Http404."""
    row = lists.backup_of(target.tenant.id, pk) if 0 < pk <= MAX_ID else None
    if row is None:
        raise Http404
    return row


def tenant_data(target: Target) -> dict[str, str]:
    return {"name": target.tenant.name, "url": reverse("tenant", args=[target.tenant.slug])}


def item_data(row: Row, tenant: str) -> Row:
    """An object of a backup as lists show it."""
    return {
        "id": row["id"],
        "name": row["name"] or _("(no name)"),
        "url": reverse("backup_item", args=[tenant, row["backup_id"], row["id"]]),
        "type": words.singular_of(row["object_type"]),
        "complete": row["complete"],
        "missing": [words.part_words(part["part"]) for part in row["incomplete_parts"]],
        "flags": words.flags_in(row["flags"]),
    }


def _newest_first(request: SignedInRequest, rows: Any) -> Any:
    cursor, size = read_cursor(request.GET, (int,)), page_size(request.GET)
    if cursor is not None:
        (at,) = cursor.values
        rows = rows.filter(id__gt=at) if cursor.backwards else rows.filter(id__lt=at)
    backwards = cursor is not None and cursor.backwards
    found = list(rows.order_by("id" if backwards else "-id")[: size + 1])
    return cut(found, cursor, size, request.GET, ("id",))


def _types(row: Row) -> Choice:
    options = sorted((key, words.label_of(key)) for key in row["object_types"])
    return Choice("type", _("Type"), sorted(options, key=lambda pair: pair[1]), _("Any type"))


def _more(row: Row) -> Row:
    source = row["source"]
    data: Row = {
        "kind": BackupKind(row["kind"]).label,
        "completedAt": row["completed_at"],
        "runUrl": reverse("run", args=[row["run_id"]]) if row["run_id"] else "",
        "running": row["state"] == BackupState.RUNNING,
    }
    if source:
        data["source"] = {
            "tenant": source.get("tenant", ""),
            "createdAt": source.get("createdAt", ""),
            "file": source.get("file", ""),
        }
    return data


def _type_rows(row: Row, target: Target) -> list[Row]:
    """How each type ended, those that were not read first, in the order of their names."""
    unread = [key for key, found in row["results"].items() if found.get("code")]
    earlier = lists.last_observed(target.tenant.id, row["id"], unread) if unread else {}
    found = [_type_row(key, row, target, earlier.get(key)) for key in row["object_types"]]
    return sorted(found, key=lambda each: (each["complete"], each["label"]))


def _type_row(key: str, row: Row, target: Target, earlier: Row | None) -> Row:
    found = row["results"].get(key)
    data: Row = {
        "label": words.label_of(key),
        "complete": bool(found and found["complete"]),
        "read": bool(found),
    }
    if found is None:
        return data
    data |= {
        "objects": found["objects"],
        "incomplete": found["incomplete"],
        "observedAt": found["observedAt"],
        "url": link_to(target, row["id"], key),
    }
    if found.get("code"):
        data["reason"] = words.sentence(found["code"], found.get("facts", {}), target)
        data["reasonCode"] = found["code"]
    if earlier is not None:
        data["earlier"] = {
            "url": reverse("backup", args=[target.tenant.slug, earlier["id"]]),
            "at": earlier["results"][key]["observedAt"],
        }
    if "since" in found:
        data["changes"] = words.changes_words({name: found[name] for name in ("new", "changed", "gone")})
    restorable = catalogue.get(key).restorable if key in _KEYS else True
    if not restorable:
        data["notRestorable"] = str(catalogue.get(key).not_restorable)
    return data


_KEYS = frozenset(kind.key for kind in catalogue.all_types())


def link_to(target: Target, backup: int, key: str) -> str:
    """The objects of one type of a backup."""
    return f"{reverse('backup', args=[target.tenant.slug, backup])}?type={key}"
