"""Check a value against the policy's JSON Schema (draft 7), as far as schema.json uses it. Pure.

Walking the schema takes 1 ms. A library would compile it first, 50 ms of CPU at each cold start.
tests/policy/test_schema.py holds the answers to fastjsonschema's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from keyward.values import JSON, frozen


@frozen
class Breach:
    """A value that breaks the `rule` of `schema`. `field` is its path, empty for the whole."""

    field: str
    value: Any
    rule: str
    schema: JSON

    @property
    def wanted(self) -> Any:
        """What the rule asks for."""
        return self.schema[self.rule]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    # 5.0 is a whole number as well (JSON Schema draft 7, "type"). An int may be too large for a
    # float.
    return _is_number(value) and (isinstance(value, int) or value.is_integer())


TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "integer": _is_whole,
}
# Rules for one value. A rule holds for values of its own kind only: `minLength` for texts.
RULES: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "minLength": ("string", lambda value, least: len(value) >= least),
    "maxLength": ("string", lambda value, most: len(value) <= most),
    "pattern": ("string", lambda value, pattern: _matches(pattern, value)),
    "minimum": ("number", lambda value, least: value >= least),
    "maximum": ("number", lambda value, most: value <= most),
    "exclusiveMinimum": ("number", lambda value, bound: value > bound),
    "minItems": ("array", lambda value, least: len(value) >= least),
    "maxItems": ("array", lambda value, most: len(value) <= most),
    "minProperties": ("object", lambda value, least: len(value) >= least),
    "required": ("object", lambda value, names: all(name in value for name in names)),
}


def first_breach(value: Any, schema: JSON) -> Breach | None:
    """The first rule that the value breaks, None when it keeps all."""
    return next(_breaches("", value, schema, schema), None)


def _breaches(field: str, value: Any, schema: JSON, whole: JSON) -> Iterator[Breach]:
    if "$ref" in schema:
        schema = whole["definitions"][schema["$ref"].rpartition("/")[2]]
    if "type" in schema and not TYPES[schema["type"]](value):
        yield Breach(field, value, "type", schema)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield Breach(field, value, "enum", schema)
    for rule, (kind, keeps) in RULES.items():
        if rule in schema and TYPES[kind](value) and not keeps(value, schema[rule]):
            yield Breach(field, value, rule, schema)
    if isinstance(value, list) and "items" in schema:
        for place, item in enumerate(value):
            yield from _breaches(f"{field}[{place}]", item, schema["items"], whole)
    if isinstance(value, dict):
        yield from _breaches_of_members(field, value, schema, whole)


def _breaches_of_members(field: str, value: JSON, schema: JSON, whole: JSON) -> Iterator[Breach]:
    known: JSON = schema.get("properties", {})
    others = schema.get("additionalProperties", {})
    for name in [name for name in known if name in value] + [n for n in value if n not in known]:
        wanted: Any = known.get(name, others)
        if wanted is False:
            yield Breach(field, value, "additionalProperties", schema)
        else:
            yield from _breaches(f"{field}.{name}".lstrip("."), value[name], wanted, whole)
    names = schema.get("propertyNames", {})
    if any(next(_breaches("", name, names, whole), None) for name in value):
        yield Breach(field, value, "propertyNames", schema)


def _matches(pattern: str, text: str) -> bool:
    # `$` of a schema is the end of the text; Python's also matches before a last line break.
    whole = pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern
    return re.search(whole, text) is not None
