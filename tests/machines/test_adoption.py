"""An account that has usage plans, keys and another stack before Keyward comes: nothing of them
changes before somebody agreed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.bench import Bench

JSON = dict[str, Any]
OPEN: JSON = {"/pets": {"get": None}}
HAND_MADE: JSON = {
    "name": "free",
    "throttle": {"rateLimit": 999.0, "burstLimit": 999},
    "quota": {"limit": 9_000_000, "offset": 0, "period": "MONTH"},
}
FREE: JSON = {
    "throttle": {"rateLimit": 5, "burstLimit": 10},
    "quota": {"limit": 1000, "period": "DAY"},
}
ADOPTS: JSON = {"usage_plans": {"free": FREE | {"adopt": True}}, "propagation_seconds": 0}
WRITES = {"UpdateUsagePlan", "TagResource", "UntagResource", "CreateUsagePlan", "DeleteUsagePlan"}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def hand_made(bench: Bench, **more: Any) -> str:
    """A usage plan `free` that people made, with a paying key in it: the plan's id."""
    plan_id = str(bench.gateway.create_usage_plan(**HAND_MADE, **more)["id"])
    key_id = bench.gateway.create_api_key(name="paying-0", enabled=True)["id"]
    bench.gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
    return plan_id


def plan_of(bench: Bench, name: str = "free") -> JSON:
    [found] = [p for p in bench.gateway.get_usage_plans()["items"] if p["name"] == name]
    return dict(found)


def limits_of(plan: JSON) -> JSON:
    return {name: plan.get(name) for name in ("throttle", "quota")}


def key_ids(bench: Bench, plan_id: str) -> list[str]:
    return [key["id"] for key in bench.gateway.get_usage_plan_keys(usagePlanId=plan_id)["items"]]


def told(bench: Bench, detail_type: str) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


def writes(bench: Bench, since: int, plan_id: str) -> list[str]:
    """What Keyward wrote to the plan."""
    calls = [call for call in bench.calls[since:] if call["caller"] and plan_id in str(call)]
    return [call["operation"] for call in calls if call["operation"] in WRITES]


def finding(bench: Bench, kind: str) -> list[JSON]:
    return [found for found in bench.audit()["findings"] if found["kind"] == kind]


@pytest.mark.parametrize("mode", ["observe", "warn", "enforce"])
def test_no_mode_changes_a_plan_that_people_made(bench: Bench, mode: str) -> None:
    plan_id = hand_made(bench)
    before, since = plan_of(bench), len(bench.calls)
    api_id = bench.api(OPEN, mode=mode)
    bench.run()
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run()
    bench.advance(86_400)
    bench.audit(repair=True)
    assert plan_of(bench) == before
    assert writes(bench, since, plan_id) == []
    assert len(key_ids(bench, plan_id)) == 2
    closed = bench.call(api_id, "prod", "GET", "/pets") == 403
    assert closed == (mode == "enforce")


@pytest.mark.parametrize(
    ("mode", "event"),
    [("observe", "ApiExposed"), ("warn", "ApiWarned"), ("enforce", "ApiProtected")],
)
def test_what_it_means_that_the_plan_stays_is_told(bench: Bench, mode: str, event: str) -> None:
    hand_made(bench)
    bench.api(OPEN, mode=mode)
    bench.run()
    [detail] = told(bench, event)
    [kept] = [action for action in detail["actions"] if action["action"] == "leave_plan"]
    assert (kept["plan"], kept["stage"]) == ("free", "prod")
    assert "do not open" in kept["reason"]
    assert '"adopt": true' in kept["reason"]


def test_a_plan_of_people_that_holds_the_stage_already_is_nothing_to_tell(bench: Bench) -> None:
    plan_id = hand_made(bench)
    api_id = bench.api(OPEN, mode=None)
    stage = {"op": "add", "path": "/apiStages", "value": f"{api_id}:prod"}
    bench.gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=[stage])
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "enforce"})
    bench.deploy(api_id, "prod")
    bench.run()
    [detail] = told(bench, "ApiProtected")
    assert not any(a["action"] == "leave_plan" for a in detail["actions"])
    assert [found["severity"] for found in finding(bench, "plan_by_hand")] == ["low"]


def test_the_audit_says_which_plan_of_people_keeps_keys_out(bench: Bench) -> None:
    hand_made(bench)
    bench.api(OPEN)
    bench.run()
    [found] = finding(bench, "plan_by_hand")
    assert (found["severity"], found["plan"]) == ("high", "free")
    assert '"adopt": true' in found["remedy"]
    bench.audit(repair=True)
    assert len([run for run in bench.runs if "protect-api" in run.arn]) == 1


def test_a_plan_that_the_policy_adopts_is_tagged_once_and_the_ledger_has_what_it_was(
    bench: Bench,
) -> None:
    plan_id = hand_made(bench)
    bench.put_policy(ADOPTS)
    bench.run()
    bench.advance(15)
    since = len(bench.calls)
    api_id = bench.api(OPEN)
    bench.run()
    bench.advance(86_400)
    assert plan_of(bench)["tags"] == {"keyward": "keyward"}
    assert limits_of(plan_of(bench))["throttle"]["rateLimit"] == 5
    assert writes(bench, since, plan_id).count("TagResource") <= 1
    assert {"apiId": api_id, "stage": "prod"} in plan_of(bench)["apiStages"]
    lines = [item for item in ledger(bench) if item["action"] == "tag_plan"]
    [line] = lines
    assert line["before"]["throttle"]["rateLimit"] == 999
    assert line["after"]["tag keyward"] == "keyward"
    bench.audit(repair=True)
    assert [item for item in ledger(bench) if item["action"] == "tag_plan"] == lines


