"""What CloudFormation's intrinsic functions come to, as far as a template alone can tell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keyward.lint.positions import Map

NOTHING = "AWS::NoValue"


def argument(value: Any, function: str) -> Any:
    """The argument of an intrinsic function, None when `value` is something else."""
    return value[function] if isinstance(value, dict) and set(value) == {function} else None


def branches(value: Any) -> Iterator[Any]:
    """A value, or each that it may have under `Fn::If`."""
    choice = argument(value, "Fn::If")
    if isinstance(choice, list) and len(choice) == 3:
        yield from branches(choice[1])
        yield from branches(choice[2])
    else:
        yield value


def maps(value: Any) -> Iterator[Map]:
    """The mappings among the branches; an empty body counts as an empty mapping, and AWS::NoValue
    is no branch."""
    for one in branches(value):
        if one is None or (isinstance(one, Map) and argument(one, "Ref") != NOTHING):
            yield Map() if one is None else one


class Parameters:
    """A template's parameters. A reference to one counts as its default."""

    def __init__(self, declared: Map) -> None:
        self._declared = declared

    def resolved(self, value: Any) -> Any:
        """The default for a reference to a parameter that has one, else the value itself."""
        name = argument(value, "Ref")
        known = self._declared.map(name) if isinstance(name, str) else Map()
        return known.get("Default", value)

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
