"""Renders a template's nodes."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from emulator.vtl.methods import call, java_text
from emulator.vtl.nodes import (
    Assignment,
    Choice,
    Literal,
    Loop,
    Mapping,
    Operation,
    Quoted,
    Reference,
    Sequence,
    Step,
    TemplateError,
)
from emulator.vtl.parse import parse

__all__ = ["TemplateError", "render"]

Variables = dict[str, Any]
# an undefined member of these is shown as nothing, of all others as it is written
PROVIDED = frozenset({"input", "context", "stageVariables", "util"})

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "-": operator.sub,
    "*": operator.mul,
    "%": operator.mod,
}


def render(template: str, variables: Variables) -> str:
    """The text that the template makes of the variables.

    Raises:
        TemplateError: it cannot be read, or an operation in it is none.
    """
    return _block(parse(template), dict(variables))


def _block(nodes: tuple[Any, ...], variables: Variables) -> str:
    return "".join(_node(node, variables) for node in nodes)


def _node(node: Any, variables: Variables) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node, Reference):
        value = _value(node, variables)
        if value is None:
            return "" if node.quiet or node.root in PROVIDED else node.source
        return java_text(value)
    if isinstance(node, Assignment):
        _assign(node, variables)
        return ""
    if isinstance(node, Choice):
        for condition, block in node.branches:
            if condition is None or _true(_value(condition, variables)):
                return _block(block, variables)
        return ""
    return _loop(node, variables)


def _loop(node: Loop, variables: Variables) -> str:
    items = _value(node.items, variables)
    if isinstance(items, dict):
        items = list(items.values())
    made = []
    for number, item in enumerate(items or [], start=1):
        inside = variables
        inside[node.name] = item
        inside["velocityCount"] = number
        inside["foreach"] = {
            "count": number,
            "index": number - 1,
            "hasNext": number < len(items),
        }
        made.append(_block(node.block, inside))
    return "".join(made)


def _assign(node: Assignment, variables: Variables) -> None:
    value = _value(node.value, variables)
    if value is None:
        return
    if not node.target.steps:
        variables[node.target.root] = value
        return
    *way, last = node.target.steps
    holder = _walk(variables.get(node.target.root), way, variables)
    if not isinstance(holder, dict) or last.name is None:
        raise TemplateError(f"cannot set {node.target.source}")
    holder[last.name] = value


def _true(value: Any) -> bool:
    return value is not None and value is not False


def _value(node: Any, variables: Variables) -> Any:
    if isinstance(node, Literal):
        return node.value
    if isinstance(node, Reference):
        return _walk(variables.get(node.root), list(node.steps), variables)
    if isinstance(node, Quoted):
        return _block(node.block, variables)
    if isinstance(node, Operation):
        return _operation(node, variables)
    if isinstance(node, Mapping):
        return {_value(name, variables): _value(item, variables) for name, item in node.items}
    return _sequence(node, variables)


def _sequence(node: Sequence, variables: Variables) -> list[Any]:
    items = [_value(item, variables) for item in node.items]
    if node.to is None:
        return items
    first, last = int(items[0]), int(_value(node.to, variables))
    step = 1 if last >= first else -1
    return list(range(first, last + step, step))


def _walk(value: Any, steps: list[Step], variables: Variables) -> Any:
    for step in steps:
        if value is None:
            return None
        if step.name is None:
            value = call(value, "get", [_value(step.index, variables)])
        elif step.arguments is None:
            value = call(value, step.name, None)
        else:
            value = call(value, step.name, [_value(item, variables) for item in step.arguments])
    return value


def _operation(node: Operation, variables: Variables) -> Any:
    left = _value(node.operands[0], variables)
    if node.sign == "!":
        return not _true(left)
    if node.sign in ("&&", "and"):
        return _true(left) and _true(_value(node.operands[1], variables))
    if node.sign in ("||", "or"):
        return _true(left) or _true(_value(node.operands[1], variables))
    right = _value(node.operands[1], variables)
    if node.sign in ("==", "eq"):
        return left == right or java_text(left) == java_text(right)
    if node.sign in ("!=", "ne"):
        return not (left == right or java_text(left) == java_text(right))
    return _arithmetic(node.sign, left, right)


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
        return java_text(left) + java_text(right)
    try:
        if sign == "+":
            return left + right
        if sign == "/":
            whole = isinstance(left, int) and isinstance(right, int)
            return int(left / right) if whole else left / right
        return _COMPARISONS[sign](left, right)
    except (TypeError, ZeroDivisionError) as error:
        raise TemplateError(f"cannot compute {left!r} {sign} {right!r}") from error
