"""What comes while an edit of the policy is put in force, and what one leaves as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import Bench
from tests.machines.policy_lab import FREE, answer, customer, edit, fields, plan, policy


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.mark.parametrize("seconds", [0, 0.2, 1, 4])
def test_who_signs_up_for_a_plan_of_the_policy_that_comes_is_not_refused(
    bench: Bench, seconds: float
) -> None:
    customer(bench)
    bench.put_policy(policy(free=FREE, gold=FREE))
    bench.advance(seconds)
    bench.send("CustomerSignedUp", customer_id="bolt", plan="gold")
    bench.advance(60)
    assert "CustomerFailed" not in [event["detail-type"] for event in bench.announced]
    assert bench.value("bolt")


def test_a_plan_that_waits_for_a_person_is_no_plan_yet(bench: Bench) -> None:
    customer(bench)
    made = bench.gateway.create_usage_plan(name="gold")["id"]
    key = bench.gateway.create_api_key(name="ann")["id"]
    bench.gateway.create_usage_plan_key(usagePlanId=made, keyId=key, keyType="API_KEY")
    [held, *_] = edit(bench, policy(free=FREE, gold=FREE | {"adopt": True}))
    bench.send("CustomerSignedUp", customer_id="bolt", plan="gold")
    bench.advance(30)
    assert bench.announced[-1]["detail-type"] == "CustomerFailed"
    answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    assert bench.value("bolt")


def test_who_made_an_edit_is_named_whichever_run_announces_it(bench: Bench) -> None:
    customer(bench)
    lower = {"throttle": {"rateLimit": 1, "burstLimit": 1}, "quota": FREE["quota"]}
    for call in range(1, 13):
        bench.fault("events", "PutEvents", call, 500)
    told_of = edit(bench, policy(free=lower), seconds=3600)
    [held] = [event for event in told_of if event["type"] == "PolicyHeld"]
    assert held["caused_by"]["detail_type"] == "Parameter Store Change"
    assert len(bench.runs) > 3


def test_a_usage_plan_that_cannot_be_changed_is_told_with_who_asked(bench: Bench) -> None:
    customer(bench)
    bench.fault("apigateway", "UpdateUsagePlan", 1, "BadRequestException")
    wide = {"throttle": {"rateLimit": 99, "burstLimit": 99}}
    told_of = edit(bench, policy(free=wide))
    [refused] = [event for event in told_of if event["type"] == "PolicyRefused"]
    assert refused["plan"] == "free"
    assert refused["caused_by"]["detail_type"] == "Parameter Store Change"


@pytest.mark.parametrize("mode", ["observe", "warn"])
def test_a_stage_attached_by_its_api_stays_when_only_a_glob_covers_it(
    bench: Bench, mode: str
) -> None:
    api = customer(bench, mode)
    edit(bench, policy(free=FREE | {"apis": [api]}))
    held = plan(bench)["apiStages"]
    assert [stage["apiId"] for stage in held] == [api]
    [applied] = edit(bench, policy(free=FREE))
    assert fields(applied) == ["usage_plans.free.stages"]
    assert plan(bench)["apiStages"] == held
