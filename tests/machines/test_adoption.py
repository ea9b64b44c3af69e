"""An account that has usage plans, keys and another stack before Keyward comes: nothing of them
changes before somebody agreed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench

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
    assert '"adopt": true' in found["helps"]
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


def forget_owners(bench: Bench) -> list[str]:
    """Leave the account as the last edition does: no plan has a tag, no record says whose it is.
    The ids of the plans."""
    # Nobody takes a tag away, which Keyward would hear.
    for plan in bench.emulator.state.plans.values():
        plan.settings["tags"] = {}
    table = bench.tables["PlansTable"]
    for item in table.scan()["Items"]:
        if "owner" in item:
            table.put_item(Item={n: v for n, v in item.items() if n != "owner"})
    return [*bench.emulator.state.plans]


def test_plans_of_the_last_edition_are_tagged_once_and_nothing_else_changes() -> None:
    with Bench() as bench:
        bench.api(OPEN)
        bench.run()
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.run()
        bench.advance(60)
        before = {plan["name"]: plan for plan in bench.gateway.get_usage_plans()["items"]}
        ids, since = forget_owners(bench), len(bench.calls)
        for _ in range(2):
            api_id = bench.api(OPEN)
            bench.run()
            bench.send("CustomerSignedUp", customer_id=f"next-{api_id}", plan="free")
            bench.run()
            bench.audit(repair=True)
            bench.advance(86_400)
        after = {plan["name"]: plan for plan in bench.gateway.get_usage_plans()["items"]}
        assert [p["tags"] for p in after.values()] == [{"keyward": "keyward"}] * 2
        assert {n: limits_of(p) for n, p in after.items()} == {
            n: limits_of(p) for n, p in before.items()
        }
        for name, plan in before.items():
            assert all(stage in after[name]["apiStages"] for stage in plan["apiStages"])
        tagged = [
            call["params"]["resourceArn"]
            for call in bench.calls[since:]
            if call["caller"] and call["operation"] == "TagResource"
        ]
        assert sorted(arn.rpartition("/")[2] for arn in tagged) == sorted(ids)
        told_of = [line["plan"] for line in ledger(bench) if line["action"] == "tag_plan"]
        assert sorted(told_of) == sorted(before)
        assert finding(bench, "plan_by_hand") == []


def test_a_sign_up_into_a_plan_of_the_last_edition_costs_two_writes() -> None:
    with Bench() as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plan="free")
        bench.run()
        forget_owners(bench)
        since = len(bench.calls)
        bench.send("CustomerSignedUp", customer_id="next", plan="free")
        bench.run()
        made = [call["operation"] for call in bench.calls[since:] if call["caller"]]
        assert made == ["CreateApiKey", "CreateUsagePlanKey"]
