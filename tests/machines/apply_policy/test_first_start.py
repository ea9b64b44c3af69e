"""The first start after an edition that kept no policy in force changes nothing unasked."""

from __future__ import annotations

import json

import pytest

from local.bench import Bench
from tests.machines.policy_lab import FREE, fields, plan, policy, told


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


def test_each_edit_of_a_policy_in_the_bucket_holds_at_once() -> None:
    with Bench() as bench:
        bench.upload("policy/large.json", json.dumps(policy(free=FREE)))
        bench.put_policy({"object": "policy/large.json"})
        bench.run()
        bench.upload("policy/large.json", json.dumps(policy(free=FREE, gold=FREE)))
        bench.advance(10)
        assert "usage_plans.gold" in fields(told(bench.announced)[-1])


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00}\x00", b'{"x": "caf\xe9"}', b"\x00\x9d"])
def test_an_object_of_another_encoding_is_refused_in_words_and_harms_nothing(
    content: bytes,
) -> None:
    with Bench() as bench:
        bucket = bench.stack.ref("ReportBucket")
        bench.put_policy({"object": "policy/large.json"})
        bench.account.s3.put_object(bucket, "policy/large.json", content)
        bench.advance(10)
        refused = [e["detail"] for e in bench.announced if e["detail-type"] == "PolicyRefused"]
        assert {detail["error"] for detail in refused} == {"PolicyRefusedError"}
        assert "must be UTF-8 text" in refused[-1]["reason"]
        assert {run.status for run in bench.runs} == {"SUCCEEDED"}
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.run()
        assert bench.announced[-1]["detail-type"] == "KeyIssued"
