"""What an edit of the policy meets in the account: plans, stages, keys and open methods."""

from __future__ import annotations

from typing import Any

import pytest

from keyward.customers.usage import KeyUsage
from keyward.policy.change_set import MAX_OPENED, Line
from keyward.policy.facts import PlanFacts, PlanKeys
from keyward.runs.policy.account import PolicyAccount
from keyward.values import JSON, iso
from tests.runs.policy_desk import a_key, a_plan, an_api, exempt, policy
from tests.support import Bench

QUOTA: JSON = {"limit": 100, "offset": 0, "period": "DAY"}
LESS = QUOTA | {"limit": 10}


def used(bench: Bench, customer: str, number: int, plan: str, calls: int) -> None:
    period = ("DAY", "2026-11-27", 100)
    usage = KeyUsage(customer, number, f"id-{number}", plan, *period, calls, 0, 1)
    bench.registry._table("KeysTable").put_item(Item=usage.as_item())


def account(bench: Bench, default_mode: str = "observe") -> PolicyAccount:
    return PolicyAccount(bench.context(), default_mode)


def opens(api_id: str, stage: str, path: str, method: str = "GET") -> JSON:
    return {"rest_api_id": api_id, "stage": stage, "method": method, "path": path}


def test_only_plans_that_the_edit_narrows_are_asked_for_their_keys(bench: Bench) -> None:
    free = a_plan(bench, "free", quota=QUOTA)
    pro = a_plan(bench, "pro", quota=QUOTA)
    for plan_id in (free, pro):
        a_key(bench, plan_id, "acme/1")
    before = policy(free={"quota": LESS | {"limit": 200}}, pro={"quota": QUOTA})
    after = policy(free={"quota": LESS}, pro={"quota": QUOTA | {"limit": 101}}, gold={})
    facts = account(bench).facts(before, after)
    limits = {"quota": QUOTA}
    assert facts.plans == {
        "free": PlanFacts(True, limits, {}, PlanKeys(keys=1, customers=1)),
        "pro": PlanFacts(True, limits, {}, PlanKeys()),
    }
    assert bench.operations().count("GetUsagePlanKeys") == 1


def test_a_plan_that_the_edit_narrows_and_nobody_made_has_no_facts(bench: Bench) -> None:
    before, after = policy(free={"quota": QUOTA}), policy(free={"quota": LESS})
    assert account(bench).facts(before, after).plans == {}


def test_keys_are_counted_by_customer_with_what_each_used_of_this_plan(bench: Bench) -> None:
    free = a_plan(bench, "free")
    for name in ("acme/1", "acme/2", "zoo/1", "of people", "quiet/1", "moved/1", "acme/1"):
        a_key(bench, free, name)
    used(bench, "acme", 1, "free", 7)
    used(bench, "acme", 2, "free", 30)
    used(bench, "acme", 3, "pro", 99)
    used(bench, "zoo", 1, "free", 5)
    used(bench, "moved", 1, "pro", 50)
    used(bench, "elsewhere", 1, "free", 80)
    facts = account(bench).facts(policy(free={}), policy(free={"quota": LESS}))
    assert facts.plans["free"].members == PlanKeys(7, 5, (30, 5))


def test_a_keys_name_ends_with_its_number(bench: Bench) -> None:
    free = a_plan(bench, "free")
    for name in ("shop/a/1", "shop/a/2", "shop/b/1"):
        a_key(bench, free, name)
    facts = account(bench).facts(policy(free={}), policy(free={"quota": LESS}))
    assert facts.plans["free"].members == PlanKeys(3, 2)


def test_a_key_without_a_name_is_a_customer_too(bench: Bench) -> None:
    a_key(bench, a_plan(bench, "free"), None)
    facts = account(bench).facts(policy(free={}), policy(free={"quota": LESS}))
    assert facts.plans["free"].members == PlanKeys(1, 1)


