"""The rules of a JSON Schema, each by a value that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.policy.schema import first_breach

DAY = {"type": "string", "pattern": "^[0-9]{2}$"}
WHOLE = {"definitions": {"day": DAY}}
REF = {"$ref": "#/definitions/day"}

CASES: list[tuple[dict[str, Any], Any, Any, str]] = [
    (DAY, "31", "31\n", ""),
    ({"pattern": "^[/*]"}, "/pets\n", "pets", ""),
    ({"pattern": "[$]x"}, "a$x", "x", ""),
    ({"type": "array", "items": REF}, ["31"], ["3"], "[0]"),
    ({"items": REF}, "no list", ["3"], "[0]"),
    ({"type": "object", "propertyNames": REF}, {"31": 1}, {"3": 1}, ""),
    ({"properties": {"Xday": REF}}, {"Xday": "31"}, {"Xday": "3"}, "Xday"),
    ({"properties": {"a": {}}}, {"a": 1, "b": 2}, {}, "kept"),
]


@pytest.mark.parametrize(("schema", "kept", "broken", "field"), CASES, ids=str)
def test_a_value_that_breaks_a_rule_is_named(
    schema: dict[str, Any], kept: Any, broken: Any, field: str
) -> None:
    assert first_breach(kept, schema | WHOLE) is None
    found = first_breach(broken, schema | WHOLE)
    assert (found.field if found else "kept") == field
