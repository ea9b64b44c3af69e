"""An old key is adopted on the running stack: by the roles and the state machine as deployed."""

from __future__ import annotations

from tests.stack.stack_lab import Stack


def test_a_key_that_was_made_by_hand_is_adopted_and_nothing_is_written(stack: Stack) -> None:
    stack.issued("neighbour", plan="free")
    plans = stack.gateway.get_usage_plans()["items"]
    into = next(plan["id"] for plan in plans if plan["name"] == "free")
    old = stack.gateway.create_api_key(name="years old", enabled=True)["id"]
    stack.gateway.create_usage_plan_key(usagePlanId=into, keyId=old, keyType="API_KEY")
    stack.settle()
    run = stack.run(
        "AuditAccountArn", {"repair": True, "adopt": True, "customers": {old: "adopted"}}
    )
    stack.settle()
    assert run["status"] == "SUCCEEDED", run["cause"]
    assert run["output"]["adopted"] == 1
    assert stack.writes_for("adopted") == []
    assert stack.plans_of(old) == ["free"]
    looked = stack.run(
        "ReconcileCustomerArn", {"customer_id": "adopted", "look": True, "dry_run": True}
    )
    assert looked["output"]["actions"] == []
