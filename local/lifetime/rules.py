"""EventBridge's rules: which events a pattern takes, and what a target gets of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from keyward.values import JSON

MISSING = object()


def matches(pattern: JSON, event: JSON) -> bool:
    """Whether the pattern takes the event (EventBridge user guide, "Event patterns")."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(one, event) for one in wanted):
                return False
        elif isinstance(wanted, dict):
            inner = event.get(name)
            if not matches(wanted, inner if isinstance(inner, dict) else {}):
                return False
        elif not _among(wanted, event.get(name, MISSING)):
            return False
    return True


def _among(wanted: list[Any], found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    return any(_meets(one, value) for one in wanted for value in values)


def _meets(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, dict):
        return value is not MISSING and bool(wanted == value)
    [(operator, operand)] = wanted.items()
    if operator == "exists":
        return bool(operand) == (value is not MISSING)
    return value is not MISSING and OPERATORS[operator](operand, value)


def _anything_but(operand: Any, value: Any) -> bool:
    return not _among(operand if isinstance(operand, list) else [operand], value)


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def tested(operand: Any, value: Any) -> bool:
        if isinstance(operand, list):
            return any(tested(one, value) for one in operand)
        return isinstance(value, str) and test(str(operand), value)

    return tested


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "anything-but": _anything_but,
    "prefix": _text(lambda start, value: value.startswith(start)),
    "suffix": _text(lambda end, value: value.endswith(end)),
    "equals-ignore-case": _text(lambda text, value: value.casefold() == text.casefold()),
    "wildcard": _text(
        lambda glob, value: (
            re.fullmatch(".*".join(map(re.escape, glob.split("*"))), value) is not None
        )
    ),
}


def delivered(target: JSON, event: JSON) -> str:
    """What a target gets of an event: all of it, or what its InputTransformer makes of it.

    In quotes a number becomes text, and an object or a list loses its own quotes. What a path does
    not find is nothing. Source: EventBridge user guide, "Amazon EventBridge input transformation".
    Keyward's templates have placeholders in quotes only."""
    if "Input" in target:
        return str(target["Input"])
    transformer = target.get("InputTransformer")
    if transformer is None:
        return json.dumps(event)
    paths: JSON = transformer.get("InputPathsMap", {})

    def value(found: re.Match[str]) -> str:
        value = _at(event, paths[found[1]])
        if isinstance(value, str):
            return value
        return "" if value is None else json.dumps(value).replace('"', "")

    return re.sub(r"<([A-Za-z0-9_-]+)>", value, str(transformer["InputTemplate"]))


def _at(event: Any, path: str) -> Any:
    """What a path finds, None for nothing; `[*]` is each member of a list."""
    here, every, rest = path.removeprefix("$").partition("[*]")
    for part in filter(None, here.split(".")):
        event = event.get(part) if isinstance(event, dict) else None
    if not every:
        return event
    found = [_at(one, rest) for one in event] if isinstance(event, list) else []
    return [one for one in found if one is not None] or None
