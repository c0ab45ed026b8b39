"""Entries in words: the same verbs as on buttons, and reasons in today's words."""

import re
from collections.abc import Mapping
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from operations.phrases import About, sentence, verb_of
from tenantpilot.audit.page.selectors import START
from tenantpilot.console.times import exact, moment

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:")
BLOCKED, SIGN_IN_FAILED = "start.blocked", "session.sign_in_failed"

ACTIONS: dict[str, str | Promise] = {
    START: gettext_lazy("Start of a run"),
    BLOCKED: gettext_lazy("Blocked start"),
    "run.cancelled": gettext_lazy("Cancel"),
    "run.cancel_requested": gettext_lazy("Cancel requested"),
    "run.force_released": gettext_lazy("Force-release"),
    "session.signed_in": gettext_lazy("Sign in"),
    SIGN_IN_FAILED: gettext_lazy("Sign-in failed"),
    "session.signed_out": gettext_lazy("Sign out"),
    "app_registration.created": gettext_lazy("Add app registration"),
    "credential.replaced": gettext_lazy("Replace secret"),
    "consent.returned": gettext_lazy("Grant consent"),
    "backup.downloaded": gettext_lazy("Download backup"),
    "backup.imported": gettext_lazy("Import backup"),
    "backup.expired": gettext_lazy("Delete backups by retention"),
    "restore.secret_entered": gettext_lazy("Enter secret"),
    "restore.secret_removed": gettext_lazy("Remove secret"),
    "retention.changed": gettext_lazy("Change retention"),
    "connection.created": gettext_lazy("Add connection"),
    "connection.enabled": gettext_lazy("Enable connection"),
    "connection.disabled": gettext_lazy("Disable connection"),
    "connection.made_default": gettext_lazy("Make default connection"),
    "connection.removed": gettext_lazy("Remove connection"),
    "tenant.archiving": gettext_lazy("Archive tenant"),
    "tenant.archived": gettext_lazy("Tenant archived"),
    "tenant.brought_back": gettext_lazy("Bring back tenant"),
    "tenant.deleting": gettext_lazy("Delete tenant"),
    "tenant.deleted": gettext_lazy("Tenant deleted"),
    "tenant.id_changed": gettext_lazy("Edit tenant ID"),
    "tenant.created": gettext_lazy("Add tenant"),
    "certificate.made": gettext_lazy("Make certificate"),
    "onboarding.opened": gettext_lazy("Begin onboarding"),
    "onboarding.handed_over": gettext_lazy("Hand over onboarding"),
    "onboarding.left_out": gettext_lazy("Leave out permission"),
    "onboarding.abandoned": gettext_lazy("Abandon onboarding"),
    "onboarding.finished": gettext_lazy("Finish onboarding"),
    "consent_link.created": gettext_lazy("New consent link"),
    "consent_link.revoked": gettext_lazy("Revoke consent link"),
    "consent.answered": gettext_lazy("Answer to consent"),
    "member.role_changed": gettext_lazy("Change role"),
    "member.disabled": gettext_lazy("Disable person"),
    "member.enabled": gettext_lazy("Enable person"),
    "member.removed": gettext_lazy("Remove person"),
    "entitlement.changed": gettext_lazy("Change role on tenant"),
    "invitation.created": gettext_lazy("Invite person"),
    "invitation.renewed": gettext_lazy("Renew invitation"),
    "invitation.revoked": gettext_lazy("Revoke invitation"),
    "invitation.accepted": gettext_lazy("Accept invitation"),
    "list.exported": gettext_lazy("Export"),
    "run_events.sealed": gettext_lazy("Seal run events"),
}
"""An action without words here is written as its code says."""


def action_words(action: str) -> str:
    """The words of an action."""
    return str(ACTIONS.get(action) or action.replace(".", " ").replace("_", " ").capitalize())


def act(row: Mapping[str, Any]) -> str:
    """What was done, in the verb of the operation where there is one."""
    operation = row["facts"].get("operation")
    if not operation:
        return action_words(row["action"])
    verb = verb_of(operation)
    if row["action"] == START:
        return _("Retry: %(verb)s") % {"verb": verb} if row["facts"].get("retry_of") else verb
    return f"{action_words(row['action'])}: {verb}"


def thing(row: Mapping[str, Any]) -> dict[str, str]:
    """Name and address of what the act was about; without an address where the console has no page for it."""
    kind, key = row["object_kind"], row["object_id"]
    label = row["object_label"] or (
        _("Run %(id)s") % {"id": key} if kind == "run" else str(row["facts"].get("person", ""))
    )
    linked = row["has_page"] and kind in {"run", "connection"} and key.isdigit()
    url = reverse(kind, args=[int(key)]) if linked else ""
    return {"label": label, "url": url}


def reason(row: Mapping[str, Any]) -> str:
    """Why not, in one sentence; the bare code for a reason that this version does not know."""
    code = row["reason_code"]
    if not code:
        return ""
    about = About(
        tenant=row["tenant__name"] or "",
        slug=row["tenant__slug"] or "",
        workspace=row["workspace__name"] or "",
        capabilities=frozenset(),
        connection=row["object_label"],
        facts=row["facts"].get("reason") or {},
    )
    return sentence(code, about)


def details(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """Everything else that is known, as label and text: changes first, then the facts used."""
    facts = dict(row["facts"])
    before = row["before"] or facts.pop("before", None) or {}
    after = row["after"] or facts.pop("after", None) or {}
    names = list(dict.fromkeys([*before, *after]))
    changes = [{"label": _label(name), "text": _change(before.get(name), after.get(name))} for name in names]
    for name in ("operation", "reason", "connection"):
        facts.pop(name, None)
    known = [
        {"label": _label(name), "text": _text(value)}
        for name, value in facts.items()
        if value not in ("", [], {})
    ]
    request = [{"label": _("Request"), "text": row["request_id"]}] if row["request_id"] else []
    return [*changes, *known, *request]


def _label(name: str) -> str:
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced.replace("_", " ").strip().capitalize()


def _change(before: Any, after: Any) -> str:
    if before in (None, "", after):
        return _text(after)
    return _("%(before)s → %(after)s") % {"before": _text(before), "after": _text(after)}


def _text(value: Any) -> str:
    if value is None or value == "":
        return _("none")
    if isinstance(value, str) and _TIME.match(value) and (at := moment(value)):
        return exact(at)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{_label(name)}: {_text(item)}" for name, item in value.items())
    return str(value)
