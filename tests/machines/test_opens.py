"""What an issued key opens: said in its event, true when it is effective, or explained."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyward.aws.tables.plan_stages import PlanStages
from keyward.policy.parse import default_text
from local.bench import Bench, epoch
from local.lifetime.documents import document

JSON = dict[str, Any]
OPEN: JSON = {"/pets": {"get": None}}
CLOSED: JSON = {"/pets": {"get": ["api_key"]}}
STATES: dict[str, JSON] = {"open": OPEN, "closed": CLOSED, "undeployed": CLOSED}
MODES = ("off", "observe", "warn", "enforce")
PLANS = ("named", "glob", "other", "unknown")
# While a change reaches the hosts, answers are mixed: so many calls meet old and new ones.
CALLS = 8
KEY_EVENTS = ("KeyIssued", "CustomerFailed")


def policy(plans: JSON, propagation: int = 0) -> JSON:
    shipped: JSON = json.loads(default_text())
    limits = {"throttle": {"rateLimit": 100, "burstLimit": 200}}
    made = {name: limits | {"apis": apis} for name, apis in plans.items()}
    return shipped | {"usage_plans": made, "propagation_seconds": propagation, "billing": {}}


def make_api(bench: Bench, name: str, state: str, mode: str) -> str:
    """An API of that name: its id."""
    made = document(STATES[state])
    made["info"]["title"] = name
    api_id: str = bench.gateway.import_rest_api(body=json.dumps(made).encode())["id"]
    arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
    bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": mode})
    if state != "undeployed":
        bench.deploy(api_id, "prod")
    return api_id


def told(bench: Bench, customer_id: str) -> list[JSON]:
    return [e for e in bench.announced if e["detail"].get("customer_id") == customer_id]


def answers(bench: Bench, api_id: str, customer_id: str) -> set[int]:
    key = bench.value(customer_id)
    return {bench.call(api_id, "prod", "GET", "/pets", key=key) for _ in range(CALLS)}


def is_held_by_plan(state: str, mode: str, plan: str) -> bool:
    if state == "undeployed":
        return False
    return mode == "enforce" if plan == "glob" else plan == "named" and mode != "off"


@pytest.mark.parametrize("seconds", [0, 40, 85])
def test_each_issued_key_opens_what_was_said_or_its_one_event_names_the_cause(seconds: int) -> None:
    cells = [(state, mode) for state in STATES for mode in MODES]
    names = [f"{state}-{mode}" for state, mode in cells]
    plans = {f"named-{name}": [name] for name in names}
    plans |= {f"glob-{name}": [f"{name}*"] for name in names}
    plans |= {f"other-{name}": ["nobody"] for name in names}
    with Bench(propagation=seconds, policy=policy(plans, 120 if seconds else 0)) as bench:
        ids = {cell: make_api(bench, name, *cell) for cell, name in zip(cells, names, strict=True)}
        bench.run()
        for name in names:
            for plan in PLANS:
                bench.send("CustomerSignedUp", customer_id=f"{plan}-{name}", plan=f"{plan}-{name}")
        bench.run()
        bench.advance(300)
        for (state, mode), name in zip(cells, names, strict=True):
            for plan in PLANS:
                customer = f"{plan}-{name}"
                [event] = told(bench, customer)
                if plan == "unknown":
                    assert event["detail-type"] == "CustomerFailed"
                    assert plan in event["detail"]["reason"]
                    continue
                place = {"rest_api_id": ids[state, mode], "stage": "prod"}
                held = is_held_by_plan(state, mode, plan)
                assert event["detail-type"] == "KeyIssued"
                assert event["detail"]["opens"] == ([place] if held else []), customer
                assert ("opens nothing" in event["detail"].get("reason", "")) is not held
                assert epoch(event["detail"]["effective_by"]) <= bench.clock.now()
                if state == "undeployed":
                    continue
                asks = state == "closed" or mode == "enforce"
                wanted = {200} if held or not asks else {403}
                assert answers(bench, ids[state, mode], customer) == wanted, customer
        before = len(bench.announced)
        bench.audit(repair=True)
        again = [e for e in bench.announced[before:] if e["detail-type"] in KEY_EVENTS]
        assert again == []


SHOP: JSON = {"shop": ["shop"]}
HALF: JSON = CLOSED | {"/news": {"get": None}}


def findings(bench: Bench, kind: str) -> list[JSON]:
    return [found for found in bench.audit()["findings"] if found["kind"] == kind]


def sign_up(bench: Bench, plan: str, customer_id: str = "acme") -> JSON:
    """The detail of the event that answers it."""
    bench.send("CustomerSignedUp", customer_id=customer_id, plan=plan)
    bench.run()
    [event] = told(bench, customer_id)
    assert event["detail-type"] == "KeyIssued"
    return dict(event["detail"])


def plan_id(bench: Bench, name: str) -> str:
    plans = bench.gateway.get_usage_plans()["items"]
    return str(next(plan["id"] for plan in plans if plan["name"] == name))


def patch_stages(bench: Bench, plan: str, op: str, api_id: str) -> None:
    """Somebody edits a usage plan by hand."""
    operation = {"op": op, "path": "/apiStages", "value": f"{api_id}:prod"}
    bench.gateway.update_usage_plan(usagePlanId=plan_id(bench, plan), patchOperations=[operation])


def announced(bench: Bench, detail_type: str) -> list[JSON]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


@pytest.mark.parametrize(
    ("apis", "state", "mode", "cause", "remedy"),
    [
        (
            ["*"],
            "closed",
            "observe",
            "no API that it covers is enforced",
            "Name an",
        ),
        (["nowhere"], "closed", "observe", "it names API nowhere, and there is none", "Correct"),
        (["shop"], "closed", "off", "it names API shop, which is in mode off", "Tag API shop"),
        (["shop"], "undeployed", "warn", "which has no stage that it covers", "Deploy API shop"),
    ],
)
def test_the_audit_finds_a_key_that_opens_nothing_with_its_true_cause(
    apis: list[str], state: str, mode: str, cause: str, remedy: str
) -> None:
    with Bench(policy=policy({"free": apis})) as bench:
        make_api(bench, "shop", state, mode)
        make_api(bench, "closed", "closed", "observe")
        bench.run()
        assert sign_up(bench, "free")["opens"] == []
        [found] = findings(bench, "key_opens_nothing")
        assert (found["customer_id"], found["plan"]) == ("acme", "free")
        assert cause in found["says"]
        assert found["remedy"].startswith(remedy)
        assert found["severity"] == "high"


def test_a_stage_that_asks_for_keys_and_is_in_no_plan_is_found() -> None:
    with Bench(policy=policy({"free": ["*"]})) as bench:
        make_api(bench, "open", "open", "observe")
        closed = make_api(bench, "shop", "closed", "observe")
        bench.run()
        [found] = findings(bench, "stage_in_no_plan")
        assert (found["rest_api_id"], found["stage"], found["severity"]) == (closed, "prod", "high")
        place = {"apiId": closed, "stage": "prod"}
        bench.gateway.create_usage_plan(name="theirs", apiStages=[place])
        assert findings(bench, "stage_in_no_plan") == []


def test_nobody_is_told_of_keys_that_open_nothing_while_no_api_asks_for_one() -> None:
    with Bench() as bench:
        bench.api(OPEN, mode="observe")
        bench.run()
        sign_up(bench, "free")
        assert findings(bench, "key_opens_nothing") == []


def test_a_crowd_of_keys_that_open_nothing_is_counted_not_listed() -> None:
    with Bench(policy=policy({"free": ["*"]})) as bench:
        make_api(bench, "shop", "closed", "observe")
        for number in range(25):
            bench.send("CustomerSignedUp", customer_id=f"customer-{number}", plan="free")
        bench.advance(300)
        found = findings(bench, "key_opens_nothing")
        assert len(found) == 21
        assert found[-1]["says"].startswith("5 more keys open nothing")


def test_a_stage_that_exposes_methods_joins_its_plan_and_is_not_called_protected() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        api_id = bench.api(HALF, mode="observe")
        named = {"shop": [api_id]}
        bench.put_policy(policy(named))
        bench.advance(60)
        bench.deploy(api_id, "prod")
        bench.run()
        [applied] = announced(bench, "PolicyApplied")
        assert applied["actions"] == [{"action": "attach_stage", "stage": "prod", "plan": "shop"}]
        assert announced(bench, "ApiProtected") == []
        assert sign_up(bench, "shop")["opens"] == [{"rest_api_id": api_id, "stage": "prod"}]
        assert answers(bench, api_id, "acme") == {200}
        assert bench.call(api_id, "prod", "GET", "/news") == 200


def test_a_stage_in_a_plan_of_others_is_held_until_somebody_approves() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        bench.gateway.create_usage_plan(name="partners")
        api_id = make_api(bench, "shop", "closed", "off")
        patch_stages(bench, "partners", "add", api_id)
        bench.gateway.tag_resource(
            resourceArn=f"arn:aws:apigateway:us-east-1::/restapis/{api_id}",
            tags={"keyward": "observe"},
        )
        bench.deploy(api_id, "prod")
        bench.run()
        [held] = announced(bench, "ApiHeld")
        assert "partners" in held["differences"][0]["difference"]
        assert announced(bench, "ApiProtected") == []
        assert sign_up(bench, "shop")["opens"] == []
        assert answers(bench, api_id, "acme") == {403}
        [found] = findings(bench, "held")
        assert found["severity"] == "high"
        bench.audit(repair=True)
        assert len(announced(bench, "ApiHeld")) == 1
        bench.advance(22 * 3600)
        bench.audit(repair=True)
        assert announced(bench, "ApiHeld")[-1]["reminder"]
        answer = {name: held[name] for name in ("rest_api_id", "stage", "fingerprint")}
        bench.send("DeploymentApproved", **answer)
        bench.run()
        assert announced(bench, "ApiProtected")[0]["stage"] == "prod"
        assert answers(bench, api_id, "acme") == {200}
        assert findings(bench, "held") == []


def test_a_hold_is_over_when_the_stage_left_the_plan_of_others() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        bench.gateway.create_usage_plan(name="partners")
        api_id = make_api(bench, "shop", "closed", "off")
        patch_stages(bench, "partners", "add", api_id)
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{api_id}"
        bench.gateway.tag_resource(resourceArn=arn, tags={"keyward": "observe"})
        bench.deploy(api_id, "prod")
        bench.run()
        patch_stages(bench, "partners", "remove", api_id)
        bench.audit(repair=True)
        bench.advance(60)
        assert findings(bench, "held") == []
        assert len(announced(bench, "ApiProtected")) == 1


def test_what_a_key_opens_follows_what_people_do_to_its_plan() -> None:
    with Bench(policy=policy({"free": ["*"]})) as bench:
        api_id = make_api(bench, "shop", "closed", "observe")
        bench.run()
        assert sign_up(bench, "free", "before")["opens"] == []
        patch_stages(bench, "free", "add", api_id)
        bench.audit(repair=True)
        opened = sign_up(bench, "free", "between")
        assert opened["opens"] == [{"rest_api_id": api_id, "stage": "prod"}]
        patch_stages(bench, "free", "remove", api_id)
        bench.audit(repair=True)
        assert sign_up(bench, "free", "after")["opens"] == []


def test_every_event_of_a_key_that_works_says_what_it_opens() -> None:
    with Bench(policy=policy({"free": ["shop"], "pro": ["shop"]})) as bench:
        api_id = make_api(bench, "shop", "closed", "observe")
        bench.run()
        place = [{"rest_api_id": api_id, "stage": "prod"}]
        assert sign_up(bench, "free")["opens"] == place
        for detail_type, more in (
            ("CustomerSuspended", {}),
            ("CustomerResumed", {}),
            ("CustomerPlanChanged", {"plan": "pro"}),
            ("KeyRotationRequested", {}),
        ):
            bench.advance(600)
            bench.send(detail_type, customer_id="acme", **more)
            bench.run()
        for detail_type in ("KeyResumed", "PlanChanged", "KeyRotated"):
            [event] = announced(bench, detail_type)
            assert event["opens"] == place, detail_type
        [suspended] = announced(bench, "KeySuspended")
        assert "opens" not in suspended


def test_a_sign_up_still_makes_two_writes_and_no_read() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        make_api(bench, "shop", "closed", "observe")
        bench.run()
        sign_up(bench, "shop", "first")
        before = len(bench.calls)
        assert len(sign_up(bench, "shop")["opens"]) == 1
        calls = [call["operation"] for call in bench.calls[before:]]
        assert calls == ["CreateApiKey", "CreateUsagePlanKey"]


def test_a_plan_of_the_last_edition_is_read_once_to_say_what_its_keys_open() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        api_id = make_api(bench, "shop", "closed", "observe")
        bench.run()
        plans = bench.tables["PlansTable"]
        plans.put_item(Item={"plan": "shop", "plan_id": plan_id(bench, "shop")})
        plans.delete_item(Key={"plan": "stages#shop"})
        place = {"rest_api_id": api_id, "stage": "prod"}
        assert sign_up(bench, "shop", "first")["opens"] == [place]
        before = len(bench.calls)
        assert sign_up(bench, "shop")["opens"] == [place]
        calls = [call["operation"] for call in bench.calls[before:]]
        assert calls == ["CreateApiKey", "CreateUsagePlanKey"]


def test_a_long_list_of_what_a_key_opens_is_cut_and_counted() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        make_api(bench, "shop", "closed", "observe")
        bench.run()
        many = {f"api{number:07d}:prod": True for number in range(150)}
        item = {"plan": "stages#shop", "read_at": int(bench.clock.now())}
        bench.tables["PlansTable"].put_item(Item=item | many)
        detail = sign_up(bench, "shop")
        assert len(detail["opens"]) == 100
        assert detail["reason"] == "opens 150 stages, of which 100 are listed"


def test_a_look_that_began_before_a_stage_joined_does_not_hide_it() -> None:
    with Bench(policy=policy(SHOP)) as bench:
        api_id = make_api(bench, "shop", "closed", "observe")
        bench.run()
        stages = PlanStages(bench.tables["PlansTable"])
        stages.save("shop", (), bench.clock.now() - 60)
        assert stages.of("shop") == [(api_id, "prod")]
