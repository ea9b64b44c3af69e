"""Say what breaks the policy's schema: the field, what it must be, and the remedy. Pure."""

from __future__ import annotations

import re
from typing import Any

from keyward.policy.schema import Breach
from keyward.values import JSON

TYPES = {
    "object": "an object",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "minLength": "a text of at least {} characters",
    "maxLength": "a text of at most {} characters",
    "minItems": "a list of at least {}",
    "maxItems": "a list of at most {}",
    "minProperties": "an object with at least {} member",
    "maxProperties": "an object with at most {} members",
}
# What the patterns of schema.json mean, in words.
PATTERNS = {
    "^(GET|PUT|POST|DELETE|PATCH|OPTIONS|HEAD|ANY) /": "a method and a path, like `GET /reports`",
    "^[/*]": "a path that begins with / or *",
    "^/[A-Za-z0-9._~!&'()*+,;=:@%/?-]*$": "a path that begins with /",
    "^[A-Za-z0-9][A-Za-z0-9_.+@|:=,-]{0,127}$": "1 to 128 letters, digits and _ . - + @ | : = ,",
    "^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$": "an https URL",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "a date like 2027-01-31",
}


def refusal(breach: Breach) -> str:
    """What is wrong with which field, as `field: must be …, got …. Do …`."""
    rule, wanted, value = breach.rule, breach.wanted, breach.value
    field = breach.field or "policy"
    if rule == "required":
        missing = [name for name in wanted if name not in value]
        return f"{field}: must have {' and '.join(missing)}. Add {missing[0]}"
    if rule == "additionalProperties":
        allowed = sorted(breach.schema.get("properties", {}))
        extra = sorted(set(value) - set(allowed))
        return f"{field}: must not have {extra[0]}. Use {', '.join(allowed)}"
    if rule == "propertyNames":
        return f"{field}: {_name_refusal(wanted, value)}"
    return f"{field}: must be {_requirement(rule, wanted)}, got {_shown(value)}. Correct it"


def _requirement(rule: str, wanted: Any) -> str:
    if rule == "type":
        names = wanted if isinstance(wanted, list) else [wanted]
        return " or ".join(TYPES.get(str(name), str(name)) for name in names)
    if rule == "enum":
        return ", ".join(str(item) for item in wanted)
    if rule == "pattern":
        return PATTERNS.get(wanted, f"a text that matches {wanted}")
    return BOUNDS.get(rule, f"what its schema asks for ({rule})").format(wanted)


def _name_refusal(wanted: JSON, value: JSON) -> str:
    """A member's name that breaks the rule for names."""
    pattern = wanted.get("pattern")
    bad = [name for name in value if pattern and not re.search(pattern, name)]
    if bad:
        meant = PATTERNS.get(str(pattern), f"a text that matches {pattern}")
        return f"each name must be {meant}, got {_shown(bad[0])}. Rename it"
    longest, shortest = int(wanted.get("maxLength", 255)), int(wanted.get("minLength", 1))
    return f"each name must have {shortest} to {longest} characters. Rename it"


def _shown(value: Any) -> str:
    """A glimpse of the value. The policy holds no secrets, but may hold long texts."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else f"a list of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
