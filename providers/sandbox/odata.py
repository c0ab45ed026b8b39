"""Reading of Graph URLs: path segments with keys, and query options in all their spellings."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote, unquote_plus

from providers.sandbox.errors import bad_request, unsupported

OPTIONS = (
    "select", "filter", "expand", "orderby", "top", "skip", "count", "search", "skiptoken", "deltatoken",
    "format", "apply", "compute", "levels", "index",
)  # fmt: skip
_KEYED = re.compile(r"^([^()]+)\((.*)\)$", re.DOTALL)
_ALTERNATE = re.compile(r"^\s*([A-Za-z]\w*)\s*=\s*(.+)$", re.DOTALL)


@dataclass(frozen=True)
class Segment:
    """One path step: a name as sent, or a key. `alternate` names the property of an alternate key."""

    text: str
    is_key: bool = False
    alternate: str | None = None


def parse_path(raw: str) -> list[Segment]:
    """Steps of a path below the version root; `groups('x')` and `groups/x` give the same steps."""
    steps: list[Segment] = []
    for part in raw.split("/"):
        if not part:
            continue
        text = unquote(part)
        keyed = _KEYED.match(text)
        if keyed is None:
            steps.append(Segment(text))
            continue
        steps.append(Segment(keyed[1]))
        if keyed[2].strip():
            steps.append(_key(keyed[2].strip()))
    return steps


def _key(text: str) -> Segment:
    named = _ALTERNATE.match(text)
    if named:
        return Segment(literal_text(named[2].strip()), is_key=True, alternate=named[1].lower())
    return Segment(literal_text(text), is_key=True)


def literal_text(text: str) -> str:
    """The value of a quoted OData string (a doubled quote is one quote); other text as it is."""
    if len(text) >= 2 and text[0] == text[-1] == "'":
        return text[1:-1].replace("''", "'")
    return text


@dataclass
class Query:
    """System query options of one request; `raw` is the query as sent, without page tokens."""

    select: tuple[str, ...] = ()
    filter: str | None = None
    expand: tuple[str, ...] = ()
    orderby: tuple[tuple[str, bool], ...] = ()
    top: int | None = None
    skip: int | None = None
    count: bool = False
    search: str | None = None
    skiptoken: str | None = None
    deltatoken: str | None = None
    raw: str = ""
    names: set[str] = field(default_factory=set)


def parse_query(raw: str) -> Query:
    """Raises GraphError 400 for options that are unknown, doubled or malformed."""
    query = Query()
    kept: list[str] = []
    for part in raw.split("&"):
        if not part.strip("?"):
            continue
        name, _, value = part.partition("=")
        name = unquote_plus(name).lstrip("?").strip().lower()
        option = name.removeprefix("$")
        if option not in ("skiptoken", "deltatoken"):
            kept.append(part.lstrip("?"))
        if option in OPTIONS:
            _set_option(query, option, unquote_plus(value).strip())
        elif name.startswith("$"):
            message = f"The query parameter '{name}' is not supported."
            raise bad_request(message, "BadRequest")
    query.raw = "&".join(kept)
    return query


def _set_option(query: Query, option: str, value: str) -> None:
    if option in query.names:
        raise bad_request(f"Query option '${option}' was specified more than once.", "BadRequest")
    query.names.add(option)
    if option == "select":
        query.select = tuple(dict.fromkeys(item.strip() for item in value.split(",") if item.strip()))
    elif option == "expand":
        query.expand = tuple(split_outside(value, ","))
    elif option == "orderby":
        query.orderby = tuple(_direction(item) for item in value.split(",") if item.strip())
    elif option in ("top", "skip"):
        setattr(query, option, _whole_number(option, value))
    elif option == "count":
        query.count = _boolean(value)
    elif option in ("filter", "search", "skiptoken", "deltatoken"):
        setattr(query, option, value)
    elif option != "format":
        raise unsupported(f"The query option '${option}' is not supported.")


def _direction(item: str) -> tuple[str, bool]:
    words = item.split()
    if len(words) > 2 or (len(words) == 2 and words[1].lower() not in ("asc", "desc")):
        raise bad_request(f"Syntax error at position {len(words[0])} in '{item.strip()}'.", "BadRequest")
    return words[0], len(words) == 2 and words[1].lower() == "desc"


def _whole_number(option: str, value: str) -> int:
    if not value.isascii() or not value.isdigit():
        message = f"Invalid value '{value}' for ${option} query option found."
        raise bad_request(message, "BadRequest")
    return int(value)


def _boolean(value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise bad_request(f"Invalid value '{value}' for $count query option found.", "BadRequest")
    return value.lower() == "true"


def split_outside(text: str, separator: str) -> list[str]:
    """Parts of `text` between separators that stand outside brackets and quotes."""
    parts, depth, quoted, start = [], 0, False, 0
    for position, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif quoted:
            continue
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        elif character == separator and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]
