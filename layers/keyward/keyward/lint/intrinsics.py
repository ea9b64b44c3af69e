"""Evaluate CloudFormation's intrinsic functions, as far as a template alone allows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from keyward.lint.positions import Map

NOTHING = "AWS::NoValue"


# `${Api}` or `${Api.RootResourceId}` and nothing else.
REFERENCE = re.compile(r"\$\{([A-Za-z0-9:]+)(?:\.([A-Za-z0-9.]+))?\}")


def argument(value: Any, function: str) -> Any:
    """The argument of an intrinsic function, None when `value` is something else.

    `!Sub "${Api.RootResourceId}"` counts as `!GetAtt Api.RootResourceId`, and a join of one value
    as that value: official samples write them so.
    """
    plain = _simplified(value)
    return plain[function] if isinstance(plain, dict) and set(plain) == {function} else None


def _simplified(value: Any) -> Any:
    """The shortest form of a value that says the same."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    (function, inner), *_ = value.items()
    if function == "Fn::Sub" and isinstance(inner, str):
        return _substituted(inner, value)
    if function == "Fn::Join" and isinstance(inner, list) and len(inner) == 2:
        parts = inner[1] if isinstance(inner[1], list) else []
        return _simplified(parts[0]) if len(parts) == 1 else value
    return value


def _substituted(text: str, value: Any) -> Any:
    found = REFERENCE.fullmatch(text)
    if found:
        name, attribute = found.groups()
        return {"Fn::GetAtt": [name, attribute]} if attribute else {"Ref": name}
    return value if "${" in text else text


def branches(value: Any) -> Iterator[Any]:
    """List the values that a value may have under `Fn::If`, or itself."""
    choice = argument(value, "Fn::If")
    if isinstance(choice, list) and len(choice) == 3:
        yield from branches(choice[1])
        yield from branches(choice[2])
    else:
        yield value


def maps(value: Any) -> Iterator[Map]:
    """Give the mappings among the branches. An empty body counts as an empty mapping; AWS::NoValue
    does not count."""
    for one in branches(value):
        if one is None or (isinstance(one, Map) and argument(one, "Ref") != NOTHING):
            yield Map() if one is None else one


class Parameters:
    """A template's parameters. A reference to one counts as its default."""

    def __init__(self, declared: Map) -> None:
        self._declared = declared

    def resolved(self, value: Any) -> Any:
        """The default for a reference to a parameter that has one, else the value itself."""
        value = _simplified(value)
        name = argument(value, "Ref")
        declared = self._declared.map(name) if isinstance(name, str) else Map()
        return declared.get("Default", value)

    def text(self, value: Any) -> str | None:
        """The value as text, None for what only the deployment tells."""
        found = self.resolved(value)
        return found if isinstance(found, str) else None

    def is_true(self, value: Any) -> bool:
        """Whether the value is true for certain: in each branch, and for each parameter's
        default."""
        return all(str(self.resolved(one)).lower() == "true" for one in branches(value))

    def is_false(self, value: Any) -> bool:
        """Whether the value is plainly false."""
        return str(self.resolved(value)).lower() == "false"
