"""What an issued key opens: said in its event, true when it is effective, or explained."""

from __future__ import annotations

import pytest

from local.bench import Bench, epoch
from tests.machines.opens_lab import (
    HALF,
    KEY_EVENTS,
    MODES,
    PLANS,
    SHOP,
    STATES,
    announced,
    answers,
    is_held_by_plan,
    make_api,
    patch_stages,
    plan_id,
    policy,
    sign_up,
    told,
)


@pytest.mark.parametrize("seconds", [0, pytest.param(40, marks=pytest.mark.sizes), 85])
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
