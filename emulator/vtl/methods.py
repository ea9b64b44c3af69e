"""The Java methods that templates call on texts, lists and maps."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from emulator.vtl.nodes import TemplateError


def java_text(value: Any) -> str:
    """A value as Java prints it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={java_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(java_text(item) for item in value) + "]"
    return str(value)


def _item(items: list[Any], index: Any) -> Any:
    return items[int(index)] if -len(items) <= int(index) < len(items) else None


def _put(items: dict[Any, Any], name: Any, value: Any) -> Any:
    former = items.get(name)
    items[name] = value
    return former


def _add(items: list[Any], value: Any) -> bool:
    items.append(value)
    return True


_TEXT: dict[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda text: not text,
    "equals": lambda text, other: text == other,
    "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
    "contains": lambda text, part: str(part) in text,
    "startsWith": lambda text, part: text.startswith(str(part)),
    "endsWith": lambda text, part: text.endswith(str(part)),
    "indexOf": lambda text, part: text.find(str(part)),
    "substring": lambda text, start, end=None: text[start:end],
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, old, new: re.sub(old, new.replace("$", "\\"), text),
    "split": lambda text, mark: re.split(mark, text),
    "matches": lambda text, pattern: re.fullmatch(pattern, text) is not None,
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
    "concat": lambda text, other: text + str(other),
}
_LIST: dict[str, Callable[..., Any]] = {
    "size": len,
    "length": len,
    "isEmpty": lambda items: not items,
    "get": _item,
    "add": _add,
    "contains": lambda items, value: value in items,
}
_MAP: dict[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda items: not items,
    "get": lambda items, name: items.get(name),
    "put": _put,
    "containsKey": lambda items, name: name in items,
    "keySet": list,
    "values": lambda items: list(items.values()),
    "entrySet": lambda items: [{"key": name, "value": item} for name, item in items.items()],
}


def _methods_of(value: Any) -> dict[str, Callable[..., Any]]:
    if isinstance(value, str):
        return _TEXT
    if isinstance(value, list):
        return _LIST
    return _MAP if isinstance(value, dict) else {}


def call(value: Any, name: str, arguments: list[Any] | None) -> Any:
    """`value.name` (arguments None) or `value.name(arguments)`; None when there is no such thing.

    Raises:
        TemplateError: the method does not take these arguments.
    """
    if arguments is None and isinstance(value, dict):
        return value.get(name)
    if name == "toString":
        return java_text(value)
    own = getattr(value, "vtl_methods", None)
    if own is not None:
        return _own(own, name, arguments)
    method = _methods_of(value).get(name)
    if method is None:
        return None
    try:
        return method(value, *(arguments or []))
    except (TypeError, ValueError, re.error) as error:
        raise TemplateError(f"{name}: {error}") from error


def _own(methods: dict[str, Any], name: str, arguments: list[Any] | None) -> Any:
    method = methods.get(name)
    if not callable(method):
        return method
    try:
        return method(*(arguments or []))
    except (TypeError, ValueError) as error:
        raise TemplateError(f"{name}: {error}") from error
