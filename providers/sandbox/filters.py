"""`$filter`: a small recursive-descent parser that turns an expression into a Python predicate."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from providers.sandbox.data import JSON
from providers.sandbox.errors import GraphError

Predicate = Callable[[JSON], bool]
_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')"
    r"|(?P<time>\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d))"
    r"|(?P<guid>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z_@][\w.@/$]*)"
    r"|(?P<mark>[(),:]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "gt": lambda left, right: left is not None and right is not None and left > right,
    "ge": lambda left, right: left is not None and right is not None and left >= right,
    "lt": lambda left, right: left is not None and right is not None and left < right,
    "le": lambda left, right: left is not None and right is not None and left <= right,
}
_FUNCTIONS: dict[str, Callable[[str, str], bool]] = {
    "startswith": str.startswith,
    "endswith": str.endswith,
    "contains": lambda text, part: part in text,
}


@dataclass
class Filter:
    """A parsed filter: the predicate, and what it uses, so that a resource can refuse it."""

    matches: Predicate
    properties: list[str] = field(default_factory=list)
    operators: set[str] = field(default_factory=set)
    ids: list[str] | None = None


def parse_filter(text: str) -> Filter:
    """Raises GraphError 400 when the expression cannot be read."""
    parser = _Parser(_tokens(text), text)
    predicate = parser.either()
    if parser.peek() is not None:
        raise parser.error()
    ids = parser.ids if parser.only_ids and parser.ids else None
    return Filter(predicate, parser.properties, parser.operators, ids)


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens, position = [], 0
    stripped = text.rstrip()
    while position < len(stripped):
        found = _TOKEN.match(stripped, position)
        if found is None:
            raise _invalid(text, position)
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        position = found.end()
    return tokens


def _invalid(text: str, position: int) -> GraphError:
    return GraphError(
        400, "BadRequest", f"Invalid filter clause: Syntax error at position {position} in '{text}'."
    )


def folded(value: Any) -> Any:
    """Graph compares strings without regard to case, and times by their moment."""
    return value.lower() if isinstance(value, str) else value


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0
        self._variable: str | None = None
        self.properties: list[str] = []
        self.operators: set[str] = set()
        self.ids: list[str] = []
        self.only_ids = True

    def peek(self, offset: int = 0) -> tuple[str, str] | None:
        at = self._at + offset
        return self._tokens[at] if at < len(self._tokens) else None

    def error(self) -> GraphError:
        return _invalid(self._text, self._at)

    def take(self, mark: str | None = None) -> tuple[str, str]:
        token = self.peek()
        if token is None or (mark is not None and token[1].lower() != mark):
            raise self.error()
        self._at += 1
        return token

    def word(self, text: str) -> bool:
        """Take the word when it comes next."""
        token = self.peek()
        if token is None or token[0] != "name" or token[1].lower() != text:
            return False
        self._at += 1
        return True

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.word("or"):
            self.operators.add("or")
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def both(self) -> Predicate:
        parts = [self.unary()]
        while self.word("and"):
            self.only_ids = False
            self.operators.add("and")
            parts.append(self.unary())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def unary(self) -> Predicate:
        if self.word("not"):
            self.only_ids = False
            self.operators.add("not")
            inner = self.unary()
            return lambda item: not inner(item)
        token = self.peek()
        if token == ("mark", "("):
            self.take("(")
            inner = self.either()
            self.take(")")
            return inner
        if token is None or token[0] != "name":
            raise self.error()
        return self.call() if self.peek(1) == ("mark", "(") else self.comparison()

    def call(self) -> Predicate:
        name = self.take()[1]
        if name.lower() in _FUNCTIONS:
            return self.text_function(name.lower())
        if name.lower().endswith(("/any", "/all")):
            return self.lambda_over(name)
        if name.lower() == "isof":
            return self.type_test()
        raise self.error()

    def text_function(self, name: str) -> Predicate:
        self.only_ids = False
        self.operators.add(name)
        self.take("(")
        read = self.property()
        self.take(",")
        part = folded(self.literal())
        self.take(")")
        test = _FUNCTIONS[name]
        predicate: Predicate = lambda item: test(folded(read(item)) or "", part)  # noqa: E731
        if self.word("eq"):
            wanted = self.literal()
            return lambda item: predicate(item) is wanted
        return predicate

    def type_test(self) -> Predicate:
        self.only_ids = False
        self.operators.add("isof")
        self.take("(")
        wanted = f"#{self.literal()}"
        self.take(")")
        return lambda item: item.get("@odata.type") == wanted

    def lambda_over(self, name: str) -> Predicate:
        self.only_ids = False
        path, _, kind = name.rpartition("/")
        self.operators.add(kind.lower())
        self.properties.append(path)
        self.take("(")
        if self.peek() == ("mark", ")"):
            self.take(")")
            return lambda item: bool(item.get(path))
        outer, self._variable = self._variable, self.take()[1]
        self.take(":")
        inner = self.either()
        self._variable = outer
        self.take(")")
        quantify = any if kind.lower() == "any" else all
        return lambda item: quantify(inner({"": value}) for value in item.get(path) or [])

    def property(self) -> Callable[[JSON], Any]:
        kind, name = self.take()
        if kind != "name":
            raise self.error()
        if self._variable is not None and (name == self._variable or name.startswith(f"{self._variable}/")):
            steps = ["", *name.split("/")[1:]]
        else:
            self.properties.append(name)
            steps = name.split("/")
        return lambda item: _follow(item, steps)

    def comparison(self) -> Predicate:
        read = self.property()
        is_id = self.properties[-1:] == ["id"] and self._variable is None
        if self.word("in"):
            self.operators.add("in")
            values = self.literal_list()
            self._note_ids(is_id, values)
            wanted = {folded(value) for value in values}
            return lambda item: folded(read(item)) in wanted
        operator = self.take()[1].lower()
        if operator not in _COMPARE:
            raise self.error()
        self.operators.add(operator)
        value = self.literal()
        if value is None:
            self.operators.add("null")
        self._note_ids(is_id and operator == "eq", [value])
        compare, right = _COMPARE[operator], folded(value)
        return lambda item: compare(_as(right, read(item)), right)

    def _note_ids(self, by_id: bool, values: list[Any]) -> None:
        if by_id:
            self.ids += [str(value) for value in values]
        else:
            self.only_ids = False

    def literal_list(self) -> list[Any]:
        self.take("(")
        values = [self.literal()]
        while self.peek() == ("mark", ","):
            self.take(",")
            values.append(self.literal())
        self.take(")")
        return values

    def literal(self) -> Any:
        kind, text = self.take()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "guid":
            return text
        if kind == "time":
            return datetime.fromisoformat(text.replace("Z", "+00:00"))
        if kind == "number":
            return float(text) if "." in text else int(text)
        words = {"true": True, "false": False, "null": None}
        if kind == "name" and text.lower() in words:
            return words[text.lower()]
        raise self.error()


def _follow(item: Any, steps: list[str]) -> Any:
    for step in steps:
        if step.startswith("microsoft.graph."):  # a cast: a type without the property shows null
            continue
        item = item.get(step) if isinstance(item, dict) else None
    return item


def _as(right: Any, value: Any) -> Any:
    """The value as it can be compared with the literal on the right."""
    if isinstance(right, datetime) and isinstance(value, str):
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    if right is False and value is None:
        return None
    return folded(value)
