"""Values and the badge each one gets: word, tone and sign, in one place."""

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Badge(NamedTuple):
    word: str | Promise
    tone: str
    icon: str


_NOT_VERIFIED = Badge(_("Not verified"), "mute", "circle")

_TENANT = {
    "ok": Badge(_("Healthy"), "ok", "tick"),
    "warn": Badge(_("Needs attention"), "warn", "alert"),
    "down": Badge(_("No access"), "bad", "cross"),
    "new": _NOT_VERIFIED,
}

_TENANT_STATE = {
    "archiving": Badge(_("Archiving"), "info", "spinner"),
    "archived": Badge(_("Archived"), "mute", "minus"),
    "deleting": Badge(_("Deleting"), "mute", "spinner"),
    "deleted": Badge(_("Deleted"), "mute", "minus"),
}

_CONNECTION = {
    "connected": Badge(_("Connected"), "ok", "dot"),
    "consent_missing": Badge(_("Consent missing"), "warn", "dot"),
    "consent_revoked": Badge(_("Consent revoked"), "warn", "dot"),
    "permission_missing": Badge(_("Permission missing"), "warn", "dot"),
    "role_missing": Badge(_("Role missing"), "warn", "dot"),
    "licence_missing": Badge(_("Licence missing"), "warn", "dot"),
    "approval_required": Badge(_("Approval required"), "warn", "dot"),
    "throttled": Badge(_("Throttled"), "warn", "dot"),
    "facts_stale": Badge(_("Check overdue"), "warn", "dot"),
    "secret_expired": Badge(_("Secret expired"), "bad", "dot"),
    "credential_expired": Badge(_("Secret expired"), "bad", "dot"),
    "credential_missing": Badge(_("Secret missing"), "bad", "dot"),
    "credential_invalid": Badge(_("Secret refused"), "bad", "dot"),
    "tenant_mismatch": Badge(_("Wrong tenant"), "bad", "dot"),
    "tenant_not_found": Badge(_("Tenant not found"), "bad", "dot"),
    "unreachable": Badge(_("Unreachable"), "bad", "dot"),
    "connection_disabled": Badge(_("Disabled"), "mute", "circle"),
    "disabled": Badge(_("Disabled"), "mute", "circle"),
    "connection_missing": Badge(_("No connection"), "mute", "circle"),
    "connection_unverified": _NOT_VERIFIED,
    "unverified": _NOT_VERIFIED,
}

_RUN = {
    "queued": Badge(_("Queued"), "mute", "clock"),
    "running": Badge(_("Running"), "info", "spinner"),
    "succeeded": Badge(_("Succeeded"), "ok", "tick"),
    "partially_succeeded": Badge(_("Partly failed"), "warn", "alert"),
    "failed": Badge(_("Failed"), "bad", "stop"),
    "blocked": Badge(_("Blocked"), "warn", "stop"),
    "cancelled": Badge(_("Cancelled"), "mute", "minus"),
}

_STEP = {
    **_RUN,
    "pending": Badge(_("Waiting"), "mute", "clock"),
    "skipped": Badge(_("Not started"), "mute", "minus"),
}

_PRESENCE = {
    "present": Badge(_("Present"), "ok", "dot"),
    "gone": Badge(_("Gone"), "mute", "minus"),
}

_CHANGE = {
    "new": Badge(_("New"), "ok", "dot"),
    "changed": Badge(_("Changed"), "info", "dot"),
    "gone": Badge(_("Gone"), "mute", "minus"),
    "back": Badge(_("Back"), "info", "dot"),
}

_COMPLIANCE = {
    "compliant": Badge(_("Compliant"), "ok", "tick"),
    "noncompliant": Badge(_("Not compliant"), "bad", "cross"),
    "inGracePeriod": Badge(_("In grace period"), "warn", "clock"),
    "conflict": Badge(_("Conflict"), "warn", "alert"),
    "error": Badge(_("Error"), "bad", "alert"),
    "configManager": Badge(_("By Configuration Manager"), "mute", "circle"),
    "unknown": Badge(_("Not evaluated"), "mute", "circle"),
}

_BACKUP = {
    "running": Badge(_("Running"), "info", "spinner"),
    "complete": Badge(_("Complete"), "ok", "tick"),
    "partial": Badge(_("Partly complete"), "warn", "alert"),
    "failed": Badge(_("Failed"), "bad", "stop"),
    "stopped": Badge(_("Stopped"), "mute", "minus"),
}

