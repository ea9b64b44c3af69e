"""Find where values stand in a text, YAML or JSON.

So members can be put into it while all else stays: comments, order, spacing, quotes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from keyward.lint.positions import SourceError, function_of

Part = str | int
_TOKENS = re.compile(r'[{}\[\]:,]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}\[\]:,"]+')
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Span:
    """A value from `start` to `end` of the text. A mapping has `members`, the first of which begins
    at `first`, and `is_block` where it is without braces; `is_null` may have no text at all. `tag`
    is what its short tag (`!If`) is short for."""

    start: int
    end: int
    members: dict[str, Span] | None = None
    items: list[Span] = field(default_factory=list)
    first: int | None = None
    is_block: bool = False
    is_null: bool = False
    tag: str = ""

    @property
    def last(self) -> int:
        """Where the text of the value ends: a block goes on to whatever follows it."""
        inner = [*(self.members or {}).values(), *self.items]
        return max(one.last for one in inner) if self.is_block and inner else self.end

    def child(self, part: Part) -> Span | None:
        """The value at a key or a place in a list, None when there is none."""
        if self.tag and part == self.tag:
            return Span(self.start, self.end, self.members, self.items, self.first, self.is_block)
        if isinstance(part, int):
            return self.items[part] if part < len(self.items) else None
        return (self.members or {}).get(part)


def spans_of(text: str, is_json: bool) -> Span:
    """The spans of a document. Raises SourceError for what cannot be read."""
    if is_json:
        return _of_json(_TOKENS.finditer(text))
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError:
        raise SourceError("must be YAML") from None
    if node is None:
        raise SourceError("must hold a mapping")
    return _of_node(node, {})


def _of_node(node: yaml.Node, made: dict[int, Span]) -> Span:
    if id(node) in made:
        return made[id(node)]
    span = made[id(node)] = Span(node.start_mark.index, node.end_mark.index)
    span.tag = function_of(node.tag)
    if isinstance(node, yaml.MappingNode):
        span.is_block, span.members = not node.flow_style, {}
        for key, value in node.value:
            span.first = key.start_mark.index if span.first is None else span.first
            span.members[str(key.value)] = _of_node(value, made)
    elif isinstance(node, yaml.SequenceNode):
        span.is_block = not node.flow_style
        span.items = [_of_node(item, made) for item in node.value]
    else:
        span.is_null = node.tag.endswith(":null")
    return span


def _of_json(tokens: Iterator[re.Match[str]]) -> Span:
    return _value(next(tokens), tokens)


def _value(token: re.Match[str], tokens: Iterator[re.Match[str]]) -> Span:
    span = Span(token.start(), token.end())
    if token[0] == "{":
        span.members = {}
        while (key := next(tokens))[0] != "}":
            if key[0] == ",":
                continue
            span.first = key.start() if span.first is None else span.first
            next(tokens)  # the colon
            span.members[json.loads(key[0])] = _value(next(tokens), tokens)
        span.end = key.end()
    elif token[0] == "[":
        while (item := next(tokens))[0] != "]":
            if item[0] != ",":
                span.items.append(_value(item, tokens))
        span.end = item.end()
    else:
        span.is_null = token[0] == "null"
    return span
