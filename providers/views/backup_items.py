"""An object of a backup: its content, its history, and what differs from another version or from the tenant."""

from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from operations.buttons import start_buttons
from operations.choices import Surface
from providers import catalogue
from providers.backups import lists, store
from providers.backups.sealing import content_in
from providers.catalogue import ObjectType
from providers.models import BackupItem
from providers.objects.diff import diff
from providers.objects.lookups import references_in
from providers.objects.masking import masked
from providers.objects.readable import elements, tree
from providers.selectors import MAX_ID, Target
from providers.views import backup_words as words
from providers.views.backups import restore_url, tenant_data
from providers.views.parts import visible_tenant
from providers.views.tabs import tabs
from tenantpilot.console.pages import SignedInRequest, page

Row = dict[str, Any]
COMPARE = "policy.compare"
MOST_VERSIONS = 200


@page()
def item_detail(request: SignedInRequest, tenant: str, backup: int, item: int) -> HttpResponse:
    """What a backup holds of one object, with secrets hidden."""
    target = visible_tenant(request, tenant)
    found = visible_item(target, item, backup)
    kind = catalogue.get(found.object_type)
    content = store.content_of(found)
    names = names_for(found, kind, content)
    shown = masked(kind, content)
    earlier = lists.earlier_version(found)
    context = {
        **_frame(target, found),
        "item": _facts(found, target),
        "assignments": words.assignment_data(shown.get("assignments") or (), names)
        if kind.assignments and "assignments" in shown
        else None,
        "sections": _sections(shown, names),
        "compare": _compare_buttons(request, target, found),
        "earlierUrl": _diff_url(tenant, earlier["id"], found.pk) if earlier else "",
        "historyUrl": reverse("backup_object", args=[tenant, found.object_type, found.object_id]),
        "restoreUrl": restore_url(target, found.backup_id, found.pk)
        if found.complete and kind.restorable
        else "",
        "liveUrl": reverse("backup_live", args=[tenant, found.pk])
        if getattr(found, "compared", False)
        else "",
    }
    return render(request, "providers/backup_item.html", context)


@page()
def object_history(request: SignedInRequest, tenant: str, object_type: str, object_id: str) -> HttpResponse:
    """An object in every backup that holds it; each version leads to what changed in it."""
    target = visible_tenant(request, tenant)
    rows = list(
        lists.history_rows(target.tenant.id, object_type, object_id).order_by("-backup")[:MOST_VERSIONS]
    )
    if not rows:
        raise Http404
    context = {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "name": rows[0]["name"] or _("(no name)"),
        "type": words.singular_of(object_type),
        "backupsUrl": reverse("backups", args=[tenant]),
        "versions": _versions(rows, tenant),
    }
    return render(request, "providers/backup_history.html", context)


@page()
def version_diff(request: SignedInRequest, tenant: str, before: int, after: int) -> HttpResponse:
    """What differs between two versions of objects of one type."""
    target = visible_tenant(request, tenant)
    old, new = visible_item(target, before), visible_item(target, after)
    if old.object_type != new.object_type:
        raise Http404
    kind = catalogue.get(new.object_type)
    contents = store.content_of(old), store.content_of(new)
    names = names_for(old, kind, contents[0]) | names_for(new, kind, contents[1])
    context = {
        **_frame(target, new),
        "title": _("Changes"),
        "sides": [_side(old, tenant), _side(new, tenant)],
        "groups": words.change_groups(diff(kind, *contents), names),
        "incomplete": not (old.complete and new.complete),
    }
    return render(request, "providers/backup_diff.html", context)


@page()
def live_diff(request: SignedInRequest, tenant: str, item: int) -> HttpResponse:
    """What differs between an item and the tenant, as it was when they were last compared."""
    target = visible_tenant(request, tenant)
    found = visible_item(target, item)
    live = lists.newest_live(found.pk)
    kind = catalogue.get(found.object_type)
    context = {
        **_frame(target, found),
        "title": _("Compared with tenant"),
        "compare": _compare_buttons(request, target, found),
        "sides": [_side(found, tenant)],
    }
    if live is not None:
        now = content_in(live.version.content) if live.version else None
        then = store.content_of(found)
        names = names_for(found, kind, then)
        context |= {
            "observedAt": live.observed_at,
            "gone": now is None,
            "runUrl": reverse("run", args=[live.run_id]),
            "groups": words.change_groups(diff(kind, then, now), names) if now is not None else [],
            "incomplete": bool(live.incomplete_parts) or not found.complete,
        }
    return render(request, "providers/backup_diff.html", context)


