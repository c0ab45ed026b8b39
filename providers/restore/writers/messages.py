"""The texts of a notification template, one request a language."""

from functools import partial
from typing import Any

from providers.catalogue import ObjectType
from providers.restore.writers.step import ID, Content, Step

_FIELD = "localizedNotificationMessages"
Message = dict[str, Any]


def steps(kind: ObjectType, wanted: Content, *, live: Content | None) -> list[Step]:
    """Add and change what differs; a language that the wanted state lacks goes."""
    there, here = _by_locale(live or {}), _by_locale(wanted)
    # The default first: a template takes its default language from it.
    ordered = sorted(here.items(), key=lambda pair: (not pair[1].get("isDefault"), pair[0]))
    changed = [
        _writing(kind, locale, message, there.get(locale))
        for locale, message in ordered
        if not _same(message, there.get(locale))
    ]
    gone = [_removal(kind, locale, message) for locale, message in there.items() if locale not in here]
    return [*changed, *gone]


def _writing(kind: ObjectType, locale: str, message: Message, old: Message | None) -> Step:
    body: Content = {"subject": message.get("subject"), "messageTemplate": message.get("messageTemplate")}
    name, base = f"message:{locale}", f"{kind.path}/{ID}/{_FIELD}"
    landed = partial(_says, locale, message)
    if message.get("isDefault"):
        body["isDefault"] = True
    if old is not None:
        return Step(name, "PATCH", f"{base}/{old['id']}", kind.version, body, landed=landed)
    body["locale"] = message.get("locale")
    return Step(name, "POST", base, kind.version, body, makes=True, landed=landed)


def _removal(kind: ObjectType, locale: str, message: Message) -> Step:
    path = f"{kind.path}/{ID}/{_FIELD}/{message['id']}"
    return Step(f"message:{locale}", "DELETE", path, kind.version, landed=partial(_silent, locale))


def _by_locale(content: Content) -> dict[str, Message]:
    messages = (content.get("object") or {}).get(_FIELD) or []
    return {str(each.get("locale", "")).lower(): each for each in messages}


def _says(locale: str, message: Message, now: Content) -> bool:
    return _same(message, _by_locale(now).get(locale))


def _silent(locale: str, now: Content) -> bool:
    return locale not in _by_locale(now)


def _same(wanted: Message, there: Message | None) -> bool:
    if there is None or any(wanted.get(name) != there.get(name) for name in ("subject", "messageTemplate")):
        return False
    # Another language becoming the default is what takes the mark away.
    return bool(there.get("isDefault")) or not wanted.get("isDefault")