def test_stages_leave_plans_that_follow_the_policy_only(bench: Bench) -> None:
    pets, shop = an_api(bench, "pets"), an_api(bench, "shop")
    refs = ((pets, "prod"), (shop, "prod"))
    a_plan(bench, "ours", *refs)
    a_plan(bench, "unnamed", *refs)
    a_plan(bench, "adopted", *refs, tags={})
    a_plan(bench, "people", *refs, tags={})
    a_plan(bench, "theirs", *refs, tags={})
    only = {"apis": ["pets"]}
    wanted = policy(ours=only, adopted=only | {"adopt": True}, people=only | {"adopt": False})
    facts = account(bench).facts(wanted, wanted)
    found = {name: (plan.is_ours, plan.stages) for name, plan in facts.plans.items()}
    both = {(pets, "prod"): "pets", (shop, "prod"): "shop"}
    assert found == {
        "ours": (True, {(shop, "prod"): "shop"}),
        "unnamed": (True, both),
        "adopted": (False, {(shop, "prod"): "shop"}),
        "people": (False, {}),
        "theirs": (False, {}),
    }


def test_stages_of_an_api_that_is_gone_do_not_leave(bench: Bench) -> None:
    gone = an_api(bench, "gone")
    plan_id = a_plan(bench, "free", (gone, "prod"))
    seen = account(bench)
    # The plans are read, and the API goes before all APIs are.
    assert [*seen.plans.ours] == ["free"]
    stage = {"op": "remove", "path": "/apiStages", "value": f"{gone}:prod"}
    bench.client.update_usage_plan(usagePlanId=plan_id, patchOperations=[stage])
    bench.client.delete_rest_api(restApiId=gone)
    assert seen.facts(policy(), policy()).plans["free"].stages == {}


def test_keys_are_read_for_a_plan_that_a_stage_leaves(bench: Bench) -> None:
    pets = an_api(bench, "pets")
    a_key(bench, a_plan(bench, "free", (pets, "prod")), "acme/1")
    facts = account(bench).facts(policy(free={}), policy(free={"apis": ["shop"]}))
    assert facts.plans["free"] == PlanFacts(True, {}, {(pets, "prod"): "pets"}, PlanKeys(1, 1))


PATHS: JSON = {
    "/pets": {"get": ["api_key"], "post": ["api_key"]},
    "/health": {"get": None},
}


def test_an_exemption_opens_what_has_to_ask_for_a_key_until_now(bench: Bench) -> None:
    pets = an_api(bench, "pets", stages=("dev", "prod"), paths=PATHS)
    shop = an_api(bench, "shop", paths=PATHS)
    known = [exempt("pets", path="/health"), exempt(shop, "POST", "/pets")]
    new, other = exempt("pets"), exempt(shop, "*", "/pets")
    facts = account(bench).facts(policy(*known), policy(*known, new, other))
    assert facts.opened == {
        ("pets", "GET", "*"): (opens(pets, "dev", "/pets"), opens(pets, "prod", "/pets")),
        (shop, "*", "/pets"): (opens(shop, "prod", "/pets"),),
    }


def test_a_method_counts_for_the_first_exemption_that_opens_it(bench: Bench) -> None:
    pets = an_api(bench, "pets", paths=PATHS)
    late = exempt(path="/pets", expires=iso(bench.clock.now())[:10])
    narrow, wide = exempt("pets", path="/p*"), exempt()
    facts = account(bench).facts(policy(), policy(late, narrow, wide))
    assert facts.opened == {
        ("*", "GET", "/pets"): (),
        ("pets", "GET", "/p*"): (opens(pets, "prod", "/pets"),),
        ("*", "GET", "*"): (opens(pets, "prod", "/health"),),
    }


def test_an_exemption_that_is_over_leaves_its_method_to_be_opened(bench: Bench) -> None:
    pets = an_api(bench, "pets")
    late = exempt(path="/pets", expires=iso(bench.clock.now())[:10])
    facts = account(bench).facts(policy(late), policy(late, exempt()))
    assert facts.opened == {("*", "GET", "*"): (opens(pets, "prod", "/pets"),)}


def test_where_authorized_methods_need_no_key_an_exemption_opens_none(bench: Bench) -> None:
    pets = an_api(bench, "pets", paths={"/pets": {"get": ["signed"]}})
    before = policy() | {"require_key": "unauthorized"}
    after = policy(exempt()) | {"require_key": "all"}
    assert account(bench).facts(before, after).opened == {("*", "GET", "*"): ()}
    opened = account(bench).facts(after | {"exemptions": []}, after).opened
    assert opened == {("*", "GET", "*"): (opens(pets, "prod", "/pets"),)}


def test_without_a_new_exemption_no_api_is_read(bench: Bench) -> None:
    an_api(bench, "pets")
    for before, after in ((policy(exempt()), policy(exempt())), (policy(exempt()), policy())):
        assert account(bench).facts(before, after).opened == {}
    assert "GetStages" not in bench.operations()
    assert "GetRestApis" not in bench.operations()


