"""The body of a start: JSON with strict types, or a form with coerced ones, under the same names."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext as _

from operations.params import FormText
from tenantpilot.core.http import FORMS, Problem, invalid_input, unreadable

CONNECTION = "providerConnectionId"
SURFACE = "sourceSurface"
CONTEXT = "targetContext"
SURFACE_LENGTH = 64
# Names that a form carries for the console, never for the operation.
CONSOLE_FIELDS = frozenset({"csrfmiddlewaretoken", "next", "slot"})
_INTEGER = re.compile(r"-?[0-9]+")
_OUT_OF_RANGE = -1


@dataclass(frozen=True, slots=True)
class StartInput:
    """What a start was sent. ``problem`` is what is wrong with it: said only after visibility and rights were asked."""

    connection_id: int | None = None
    surface: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None


def read_input(request: HttpRequest, *, in_context: bool) -> StartInput:
    """Read the body. ``in_context``: the operation's own input stands in ``targetContext``, else beside the rest.

    Absent and null are alike. Never raises: see ``StartInput.problem``.
    """
    form = request.content_type in FORMS
    try:
        payload = _form(request.POST, in_context=in_context) if form else _json(request.body)
    except Problem as unread:
        return StartInput(problem=unread)
    wrong: dict[str, str] = {}
    connection_id = _connection_id(payload.get(CONNECTION), form, wrong)
    surface = read_surface(payload.get(SURFACE), wrong) if in_context else ""
    data: Any = payload
    if in_context:
        data = payload.get(CONTEXT)
        if data is not None and not isinstance(data, dict):
            wrong[CONTEXT] = _("Send an object.")
    problem = invalid_input(wrong) if wrong else None
    known = {name: value for name, value in (data or {}).items() if value is not None} if not wrong else {}
    return StartInput(connection_id, surface, known, payload, problem)


def _json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        return {}
    try:
        payload = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise unreadable(_("The body is not JSON.")) from None
    if payload is None:
        return {}
    if not isinstance(payload, dict):
        raise unreadable(_("The body must be a JSON object."))
    return payload


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's


def _form(form: QueryDict, *, in_context: bool) -> dict[str, Any]:
    """Several values under one name are a list; the operation's own input is named ``targetContext.<name>``."""
    payload: dict[str, Any] = {}
    context: dict[str, Any] = {}
    for name, values in form.lists():
        if name in CONSOLE_FIELDS:
            continue
        value: Any = values[0] if len(values) == 1 else list(values)
        if in_context and name.startswith(f"{CONTEXT}."):
            context[name.removeprefix(f"{CONTEXT}.")] = FormText(value) if isinstance(value, str) else value
        else:
            payload[name] = value
    return {**payload, CONTEXT: context} if context else payload


def _connection_id(value: Any, form: bool, wrong: dict[str, str]) -> int | None:
    if form and isinstance(value, str):
        return _coerced(value.strip(), wrong)
    if value is None or type(value) is int:
        return value
    wrong[CONNECTION] = _("Send a whole number.")
    return None


def _coerced(text: str, wrong: dict[str, str]) -> int | None:
    if not text:
        return None
    if not _INTEGER.fullmatch(text):
        wrong[CONNECTION] = _("Send a whole number.")
        return None
    return int(text) if len(text) < 20 else _OUT_OF_RANGE


def read_surface(value: Any, wrong: dict[str, str]) -> str:
    """Return the surface that a client names; what is wrong with it goes into ``wrong``."""
    if value is None:
        return ""
    if not isinstance(value, str):
        wrong[SURFACE] = _("Send text.")
    elif len(value) > SURFACE_LENGTH:
        wrong[SURFACE] = _("Use at most %(count)s characters.") % {"count": SURFACE_LENGTH}
    elif not _storable(value):
        wrong[SURFACE] = _("Use readable characters.")
    return "" if SURFACE in wrong else str(value)


def _storable(text: str) -> bool:
    """The database takes neither NUL nor half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