def ledger(bench: Bench) -> list[JSON]:
    return list(bench.tables["LedgerTable"].scan()["Items"])


def test_a_plan_that_keyward_makes_has_its_tag(bench: Bench) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="pro")
    bench.run()
    assert plan_of(bench, "pro")["tags"] == {"keyward": "keyward"}
    made = [call["operation"] for call in bench.calls if call["caller"]]
    assert "TagResource" not in made
    since = len(bench.calls)
    bench.send("CustomerSignedUp", customer_id="next", plan="pro")
    bench.run()
    assert [call["operation"] for call in bench.calls[since:]] == [
        "CreateApiKey",
        "CreateUsagePlanKey",
    ]


def test_a_plan_of_another_stack_gets_no_key_and_no_write_and_is_refused_by_name(
    bench: Bench,
) -> None:
    plan_id = hand_made(bench, tags={"keyward": "staging"})
    before, since, keys = plan_of(bench), len(bench.calls), key_ids(bench, plan_id)
    bench.put_policy(ADOPTS)
    bench.run()
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    api_id = bench.api(OPEN)
    bench.run()
    [failed] = told(bench, "CustomerFailed")
    assert "belongs to the stack staging" in failed["reason"]
    [protected] = told(bench, "ApiProtected")
    [kept] = [action for action in protected["actions"] if action["action"] == "leave_plan"]
    assert "staging" in kept["reason"]
    assert bench.call(api_id, "prod", "GET", "/pets") == 403
    bench.advance(2 * 86_400)
    bench.audit(repair=True)
    assert plan_of(bench) == before
    assert key_ids(bench, plan_id) == keys
    assert writes(bench, since, plan_id) == []
    [found] = finding(bench, "plan_of_another_stack")
    assert (found["severity"], found["plan"]) == ("high", "free")
    assert "staging" in found["says"]


def test_a_mode_is_no_stack_as_plans_inherit_the_tags_of_a_template(bench: Bench) -> None:
    plan_id = hand_made(bench, tags={"keyward": "enforce"})
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run()
    assert len(key_ids(bench, plan_id)) == 2
    assert told(bench, "CustomerFailed") == []


TWO_PLANS: JSON = {
    "usage_plans": {"a": {"apis": ["x"]}, "b": {"apis": ["y"]}, "c": {"apis": ["z"]}},
    "propagation_seconds": 0,
}


@pytest.fixture
def in_two_plans() -> Iterator[tuple[Bench, str]]:
    """A customer whose key a person put into plan b beside its own plan a; the key's id."""
    with Bench(policy=TWO_PLANS) as made:
        made.send("CustomerSignedUp", customer_id="acme", plan="a")
        made.run()
        [key] = made.gateway.get_api_keys()["items"]
        by_hand = str(made.gateway.create_usage_plan(name="b")["id"])
        into = {"usagePlanId": by_hand, "keyId": key["id"], "keyType": "API_KEY"}
        made.gateway.create_usage_plan_key(**into)
        made.advance(600)
        yield made, str(key["id"])


def plans_of(bench: Bench, key_id: str) -> list[str]:
    return sorted(p["name"] for p in bench.gateway.get_usage_plans(keyId=key_id)["items"])


def test_a_key_that_a_person_put_into_a_second_plan_stays_in_it(
    in_two_plans: tuple[Bench, str],
) -> None:
    bench, key_id = in_two_plans
    [found] = finding(bench, "key_in_other_plan")
    assert (found["severity"], found["key_id"], found["plan"]) == ("low", key_id, "a")
    for _ in range(2):
        bench.audit(repair=True)
        bench.advance(86_400)
    assert plans_of(bench, key_id) == ["a", "b"]


def test_a_plan_change_takes_a_key_out_of_its_recorded_plan_only(
    in_two_plans: tuple[Bench, str],
) -> None:
    bench, key_id = in_two_plans
    bench.send("CustomerPlanChanged", customer_id="acme", plan="c")
    bench.run()
    bench.advance(86_400)
    assert plans_of(bench, key_id) == ["b", "c"]


def test_a_key_that_a_person_moved_joins_its_plan_again_and_is_taken_out_of_none(
    in_two_plans: tuple[Bench, str],
) -> None:
    bench, key_id = in_two_plans
    own = plan_of(bench, "a")["id"]
    bench.gateway.delete_usage_plan_key(usagePlanId=own, keyId=key_id)
    bench.advance(600)
    bench.audit(repair=True)
    assert plans_of(bench, key_id) == ["a", "b"]


def test_a_key_in_a_second_plan_of_its_stage_is_told_once_and_left_where_it_is() -> None:
    with Bench(policy={"usage_plans": {"a": {}, "b": {}}, "propagation_seconds": 0}) as bench:
        bench.api(OPEN)
        bench.run()
        bench.send("CustomerSignedUp", customer_id="acme", plan="a")
        bench.run()
        [key] = bench.gateway.get_api_keys()["items"]
        ids = {p["name"]: p["id"] for p in bench.gateway.get_usage_plans()["items"]}
        bench.gateway.delete_usage_plan_key(usagePlanId=ids["a"], keyId=key["id"])
        into = {"usagePlanId": ids["b"], "keyId": key["id"], "keyType": "API_KEY"}
        bench.gateway.create_usage_plan_key(**into)
        bench.advance(600)
        for _ in range(3):
            bench.audit(repair=True)
            bench.advance(86_400)
        assert plans_of(bench, key["id"]) == ["b"]
        [failed] = told(bench, "CustomerFailed")
        assert "it is in b" in failed["reason"] or ids["b"] in failed["reason"]