def test_an_api_that_is_off_or_mistagged_or_that_no_exemption_is_about_is_not_read(
    bench: Bench,
) -> None:
    for name, mode in (("odd", "on"), ("off", "off"), ("untagged", None), ("shop", "enforce")):
        an_api(bench, name, mode)
    pets = an_api(bench, "pets")
    wanted = policy(*(exempt(name) for name in ("odd", "off", "untagged", "pets")))
    opened = account(bench, "off").facts(policy(), wanted).opened
    assert {place[0]: found for place, found in opened.items()} == {
        "odd": (),
        "off": (),
        "untagged": (),
        "pets": (opens(pets, "prod", "/pets"),),
    }
    assert bench.operations().count("GetStages") == 1
    opened = account(bench, "observe").facts(policy(), wanted).opened
    assert [len(opened[name, "GET", "*"]) for name in ("off", "untagged")] == [0, 1]


def test_no_more_is_read_than_tells_that_a_person_has_to_be_asked(bench: Bench) -> None:
    paths = {f"/{number}": {"get": ["api_key"]} for number in range(MAX_OPENED)}
    for name in ("one", "another", "more"):
        an_api(bench, name, paths=paths)
    opened = account(bench).facts(policy(), policy(exempt())).opened
    assert len(opened["*", "GET", "*"]) == 2 * MAX_OPENED
    assert bench.operations().count("GetStages") == 2


def test_what_a_deployment_serves_is_kept_for_the_next_try(bench: Bench) -> None:
    an_api(bench, "pets")
    for _ in range(2):
        facts = account(bench).facts(policy(), policy(exempt()))
        assert len(facts.opened["*", "GET", "*"]) == 1
    assert bench.operations().count("GetExport") + bench.operations().count("GetDeployment") == 1


def test_the_account_is_read_once_a_run(bench: Bench) -> None:
    pets = an_api(bench, "pets")
    a_plan(bench, "free", (pets, "prod"))
    seen = account(bench)
    for _ in range(2):
        seen.facts(policy(), policy(exempt()))
        assert seen.guarded_ids([Line("warn_days", 1, 2)]) == [pets]
    asked = bench.operations()
    assert [asked.count(name) for name in ("GetUsagePlans", "GetRestApis")] == [1, 1]


def plan_line(before: Any, after: Any, part: str = "") -> Line:
    return Line(f"usage_plans.free{part}", before, after, plan="free")


ZOO = Line("exemptions", None, exempt("zoo"), exemption=exempt("zoo"))
PETS, SHOP = {"apis": ["pets"]}, {"apis": ["shop", "x"]}


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ([], ""),
        ([Line("require_key", "all", "unauthorized")], "pets shop zoo"),
        ([ZOO], "zoo"),
        # A plan that comes or leaves may hold stages anywhere.
        ([plan_line(None, PETS)], "pets shop zoo"),
        ([plan_line(PETS, None)], "pets shop zoo"),
        ([plan_line(None, {})], "pets shop zoo"),
        ([plan_line(PETS, SHOP, ".stages")], "pets shop"),
        ([plan_line(PETS, {}, ".stages")], "pets shop zoo"),
        ([plan_line({}, PETS, ".stages")], "pets shop zoo"),
        ([plan_line(None, True, ".adopt")], "pets shop zoo"),
        ([plan_line(True, None, ".adopt")], "pets shop zoo"),
        ([plan_line(PETS, PETS, ".stages"), plan_line(SHOP, SHOP, ".stages")], "pets shop"),
        ([plan_line(PETS, PETS, ".stages"), ZOO], "pets zoo"),
    ],
)
def test_a_change_matters_to_some_apis(bench: Bench, lines: list[Line], names: str) -> None:
    ids = {name: an_api(bench, name) for name in ("pets", "shop", "zoo")}
    an_api(bench, "off", "off")
    an_api(bench, "odd", "on")
    found = account(bench).guarded_ids(iter(lines))
    assert sorted(found) == sorted(ids[name] for name in names.split())


def test_an_api_is_meant_by_its_id_too(bench: Bench) -> None:
    ids = [an_api(bench, name) for name in ("pets", "shop")]
    only = {"apis": [ids[1]]}
    assert account(bench).guarded_ids([plan_line(only, only, ".stages")]) == [ids[1]]
