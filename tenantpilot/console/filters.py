"""Search and filters of a list, read from the query and given back as `ui/_filters.html` draws them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from tenantpilot.console.paging import link

Words = str | Promise
MAX_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter with its options (value and words); `any_label` stands for no filter."""

    name: str
    label: Words
    options: Sequence[tuple[str, Words]]
    any_label: Words


def search_text(request: HttpRequest) -> str:
    """What the person looks for, without what no text in the database can hold."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:MAX_SEARCH]


def chosen(request: HttpRequest, choice: Choice) -> str:
    """The option that is set; empty for none and for one that does not exist."""
    value = request.GET.get(choice.name, "")
    return value if value in {str(known) for known, _label in choice.options} else ""


def filter_data(
    request: HttpRequest,
    *,
    choices: Iterable[Choice],
    search_label: Words = "",
    fixed: Iterable[tuple[str, Words]] = (),
    keep: Iterable[str] = (),
) -> dict[str, Any]:
    """Filters as plain data. A choice of fewer than two options is left out: it could change nothing.

    `fixed` are set filters without a control of their own: query name and words of the chip. `keep` names query
    parts that are no filters and stay.
    """
    shown = [choice for choice in choices if len(choice.options) > 1]
    found = search_text(request) if search_label else ""
    chips = [("q", _("Search: %(text)s") % {"text": found})] if found else []
    chips += [(name, str(words)) for name, words in fixed]
    chips += [(choice.name, _chip(choice, value)) for choice in shown if (value := chosen(request, choice))]
    data: dict[str, Any] = {
        "action": request.path,
        "fields": [_field(request, choice) for choice in shown],
        "keep": _kept(request, [*(name for name, _words in fixed), *keep]),
        "active": [{"label": words, "removeUrl": link(request.GET, **{name: None})} for name, words in chips],
        "clearUrl": request.path,
    }
    if search_label:
        data["search"] = {"name": "q", "value": found, "label": search_label}
    return data


def _kept(request: HttpRequest, names: list[str]) -> list[dict[str, str]]:
    return [{"name": name, "value": request.GET[name]} for name in [*names, "size"] if name in request.GET]


def _field(request: HttpRequest, choice: Choice) -> dict[str, Any]:
    options = [{"value": "", "label": choice.any_label}]
    options += [{"value": str(value), "label": label} for value, label in choice.options]
    return {"name": choice.name, "label": choice.label, "value": chosen(request, choice), "options": options}


def _chip(choice: Choice, value: str) -> str:
    words = next(str(label) for known, label in choice.options if str(known) == value)
    return f"{choice.label}: {words}"
