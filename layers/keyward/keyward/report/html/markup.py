"""HTML, made of nodes: text is escaped wherever it goes in, and only a tag made here is markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Union

# They have no content; written so that HTML and the SVG within it read them alike.
_VOID = frozenset({"meta", "link", "rect", "br", "path", "input"})
# Control characters have no place in a page, and those that turn the direction of text let one
# name pass for another (Unicode technical report 36, 2.4).
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Node = Union[str, int, None, "Iterable[Node]"]


def text(value: object) -> Markup:
    """A value as text of a page: nothing in it is markup."""
    return Markup(html.escape(_UNSEEN.sub("\ufffd", str(value)), quote=True))


def tag(name: str, /, *children: Node, **attributes: object) -> Markup:
    """An element. `class_` is class, `aria_label` is aria-label; an attribute that is None or
    False is left out."""
    opened = "".join(
        f' {_name(key)}="{text("" if value is True else value)}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{opened}/>")
    return Markup(f"<{name}{opened}>{join(*children)}</{name}>")


def join(*children: Node) -> Markup:
    """Nodes one after the other; lists are taken apart, None is nothing."""
    return Markup("".join(_node(child) for child in children))


def _node(child: Node) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return str(child)
    if isinstance(child, str | int):
        return text(child)
    return join(*child)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
