"""Which usage plans are the stack's, which the policy hands over, and what each of them lacks."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.apis.model import Attachment
from keyward.apis.usage_plan_patch import Change
from keyward.aws.gateway import GatewayPlan
from keyward.policy.parse import policy_of
from keyward.policy.parts import Quota, Throttle
from keyward.runs.policy.our_plans import OurPlans, limits_of
from keyward.values import JSON
from tests.support import OURS, STACK, Bench

THROTTLE: JSON = {"rateLimit": 2.5, "burstLimit": 10}
QUOTA: JSON = {"limit": 1000, "period": "MONTH", "offset": 2}
PETS, SHOP = ("pets-id", "prod"), ("shop-id", "prod")
NAMES = {"pets-id": "pets", "shop-id": "shop"}


def a_plan(name: str, plan_id: str = "", tags: Any = OURS, **more: Any) -> GatewayPlan:
    limits = {"throttle": None, "quota": None} | more
    return GatewayPlan(plan_id or f"{name}-id", name, tags=tags, **limits)


def holding(name: str, *refs: tuple[str, str], **more: Any) -> GatewayPlan:
    return a_plan(name, stages={ref: {} for ref in refs}, **more)


def attached(bench: Bench, plan: str, *refs: tuple[str, str], by_hand: bool = False) -> None:
    for api_id, stage in refs:
        note = Attachment(stage, plan, f"{plan}-id", 1, True, by_hand)
        bench.registry.apis.attached(api_id, note)


def our(bench: Bench, *plans: GatewayPlan) -> OurPlans:
    return OurPlans(bench.registry, STACK, [*plans], NAMES.get)


def wanted(**plans: JSON) -> Any:
    return policy_of({"usage_plans": plans})


def test_of_several_plans_of_a_name_this_stacks_counts_and_else_none(bench: Bench) -> None:
    ours, theirs = a_plan("free", "1"), a_plan("free", "2", {})
    twice = [a_plan("pro", "3", {}), a_plan("pro", "4", {})]
    claimed = [a_plan("gold", "5", {}, claimed_by=STACK), a_plan("gold", "6", {})]
    found = our(bench, theirs, *twice, ours, *claimed, a_plan("solo", "7", {}))
    ids = {name: plan.plan_id for name, plan in found.by_name.items()}
    assert ids == {"free": "1", "gold": "5", "solo": "7"}
    assert {name: plan.plan_id for name, plan in found.ours.items()} == {"free": "1", "gold": "5"}


def test_only_plans_of_people_that_the_policy_adopts_are_handed_over(bench: Bench) -> None:
    plans = [
        a_plan("mine"),
        a_plan("people", tags={}),
        a_plan("moded", tags={"keyward": "enforce"}),
        a_plan("foreign", tags={"keyward": "other"}),
        a_plan("left", tags={}),
        a_plan("unnamed", tags={}),
    ]
    adopting = {n: {"adopt": True} for n in ("mine", "people", "moded", "foreign", "absent")}
    found = our(bench, *plans).adopted(wanted(left={}, **adopting))
    assert found == {"people": plans[1], "moded": plans[2]}


@pytest.mark.parametrize(
    ("policy", "leave"),
    [
        (None, {PETS: "pets", SHOP: "shop"}),
        ({}, {}),
        ({"apis": ["pets"]}, {SHOP: "shop"}),
        ({"apis": ["shop-id"]}, {PETS: "pets"}),
        ({"stages": ["dev"]}, {PETS: "pets", SHOP: "shop"}),
        ({"apis": ["*", "x"], "stages": ["p*"]}, {}),
    ],
)
def test_stages_that_the_policy_does_not_want_may_leave(
    bench: Bench, policy: JSON | None, leave: JSON
) -> None:
    attached(bench, "free", PETS, SHOP)
    plan = holding("free", PETS, SHOP)
    entry = None if policy is None else wanted(free=policy).usage_plans["free"]
    assert our(bench, plan).detachable(plan, entry) == leave


def test_what_people_attached_or_nobody_knows_stays(bench: Bench) -> None:
    gone, dev, test = ("gone-id", "prod"), ("pets-id", "dev"), ("pets-id", "test")
    attached(bench, "free", gone, PETS)
    attached(bench, "free", SHOP, by_hand=True)
    attached(bench, "pro", dev)
    plan = holding("free", gone, PETS, SHOP, dev, test)
    # The API `gone` is not in the account any more.
    assert our(bench, plan).detachable(plan, None) == {PETS: "pets"}


def test_an_api_without_a_name_is_known_and_one_that_is_gone_is_not_covered(bench: Bench) -> None:
    gone, nameless = ("gone-id", "prod"), ("nameless-id", "prod")
    attached(bench, "free", gone, nameless)
    plan = holding("free", gone, nameless)
    known = OurPlans(bench.registry, STACK, [plan], {"nameless-id": ""}.get)
    entry = wanted(free={"apis": ["gone-*", "pets"]}).usage_plans["free"]
    assert known.detachable(plan, entry) == {nameless: ""}
    limits = {"GET /pets": {"rateLimit": 1, "burstLimit": 1}}
    policy = wanted(free={"apis": ["gone-*", "pets"], "methods": limits})
    [leaves] = known.lacking(policy)["free"]
    assert (leaves.part, leaves.before) == (
        "stages",
        [{"rest_api_id": "nameless-id", "stage": "prod"}],
    )


def test_all_apis_are_covered_whatever_their_names(bench: Bench) -> None:
    gone = ("gone-id", "prod")
    plan = holding("free", gone)
    limits = {"GET /pets": {"rateLimit": 1, "burstLimit": 1}}
    [change] = our(bench, plan).lacking(wanted(free={"methods": limits}))["free"]
    path = "/apiStages/gone-id:prod/throttle"
    assert (change.part, [one["path"] for one in change.operations]) == ("methods", [path])
    assert our(bench, plan).lacking(wanted(free={"methods": limits, "stages": ["dev"]})) == {}


def test_a_plan_that_lacks_nothing_is_not_listed(bench: Bench) -> None:
    plan = holding("free", PETS, throttle=Throttle(2.5, 10))
    policy = wanted(free={"throttle": THROTTLE}, pro={}, people={"throttle": THROTTLE})
    plans = our(bench, plan, a_plan("pro"), a_plan("people", tags={}), a_plan("foreign", tags={}))
    assert plans.lacking(policy) == {}


def test_what_plans_lack_is_listed_in_their_order_with_stages_that_leave(bench: Bench) -> None:
    attached(bench, "zero", SHOP, PETS)
    attached(bench, "free", SHOP, PETS)
    plans = [holding("zero", SHOP, PETS), holding("free", SHOP, PETS)]
    found = our(bench, *plans).lacking(wanted(free={"throttle": THROTTLE, "apis": ["pets"]}))
    assert [*found] == ["free", "zero"]
    stages, throttle = found["free"]
    assert stages.before == [{"rest_api_id": "shop-id", "stage": "prod"}]
    assert (throttle.part, throttle.before, throttle.after) == ("throttle", None, THROTTLE)
    [both] = found["zero"]
    refs = [PETS, SHOP]
    assert both.before == [{"rest_api_id": api, "stage": stage} for api, stage in refs]
    assert [one["value"] for one in both.operations] == ["pets-id:prod", "shop-id:prod"]


def test_a_plan_without_the_tag_lacks_it_and_an_adopted_one_its_adoption(bench: Bench) -> None:
    plans = [
        a_plan("tagged"),
        a_plan("old", tags={}, claimed_by=STACK),
        a_plan("people", tags={}),
    ]
    policy = wanted(old={"adopt": True}, people={"adopt": True}, tagged={"adopt": True})
    assert our(bench, *plans).lacking(policy) == {
        "old": [Change("tag", None, STACK, ())],
        "people": [Change("adopt", None, True, ())],
    }


def test_a_renamed_plan_of_ours_gets_its_name_back_and_an_adopted_one_does_not(
    bench: Bench,
) -> None:
    plans = [
        a_plan("free", renamed="Free Tier"),
        a_plan("pro"),
        a_plan("people", tags={}, renamed="Theirs"),
    ]
    policy = wanted(free={}, pro={}, people={"adopt": True})
    patch = {"op": "replace", "path": "/name", "value": "free"}
    assert our(bench, *plans).lacking(policy) == {
        "free": [Change("name", "Free Tier", "free", (patch,))],
        "people": [Change("adopt", None, True, ())],
    }


def test_an_adopted_plan_follows_the_policy_before_it_is_adopted(bench: Bench) -> None:
    people = a_plan("people", tags={}, quota=Quota(5, "DAY"))
    policy = wanted(people={"adopt": True, "throttle": THROTTLE})
    found = our(bench, people).lacking(policy)["people"]
    assert [change.part for change in found] == ["throttle", "quota", "adopt"]


def test_the_policy_as_found_keeps_the_limits_that_plans_have(bench: Bench) -> None:
    here = a_plan("free", throttle=Throttle(2.5, 10))
    both = a_plan("pro", throttle=Throttle(2.5, 10), quota=Quota(1000, "MONTH", 2))
    body: JSON = {
        "usage_plans": {
            "free": {"quota": QUOTA, "throttle": {"rateLimit": 1, "burstLimit": 1}, "apis": ["a"]},
            "pro": {},
            "bare": {"throttle": THROTTLE, "quota": QUOTA, "methods": {}},
            "people": {"quota": QUOTA},
            "absent": {"quota": QUOTA},
        },
        "warn_days": 3,
    }
    people = a_plan("people", tags={})
    assert our(bench, here, both, a_plan("bare"), people).as_found(body) == {
        "usage_plans": {
            "free": {"throttle": THROTTLE, "apis": ["a"]},
            "pro": {"throttle": THROTTLE, "quota": QUOTA},
            "bare": {"methods": {}},
            "people": {"quota": QUOTA},
            "absent": {"quota": QUOTA},
        },
        "warn_days": 3,
    }
    assert "quota" in body["usage_plans"]["free"], "what was given is not changed"


def test_a_plan_that_the_policy_does_not_name_is_found_with_its_stages(bench: Bench) -> None:
    dev = ("pets-id", "dev")
    attached(bench, "old", SHOP, PETS, dev)
    plans = [
        holding("old", SHOP, PETS, dev, throttle=Throttle(2.5, 10)),
        holding("bare", PETS),
        holding("people", PETS, tags={}),
    ]
    attached(bench, "people", PETS)
    assert our(bench, *plans).as_found({"usage_plans": {}}) == {
        "usage_plans": {
            "old": {
                "throttle": THROTTLE,
                "apis": ["pets-id", "shop-id"],
                "stages": ["dev", "prod"],
            }
        }
    }


def test_limits_are_told_in_api_gateways_words() -> None:
    throttle, quota = Throttle(2.5, 10), Quota(1000, "MONTH", 2)
    assert limits_of(a_plan("a")) == {}
    assert limits_of(a_plan("a", throttle=throttle)) == {"throttle": THROTTLE}
    assert limits_of(a_plan("a", quota=quota)) == {"quota": QUOTA}
