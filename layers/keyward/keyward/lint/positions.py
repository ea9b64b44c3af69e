"""Read YAML and JSON into values that know their lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from keyward.values import counted

# In JSON that is valid: the brace of an object, or a string, with the colon that makes it a key.
_TOKEN = re.compile(r'\{|"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?')
_PLAIN = "tag:yaml.org,2002:"
_TYPED = {_PLAIN + name for name in ("bool", "int", "float", "null")}
_MERGE = _PLAIN + "merge"
# A template has at most 1 MB (CloudFormation quotas). A few lines of aliases of aliases stand for
# more values than any machine can visit.
MAX_VALUES = 500_000
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
        """Set a key that stands in `line`."""
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


class _Pairs(list[tuple[str, Any]]):
    """The members of a JSON object, equal keys included."""


class JsonReader(Reader):
    """JSON with lines. Not by PyYAML, which refuses JSON's tabs and keys above 1,024 characters."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self._lines = self._lines_of_tokens()

    def read(self) -> Any:
        """The document. Raises SourceError."""
        try:
            return self._placed(json.loads(self._text, object_pairs_hook=_Pairs))
        except json.JSONDecodeError as error:
            raise SourceError(f"must be JSON: {error.msg}", error.lineno) from None
        except ValueError as error:  # a number of more digits than Python reads
            raise SourceError(f"must be JSON: {error}") from None

    def _lines_of_tokens(self) -> Iterator[int]:
        """The line of each object's brace and of each key, in the order of the text."""
        line, at = 1, 0
        for token in _TOKEN.finditer(self._text):
            if token[0] == "{" or token[1]:
                line, at = line + self._text.count("\n", at, token.start()), token.start()
                yield line

    def _placed(self, value: Any) -> Any:
        """The value with lines: a walk meets braces and keys in the order of the text."""
        if isinstance(value, _Pairs):
            made = Map(next(self._lines))
            for key, item in value:
                line = next(self._lines)
                self.put(made, key, self._placed(item), line)
            return made
        return [self._placed(item) for item in value] if isinstance(value, list) else value


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
        if node is None:
            return None
        if _size(node, {}) > MAX_VALUES:
            most = counted(MAX_VALUES, "value")
            raise SourceError(f"must have at most {most}, aliases written out")
        return self._value(node)

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
        function = function_of(node.tag)
        if not function:
            return self._plain(node)
        value = self._plain(node)
        if function == "Fn::GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        made = Map(_line(node))
        made.put(function, value, _line(node))
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
                raise SourceError("must have texts as keys", _line(key))
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
                raise SourceError("must merge mappings only", line)
            for name in one.keys() - made.keys():
                made.put(name, one[name], one.line_of(name))


def function_of(tag: str) -> str:
    """What a short tag is short for: `Fn::If` for `!If`; empty for any other tag."""
    if not tag.startswith("!") or len(tag) == 1:
        return ""
    return tag[1:] if tag[1:] in ("Ref", "Condition") else f"Fn::{tag[1:]}"


def _size(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Count the values of a node with its aliases written out, which whoever walks through it
    meets."""
    if id(node) not in sizes:
        sizes[id(node)] = 0  # An alias within what it names is refused later.
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [part for one in inner for part in (one if isinstance(one, tuple) else (one,))]
        sizes[id(node)] = 1 + sum(_size(part, sizes) for part in parts)
    return sizes[id(node)]


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
