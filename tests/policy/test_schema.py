"""The check of a policy answers as fastjsonschema does, which is the referee here."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import fastjsonschema
from hypothesis import given
from hypothesis import strategies as st

from keyward.policy.parse import SCHEMA_FILE
from keyward.policy.schema import RULES, TYPES, first_breach
from keyward.values import JSON

SCHEMA: JSON = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
# What says nothing about a value, and what the check follows by itself.
NO_RULES = {"$schema", "title", "description", "definitions"}
WALKED = {"$ref", "type", "enum", "items", "properties", "additionalProperties", "propertyNames"}
PLAN = {
    "throttle": {"rateLimit": 5, "burstLimit": 10},
    "quota": {"limit": 1000, "period": "WEEK", "offset": 3},
    "rotate_after_days": 90,
    "apis": ["petstore"],
    "stages": ["prod"],
    "adopt": True,
    "methods": {"GET /reports": {"rateLimit": 0.5, "burstLimit": 1}},
}
EXEMPTION = {"api": "*", "method": "GET", "path": "/health", "reason": "probe", "owner": "me"}
STRIPE = {"customer_id": "id", "plan": "p", "customers": {"cus_1": "acme"}, "plans": {"a": "free"}}
PROBE = {"api": "a", "stage": "prod", "path": "/x", "customer": "acme", "url": "https://a.example"}
# Every field of the schema.
POLICY: JSON = {
    "usage_plans": {"free": {}, "pro": PLAN},
    "exemptions": [EXEMPTION, EXEMPTION | {"expires": "2027-01-31"}],
    "require_key": "all",
    "plan_change": "successor",
    "propagation_seconds": 0,
    "overlap_hours": 0.5,
    "grace_hours": 1,
    "hold": "never",
    "narrowing": "apply",
    "most_removals_an_hour": 5,
    "warn_days": 7,
    "report_days": 7,
    "billing": {
        "ladder": [{"step": "plan", "after_days": 1.5, "plan": "free"}],
        "ended": "close",
        "expiry_notice_days": [14, 1],
        "stripe": STRIPE,
        "sbt": {"customer_id": "id", "tier": "t", "plans": {"a": "free"}},
    },
    "usage": {"thresholds": [80, 100], "unused_days": 30, "top_customers": 10},
    "probes": [PROBE],
}
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 2.5, 28, 89, 90, 9999, 2**31, 1e308, float("inf")),
    *("", "a", "GET", "GET /", "/", "/a\n", "acme\n", "2027-01-31\n", "a" * 300, "all", "§"),
    *([], [1], ["a"], [""], [[]], [1] * 11, [1] * 21, {}, {"a": 1}, {"": {}}, {"GET /": {}}),
)


@cache
def referee() -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = fastjsonschema.compile(SCHEMA)
    return made


def verdict(value: Any) -> tuple[str, str] | None:
    """The field and the rule that the referee finds broken."""
    try:
        referee()(value)
    except fastjsonschema.JsonSchemaValueException as error:
        return str(error.name).removeprefix("data").lstrip("."), str(error.rule)
    return None


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in the policy."""
    yield path
    members = dict(enumerate(value)) if isinstance(value, list) else value
    for name, member in members.items() if isinstance(members, dict) else ():
        yield from places(member, (*path, name))


PLACES = list(places(POLICY))


@st.composite
def policies(draw: st.DrawFn) -> Any:
    """A policy with one place changed, without it, or with one member more."""
    policy, path = copy.deepcopy(POLICY), draw(st.sampled_from(PLACES))
    odd = draw(st.sampled_from(ODD))
    if not path:
        return odd
    holder = policy
    for name in path[:-1]:
        holder = holder[name]
    change = draw(st.sampled_from(("set", "drop", "add")))
    if change == "set":
        holder[path[-1]] = odd
    elif change == "drop":
        del holder[path[-1]]
    elif isinstance(holder, dict):
        holder[draw(st.sampled_from(("other", "", "GET /x", "a" * 256)))] = odd
    return policy


def test_the_whole_policy_keeps_the_schema_and_has_each_of_its_fields() -> None:
    assert (first_breach(POLICY, SCHEMA), verdict(POLICY)) == (None, None)
    named = {name for path in PLACES for name in path}
    fields = {name for schema in schemas(SCHEMA) for name in schema.get("properties", {})}
    assert fields <= named


@given(policies())
def test_a_changed_policy_breaks_the_same_rule_of_the_same_field(policy: Any) -> None:
    found = first_breach(policy, SCHEMA)
    assert (found and (found.field, found.rule)) == verdict(policy)


@given(st.recursive(st.sampled_from(ODD), lambda inner: st.dictionaries(st.text(), inner)))
def test_any_value_is_judged_alike(value: Any) -> None:
    assert (first_breach(value, SCHEMA) is None) == (verdict(value) is None)


def schemas(schema: JSON) -> Iterator[JSON]:
    """The schema and all within it."""
    yield schema
    within = [*schema.get("properties", {}).values(), *schema.get("definitions", {}).values()]
    within += [schema[name] for name in ("items", "additionalProperties") if schema.get(name)]
    for inner in (*within, *([schema["propertyNames"]] if "propertyNames" in schema else [])):
        yield from schemas(inner)


def test_the_schema_says_nothing_that_the_check_does_not_know() -> None:
    for schema in schemas(SCHEMA):
        assert set(schema) <= NO_RULES | WALKED | set(RULES)
        assert schema.get("type", "object") in TYPES
        assert "$ref" not in schema or set(schema) == {"$ref"}
        assert schema.get("$ref", "#/definitions/").startswith("#/definitions/")
