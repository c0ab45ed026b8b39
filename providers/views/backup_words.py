"""Backups in words: kinds, states, reasons, what is flagged, and what differs."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from operations import words
from providers import catalogue
from providers.choices import BackupKind, BackupState
from providers.objects.diff import Change
from providers.objects.masking import VALUE_MASKED, VALUE_TOKEN, VALUE_WRITE_ONLY
from providers.objects.readable import Node, filter_words, node, target_words, way_to
from providers.selectors import Target
from tenantpilot.core import reasons

Row = dict[str, Any]


def label_of(key: str) -> str:
    """A type in the plural; a type that the catalogue does not know any more is named by its key."""
    try:
        return str(catalogue.get(key).label)
    except catalogue.UnknownObjectType:
        return key


def singular_of(key: str) -> str:
    try:
        return str(catalogue.get(key).singular)
    except catalogue.UnknownObjectType:
        return key


def sentence(code: str, facts: Mapping[str, Any], target: Target) -> str:
    """Why something was not read, in today's words."""
    return words.sentence(reasons.get(code), dict(facts), target) if code else ""


def part_words(name: str) -> str:
    """What of an object is meant."""
    known = {
        "object": _("The object itself"),
        "assignments": _("Assignments"),
        "settings": _("Settings"),
        "definitionValues": _("Settings"),
        "scheduledActionsForRule": _("Scheduled actions"),
        "roleAssignments": _("Role assignments"),
        "omaSettings": _("OMA settings"),
        "images": _("Images"),
        "combinationConfigurations": _("Conditions of single methods"),
        "privacyAccessControls": _("Privacy controls"),
        "certificates": _("Certificates"),
    }
    return known.get(name, name)


def flag_words(code: str) -> str:
    """Why an object can be restored in part only."""
    known = {
        VALUE_MASKED: _("A secret value could not be read. A restore asks for it."),
        VALUE_TOKEN: _("A secret is kept as a token that only this tenant understands."),
        VALUE_WRITE_ONLY: _("Microsoft never gives back a secret of this object."),
    }
    return known.get(code, code)


def flags_in(row_flags: Sequence[Mapping[str, str]]) -> list[str]:
    return [flag_words(code) for code in dict.fromkeys(flag["code"] for flag in row_flags)]


def backup_data(row: Row, target: Target) -> Row:
    """One backup as the list shows it."""
    results: dict[str, Row] = row["results"]
    changed = {
        name: sum(found.get(name, 0) for found in results.values()) for name in ("new", "changed", "gone")
    }
    known = [found for found in results.values() if "since" in found]
    return {
        "id": row["id"],
        "url": reverse("backup", args=[target.tenant.slug, row["id"]]),
        "title": title_of(row),
        "state": row["state"],
        "createdAt": row["created_at"],
        "by": row["by"] or "TenantPilot",
        "types": types_words(row),
        "objects": row["object_count"],
        "note": note_of(row),
        "changes": changes_words(changed) if known and row["state"] != BackupState.RUNNING else "",
        "changesUrl": reverse("backup_changes", args=[target.tenant.slug, row["id"]])
        if any(changed.values())
        else "",
    }


def title_of(row: Row) -> str:
    names = {
        BackupKind.BACKUP: _("Backup %(id)s"),
        BackupKind.SAFETY: _("Safety backup %(id)s"),
        BackupKind.IMPORTED: _("Imported backup %(id)s"),
    }
    return names[BackupKind(row["kind"])] % {"id": row["id"]}


def types_words(row: Row) -> str:
    count = len(row["object_types"])
    if count == len(catalogue.backup_types()):
        return _("All types")
    if count == 1:
        return label_of(row["object_types"][0])
    return ngettext("%(count)s type", "%(count)s types", count) % {"count": count}


def note_of(row: Row) -> str:
    """What is missing from a backup, in one line."""
    unread = [key for key, found in row["results"].items() if found.get("code")]
    incomplete = sum(found.get("incomplete", 0) for found in row["results"].values())
    parts = []
    if unread:
        words_of = ngettext("%(count)s type not observed", "%(count)s types not observed", len(unread))
        parts.append(words_of % {"count": len(unread)})
    if incomplete:
        words_of = ngettext("%(count)s object incomplete", "%(count)s objects incomplete", incomplete)
        parts.append(words_of % {"count": incomplete})
    return ", ".join(parts)


def changes_words(changed: Mapping[str, int]) -> str:
    """What changed since an earlier backup."""
    if not any(changed.values()):
        return _("No change")
    parts = [
        (changed["new"], _("%(count)s new")),
        (changed["changed"], _("%(count)s changed")),
        (changed["gone"], _("%(count)s gone")),
    ]
    return ", ".join(words_of % {"count": count} for count, words_of in parts if count)


def assignment_data(found: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Row]:
    """Assignments as sentences can be made of them."""
    kinds = {
        "group": _("Group"),
        "excluded": _("Excluded group"),
        "all_devices": _("All devices"),
        "all_users": _("All users"),
        "collection": _("Collection"),
        "other": _("Other target"),
    }
    ways = {"include": _("Only devices in filter"), "exclude": _("Not devices in filter")}
    rows = []
    for each in found:
        target = each.get("target") or {}
        kind, name = target_words(target, names)
        way, filtered = filter_words(target, names)
        more = {key: value for key, value in each.items() if key not in ("target", "@odata.type", "intent")}
        rows.append(
            {
                "kind": kinds[kind],
                "name": name,
                "excluded": kind == "excluded",
                "intent": str(each.get("intent") or ""),
                "filter": f"{ways.get(way, way)} {filtered}".strip() if filtered else "",
                "more": [node(key, value, names) for key, value in more.items() if value is not None],
            }
        )
    return rows


def change_data(change: Change, names: Mapping[str, str]) -> Row:
    """A difference as a row: where, what happened, before and after."""
    return {
        "where": way_to(change.path[1:] or change.path, names),
        "action": change.action.value,
        "before": value_node(change.before, names),
        "after": value_node(change.after, names),
    }


def value_node(value: Any, names: Mapping[str, str]) -> Node | None:
    if isinstance(value, Mapping) and isinstance(value.get("settingInstance"), Mapping):
        value = value["settingInstance"]
    return None if value is None else node("", value, names)


def change_groups(changes: Sequence[Change], names: Mapping[str, str]) -> list[Row]:
    """The differences by the part of the object that they are in."""
    groups: dict[str, list[Row]] = {}
    for change in changes:
        groups.setdefault(change.part, []).append(change_data(change, names))
    titles = {"object": _("Properties")}
    return [{"title": titles.get(part) or part_words(part), "changes": rows} for part, rows in groups.items()]
