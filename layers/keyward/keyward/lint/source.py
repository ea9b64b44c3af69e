"""A file that is checked: its mapping with lines, and how a line of it must be written."""

from __future__ import annotations

import json
import math
import re
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from keyward.lint.positions import JsonReader, Map, SourceError, YamlReader
from keyward.values import frozen

# A member of each template and each document, in YAML and in JSON. Each space of a long empty part
# is passed over once.
CANDIDATE = re.compile(
    r"""(?:^[ \t]*|[{,]\s*)["']?(Resources|openapi|swagger)["']?\s*:""", re.MULTILINE
)


@frozen
class Source:
    """A file that was read. `name` is the file as people wrote it; `repeated` are (line, key) of
    keys that stand twice in one mapping."""

    name: str
    root: Map
    is_json: bool
    repeated: tuple[tuple[int, str], ...] = ()

    def written(self, key: str, value: Any) -> str:
        """`key: value` in one line, in the file's own language."""
        return written(key, value, self.is_json)

    def path_of(self, node: Map) -> tuple[str | int, ...] | None:
        """Where a mapping stands, by keys and places in lists; None for one that the file does not
        have as it is. Of several aliases the first."""
        return self._paths.get(id(node))

    @cached_property
    def _paths(self) -> dict[int, tuple[str | int, ...]]:
        found: dict[int, tuple[str | int, ...]] = {}
        left: list[tuple[Any, tuple[str | int, ...]]] = [(self.root, ())]
        while left:
            node, path = left.pop()
            if isinstance(node, Map) and id(node) not in found:
                found[id(node)] = path
                left += [(node[key], (*path, key)) for key in reversed(node)]
            elif isinstance(node, list):
                left += [(item, (*path, place)) for place, item in enumerate(node)]
        return found


def written(key: str, value: Any, is_json: bool) -> str:
    """`key: value` in one line of JSON or YAML."""
    if is_json:
        return json.dumps({key: value})[1:-1]
    plain = json.loads(json.dumps({key: value}))  # no Map, and no list twice: PyYAML minds
    flow = yaml.safe_dump(plain, default_flow_style=True, sort_keys=False, width=math.inf)
    return flow.strip()[1:-1]


def is_candidate(path: Path) -> bool:
    """Whether the file's text may be a template or a document; true for one that cannot be read,
    so that reading it says why."""
    try:
        return bool(CANDIDATE.search(_text(path)))
    except SourceError:
        return True


def read(path: Path, name: str) -> Source:
    """The file. Raises SourceError for one that cannot be read or holds no mapping."""
    return source_of(_text(path), name, strict=path.suffix.lower() == ".json")


def source_of(text: str, name: str, strict: bool = False) -> Source:
    """The text of a file called `name`. Raises SourceError for one that holds no mapping."""
    try:
        root, repeated, is_json = parsed(text, strict)
    except RecursionError:
        raise SourceError("is nested too deeply") from None
    if not isinstance(root, Map):
        raise SourceError("must be a template or an OpenAPI document: a mapping at the top")
    return Source(name, root, is_json, tuple(repeated))


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SourceError("must be UTF-8 text") from None
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}") from None


def parsed(text: str, strict: bool) -> tuple[Any, list[tuple[int, str]], bool]:
    """What begins with a brace is JSON or, unless `strict`, YAML in flow style."""
    if strict or text.lstrip().startswith("{"):
        reader = JsonReader(text)
        try:
            return reader.read(), reader.repeated, True
        except SourceError:
            if strict:
                raise
    other = YamlReader(text)
    return other.read(), other.repeated, False
