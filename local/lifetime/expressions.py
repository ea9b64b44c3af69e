"""DynamoDB's condition and update expressions, as far as Keyward uses them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from botocore.exceptions import ClientError

from keyward.values import JSON

Names = dict[str, str]
Values = dict[str, Any]
Read = Callable[[JSON, Names, Values], Any]

TOKENS = re.compile(r"\s*(<=|>=|<>|[()=<>,.+-]|[#:]?\w+)")
COMPARE = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CLAUSES = ("SET", "ADD", "REMOVE")
MISSING = object()


class Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self.tokens = TOKENS.findall(text)
        assert "".join(self.tokens) == re.sub(r"\s", "", text), text

    def peek(self) -> str:
        """The next token, empty at the end."""
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted: str | None = None) -> str:
        """The next token, read."""
        token = str(self.tokens.pop(0))
        assert wanted in (None, token), f"{token} instead of {wanted}"
        return token

    def condition(self) -> Read:
        """A condition."""
        parts = [self._all()]
        while self.peek() == "OR":
            self.take()
            parts.append(self._all())
        return lambda i, n, v: any(part(i, n, v) for part in parts)

    def _all(self) -> Read:
        parts = [self._one()]
        while self.peek() == "AND":
            self.take()
            parts.append(self._one())
        return lambda i, n, v: all(part(i, n, v) for part in parts)

    def _one(self) -> Read:
        if self.peek() == "NOT":
            self.take()
            inner = self._one()
            return lambda i, n, v: not inner(i, n, v)
        if self.peek() == "(":
            self.take()
            inner = self.condition()
            self.take(")")
            return inner
        if self.peek() in FUNCTIONS:
            return self._function(FUNCTIONS[self.take()])
        return self._comparison()

    def _function(self, function: Callable[..., Any]) -> Read:
        self.take("(")
        operands = [self.operand()]
        while self.peek() == ",":
            self.take()
            operands.append(self.operand())
        self.take(")")
        return lambda i, n, v: function(*(operand(i, n, v) for operand in operands))

    def _comparison(self) -> Read:
        left, sign = self.operand(), self.take()
        right = self.operand()
        if sign == "BETWEEN":
            self.take("AND")
            last = self.operand()
            return lambda i, n, v: _between(left(i, n, v), right(i, n, v), last(i, n, v))
        compare = COMPARE[sign]
        return lambda i, n, v: _compared(compare, left(i, n, v), right(i, n, v))

    def operand(self) -> Read:
        """A value, a path, or one of two in a sum."""
        read = self._term()
        while self.peek() in ("+", "-"):
            sign = operator.add if self.take() == "+" else operator.sub
            read = _sum(sign, read, self._term())
        return read

    def _term(self) -> Read:
        token = self.peek()
        if token.startswith(":"):
            self.take()
            return lambda i, n, v: v[token]
        if token in ("if_not_exists",):
            self.take()
            return self._function(lambda found, other: other if found is MISSING else found)
        path = self.path()
        return lambda i, n, v: _at(i, [n.get(part, part) for part in path])

    def path(self) -> list[str]:
        """A path within an item."""
        parts = [self.take()]
        while self.peek() == ".":
            self.take()
            parts.append(self.take())
        return parts

    def updates(self) -> list[tuple[str, list[str], Read | None]]:
        """(clause, path, what is to be there) of each member of an update expression."""
        found: list[tuple[str, list[str], Read | None]] = []
        clause = ""
        while self.tokens:
            clause = self.take() if self.peek() in CLAUSES else clause
            path = self.path()
            if clause == "SET":
                self.take("=")
            found.append((clause, path, None if clause == "REMOVE" else self.operand()))
            if self.peek() == ",":
                self.take()
        return found


def _sum(sign: Callable[[Any, Any], Any], left: Read, right: Read) -> Read:
    return lambda i, n, v: sign(left(i, n, v), right(i, n, v))


def _between(value: Any, low: Any, high: Any) -> bool:
    return value is not MISSING and bool(low <= value <= high)


def _compared(compare: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    """What is missing is equal to nothing; values of different types are never in order."""
    if left is MISSING or right is MISSING:
        return compare is operator.ne
    if compare not in (operator.eq, operator.ne) and isinstance(left, str) != isinstance(
        right, str
    ):
        return False
    return bool(compare(left, right))


def _at(item: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(item, dict) or part not in item:
            return MISSING
        item = item[part]
    return item


def _begins(value: Any, start: Any) -> bool:
    return isinstance(value, str) and value.startswith(start)


def _contains(value: Any, part: Any) -> bool:
    return value is not MISSING and part in value


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "attribute_exists": lambda value: value is not MISSING,
    "attribute_not_exists": lambda value: value is MISSING,
    "begins_with": _begins,
    "contains": _contains,
}


@lru_cache(maxsize=500)
def condition(text: str) -> Read:
    """A condition, compiled."""
    parser = Parser(text)
    read = parser.condition()
    assert not parser.tokens, text
    return read


@lru_cache(maxsize=500)
def updates(text: str) -> list[tuple[str, list[str], Read | None]]:
    """An update expression, compiled."""
    return Parser(text).updates()


def update(text: str, item: JSON, names: Names, values: Values) -> list[str]:
    """Apply an update expression to an item, in place: the attributes that it touched. All operands
    are read before anything is written, as DynamoDB does."""
    todo = [
        (clause, path, read and read(item, names, values)) for clause, path, read in updates(text)
    ]
    touched = []
    for clause, path, value in todo:
        *above, last = [names.get(part, part) for part in path]
        place = _at(item, above)
        if not isinstance(place, dict):
            raise ClientError({"Error": {"Code": "ValidationException"}}, "UpdateItem")
        if clause == "REMOVE":
            place.pop(last, None)
        else:
            place[last] = place.get(last, 0) + value if clause == "ADD" else value
        touched.append((above or [last])[0])
    return touched
