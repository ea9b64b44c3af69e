"""What a policy that states everything says, and what one that leaves it out says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyward.errors import PolicyRefusedError, UnknownPlanError
from keyward.policy.billing import LADDER, BillingPolicy, LadderStep, SbtPolicy, StripePolicy
from keyward.policy.model import Policy
from keyward.policy.parse import parse
from keyward.policy.parts import (
    Exemption,
    Lifecycle,
    PlanPolicy,
    Probe,
    Quota,
    Throttle,
    UsagePolicy,
    matches,
    midnight,
    place_of,
)
from keyward.values import DAY, JSON

NOW = 1_795_000_000.0  # 2026-11-18
LIMITS = {"rateLimit": 5, "burstLimit": 10}
WHOLE: JSON = {
    "usage_plans": {
        "free": {},
        "pro": {
            "throttle": LIMITS,
            "quota": {"limit": 1000, "period": "WEEK", "offset": 3},
            "apis": ["petstore"],
            "stages": ["prod"],
            "methods": {"GET /reports": {"rateLimit": 0.5, "burstLimit": 1}},
            "rotate_after_days": 90,
            "adopt": True,
        },
    },
    "exemptions": [{"api": "*", "method": "GET", "path": "/health", "reason": "probe"}],
    "probes": [{"api": "petstore", "path": "/pets", "customer": "acme", "stage": "prod"}],
    "require_key": "unauthorized",
    "plan_change": "successor",
    "propagation_seconds": 60,
    "overlap_hours": 24,
    "grace_hours": 12,
    "hold": "never",
    "warn_days": 3,
    "report_days": 30,
    "narrowing": "apply",
    "most_removals_an_hour": 5,
    "billing": {
        "ladder": [
            {"step": "suspend", "after_days": 9},
            {"step": "plan", "after_days": 2, "plan": "free"},
        ],
        "ended": "suspend",
        "expiry_notice_days": [1, 14],
        "stripe": {"customer_id": "id", "plans": {"price_1": "pro"}},
        "sbt": {"tier": "level", "plans": {"gold": "pro"}},
    },
    "usage": {"thresholds": [100, 80, 80], "unused_days": 60},
}


def read(**changes: Any) -> Policy:
    return parse(json.dumps(WHOLE | changes))


def refused(**changes: Any) -> str:
    with pytest.raises(PolicyRefusedError) as refusal:
        read(**changes)
    return str(refusal.value)


def test_a_policy_says_what_its_members_say() -> None:
    throttle, quota = Throttle(5.0, 10), Quota(1000, "WEEK", 3)
    methods = {"GET /reports": Throttle(0.5, 1)}
    assert read() == Policy(
        usage_plans={
            "free": PlanPolicy("free", None, None),
            "pro": PlanPolicy("pro", throttle, quota, ("petstore",), ("prod",), methods, True),
        },
        exemptions=(Exemption("*", "GET", "/health", "probe"),),
        require_key="unauthorized",
        plan_change="successor",
        propagation_seconds=60,
        overlap_hours=24,
        hold="never",
        warn_days=3,
        report_days=30,
        narrowing="apply",
        most_removals_an_hour=5,
        probes=(Probe("petstore", "/pets", "acme", "prod"),),
        billing=BillingPolicy(
            ladder=(LadderStep("plan", 2, "free"), LadderStep("suspend", 9)),
            ended="suspend",
            expiry_notice_days=(14, 1),
            stripe=StripePolicy(customer_id="id", plans={"price_1": "pro"}),
            sbt=SbtPolicy(tier="level", plans={"gold": "pro"}),
        ),
        usage=UsagePolicy((80, 100), 60),
        lifecycle=Lifecycle({"pro": 90}, 12),
    )


def test_a_policy_of_nothing_but_a_plan_has_the_defaults() -> None:
    everywhere = PlanPolicy("free", None, None)
    assert parse('{"usage_plans": {"free": {}}}') == Policy({"free": everywhere})
    assert (everywhere.apis, everywhere.stages, everywhere.adopt) == (("*",), ("*",), False)


def test_the_default_ladder_leaves_out_a_plan_that_the_policy_does_not_name() -> None:
    named = parse('{"usage_plans": {"free": {}}}').billing.ladder
    other = parse('{"usage_plans": {"pro": {}}}').billing.ladder
    assert named == LADDER
    assert other == tuple(step for step in LADDER if step.step != "plan")


def test_a_step_is_due_whole_days_after_the_first_failed_payment() -> None:
    assert LadderStep("suspend", 1.5).at(NOW) == NOW + 1.5 * DAY


ADVICE = 'Write {"step": "plan", "after_days": 7, "plan": "free"}'
NEEDED = 'only a step "plan" has a plan, and it needs one'
NO_GOLD = "usage_plans has no plan 'gold'. Use one of free, pro"


@pytest.mark.parametrize(
    ("billing", "says"),
    [
        (
            {"ladder": [{"step": "notice", "after_days": 0}, {"step": "plan", "after_days": 1}]},
            f"billing.ladder[1]: {NEEDED}. {ADVICE}",
        ),
        (
            {"ladder": [{"step": "suspend", "after_days": 0, "plan": "free"}]},
            f"billing.ladder[0]: {NEEDED}. {ADVICE}",
        ),
        (
            {"ladder": [{"step": "plan", "after_days": 0, "plan": "gold"}]},
            f"billing.ladder[0].plan: {NO_GOLD}",
        ),
        ({"stripe": {"plans": {"price_1": "gold"}}}, f"billing.stripe.plans.price_1: {NO_GOLD}"),
        ({"sbt": {"plans": {"basic": "gold"}}}, f"billing.sbt.plans.basic: {NO_GOLD}"),
    ],
)
def test_a_plan_for_money_is_one_that_the_policy_names(billing: JSON, says: str) -> None:
    assert refused(billing=billing) == says


def offset(period: str, days: int) -> JSON:
    quota = {"limit": 1, "period": period, "offset": days}
    return {"usage_plans": {"free": {"quota": quota}}, "billing": {}}


@pytest.mark.parametrize(("period", "most"), [("DAY", 0), ("WEEK", 6), ("MONTH", 27)])
def test_an_offset_lies_within_its_period(period: str, most: int) -> None:
    assert read(**offset(period, most)).plan("free").quota == Quota(1, period, most)


@pytest.mark.parametrize(("period", "most"), [("DAY", 0), ("WEEK", 6)])
def test_an_offset_beyond_its_period_is_refused(period: str, most: int) -> None:
    assert refused(**offset(period, most + 1)) == (
        f"usage_plans.free.quota.offset: must be at most {most} for a {period}, "
        f"got {most + 1}. Lower it"
    )


def test_refusals_of_dates_and_of_methods_name_the_remedy() -> None:
    dated = WHOLE["exemptions"][0] | {"expires": "2027-02-30"}
    assert refused(exemptions=[*WHOLE["exemptions"], dated]) == (
        "exemptions[1].expires: must be a date like 2027-01-31, got '2027-02-30'. Correct it"
    )
    plans = WHOLE["usage_plans"] | {"pro": {"methods": {"GET /a": LIMITS}}}
    assert refused(usage_plans=plans) == (
        "usage_plans.pro.methods: needs a throttle of the plan as well. "
        "Add usage_plans.pro.throttle"
    )


def test_an_unknown_plan_names_the_remedy() -> None:
    with pytest.raises(UnknownPlanError) as error:
        read().plan("gold")
    assert str(error.value) == (
        "plan: the policy names no usage plan 'gold'. "
        "Use one of free, pro, or add it to usage_plans in the policy parameter"
    )


def test_a_probe_is_for_the_stages_that_it_names() -> None:
    first, rest = Probe("pet*", "/a", "acme", "prod"), Probe("*", "/b", "acme")
    policy = Policy({}, probes=(first, rest))
    assert policy.probe("a1", "petstore", "prod") == first
    assert policy.probe("a1", "petstore", "dev") == rest
    assert policy.probe("petstore", "orders", "prod") == first
    assert Policy({}, probes=(first,)).probe("a1", "orders", "prod") is None


def test_limits_are_told_in_the_words_of_api_gateway() -> None:
    quota = {"limit": 10, "period": "WEEK", "offset": 2}
    found = Throttle.of(LIMITS), Quota.of(quota)
    assert found == (Throttle(5.0, 10), Quota(10, "WEEK", 2))
    assert [limit and limit.as_json() for limit in found] == [LIMITS, quota]
    assert Quota.of({"limit": 10, "period": "DAY"}) == Quota(10, "DAY", 0)
    assert (Throttle.of(None), Quota.of(None)) == (None, None)


@pytest.mark.parametrize(
    ("api", "stage", "is_named"),
    [
        (("a1", "shop"), "prod", True),
        (("shop", "other"), "prod", True),
        (("a1", "shop"), "dev", False),
        (("a1", "petstore"), "prod", False),
    ],
)
def test_a_plan_names_the_stages_of_apis_that_it_lists_without_a_star(
    api: tuple[str, str], stage: str, is_named: bool
) -> None:
    plan = PlanPolicy("pro", None, None, ("shop", "pet*"), ("prod",))
    assert plan.literal_apis == ("shop",)
    assert plan.covers("shop", "x", "prod")
    assert plan.covers("a1", "petstore", "prod")
    assert not plan.covers("a1", "x", "prod")
    assert plan.names(*api, stage) is is_named


def test_an_exemption_ends_with_its_day_in_utc(in_tokyo: None) -> None:
    open_end = Exemption("*", "GET", "/health", "probe")
    assert (open_end.ends_at, open_end.covers("a", "b", "GET", "/health", NOW)) == (None, True)
    dated = Exemption("*", "GET", "/health", "probe", expires="1970-01-02")
    assert dated.ends_at == DAY == midnight("1970-01-02")
    assert [dated.covers("a", "b", "GET", "/health", at) for at in (DAY - 1, DAY)] == [True, False]


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("GET /pets", "/pets/GET"),
        ("GET /", "/GET"),
        ("ANY /a/{b}/", "/a/{b}/ANY"),
        ("GET /a b/X", "/a b/X/GET"),
    ],
)
def test_a_method_has_the_place_of_a_throttle_map(line: str, place: str) -> None:
    assert place_of(line) == place


@pytest.mark.parametrize(
    ("glob", "text", "is_covered"),
    [
        ("*", "", True),
        ("ab*ba", "aba", False),
        ("ab*ba", "abba", True),
        ("a*b*c", "abc", True),
        ("a*b*c", "acb", False),
        ("a*bc*cd", "abcd", False),
        ("a*bc*cd", "abccd", True),
        ("*a*a*", "xa", False),
        ("*a*a*", "xaya", True),
        ("{petId}", "{petId}", True),
    ],
)
def test_each_part_of_a_glob_is_found_once_and_in_order(
    glob: str, text: str, is_covered: bool
) -> None:
    assert matches((glob,), text) is is_covered


def test_one_of_the_globs_covers_one_of_the_texts() -> None:
    assert matches(("x", "b*"), "a", "bc")
    assert not matches((), "a")
