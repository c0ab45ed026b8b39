"""The words of what a plan notes: why an object is skipped or unresolved, and what to know before it is written."""

from collections.abc import Mapping
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from providers import catalogue
from tenantpilot.core.reasons import Facts, get

NOTES: dict[str, str | Promise] = {
    "chosen_skip": _("Left out by choice."),
    "unchanged": _("Already as backed up."),
    "not_created": _("Missing in the tenant. Creating is off."),
    "not_updated": _("Differs in the tenant. Overwriting is off."),
    "not_restorable": _("%(why)s"),
    "protected": _("Microsoft's own. It is never touched."),
    "incomplete": _("The backup lacks parts of it: %(parts)s."),
    "not_read": _("Its type could not be read in the tenant: %(why)s"),
    "live_incomplete": _("Its live state was not read. Preview again."),
    "ambiguous": _("%(count)s objects in the tenant have this name. Choose one."),
    "twins": _("%(count)s chosen objects lead to the same live one."),
    "no_such_default": _("The tenant has no such default object."),
    "target_missing": _("Missing in the tenant: %(names)s."),
    "dependency_unresolved": _("It needs an object that is unresolved."),
    "immutable": _("These properties can't be changed: %(properties)s. Create it anew or leave it out."),
    "secret_masked": _("A secret value was not readable when it was backed up."),
    "secret_foreign": _("A secret value is only good in the tenant that it comes from."),
    "secret_to_enter": _("The backup lacks its secret. Enter it here, or in Microsoft's console afterwards."),
    "priority_limited": _("Too few of its kind exist. Its priority becomes %(priority)s."),
    "priority_kept": _("Others of its kind move. It is put back in its place."),
    "others_move": _("Others of its kind move to make room."),
    "unplaced": _("The run ended before its priority was checked."),
    "certificates_not_restored": _("Some links to certificates are not restored. Check them afterwards."),
    "report_only": _("It becomes report-only."),
    "enforced": _("It is enforced at once, as backed up."),
    "break_glass": _("The tenant's break-glass exclusions are kept."),
    "left_out": _("%(name)s is left out: %(reason)s"),
    "widened": _("%(name)s is left out, so it applies to more than before: %(reason)s"),
    "by_name": _("Matched by name: %(names)s."),
    "empty_group": _("The group is created without members."),
    "group_kept": _("The group is kept. Others may use it by now."),
    "gone": _("It is gone already."),
    "never_verified": _("It was never read back, so nobody knows if it changed."),
    "changed_since": _("It was changed since. It is kept."),
    "dependency": _("An object that it needs was not restored."),
    "differs": _("After writing it differs in: %(properties)s."),
}


def note_words(note: Mapping[str, Any] | None) -> str:
    """The sentence of a note; empty for none."""
    return words_of(note["code"], note["facts"]) if note else ""


def words_of(code: str, facts: Mapping[str, Any]) -> str:
    """The sentence of a note's or a reason's code; the code itself when it is not known any more."""
    if not code:
        return ""
    if code in NOTES:
        return str(NOTES[code]) % Facts({**facts, **_why(code, facts)})
    try:
        sentence = get(code).sentence(facts)
    except KeyError:
        return code
    detail = facts.get("detail")
    return f"{sentence} {detail}" if detail else sentence


def _why(code: str, facts: Mapping[str, Any]) -> dict[str, str]:
    if code == "not_restorable":
        return {"why": str(catalogue.get(facts["type"]).not_restorable)}
    if code == "not_read":
        return {"why": words_of(str(facts.get("reason", "")), facts)}
    return {}
