"""Write the missing keys of open methods into the text of their files, and nothing else.

A file is written only when it then says what it said before, plus the edits.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keyward.lint.model import Edit, Method
from keyward.lint.positions import SourceError
from keyward.lint.source import parsed, written
from keyward.lint.spans import Part, Span, spans_of

BOM = "\ufeff"


def fix(methods: Iterable[Method]) -> tuple[dict[str, int], list[str]]:
    """Close methods in their files. Returns how many edits were made by file, and the files left as
    they are because an edit would change more than keys. Raises OSError for a file that cannot be
    written."""
    edits: dict[str, dict[Edit, None]] = {}
    for method in methods:
        edits.setdefault(method.file, {}).update(dict.fromkeys(method.edits))
    done: dict[str, int] = {}
    left = []
    for name, wanted in edits.items():
        text = Path(name).read_bytes().decode("utf-8")
        new = fixed(text, list(wanted), name.lower().endswith(".json")) if wanted else None
        if new is None:
            left.append(name)
        else:
            Path(name).write_bytes(new.encode())
            done[name] = len(wanted)
    return done, left


def fixed(text: str, edits: Iterable[Edit], strict: bool) -> str | None:
    """The text with the edits; None when they cannot be made, or would change anything else."""
    mark = BOM if text.startswith(BOM) else ""
    body = text.removeprefix(BOM)
    before, _, is_json = parsed(body, strict)
    wanted = copy.deepcopy(before)
    try:
        for edit in edits:
            _apply(wanted, edit)
        new = _patched(body, spans_of(body, is_json), edits, is_json)
        after, _, _ = parsed(new, strict)
    except (SourceError, LookupError, TypeError):
        return None
    return mark + new if after == wanted else None


def _apply(data: Any, edit: Edit) -> None:
    for part in edit.path:
        if isinstance(data, dict) and data.get(str(part)) is None:
            data[str(part)] = {}
        data = data[part]
    data[edit.key] = json.loads(edit.value)


def _patched(text: str, root: Span, edits: Iterable[Edit], is_json: bool) -> str:
    """Apply patches from the end of the text, so that the places of the others stay."""
    added: dict[int, tuple[Span, dict[str, Any]]] = {}
    patches: list[tuple[int, int, str]] = []
    for edit in edits:
        holder, rest = _deepest(root, edit.path)
        there = holder.child(edit.key) if not rest else None
        if there is not None and not rest:
            patches.append(_replacement(text, there, json.loads(edit.value), is_json))
            continue
        _, members = added.setdefault(id(holder), (holder, {}))
        for part in rest:
            members = members.setdefault(str(part), {})
        members[edit.key] = json.loads(edit.value)
    patches += [_addition(text, holder, members, is_json) for holder, members in added.values()]
    for start, end, new in sorted(patches, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _deepest(root: Span, path: tuple[Part, ...]) -> tuple[Span, tuple[Part, ...]]:
    """Find the last value on the path that exists, and what of the path is missing. Raises
    LookupError for a value that cannot hold members."""
    span = root
    for place, part in enumerate(path):
        found = span.child(part)
        if found is None:
            return _holder(span), path[place:]
        span = found
    return _holder(span), ()


def _holder(span: Span) -> Span:
    if span.members is None and not span.is_null:
        raise LookupError("no mapping")
    return span


def _addition(
    text: str, holder: Span, members: dict[str, Any], is_json: bool
) -> tuple[int, int, str]:
    lines = [written(key, value, is_json) for key, value in members.items()]
    if holder.members is None:
        new = f"{{{', '.join(lines)}}}"
        return holder.start, holder.end, new if holder.end > holder.start else f" {new}"
    if holder.first is None:
        return holder.start, holder.end, f"{{{', '.join(lines)}}}"
    if holder.is_block:
        gap = _gap(text, holder.first)
        return holder.first, holder.first, "".join(f"{line}{gap}" for line in lines)
    # As the first member stands behind the brace, so do the new ones.
    gap = text[holder.start + 1 : holder.first] if text[holder.start] == "{" else " "
    gap = gap if gap.strip() == "" else " "
    return holder.first, holder.first, "".join(f"{line},{gap or ' '}" for line in lines)


def _replacement(text: str, there: Span, value: Any, is_json: bool) -> tuple[int, int, str]:
    """Write a value anew. A list that gets one longer gets an item at its end: the others keep
    their form."""
    if not isinstance(value, list) or not there.items or len(value) != len(there.items) + 1:
        new = _value(value, is_json)
        return there.start, there.end, new if there.end > there.start else f" {new}"
    new = _value(value[-1], is_json)
    if not there.is_block:
        return there.items[-1].end, there.items[-1].end, f", {new}"
    dash = text.rfind("-", 0, there.items[0].start)
    # A comment may stand behind the last item.
    end = (text.find("\n", there.last) + 1 or len(text) + 1) - 1
    end -= text[:end].endswith("\r")
    return end, end, f"{_gap(text, dash)}- {new}"


def _gap(text: str, at: int) -> str:
    """A line break, up to the column of what stands at a place."""
    ending = "\r\n" if "\r\n" in text else "\n"
    return ending + " " * (at - text.rfind("\n", 0, at) - 1)


def _value(value: Any, is_json: bool) -> str:
    return written("x", value, is_json).partition(":")[2].strip()
