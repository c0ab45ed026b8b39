"""Small parts of every page: badges, icons, times, progress, copy buttons, panels."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.contrib.messages.storage.base import Message
from django.template import loader
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenantpilot.console.icons import ICONS
from tenantpilot.console.messages import OUTCOME_TAG
from tenantpilot.console.states import OUTCOMES, TONE_ICONS, badge_for
from tenantpilot.console.times import Moment, exact, moment, one_unit, seconds_text

register = template.Library()

MAX_STEPS = 3

register.filter("moment", moment)
register.filter("seconds_text", seconds_text)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon as decoration; the words beside it carry the meaning. Raises KeyError for an unknown name."""
    # The paths are constants of this package.
    paths = mark_safe(ICONS[name])  # noqa: S308
    return format_html(
        '<svg class="tp-icon tp-icon--{}" viewBox="0 0 24 24" width="16" height="16" fill="none"'
        ' stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"'
        ' aria-hidden="true" focusable="false">{}</svg>',
        name,
        paths,
    )


@register.simple_tag
def badge(kind: str, value: str) -> SafeString:
    """Draw a state as sign, word and tone. `kind`: tenant, connection, run, presence or permission."""
    if not value:
        return SafeString("")
    shown = badge_for(kind, str(value))
    return format_html(
        '<span class="tp-badge tp-badge--{}">{}<span>{}</span></span>',
        shown.tone,
        icon(shown.icon),
        shown.word,
    )


@register.simple_tag
def relative_time(value: Moment, empty: str = "") -> SafeString:
    """Draw a time in one unit with the exact one in reach; `empty` (default "Never") stands for no time."""
    at = moment(value)
    if at is None:
        return format_html('<span class="tp-dim">{}</span>', empty or _("Never"))
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), exact(at), one_unit(at, timezone.now())
    )


@register.simple_tag
def exact_time(value: Moment) -> SafeString:
    """Draw the exact local time with zone, for lists of facts and timelines."""
    at = moment(value)
    if at is None:
        return format_html('<span class="tp-dim">{}</span>', _("Never"))
    return format_html('<time datetime="{}">{}</time>', at.isoformat(), exact(at))


@register.simple_tag
def clock_time(value: Moment) -> SafeString:
    """Draw the local time of day to the second; day and zone are in the title."""
    at = moment(value)
    if at is None:
        return SafeString("")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        at.isoformat(),
        exact(at),
        timezone.localtime(at).strftime("%H:%M:%S"),
    )


@register.simple_tag
def duration(start: Moment, end: Moment = None) -> str:
    """Say how long something took, or has taken until now when it has not ended; "–" before it starts."""
    begun, ended = moment(start), moment(end)
    if begun is None:
        return "–"
    return seconds_text(((ended or timezone.now()) - begun).total_seconds())


@register.filter
def number(value: int | str | None) -> str:
    """Write a count with the separators of the reader's language; "–" for none."""
    if value is None or value == "":
        return "–"
    return number_format(int(value), use_l10n=True, force_grouping=True)


@register.simple_tag
def progress(done: int | None, total: int | None = None, label: str = "") -> SafeString:
    """Draw how far something is: bar and "98 of 240", or only the count while nobody knows the total."""
    read = int(done or 0)
    if not total:
        return format_html('<span class="tp-progress"><span class="tp-num">{}</span></span>', number(read))
    text = _("%(done)s of %(total)s") % {"done": number(read), "total": number(total)}
    return format_html(
        '<span class="tp-progress"><progress value="{}" max="{}" aria-label="{}" aria-valuetext="{}"></progress>'
        '<span class="tp-num">{}</span></span>',
        min(read, int(total)),
        int(total),
        label or _("Progress"),
        text,
        text,
    )


