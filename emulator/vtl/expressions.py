"""Reads references and expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from emulator.vtl.nodes import (
    Literal,
    Mapping,
    Operation,
    Quoted,
    Reference,
    Sequence,
    Step,
    TemplateError,
)

REFERENCE = re.compile(r"\$(!?)(\{?)([A-Za-z_][\w-]*)")
_NAME = re.compile(r"\.([A-Za-z_]\w*)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_WORD = re.compile(r"[A-Za-z_]\w*")
_WORDS = {"true": True, "false": False, "null": None}
_SIGNS = (
    (("||", "or "), 1),
    (("&&", "and "), 2),
    (("==", "!=", "eq ", "ne "), 3),
    (("<=", ">=", "<", ">"), 4),
    (("+", "-"), 5),
    (("*", "/", "%"), 6),
)


class Expressions:
    """A reader over one text; `at` is where it is. `read_block` reads the inside of "…"."""

    def __init__(self, text: str, read_block: Callable[[str], tuple[Any, ...]]) -> None:
        self.text = text
        self.at = 0
        self._read_block = read_block

    def skip(self) -> None:
        """Over white space."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def accept(self, sign: str) -> bool:
        """Steps over a sign, if it comes next."""
        self.skip()
        found = self.text.startswith(sign, self.at)
        if found:
            self.at += len(sign)
        return found

    def expect(self, sign: str) -> None:
        """Steps over a sign that has to come next."""
        if not self.accept(sign):
            raise TemplateError(
                f"{sign!r} expected at {self.at}: {self.text[self.at : self.at + 20]}"
            )

    def reference(self) -> Reference | None:
        """The reference that starts here, if one does."""
        found = REFERENCE.match(self.text, self.at)
        if not found:
            return None
        start = self.at
        self.at = found.end()
        steps: list[Step] = []
        while step := self._step():
            steps.append(step)
        if found[2]:
            self.expect("}")
        return Reference(found[3], tuple(steps), self.text[start : self.at], bool(found[1]))

    def _step(self) -> Step | None:
        if self.text.startswith("[", self.at):
            self.at += 1
            index = self.expression()
            self.expect("]")
            return Step(index=index)
        found = _NAME.match(self.text, self.at)
        if not found:
            return None
        self.at = found.end()
        if not self.text.startswith("(", self.at):
            return Step(name=found[1])
        self.at += 1
        return Step(name=found[1], arguments=tuple(self._list(")")))

    def _list(self, end: str) -> list[Any]:
        items: list[Any] = []
        while not self.accept(end):
            if items:
                self.expect(",")
            items.append(self.expression())
        return items

    def expression(self, level: int = 1) -> Any:
        """The expression that starts here; `level` is how tightly its operators bind."""
        if level > len(_SIGNS):
            return self._unary()
        left = self.expression(level + 1)
        while sign := next((sign for sign in _SIGNS[level - 1][0] if self.accept(sign)), None):
            left = Operation(sign.strip(), (left, self.expression(level + 1)))
        return left

    def _unary(self) -> Any:
        if self.accept("!") or self.accept("not "):
            return Operation("!", (self._unary(),))
        if self.accept("("):
            inside = self.expression()
            self.expect(")")
            return inside
        return self._operand()

    def _operand(self) -> Any:
        self.skip()
        reference = self.reference()
        if reference:
            return reference
        opening = self.text[self.at : self.at + 1]
        if opening in ("'", '"'):
            return self._quoted(opening)
        if self.accept("["):
            return self._sequence()
        if self.accept("{"):
            return self._mapping()
        return self._literal()

    def _literal(self) -> Literal:
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            return Literal(float(number[0]) if number[1] else int(number[0]))
        word = _WORD.match(self.text, self.at)
        if word and word[0] in _WORDS:
            self.at = word.end()
            return Literal(_WORDS[word[0]])
        raise TemplateError(f"no expression at {self.at}: {self.text[self.at : self.at + 20]!r}")

    def _quoted(self, mark: str) -> Any:
        """Velocity knows no backslash in texts: a doubled mark is the mark."""
        end = self.at + 1
        while (end := self.text.find(mark, end)) >= 0 and self.text[end + 1 : end + 2] == mark:
            end += 2
        if end < 0:
            raise TemplateError(f"text without an end at {self.at}")
        inside = self.text[self.at + 1 : end].replace(mark * 2, mark)
        self.at = end + 1
        return Literal(inside) if mark == "'" else Quoted(self._read_block(inside))

    def _sequence(self) -> Sequence:
        if self.accept("]"):
            return Sequence(())
        first = self.expression()
        if self.accept(".."):
            last = self.expression()
            self.expect("]")
            return Sequence((first,), last)
        return Sequence((first, *(self._list("]") if self.accept(",") else self._end("]"))))

    def _end(self, sign: str) -> list[Any]:
        self.expect(sign)
        return []

    def _mapping(self) -> Mapping:
        items: list[tuple[Any, Any]] = []
        while not self.accept("}"):
            if items:
                self.expect(",")
            name = self.expression()
            self.expect(":")
            items.append((name, self.expression()))
        return Mapping(tuple(items))
