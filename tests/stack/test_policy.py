"""The policy parameter: a change holds soon, a bad version never, and what waited is done."""

from __future__ import annotations

import json

from keyward.values import JSON
from tests.stack.stack_lab import Stack, eventually

LIMITS = {"throttle": {"rateLimit": 5, "burstLimit": 5}, "apis": ["no API"]}


def test_an_unknown_plan_is_told_and_the_same_event_works_once_the_policy_names_it(
    stack: Stack, policy: JSON
) -> None:
    event = {"customer_id": "midas", "plan": "gold", "occurred_at": "2026-01-01T00:00:00Z"}
    stack.put_event("CustomerSignedUp", **event)
    told = stack.outcome("CustomerFailed", customer_id="midas")
    assert "'gold'" in told["reason"]
    assert "free, late, pro" in told["reason"]
    assert stack.keys_of("midas") == []

    policy["usage_plans"]["gold"] = LIMITS
    stack.put_policy(json.dumps(policy))

    def holds() -> bool:
        task = {"customer_id": "midas", "dry_run": True}
        return "actions" in stack.run("ReconcileCustomerArn", task)["output"]

    eventually(holds)
    stack.put_event("CustomerSignedUp", **event)
    stack.outcome("KeyIssued", customer_id="midas")
    (key,) = stack.keys_of("midas")
    assert stack.plans_of(key["id"]) == ["gold"]


def test_a_changed_policy_mends_what_waited_for_it_without_an_event(
    stack: Stack, policy: JSON
) -> None:
    """Two changes, one right after the other: neither may be overlooked."""
    for plan in ("amber", "beryl"):
        stack.put_event("CustomerSignedUp", customer_id=f"waits-{plan}", plan=plan)
    for plan in ("amber", "beryl"):
        stack.outcome("CustomerFailed", customer_id=f"waits-{plan}")

    for plan in ("amber", "beryl"):
        policy["usage_plans"][plan] = LIMITS
        stack.put_policy(json.dumps(policy))

    for plan in ("amber", "beryl"):
        stack.outcome("KeyIssued", customer_id=f"waits-{plan}")
        (key,) = stack.keys_of(f"waits-{plan}")
        assert stack.plans_of(key["id"]) == [plan]


def test_a_bad_policy_is_refused_and_the_last_good_one_stays_in_force(
    stack: Stack, policy: JSON
) -> None:
    policy["usage_plans"]["pro"]["quota"] = {"limit": 1, "period": "YEAR"}

    stack.put_policy(json.dumps(policy))

    (told,) = eventually(lambda: stack.outcomes("PolicyRefused"), what="PolicyRefused")
    assert "usage_plans.pro.quota.period" in told["reason"]
    stack.put_event("CustomerSignedUp", customer_id="nevertheless", plan="pro")
    stack.outcome("KeyIssued", customer_id="nevertheless")
    (key,) = stack.keys_of("nevertheless")
    assert stack.plans_of(key["id"]) == ["pro"]
    assert len(stack.outcomes("PolicyRefused")) == 1
