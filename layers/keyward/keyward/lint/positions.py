"""Values that know their lines, from YAML and from JSON."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any

import yaml

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = "tag:yaml.org,2002:"
_TYPED = {_PLAIN + name for name in ("bool", "int", "float", "null")}
_MERGE = _PLAIN + "merge"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SourceError(Exception):
    """A file that cannot be read. `line` is 0 when no line is to blame."""

    def __init__(self, problem: str, line: int = 0) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


class Map(dict[str, Any]):
    """A mapping that begins in `line`; `lines` has the line of each key."""

    def __init__(self, line: int = 0) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def put(self, key: str, value: Any, line: int) -> None:
        """Sets a key that stands in `line`."""
        self[key] = value
        self.lines[key] = line

    def line_of(self, key: str) -> int:
        """The line of the key, or of the mapping when it has no such key."""
        return self.lines.get(key, self.line)

    def map(self, key: str) -> Map:
        """The mapping at a key, an empty one when there is none."""
        value = self.get(key)
        return value if isinstance(value, Map) else Map(self.line_of(key))


class Reader:
    """The part that both readers share: `repeated` collects (line, key) of repeated keys."""

    def __init__(self) -> None:
        self.repeated: list[tuple[int, str]] = []

    def put(self, into: Map, key: str, value: Any, line: int) -> None:
        """The last of two equal keys counts, as in CloudFormation's and SAM's own readers."""
        if key in into:
            self.repeated.append((line, key))
        into.put(key, value, line)


class JsonReader(Reader):
    """JSON with lines. Its own, because PyYAML refuses JSON's tabs and keys above 1,024
    characters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._ends = [place for place, letter in enumerate(text) if letter == "\n"]
        self._decoder = json.JSONDecoder()

    def read(self) -> Any:
        """The document. Raises SourceError."""
        try:
            value, end = self._value(self._skip(0))
            if self._skip(end) != len(self._text):
                raise json.JSONDecodeError("Extra data", self._text, end)
        except json.JSONDecodeError as error:
            raise SourceError(f"must be JSON: {error.msg}", error.lineno) from None
        return value

    def _value(self, at: int) -> tuple[Any, int]:
        first = self._text[at : at + 1]
        if first == "{":
            return self._map(at)
        if first == "[":
            return self._list(at)
        return self._decoder.raw_decode(self._text, at)

    def _map(self, at: int) -> tuple[Map, int]:
        made, at = Map(self._line(at)), self._skip(at + 1)
        if self._text[at : at + 1] == "}":
            return made, at + 1
        while True:
            if self._text[at : at + 1] != '"':
                raise json.JSONDecodeError("Expecting a key in double quotes", self._text, at)
            line = self._line(at)
            key, at = self._decoder.raw_decode(self._text, at)
            at = self._skip(self._expect(":", self._skip(at)))
            value, at = self._value(at)
            self.put(made, key, value, line)
            at, more = self._next("}", at)
            if not more:
                return made, at

    def _list(self, at: int) -> tuple[list[Any], int]:
        made: list[Any] = []
        at = self._skip(at + 1)
        if self._text[at : at + 1] == "]":
            return made, at + 1
        while True:
            value, at = self._value(at)
            made.append(value)
            at, more = self._next("]", at)
            if not more:
                return made, at

    def _next(self, closing: str, at: int) -> tuple[int, bool]:
        at = self._skip(at)
        if self._text[at : at + 1] == closing:
            return at + 1, False
        return self._skip(self._expect(",", at)), True

    def _expect(self, letter: str, at: int) -> int:
        if self._text[at : at + 1] != letter:
            raise json.JSONDecodeError(f"Expecting {letter!r}", self._text, at)
        return at + 1

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def _line(self, at: int) -> int:
        return bisect_right(self._ends, at) + 1


class YamlReader(Reader):
    """YAML with lines; CloudFormation's short tags become what they are short for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._made: dict[int, Any] = {}
        self._typed = yaml.constructor.SafeConstructor()

    def read(self) -> Any:
        """The document. Raises SourceError."""
        try:
            node = yaml.compose(self._text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else 0
            raise SourceError(f"must be YAML: {error.problem or error.context}", line) from None
        except yaml.YAMLError as error:
            raise SourceError(f"must be YAML: {' '.join(str(error).split())}") from None
        return None if node is None else self._value(node)

    def _value(self, node: yaml.Node) -> Any:
        """An alias is the same node again; one that is not finished contains itself."""
        unfinished = object()
        made = self._made.get(id(node), unfinished)
        if made is self:
            raise SourceError("has an alias within what it names", _line(node))
        if made is unfinished:
            self._made[id(node)] = self
            made = self._made[id(node)] = self._tagged(node)
        return made

    def _tagged(self, node: yaml.Node) -> Any:
        if not node.tag.startswith("!") or len(node.tag) == 1:
            return self._plain(node)
        name = node.tag[1:]
        value = self._plain(node)
        if name == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        made = Map(_line(node))
        made.put(name if name in ("Ref", "Condition") else f"Fn::{name}", value, _line(node))
        return made

    def _plain(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._map(node)
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item) for item in node.value]
        if node.tag not in _TYPED:
            return str(node.value)
        try:
            return self._typed.construct_object(node)
        except (ValueError, KeyError):
            raise SourceError(f"must have a {node.tag}, got {node.value!r}", _line(node)) from None

    def _map(self, node: yaml.MappingNode) -> Map:
        made, own = Map(_line(node)), Map()
        for key, item in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise SourceError("has a key that is no text", _line(key))
            if key.tag == _MERGE:
                self._merge(made, self._value(item), _line(key))
            else:
                self.put(own, str(key.value), self._value(item), _line(key))
        for name, value in own.items():
            made.put(name, value, own.lines[name])
        return made

    def _merge(self, made: Map, merged: Any, line: int) -> None:
        """`<<`: the first of several mappings wins, a key of one's own over all of them."""
        for one in merged if isinstance(merged, list) else [merged]:
            if not isinstance(one, Map):
                raise SourceError("merges what is no mapping", line)
            for name in one.keys() - made.keys():
                made.put(name, one[name], one.line_of(name))


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
