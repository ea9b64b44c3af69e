"""What a template is made of once it has been read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class TemplateError(ValueError):
    """The template cannot be read or rendered."""


@dataclass(frozen=True)
class Step:
    """One step of a reference: `.name`, `.name(arguments)` or `[index]`."""

    name: str | None = None
    arguments: tuple[Any, ...] | None = None
    index: Any = None


@dataclass(frozen=True)
class Reference:
    """`$root.step…`; `source` is shown when it is undefined, unless it is `quiet`."""

    root: str
    steps: tuple[Step, ...]
    source: str
    quiet: bool


@dataclass(frozen=True)
class Literal:
    """A number, a single-quoted text, true, false or null."""

    value: Any


@dataclass(frozen=True)
class Quoted:
    """A double-quoted text, a template of its own."""

    block: tuple[Any, ...]


@dataclass(frozen=True)
class Sequence:
    """`[a, b]`, or with `to` the range `[a..b]`."""

    items: tuple[Any, ...]
    to: Any = None


@dataclass(frozen=True)
class Mapping:
    """`{"a": b}`."""

    items: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True)
class Operation:
    """An operator with one or two operands."""

    sign: str
    operands: tuple[Any, ...]


@dataclass(frozen=True)
class Assignment:
    """`#set($target = value)`."""

    target: Reference
    value: Any


@dataclass(frozen=True)
class Choice:
    """`#if … #elseif … #else … #end`: conditions with their blocks, None for else."""

    branches: tuple[tuple[Any, tuple[Any, ...]], ...]


@dataclass(frozen=True)
class Loop:
    """`#foreach($name in items) … #end`."""

    name: str
    items: Any
    block: tuple[Any, ...]
