"""The first start after an edition that kept no policy in force changes nothing unasked."""

from __future__ import annotations

from local.bench import Bench
from tests.machines.policy_lab import fields, plan, told


def test_plans_of_the_last_edition_keep_wider_limits_until_somebody_agrees() -> None:
    with Bench() as bench:
        limits = {"rateLimit": 50.0, "burstLimit": 100}
        made = bench.gateway.create_usage_plan(name="free", throttle=limits)["id"]
        key = bench.gateway.create_api_key(name="acme/1", enabled=True)["id"]
        bench.gateway.create_usage_plan_key(usagePlanId=made, keyId=key, keyType="API_KEY")
        bench.tables["PlansTable"].put_item(Item={"plan": "free", "plan_id": made})
        bench.account.executions.begin("apply_policy", "after-the-update", {})
        bench.advance(100)
        [held] = [event for event in told(bench.announced) if event["type"] == "PolicyHeld"]
        assert fields(held) == ["usage_plans.free.quota", "usage_plans.free.throttle"]
        assert plan(bench)["throttle"] == limits
        assert "quota" not in plan(bench)
