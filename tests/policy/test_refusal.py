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
from keyward.policy.refusal import PATTERNS

THROTTLE = {"rateLimit": 5, "burstLimit": 10}


def refused(body: Any) -> str:
    with pytest.raises(PolicyRefusedError) as refusal:
        parse(json.dumps(body))
    return str(refusal.value)


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
    with pytest.raises(PolicyRefusedError, match=r"^policy: must ") as refusal:
        parse(text)
    assert str(refusal.value).encode()


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
