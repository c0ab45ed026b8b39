"""The mapping table of a restore: what references of the backup become in the tenant."""

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from providers.catalogue import Ref
from providers.choices import MappingChoice
from providers.models import RestoreRun
from providers.restore import drafts
from providers.restore.lists import group_names, ids_seen, targets_for
from providers.restore.model import PENDING, RefKey
from providers.selectors import Target
from providers.views.restore_changes import changed, prepared
from providers.views.restore_parts import title_of
from tenantpilot.console.pages import SignedInRequest, page

Row = dict[str, Any]
LONGEST = 500
MOST = 350
"""References in one form: three fields each, below the limit of fields in a request."""
KEEP, FORGET = "keep", "forget"
_CHOICES = {KEEP, FORGET, *MappingChoice.values}
_HOW = {
    "same": gettext_lazy("Same ID"),
    "name": gettext_lazy("Same name"),
    "mapped": gettext_lazy("Chosen"),
    "planned": gettext_lazy("Part of this restore"),
    "create": gettext_lazy("Is created"),
    "skip": gettext_lazy("Left out"),
    "missing": gettext_lazy("Missing"),
}
_KINDS = {
    Ref.GROUP.value: gettext_lazy("Group"),
    Ref.FILTER.value: gettext_lazy("Filter"),
    Ref.SCOPE_TAG.value: gettext_lazy("Scope tag"),
    Ref.USER.value: gettext_lazy("User"),
    Ref.ROLE.value: gettext_lazy("Role"),
    Ref.APPLICATION.value: gettext_lazy("Application"),
    Ref.NAMED_LOCATION.value: gettext_lazy("Named location"),
    Ref.AUTHENTICATION_STRENGTH.value: gettext_lazy("Authentication strength"),
    Ref.AUTHENTICATION_CONTEXT.value: gettext_lazy("Authentication context"),
    Ref.TERMS_OF_USE.value: gettext_lazy("Terms of use"),
    Ref.MOBILE_APP.value: gettext_lazy("App"),
    Ref.NOTIFICATION_TEMPLATE.value: gettext_lazy("Notification template"),
    Ref.COMPLIANCE_SCRIPT.value: gettext_lazy("Compliance script"),
    Ref.REUSABLE_SETTING.value: gettext_lazy("Reusable setting"),
    Ref.DEVICE_CONFIGURATION.value: gettext_lazy("Certificate profile"),
    Ref.ADMX_DEFINITION.value: gettext_lazy("ADMX definition"),
    Ref.POLICY.value: gettext_lazy("Policy"),
}
# What Graph uses as an id: letters and digits with a few marks, never a path.
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, slots=True)
class Entered:
    """What a person entered for one reference."""

    choice: str
    target: str
    reason: str

    def wrong(self, kind: str, seen: Mapping[str, Container[str]]) -> str:
        """What is wrong with it; empty if nothing is. ``seen``: the ids of what the tenant has, by kind."""
        if self.choice not in _CHOICES or (self.choice == MappingChoice.CREATE and kind != Ref.GROUP.value):
            return _("Choose one of the list.")
        if self.choice == MappingChoice.SKIP and not self.reason:
            return _("Say why it is left out.")
        if self.choice != MappingChoice.MAP:
            return ""
        if not _TARGET.fullmatch(self.target):
            return _("Say which target to use.")
        if kind == Ref.GROUP.value and not _GUID.fullmatch(self.target):
            return _("Use the object ID of a group.")
        return "" if self.target in seen.get(kind, {self.target}) else _("The tenant has none of this ID.")

    def decision(self, names: Mapping[str, str]) -> dict[str, str] | None:
        """What is remembered of it; None forgets. ``names``: those of groups, by id."""
        if self.choice == MappingChoice.MAP:
            name = names.get(self.target, "")
            return {"choice": self.choice, "target_id": self.target, "target_name": name}
        if self.choice == MappingChoice.SKIP:
            return {"choice": self.choice, "reason": self.reason}
        return {"choice": self.choice} if self.choice == MappingChoice.CREATE else None


@page("POST")
def restore_targets(request: SignedInRequest, tenant: str, restore_run: int) -> HttpResponse:
    """Decide what missing targets become: fields ``choice:``, ``target:`` and ``reason:`` with kind and id.

    What cannot be kept is shown again, as it was entered.
    """
    target, restore = prepared(request, tenant, restore_run)
    entered = _entered(request)
    wrong = _wrong(restore, entered)
    if wrong:
        return _again(request, target, restore, entered, wrong, status=400)
    names = group_names(target.tenant.id, {each.target for each in entered.values()})
    decisions = {key: each.decision(names) for key, each in entered.items() if each.choice != KEEP}
    return changed(
        request,
        restore,
        lambda version: drafts.targets_map(
            restore_id=restore.pk, version=version, decisions=decisions, actor=request.user
        ),
        _("The targets are kept for later restores, too."),
        again=(lambda: _again(request, target, restore, entered, {}, status=409)) if entered else None,
    )