def visible_item(target: Target, pk: int, backup: int | None = None) -> BackupItem:
    """An item of one of the tenant's backups. Raises Http404."""
    found = lists.item_of(target.tenant.id, pk) if 0 < pk <= MAX_ID else None
    if found is None or (backup is not None and found.backup_id != backup):
        raise Http404
    return found


def names_for(item: BackupItem, kind: ObjectType, content: Row) -> dict[str, str]:
    """The names of what the content leads to, as they were when the backup was made."""
    ids = {key for _ref, key in references_in(kind, content)}
    found = lists.names_in(item.backup_id, ids)
    return {key: row["name"] for key, row in found.items() if row["name"]}


def _frame(target: Target, item: BackupItem) -> Row:
    slug = target.tenant.slug
    return {
        "tenant": tenant_data(target),
        "tabs": tabs(target, "backups"),
        "name": item.name or _("(no name)"),
        "type": words.singular_of(item.object_type),
        "backupsUrl": reverse("backups", args=[slug]),
        "backup": {
            "title": _("Backup %(id)s") % {"id": item.backup_id},
            "url": reverse("backup", args=[slug, item.backup_id]),
        },
        "itemUrl": reverse("backup_item", args=[slug, item.backup_id, item.pk]),
    }


def _facts(item: BackupItem, target: Target) -> Row:
    return {
        "objectId": item.object_id,
        "backedUpAt": item.backup.created_at,
        "complete": item.complete,
        "missing": [
            {
                "label": words.part_words(part["part"]),
                "reason": words.sentence(part["code"], part["facts"], target),
            }
            for part in item.incomplete_parts
        ],
        "flags": words.flags_in(item.flags),
        "notRestorable": str(catalogue.get(item.object_type).not_restorable),
    }


def _sections(content: Row, names: dict[str, str]) -> list[Row]:
    sections: list[Row] = [{"title": _("Properties"), "nodes": tree(content.get("object") or {}, names)}]
    for name, value in content.items():
        if name in ("object", "assignments"):
            continue
        nodes = elements(value, names) if isinstance(value, list) else tree(value, names)
        sections.append({"title": words.part_words(name), "nodes": nodes, "count": len(value)})
    return sections


def _compare_buttons(request: SignedInRequest, target: Target, item: BackupItem) -> list[Row]:
    return start_buttons(
        target,
        Surface.TENANT,
        request.user.pk,
        only=COMPARE,
        data={"backupItem": item.pk},
    )


def _side(item: BackupItem, tenant: str) -> Row:
    return {
        "title": _("Backup %(id)s") % {"id": item.backup_id},
        "url": reverse("backup_item", args=[tenant, item.backup_id, item.pk]),
        "at": item.backup.created_at,
    }


def _versions(rows: list[Row], tenant: str) -> list[Row]:
    """Each backup that holds the object, and a link where its version is another than the one before."""
    found = []
    for row, before in zip(rows, [*rows[1:], None], strict=True):
        changed = before is not None and before["version_id"] != row["version_id"]
        found.append(
            {
                "title": _("Backup %(id)s") % {"id": row["backup_id"]},
                "url": reverse("backup_item", args=[tenant, row["backup_id"], row["id"]]),
                "at": row["at"],
                "by": row["by"] or "TenantPilot",
                "name": row["name"],
                "state": "first" if before is None else "changed" if changed else "same",
                "diffUrl": _diff_url(tenant, before["id"], row["id"]) if changed and before else "",
                "complete": row["complete"],
            }
        )
    return found


def _diff_url(tenant: str, before: int, after: int) -> str:
    return reverse("backup_diff", args=[tenant, before, after])