@register.filter
def percent(progress: Mapping[str, Any] | None) -> int:
    """Whole percent done of `{done, total}`, 0 while the total is unknown."""
    if not progress or not progress.get("total"):
        return 0
    return min(100, int(progress.get("done") or 0) * 100 // int(progress["total"]))


@register.simple_tag
def copy_button(value: Any, thing: str) -> SafeString:
    """Draw a button that copies `value`; `thing` names it for screen readers ("reason code")."""
    name = _("Copy %(thing)s") % {"thing": thing}
    return format_html(
        '<button type="button" class="tp-copy" data-tp-copy="{}" aria-label="{}" title="{}">{}</button>',
        value,
        name,
        name,
        icon("copy"),
    )


@register.simple_tag
def outcome_look(status: str) -> dict[str, str]:
    """Tone and icon of a start's outcome. Raises KeyError for a status the contract does not know."""
    tone, sign = OUTCOMES[status]
    return {"tone": tone, "icon": sign}


@register.filter
def tone_icon(tone: str) -> str:
    """The icon that goes with a tone, so that colour is never the only sign."""
    return TONE_ICONS.get(tone, "circle")


@register.simple_tag
def steps(
    next_steps: Iterable[Mapping[str, Any]] | None,
    actions: Iterable[Mapping[str, Any]] | None = None,
    run: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Sort next steps and actions for drawing: `primary` (the button), `links` and `notes` (sentences).

    Three in all, each address once. A run without an action of its own gets "View run". What the reader
    can only ask somebody else for, or wait for, is a sentence and never a button.
    """
    offered = [*(next_steps or ()), *(actions or ())]
    if run and run.get("url") and not any(step.get("href") == run["url"] for step in offered):
        offered.append({"label": _("View run"), "href": run["url"]})
    by_address: dict[str, Mapping[str, Any]] = {}
    for step in offered:
        by_address.setdefault(step.get("href") or step["label"], step)
    chosen = list(by_address.values())[:MAX_STEPS]
    doable = [step for step in chosen if not _is_sentence(step)]
    return {
        "primary": doable[0] if doable else None,
        "links": doable[1:],
        "notes": [step for step in chosen if _is_sentence(step)],
    }


def _is_sentence(step: Mapping[str, Any]) -> bool:
    kind = str(step.get("actionType") or "")
    return (
        not step.get("href") or kind == "wait" or kind.startswith("ask") or str(step["label"]).endswith(".")
    )


@register.filter
def starts_work(step: Mapping[str, Any]) -> bool:
    """Whether a step's address takes a POST: a retry. Steps named so may also lead to the run's page."""
    return "retry" in (step.get("kind"), step.get("actionType")) and str(step["href"]).endswith("/retry")


@register.filter
def reason_id(place: int, reason: str) -> str:
    """The id of the text that explains the disabled buttons of group `place`; empty without a reason."""
    return f"start-reason-{place}" if reason else ""


COUNT_WORDS: dict[str, str | Promise] = {
    "read": gettext_lazy("Read"),
    "seen": gettext_lazy("Read"),
    "new": gettext_lazy("New"),
    "created": gettext_lazy("New"),
    "create": gettext_lazy("Created"),
    "update": gettext_lazy("Overwritten"),
    "delete": gettext_lazy("Deleted"),
    "skip": gettext_lazy("Skipped"),
    "unresolved": gettext_lazy("Unresolved"),
    "not_reached": gettext_lazy("Not reached"),
    "uncertain": gettext_lazy("Uncertain"),
    "unverified": gettext_lazy("Not read back"),
    "changed": gettext_lazy("Changed"),
    "updated": gettext_lazy("Changed"),
    "unchanged": gettext_lazy("Unchanged"),
    "gone": gettext_lazy("Gone"),
    "failed": gettext_lazy("Failed"),
    "skipped": gettext_lazy("Skipped"),
}


@register.filter
def count_word(key: str) -> str:
    """The word for one of a run's counts; an unknown key is written as words."""
    return str(COUNT_WORDS.get(key) or key.replace("_", " ").capitalize())


@register.filter
def level_tone(level: str) -> str:
    """The tone of a message of Django's messages framework."""
    return {"success": "ok", "warning": "warn", "error": "bad"}.get(level, "info")


@register.filter
def message_outcome(message: Message) -> dict[str, Any] | None:
    """The outcome that `console.messages.add_outcome` put into a message; None for a plain one."""
    if OUTCOME_TAG not in (message.extra_tags or "").split():
        return None
    return json.loads(str(message.message))


@register.simple_tag(takes_context=True)
def outcome_panel(context: template.Context, outcome: Mapping[str, Any]) -> SafeString:
    """Draw a start's outcome from its serialised data, inside another page."""
    # A panel may hold a form, hence the token.
    data = {**outcome, "csrf_token": context.get("csrf_token", "")}
    return SafeString(loader.render_to_string("operations/_start_outcome.html", data))
