from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.errors import PolicyRefusedError
from keyward.policy.parse import SCHEMA_FILE, parse
from keyward.policy.parts import matches
from keyward.policy.refusal import PATTERNS, refusal
from keyward.policy.schema import Breach

THROTTLE = {"rateLimit": 5, "burstLimit": 10}


def refused(body: Any) -> str:
    with pytest.raises(PolicyRefusedError) as error:
        parse(json.dumps(body))
    return str(error.value)


def plan(**members: Any) -> dict[str, Any]:
    return {"usage_plans": {"free": members}}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            plan(throttle=THROTTLE, methods={"/pets/GET": THROTTLE}),
            "usage_plans.free.methods: each name must be a method and a path, "
            "like `GET /reports`, got '/pets/GET'. Rename it",
        ),
        (
            plan(throttle={"rate": 5}),
            "usage_plans.free.throttle: must have rateLimit and burstLimit. Add rateLimit",
        ),
        (
            plan(throttle=THROTTLE | {"rate": 5}),
            "usage_plans.free.throttle: must not have rate. Use burstLimit, rateLimit",
        ),
        (
            plan(quota={"limit": "many", "period": "DAY"}),
            "usage_plans.free.quota.limit: must be a whole number, got 'many'. Correct it",
        ),
        (
            plan(quota={"limit": 2**31, "period": "DAY"}),
            "usage_plans.free.quota.limit: must be at most 2147483647, got 2147483648. Correct it",
        ),
        ({"usage_plan": {}}, "policy: must have usage_plans. Add usage_plans"),
        (plan() | {"hold": "x"}, "hold: must be always, never, got 'x'. Correct it"),
        (
            plan() | {"exemptions": [{"api": "*"}]},
            "exemptions[0]: must have method and path and reason. Add method",
        ),
        (
            plan() | {"exemptions": [{"api": "*", "method": "GET", "path": "x", "reason": "y"}]},
            "exemptions[0].path: must be a path that begins with / or *, got 'x'. Correct it",
        ),
        ([], "policy: must be an object, got a list of 0. Correct it"),
        (
            {"usage_plans": [1, 2]},
            "usage_plans: must be an object, got a list of 2. Correct it",
        ),
        (plan(stages={}), "usage_plans.free.stages: must be a list, got an object. Correct it"),
        (plan(adopt="yes"), "usage_plans.free.adopt: must be true or false, got 'yes'. Correct it"),
        (plan() | {"warn_days": -1}, "warn_days: must be at least 1, got -1. Correct it"),
        (
            plan() | {"warn_days": "x" * 58},
            f"warn_days: must be a whole number, got '{'x' * 58}'. Correct it",
        ),
        (
            plan() | {"warn_days": "x" * 59},
            f"warn_days: must be a whole number, got '{'x' * 56}…. Correct it",
        ),
        (
            {"usage_plans": {"x" * 300: {}}},
            "usage_plans: each name must have 1 to 255 characters. Rename it",
        ),
    ],
)
def test_a_refusal_names_the_field_the_rule_and_the_remedy(body: Any, says: str) -> None:
    assert refused(body) == says


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"usage_plans": {"free": {"\\ud800": 1}}}',
        '{"usage_plans": {"\\ud800": {}}}',
        '{"usage_plans": {"free": {"throttle": {"rateLimit": NaN, "burstLimit": 1}}}}',
        '{"usage_plans": {"free": {}}, "usage_plans": {"pro": {}}}',
    ],
    ids=["nested", "surrogate", "name", "NaN", "twice"],
)
def test_what_is_no_proper_json_is_refused_in_words_that_can_be_sent(text: str) -> None:
    with pytest.raises(PolicyRefusedError, match=r"^policy: must ") as error:
        parse(text)
    assert str(error.value).encode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "a": 1}', "a member stands twice"),
        ('{"a": Infinity}', "Infinity is not a number of JSON"),
    ],
)
def test_what_python_reads_and_json_does_not_allow_is_named(text: str, why: str) -> None:
    with pytest.raises(PolicyRefusedError) as error:
        parse(text)
    assert str(error.value) == f"policy: must be JSON, and is not: {why}. Correct it"


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1" + "0" * 5000, "1e400", "-1e400"])
@pytest.mark.parametrize("place", ["quota", "throttle", "warn_days", "overlap_hours"])
def test_a_number_that_no_computer_needs_is_refused(place: str, number: str) -> None:
    throttle = {"rateLimit": "@" if place == "throttle" else 1, "burstLimit": 1}
    quota = {"limit": "@" if place == "quota" else 1, "period": "DAY"}
    more = {place: "@"} if place in ("warn_days", "overlap_hours") else {}
    body = {"usage_plans": {"free": {"throttle": throttle, "quota": quota}}} | more
    text = json.dumps(body).replace('"@"', number)
    assert number in text
    with pytest.raises(PolicyRefusedError, match=r"^[a-zA-Z_.]+: must be"):
        parse(text)


def every_rule(schema: Any) -> set[str]:
    """The patterns that the schema uses anywhere."""
    text = json.dumps(schema)
    return {
        json.loads(f'"{found}"') for found in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', text)
    }


def test_every_pattern_of_the_schema_has_words() -> None:
    assert every_rule(json.loads(SCHEMA_FILE.read_text("utf-8"))) - set(PATTERNS) == set()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["usage_plans", "free", "throttle", "quota", "exemptions", "x"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_no_shape_of_a_policy_ends_in_another_error(body: Any) -> None:
    try:
        parse(json.dumps(body))
    except PolicyRefusedError as error:
        says = str(error)
    else:
        return
    assert re.match(r"[\w.\[\]]+: (must|each|needs)", says)


@given(st.text("ab*", max_size=6), st.text("ab", max_size=8))
def test_a_glob_covers_what_its_regular_expression_covers(glob: str, text: str) -> None:
    pattern = ".*".join(re.escape(part) for part in glob.split("*"))
    assert matches((glob,), text) == bool(re.fullmatch(pattern, text, re.DOTALL))


def test_a_glob_of_many_stars_reads_a_long_name_once() -> None:
    begun = time.process_time()
    assert not matches(("*-*-*-*-*-*-*-prod",), "-" * 200_000)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("rule", "asked", "value", "says"),
    [
        ("type", ["string", "null"], 1, "must be a text or null, got 1. Correct it"),
        ("pattern", "^x$", "y", "must be a text that matches ^x$, got 'y'. Correct it"),
        ("minItems", 1, [], "must be a list of at least 1, got a list of 0. Correct it"),
        ("multipleOf", 2, 3, "must be what its schema asks for (multipleOf), got 3. Correct it"),
        (
            "propertyNames",
            {"minLength": 2, "maxLength": 3},
            {"a": 1},
            "each name must have 2 to 3 characters. Rename it",
        ),
        ("propertyNames", {}, {"": 1}, "each name must have 1 to 255 characters. Rename it"),
        (
            "propertyNames",
            {"pattern": "^x"},
            {"xa": 1, "a": 1, "b": 1},
            "each name must be a text that matches ^x, got 'a'. Rename it",
        ),
        ("additionalProperties", False, {"b": 1, "a": 2}, "must not have a. Use "),
    ],
)
def test_a_rule_of_any_schema_has_words(rule: str, asked: Any, value: Any, says: str) -> None:
    assert refusal(Breach("field", value, rule, {rule: asked})) == f"field: {says}"


def test_a_breach_of_the_whole_is_one_of_the_policy() -> None:
    assert refusal(Breach("", 1, "type", {"type": "object"})).startswith("policy: must be ")
