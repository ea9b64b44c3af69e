"""What follows from an edit of the policy, on the bench."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import pytest

from keyward.values import JSON
from local.bench import PARAMETER, Bench
from tests.machines.policy_lab import (
    CLOSED,
    FREE,
    answer,
    customer,
    edit,
    fields,
    lines,
    plan,
    policy,
    told,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


@pytest.mark.parametrize("mode", [None, "observe", "enforce"])
def test_higher_limits_reach_the_plan_whatever_the_mode(bench: Bench, mode: str | None) -> None:
    customer(bench, mode)
    wide = {"throttle": {"rateLimit": 99, "burstLimit": 99}}
    [event] = edit(bench, policy(free=wide, pro={}))
    assert event["type"] == "PolicyApplied"
    assert (plan(bench)["throttle"], plan(bench).get("quota")) == (wide["throttle"], None)
    changed = {"usage_plans.free.throttle", "usage_plans.free.quota"}
    assert changed <= {*fields(event)}
    throttle = next(line for line in lines(bench) if line["field"].endswith("free.throttle"))
    assert (throttle["before"], throttle["after"]) == (FREE["throttle"], wide["throttle"])


def test_lower_limits_wait_for_a_person_and_everything_else_holds_at_once(bench: Bench) -> None:
    customer(bench)
    lower = {"quota": {"limit": 10, "period": "DAY"}, "throttle": FREE["throttle"]}
    [held, applied] = edit(bench, policy(free=lower, gold={}) | {"warn_days": 3}, seconds=10)
    assert (held["type"], applied["type"]) == ("PolicyHeld", "PolicyApplied")
    [change] = held["changes"]
    assert change["touches"] == {"customers": 1, "used_more": 0}
    assert (change["before"], change["after"]) == (FREE["quota"], lower["quota"])
    assert {"usage_plans.gold", "warn_days"} <= {*fields(applied)}
    assert plan(bench)["quota"]["limit"] == 1000
    bench.send("CustomerSignedUp", customer_id="other", plan="gold")
    bench.run()
    assert [e["detail"]["plan"] for e in bench.announced if e["detail-type"] == "KeyIssued"] == [
        "free",
        "gold",
    ]


def test_an_approval_applies_exactly_what_was_held(bench: Bench) -> None:
    customer(bench)
    lower = FREE | {"quota": {"limit": 10, "period": "DAY"}}
    [held] = edit(bench, policy(free=lower, pro=policy()["usage_plans"]["pro"]))
    [applied] = answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    assert applied["type"] == "PolicyApplied"
    assert applied["changes"] == held["changes"]
    assert applied["caused_by"]["detail_type"] == "PolicyApproved"
    assert plan(bench)["quota"]["limit"] == 10
    assert answer(bench, "PolicyApproved", fingerprint=held["fingerprint"]) == []


def test_a_rejection_keeps_the_former_policy_in_silence(bench: Bench) -> None:
    customer(bench)
    lower = FREE | {"quota": {"limit": 10, "period": "DAY"}}
    body = policy(free=lower, pro=policy()["usage_plans"]["pro"])
    [held] = edit(bench, body)
    assert answer(bench, "PolicyRejected", fingerprint=held["fingerprint"]) == []
    assert edit(bench, body | {"warn_days": 3})[0]["changes"][0]["field"] == "warn_days"
    assert plan(bench)["quota"]["limit"] == 1000


def closed(bench: Bench) -> None:
    bench.send("CustomerClosed", customer_id="acme")


def plan_deleted(bench: Bench) -> None:
    found = plan(bench)
    stages = [f"{stage['apiId']}:{stage['stage']}" for stage in found["apiStages"]]
    operations = [{"op": "remove", "path": "/apiStages", "value": stage} for stage in stages]
    bench.gateway.update_usage_plan(usagePlanId=found["id"], patchOperations=operations)
    bench.gateway.delete_usage_plan(usagePlanId=found["id"])


@pytest.mark.parametrize("leaves", [closed, plan_deleted])
def test_what_is_held_waits_on_when_its_keys_leave_the_plan(
    bench: Bench, leaves: Callable[[Bench], None]
) -> None:
    customer(bench)
    held = edit(bench, policy(free=FREE | {"throttle": {"rateLimit": 1, "burstLimit": 2}}))[0]
    leaves(bench)
    bench.advance(200)
    assert answer(bench, "PolicyRejected", fingerprint=held["fingerprint"]) == []
    bench.audit(repair=True)
    bench.advance(200)
    assert plan(bench)["throttle"]["rateLimit"] == 5


def test_an_approval_of_something_else_applies_nothing(bench: Bench) -> None:
    customer(bench)
    [held] = edit(bench, policy(free=FREE | {"quota": {"limit": 10, "period": "DAY"}}, pro={}))[:1]
    edit(bench, policy(free=FREE | {"quota": {"limit": 1, "period": "DAY"}}, pro={}))
    answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    assert plan(bench)["quota"]["limit"] == 1000


def test_an_answer_to_an_earlier_hold_does_not_answer_the_same_edit_again(bench: Bench) -> None:
    customer(bench)
    narrow = policy(free=FREE | {"quota": {"limit": 10, "period": "DAY"}}, pro={})
    former = policy(free=FREE, pro={})
    [held] = edit(bench, narrow)[:1]
    answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    edit(bench, former)
    [again] = edit(bench, narrow)
    assert (again["type"], again["fingerprint"]) == ("PolicyHeld", held["fingerprint"])
    assert plan(bench)["quota"]["limit"] == 1000


def test_the_policy_before_undoes_an_edit(bench: Bench) -> None:
    customer(bench)
    before = plan(bench)
    wide = {"throttle": {"rateLimit": 99, "burstLimit": 99}}
    edit(bench, policy(free=wide, pro=policy()["usage_plans"]["pro"]))
    [held] = edit(bench, policy())
    assert held["type"] == "PolicyHeld"
    answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    assert plan(bench) == before


def test_without_a_hold_narrower_limits_hold_at_once(bench: Bench) -> None:
    customer(bench)
    lower = FREE | {"quota": {"limit": 10, "period": "DAY"}}
    [event] = edit(bench, policy(free=lower, pro={}) | {"narrowing": "apply"})
    assert event["type"] == "PolicyApplied"
    assert plan(bench)["quota"]["limit"] == 10


@pytest.mark.parametrize("free", [FREE | {"apis": ["other"]}, FREE | {"stages": ["dev"]}, None])
def test_a_stage_that_leaves_a_plan_is_held_and_then_detached(bench: Bench, free: JSON) -> None:
    api = customer(bench)
    body = policy(pro={}, **({"free": free} if free else {}))
    [held] = [e for e in edit(bench, body) if e["type"] == "PolicyHeld"]
    assert held["changes"][0]["stages"] == [{"rest_api_id": api, "stage": "prod"}]
    assert bench.call(api, "prod", "GET", "/pets", key=bench.value("acme")) == 200
    answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    assert bench.call(api, "prod", "GET", "/pets", key=bench.value("acme")) == 403
    assert plan(bench)["apiStages"] == []
    applied = [
        e["detail"]["changes"] for e in bench.announced if e["detail-type"] == "PolicyApplied"
    ]
    assert [line["plan"] for line in applied[-1]] == ["free"]


def test_a_stage_that_people_attached_stays(bench: Bench) -> None:
    customer(bench)
    other = bench.api(CLOSED, mode="off")
    added = {"op": "add", "path": "/apiStages", "value": f"{other}:prod"}
    bench.gateway.update_usage_plan(usagePlanId=plan(bench)["id"], patchOperations=[added])
    edit(bench, policy(free=FREE | {"apis": ["none"]}, pro={}) | {"narrowing": "apply"})
    assert [stage["apiId"] for stage in plan(bench)["apiStages"]] == [other]


def test_stages_that_a_plan_covers_now_are_attached(bench: Bench) -> None:
    bench.put_policy(policy(free=FREE | {"apis": ["none"]}, pro={}))
    bench.advance(20)
    api = customer(bench)
    assert bench.call(api, "prod", "GET", "/pets", key=bench.value("acme")) == 403
    edit(bench, policy(free=FREE, pro={}))
    assert bench.call(api, "prod", "GET", "/pets", key=bench.value("acme")) == 200
    attached = [e["detail"] for e in bench.announced if e["detail-type"] == "ApiProtected"][-1]
    assert attached["actions"] == [{"action": "attach_stage", "stage": "prod", "plan": "free"}]
    assert attached["caused_by"]["detail_type"] == "Parameter Store Change"


def open_paths(count: int) -> JSON:
    return {f"/open/{number}": {"get": ["api_key"]} for number in range(count)}


@pytest.mark.parametrize(("count", "kind"), [(20, "PolicyApplied"), (21, "PolicyHeld")])
def test_an_exemption_that_opens_many_live_methods_is_held(
    bench: Bench, count: int, kind: str
) -> None:
    bench.api(open_paths(count))
    bench.run()
    body = policy()
    body["exemptions"].append({"api": "*", "method": "GET", "path": "/open/*", "reason": "free"})
    [event] = edit(bench, body)
    assert (event["type"], len(event["changes"][0]["methods"])) == (kind, count)


def test_methods_are_closed_when_their_exemption_is_taken_away(bench: Bench) -> None:
    body = policy()
    body["exemptions"].append({"api": "*", "method": "GET", "path": "/pets", "reason": "free"})
    bench.put_policy(body)
    bench.advance(10)
    api = bench.api({"/pets": {"get": None}})
    bench.run()
    assert bench.call(api, "prod", "GET", "/pets") == 200
    [event] = edit(bench, policy())
    assert event["changes"][0]["exemption"]["path"] == "/pets"
    assert bench.call(api, "prod", "GET", "/pets") == 403


def test_a_version_that_is_not_usable_changes_nothing_and_is_told_once(bench: Bench) -> None:
    customer(bench)
    [refused] = edit(bench, {"usage_plans": {}})
    assert (refused["type"], refused["version"]) == ("PolicyRefused", 2)
    assert edit(bench, {"usage_plans": {}})[0]["version"] == 3
    assert plan(bench)["quota"]["limit"] == 1000


def test_a_parameter_that_is_deleted_keeps_the_last_good_policy(bench: Bench) -> None:
    edit(bench, policy(gold={}))
    bench.account.ssm.delete_parameter(PARAMETER)
    bench.run()
    assert "gone" in told(bench.announced)[-1]["reason"]
    bench.send("CustomerSignedUp", customer_id="acme", plan="gold")
    bench.run()
    assert bench.value("acme")


@pytest.mark.parametrize("is_heard", [True, False])
def test_limits_that_somebody_changed_by_hand_are_put_back(bench: Bench, is_heard: bool) -> None:
    customer(bench)
    if not is_heard:
        bench.emulator.on_event = None
    before = len(bench.announced)
    raised = {"op": "replace", "path": "/throttle/rateLimit", "value": "500"}
    bench.gateway.update_usage_plan(usagePlanId=plan(bench)["id"], patchOperations=[raised])
    if not is_heard:
        [found] = [f for f in bench.audit()["findings"] if f["kind"] == "plan_differs"]
        assert (found["plan"], found["mended_by"]) == ("free", "apply-policy")
        bench.audit(repair=True)
    bench.advance(100)
    [event] = [e for e in told(bench.announced[before:]) if e["type"] == "PolicyApplied"]
    [change] = event["changes"]
    assert (change["before"]["rateLimit"], change["after"]["rateLimit"]) == (500, 5)
    assert plan(bench)["throttle"]["rateLimit"] == 5


def test_what_is_held_is_no_finding(bench: Bench) -> None:
    customer(bench)
    edit(bench, policy(free=FREE | {"quota": {"limit": 10, "period": "DAY"}}, pro={}))
    assert [f for f in bench.audit()["findings"] if f["kind"] == "plan_differs"] == []


def test_a_plan_that_people_made_keeps_its_limits_until_it_is_adopted(bench: Bench) -> None:
    limits = {"rateLimit": 999.0, "burstLimit": 999}
    made = bench.gateway.create_usage_plan(name="free", throttle=limits)["id"]
    team = bench.gateway.create_api_key(name="team", enabled=True)["id"]
    bench.gateway.create_usage_plan_key(usagePlanId=made, keyId=team, keyType="API_KEY")
    body = policy(free=FREE, pro={})
    edit(bench, copy.deepcopy(body) | {"warn_days": 3})
    assert plan(bench)["throttle"] == limits
    body["usage_plans"]["free"]["adopt"] = True
    [held] = [e for e in edit(bench, body) if e["type"] == "PolicyHeld"]
    assert fields(held) == ["usage_plans.free.adopt"]
    assert held["changes"][0]["follows"]["throttle"]["after"] == FREE["throttle"]
    assert plan(bench)["throttle"] == limits
    answer(bench, "PolicyApproved", fingerprint=held["fingerprint"])
    assert plan(bench)["throttle"] == {"rateLimit": 5.0, "burstLimit": 10}
    assert plan(bench)["tags"] == {"keyward": "keyward"}


def test_an_edit_whose_event_was_lost_is_found_and_seen_by_the_audit(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer(bench)
    wide = {"throttle": {"rateLimit": 99, "burstLimit": 99}}
    with monkeypatch.context() as patch:
        patch.setattr(bench.account.ssm, "_changed", lambda name, operation: None)
        bench.put_policy(policy(free=wide, pro={}))
    assert [f["kind"] for f in bench.audit()["findings"]] == ["policy_unseen"]
    bench.audit(repair=True)
    bench.advance(100)
    assert plan(bench)["throttle"] == wide["throttle"]


def test_a_customer_who_waits_for_a_plan_gets_a_key_once_the_policy_names_it(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="gold")
    bench.run()
    assert [e["detail-type"] for e in bench.announced] == ["CustomerFailed"]
    edit(bench, policy(gold=FREE), seconds=70)
    assert bench.announced[-1]["detail-type"] == "KeyIssued"
