"""Reads a template into nodes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from emulator.vtl.expressions import REFERENCE, Expressions
from emulator.vtl.nodes import Assignment, Choice, Loop, TemplateError

_DIRECTIVE = re.compile(r"#(?:(set|if|elseif|else|end|foreach)(?!\w)|\{(else|end)\})")
_COMMENT = re.compile(r"##[^\n]*\n?|#\*.*?\*#", re.DOTALL)
_PLAIN = re.compile(r"[^$#\\]+")
_LINE_END = re.compile(r"[ \t]*\r?\n")
_ESCAPED = re.compile(r"\\(?=[$#])")


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Any, ...]:
    """The nodes of a template.

    Raises:
        TemplateError: it cannot be read.
    """
    reader = _Reader(text)
    block, stopped = reader.block()
    if stopped:
        raise TemplateError(f"#{stopped} without its beginning")
    return block


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._expressions = Expressions(text, parse)

    @property
    def _at(self) -> int:
        return self._expressions.at

    @_at.setter
    def _at(self, at: int) -> None:
        self._expressions.at = at

    def block(self) -> tuple[tuple[Any, ...], str]:
        """Nodes up to #else, #elseif, #end or the end, and which of them it was."""
        nodes: list[Any] = []
        while self._at < len(self._text):
            directive = self._match(_DIRECTIVE)
            word = (directive[1] or directive[2]) if directive else ""
            if word in ("else", "elseif", "end"):
                if word != "elseif":
                    self._match(_LINE_END)
                return tuple(nodes), word
            if word:
                nodes.append(self._directive(word))
            elif not self._match(_COMMENT):
                nodes.append(self._piece())
        return tuple(nodes), ""

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def _piece(self) -> Any:
        plain = self._match(_PLAIN)
        if plain:
            return plain[0]
        if self._match(_ESCAPED) or not REFERENCE.match(self._text, self._at):
            self._at += 1
            return self._text[self._at - 1]
        return self._expressions.reference()

    def _directive(self, word: str) -> Any:
        if word == "set":
            return self._set()
        if word == "if":
            return self._if()
        return self._foreach()

    def _set(self) -> Assignment:
        read = self._expressions
        read.expect("(")
        read.skip()
        target = read.reference()
        if target is None:
            raise TemplateError("#set without a reference")
        read.expect("=")
        value = read.expression()
        read.expect(")")
        self._match(_LINE_END)
        return Assignment(target, value)

    def _condition(self) -> Any:
        self._expressions.expect("(")
        condition = self._expressions.expression()
        self._expressions.expect(")")
        self._match(_LINE_END)
        return condition

    def _if(self) -> Choice:
        branches: list[tuple[Any, tuple[Any, ...]]] = []
        condition: Any = self._condition()
        while True:
            block, stopped = self.block()
            branches.append((condition, block))
            if stopped == "end":
                return Choice(tuple(branches))
            if not stopped:
                raise TemplateError("#if without #end")
            condition = self._condition() if stopped == "elseif" else None

    def _foreach(self) -> Loop:
        read = self._expressions
        read.expect("(")
        read.skip()
        target = read.reference()
        read.expect("in ")
        items = read.expression()
        read.expect(")")
        self._match(_LINE_END)
        block, stopped = self.block()
        if target is None or stopped != "end":
            raise TemplateError("#foreach without a reference or without #end")
        return Loop(target.root, items, block)