_BACKED_UP = {
    "complete": Badge(_("Complete"), "ok", "tick"),
    "incomplete": Badge(_("Incomplete"), "warn", "alert"),
    "unread": Badge(_("Not observed"), "warn", "alert"),
    "waiting": Badge(_("Not read yet"), "mute", "clock"),
    "first": Badge(_("First seen"), "info", "plus"),
    "changed": Badge(_("Changed"), "warn", "dot"),
    "same": Badge(_("Unchanged"), "mute", "minus"),
    "added": Badge(_("Added"), "ok", "plus"),
    "removed": Badge(_("Removed"), "bad", "minus"),
    "reordered": Badge(_("Reordered"), "info", "dot"),
}

_PERMISSION = {
    "granted": Badge(_("Granted"), "ok", "tick"),
    "missing": Badge(_("Missing"), "bad", "cross"),
}

_RIGHT = {
    "held": Badge(_("Yes"), "ok", "tick"),
    "not_held": Badge(_("No"), "mute", "minus"),
}

_MEMBER = {
    "active": Badge(_("Active"), "ok", "tick"),
    "disabled": Badge(_("Disabled"), "mute", "minus"),
}

_CHECK = {
    "ok": Badge(_("OK"), "ok", "tick"),
    "missing": Badge(_("Missing"), "bad", "cross"),
    "unknown": Badge(_("Not checked"), "mute", "circle"),
    "left_out": Badge(_("Left out"), "warn", "minus"),
}

_NOTICE = {"expiring": Badge(_("Ends soon"), "warn", "clock")}

_PLAN = {
    "create": Badge(_("Create"), "info", "plus"),
    "update": Badge(_("Overwrite"), "warn", "pencil"),
    "delete": Badge(_("Delete"), "bad", "cross"),
    "skip": Badge(_("Skip"), "mute", "minus"),
    "unresolved": Badge(_("Unresolved"), "bad", "alert"),
}

_SECRET = {"set": Badge(_("Set"), "ok", "tick")}

_RESTORED = {
    "verified": Badge(_("Verified"), "ok", "tick"),
    "differs": Badge(_("Differs"), "warn", "alert"),
    "unverified": Badge(_("Not read back"), "warn", "alert"),
    "failed": Badge(_("Failed"), "bad", "stop"),
    "uncertain": Badge(_("Uncertain"), "bad", "alert"),
    "skipped": Badge(_("Skipped"), "mute", "minus"),
    "not_reached": Badge(_("Not reached"), "mute", "circle"),
}

_RESTORE = {
    "draft": Badge(_("Draft"), "mute", "circle"),
    "executing": Badge(_("Executing"), "info", "spinner"),
    "executed": Badge(_("Executed"), "ok", "tick"),
}

_REQUEST = {
    "planned": Badge(_("Planned"), "mute", "circle"),
    "sent": Badge(_("Sent, no answer"), "warn", "alert"),
    "confirmed": Badge(_("Confirmed"), "ok", "tick"),
    "refused": Badge(_("Refused"), "bad", "stop"),
    "uncertain": Badge(_("Uncertain"), "bad", "alert"),
}

BADGES = {
    "plan": _PLAN,
    "restored": _RESTORED,
    "restore": _RESTORE,
    "request": _REQUEST,
    "tenant": _TENANT,
    "tenant_state": _TENANT_STATE,
    "connection": _CONNECTION,
    "run": _RUN,
    "step": _STEP,
    "presence": _PRESENCE,
    "change": _CHANGE,
    "compliance": _COMPLIANCE,
    "backup": _BACKUP,
    "backed_up": _BACKED_UP,
    "permission": _PERMISSION,
    "member": _MEMBER,
    "notice": _NOTICE,
    "right": _RIGHT,
    "check": _CHECK,
    "secret": _SECRET,
}

OUTCOMES = {
    "accepted": ("ok", "tick"),
    "deduped": ("info", "join"),
    "scope_busy": ("warn", "clock"),
    "blocked": ("bad", "stop"),
}
"""Tone and icon of a start's outcome."""

TONE_ICONS = {"ok": "tick", "info": "info", "warn": "alert", "bad": "stop", "mute": "circle"}


def badge_for(kind: str, value: str) -> Badge:
    """The badge of a value; a reason code ("provider.consent_missing") counts by its last part.

    Raises KeyError for an unknown kind. An unknown value is shown as it is, without tone.
    """
    known = BADGES[kind]
    return known.get(value) or known.get(value.rpartition(".")[2]) or Badge(value, "mute", "circle")
