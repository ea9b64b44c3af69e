from __future__ import annotations

import json
from typing import Any

import pytest

from keyward.aws.tables.leases import LEASE_SECONDS
from keyward.errors import PolicyRefusedError, UnknownPlanError
from keyward.policy.parse import default_text, parse
from keyward.policy.parts import Quota, Throttle

NOW = 1_795_000_000.0  # 2026-11-18


def policy_with(**more: Any) -> str:
    return json.dumps(json.loads(default_text()) | more)


def test_the_default_policy_has_the_plans_and_the_exemption_of_the_design() -> None:
    policy = parse(default_text())
    assert set(policy.usage_plans) == {"free", "pro"}
    assert policy.plan("free").throttle == Throttle(5, 10)
    assert policy.plan("free").quota == Quota(1000, "DAY")
    assert policy.exemption("a1b2c3", "petstore", "OPTIONS", "/pets", NOW) is not None
    assert policy.exemption("a1b2c3", "petstore", "GET", "/pets", NOW) is None


def test_what_the_policy_leaves_out_has_the_values_of_the_design() -> None:
    policy = parse(default_text())
    assert (policy.require_key, policy.plan_change) == ("all", "in_place")
    assert (policy.propagation_seconds, policy.overlap_hours) == (120, 168)


def test_the_longest_wait_for_propagation_ends_well_within_a_lease() -> None:
    policy = parse(policy_with(propagation_seconds=240))
    assert policy.propagation_seconds <= LEASE_SECONDS - 60


def test_an_overlap_of_zero_is_allowed() -> None:
    assert parse(policy_with(overlap_hours=0)).overlap_hours == 0


def test_an_unknown_plan_is_told_with_the_plans_there_are() -> None:
    with pytest.raises(UnknownPlanError, match="free, pro"):
        parse(default_text()).plan("gold")


def exemption(**more: str) -> dict[str, str]:
    return {"api": "*", "method": "GET", "path": "/health", "reason": "probe"} | more


@pytest.mark.parametrize(
    ("change", "path", "exempt"),
    [
        ({}, "/health", True),
        ({}, "/healthy", False),
        ({"path": "/pets/{petId}"}, "/pets/{petId}", True),
        ({"path": "/public/*"}, "/public/a/b", True),
        ({"path": "*"}, "/anything", True),
        ({"api": "petstore"}, "/health", True),
        ({"api": "a1b2c3"}, "/health", True),
        ({"api": "pet*"}, "/health", True),
        ({"api": "other"}, "/health", False),
        ({"method": "POST"}, "/health", False),
        ({"method": "*"}, "/health", True),
    ],
)
def test_an_exemption_covers_what_it_names(change: dict[str, str], path: str, exempt: bool) -> None:
    policy = parse(policy_with(exemptions=[exemption(**change)]))
    assert (policy.exemption("a1b2c3", "petstore", "GET", path, NOW) is not None) is exempt


def test_an_exemption_ends_at_midnight_utc_of_its_day() -> None:
    policy = parse(policy_with(exemptions=[exemption(expires="2027-01-01")]))
    midnight = 1_798_761_600  # 2027-01-01T00:00:00Z
    assert policy.exemption("a1b2c3", "petstore", "GET", "/health", midnight - 1) is not None
    assert policy.exemption("a1b2c3", "petstore", "GET", "/health", midnight) is None


def test_plans_cover_the_apis_and_stages_that_they_name() -> None:
    plans = {"pro": {"apis": ["pet*"], "stages": ["prod", "v*"]}}
    plan = parse(policy_with(usage_plans=plans)).plan("pro")
    assert plan.covers("a1b2c3", "petstore", "prod")
    assert plan.covers("a1b2c3", "petstore", "v2")
    assert not plan.covers("a1b2c3", "petstore", "dev")
    assert not plan.covers("a1b2c3", "orders", "prod")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "must be JSON"),
        ("[]", "must be an object"),
        ("{}", "usage_plans"),
        (policy_with(usage_plans={"a": {"throttle": {"rateLimit": 1}}}), "burstLimit"),
        (policy_with(usage_plans={"a": {"quota": {"limit": 1, "period": "YEAR"}}}), "period"),
        (
            policy_with(usage_plans={"a": {"quota": {"limit": 1, "period": "DAY", "offset": 1}}}),
            "a.quota.offset",
        ),
        (
            policy_with(
                usage_plans={"a": {"methods": {"GET /x": {"rateLimit": 1, "burstLimit": 1}}}}
            ),
            "a.throttle",
        ),
        (
            policy_with(
                usage_plans={"a": {"methods": {"FETCH /x": {"rateLimit": 1, "burstLimit": 1}}}}
            ),
            "methods",
        ),
        *(
            (policy_with(usage_plans={"a": limits}), f"must be at most {2**31 - 1}")
            for limits in (
                {"quota": {"limit": 2**31, "period": "DAY"}},
                {"throttle": {"rateLimit": 1, "burstLimit": 2**31}},
                {"throttle": {"rateLimit": 2**31, "burstLimit": 1}},
            )
        ),
        (policy_with(exemptions=[exemption(expires="2027-02-30")]), "exemptions[0].expires"),
        (policy_with(exemptions=[{"api": "*", "method": "GET", "path": "/x"}]), "reason"),
        (policy_with(propagation_seconds=-1), "propagation_seconds"),
        (policy_with(propagation_seconds=241), "propagation_seconds"),
        (policy_with(typo=1), "typo"),
    ],
)
def test_a_bad_policy_is_refused_with_the_field_that_is_wrong(text: str, says: str) -> None:
    with pytest.raises(PolicyRefusedError) as told:
        parse(text)
    assert says in str(told.value)