def _entered(request: SignedInRequest) -> dict[RefKey, Entered]:
    """What the form says, by kind and id of each reference."""
    found = {}
    for name, value in request.POST.items():
        head, _colon, key = name.partition(":")
        kind, _colon, source_id = key.partition(":")
        if head == "choice" and kind in _KINDS and 0 < len(source_id) <= 200:
            target, reason = _text(request, f"target:{key}", 200), _text(request, f"reason:{key}", LONGEST)
            # Graph writes GUIDs in small letters, and what it gives back is compared.
            target = target.lower() if _GUID.fullmatch(target) else target
            found[kind, source_id] = Entered(str(value), target, reason)
    return found


def _text(request: SignedInRequest, name: str, longest: int) -> str:
    return request.POST.get(name, "").replace("\x00", "").strip()[:longest]


def _wrong(restore: RestoreRun, entered: Mapping[RefKey, Entered]) -> dict[RefKey, str]:
    """What is wrong with which entries."""
    mapped = {key[0] for key, each in entered.items() if each.choice == MappingChoice.MAP}
    seen = ids_seen(restore, mapped) if mapped else {}
    found = {key: each.wrong(key[0], seen) for key, each in entered.items()}
    return {key: words for key, words in found.items() if words}


def _again(
    request: SignedInRequest,
    target: Target,
    restore: RestoreRun,
    entered: Mapping[RefKey, Entered],
    wrong: Mapping[RefKey, str],
    *,
    status: int,
) -> HttpResponse:
    slug = target.tenant.slug
    context = {
        "tenant": {"name": target.tenant.name, "url": reverse("tenant", args=[slug])},
        "title": title_of(restore.kind, restore.pk),
        "restore": {
            "version": restore.version,
            "url": reverse("restore_run", args=[slug, restore.pk]),
        },
        "listUrl": reverse("restore_runs", args=[slug]),
        "targetsUrl": request.path,
        **targets_data(restore, entered, wrong),
    }
    return render(request, "restores/restore_targets.html", context, status=status)


def targets_data(
    restore: RestoreRun,
    entered: Mapping[RefKey, Entered] | None = None,
    wrong: Mapping[RefKey, str] | None = None,
) -> Row:
    """The mapping table: what wants a choice first; and what may be chosen, by kind."""
    resolutions = restore.plan.resolutions if restore.plan else []
    rows = [row for row in resolutions if row["how"] not in ("same", "planned")]
    rows.sort(key=lambda row: (row["how"] != "missing", row["kind"], row["source_name"]))
    shown = rows[:MOST]
    targets = targets_for(restore, {row["kind"] for row in shown})
    references = [_reference(row, entered or {}, wrong or {}) for row in shown]
    return {
        "references": references,
        "wrong": len(wrong or {}),
        "notShown": len(rows) - len(shown),
        "targetLists": [{"kind": kind, "options": found} for kind, found in sorted(targets.items())],
    }


def _doubt(row: Row) -> str:
    """What to know about a chosen target that nobody has seen."""
    if row["how"] == "mapped" and not row["target_name"]:
        return _("Not seen in the tenant yet. Preview again.")
    return _("What was chosen is not there.") if row["how"] == "missing" and row["target_id"] else ""


def _reference(row: Row, entered: Mapping[RefKey, Entered], wrong: Mapping[RefKey, str]) -> Row:
    key = (row["kind"], row["source_id"])
    choices = [(MappingChoice.MAP, _("Use another")), (MappingChoice.SKIP, _("Leave it out"))]
    if row["kind"] == Ref.GROUP.value:
        choices.insert(1, (MappingChoice.CREATE, _("Create the group")))
    kept = {"mapped": "map", "create": "create", "skip": "skip"}.get(row["how"], KEEP)
    pending = row["target_id"].startswith(PENDING.partition("%s")[0])
    now = Entered(kept, row["target_id"] if row["how"] == "mapped" else "", row["reason"])
    now = entered.get(key, now)
    return {
        "key": ":".join(key),
        "kind": _KINDS[row["kind"]],
        "kindKey": row["kind"],
        "name": row["source_name"] or row["source_id"],
        "id": row["source_id"],
        "how": row["how"],
        "howWords": _HOW[row["how"]],
        "target": "" if pending else row["target_name"] or row["target_id"],
        "why": row["reason"] or _doubt(row),
        "remembered": kept != KEEP or bool(row["how"] == "missing" and row["target_id"]),
        "choice": now.choice,
        "targetId": now.target,
        "reason": now.reason,
        "wrong": wrong.get(key, ""),
        "choices": [{"value": value.value, "label": label} for value, label in choices],
    }
