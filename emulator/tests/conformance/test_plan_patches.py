"""UpdateUsagePlan."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import (
    KEYED,
    add,
    bad_request,
    not_found,
    refusal_of,
    remove,
    replace,
)
from emulator.tests.conformance.tags import documented, observed, recorded

UPDATE = "3 UpdateUsagePlan: "
PERIOD = "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"


@recorded(UPDATE + "replace /name /description; output like Get")
def test_words_of_a_plan_can_be_replaced(account: Account) -> None:
    plan, name = account.plan(), account.name()
    changed = account.patch_plan(plan, replace("/name", name), replace("/description", "new"))
    assert changed == account.read_plan(plan)
    assert (changed["name"], changed["description"]) == (name, "new")


@recorded(UPDATE + "leaves create throttle and quota: replace and add")
@pytest.mark.parametrize("op", [replace, add], ids=["replace", "add"])
def test_leaves_make_what_was_not_there(account: Account, op: Any) -> None:
    plan = account.plan()
    now = account.patch_plan(
        plan,
        op("/throttle/rateLimit", "2.5"),
        op("/throttle/burstLimit", "3"),
        op("/quota/limit", "5"),
        op("/quota/period", "MONTH"),
    )
    assert now["throttle"] == {"rateLimit": 2.5, "burstLimit": 3}
    assert now["quota"] == {"limit": 5, "offset": 0, "period": "MONTH"}


@recorded(UPDATE + "replace of one leaf leaves the others")
def test_one_leaf_can_be_replaced(account: Account) -> None:
    plan = account.plan(
        throttle={"rateLimit": 2.0, "burstLimit": 3}, quota={"limit": 5, "period": "DAY"}
    )
    now = account.patch_plan(
        plan, replace("/throttle/rateLimit", "9"), replace("/quota/limit", "6")
    )
    assert now["throttle"] == {"rateLimit": 9.0, "burstLimit": 3}
    assert now["quota"] == {"limit": 6, "offset": 0, "period": "DAY"}


@recorded(UPDATE + "remove /quota and /throttle")
def test_limits_can_be_removed(account: Account) -> None:
    plan = account.plan(
        throttle={"rateLimit": 2.0, "burstLimit": 3}, quota={"limit": 5, "period": "DAY"}
    )
    now = account.patch_plan(plan, remove("/quota"), remove("/throttle"))
    assert not {"quota", "throttle"} & set(now)


@recorded(UPDATE + "negative burst")
def test_a_negative_burst_is_refused(account: Account) -> None:
    plan = account.plan(throttle={"rateLimit": 2.0, "burstLimit": 3})
    refusal = refusal_of(lambda: account.patch_plan(plan, replace("/throttle/burstLimit", "-1")))
    assert refusal == bad_request(
        "Usage Plan throttle rate limit and burst limit must be numeric and greater than zero"
    )


@recorded(UPDATE + "bad period by patch: BadRequestException, not ValidationException")
def test_a_bad_period_by_patch_is_a_bad_request(account: Account) -> None:
    plan = account.plan(quota={"limit": 5, "period": "DAY"})
    refusal = refusal_of(lambda: account.patch_plan(plan, replace("/quota/period", "YEAR")))
    assert refusal == bad_request(PERIOD)


@recorded(UPDATE + "add and remove /apiStages")
def test_stages_come_and_go(account: Account) -> None:
    api, plan = account.api(stage="prod"), account.plan()
    added = account.patch_plan(plan, add("/apiStages", f"{api.id}:prod"))
    assert added["apiStages"] == [{"apiId": api.id, "stage": "prod"}]
    assert account.patch_plan(plan, remove("/apiStages", f"{api.id}:prod"))["apiStages"] == []


@recorded(UPDATE + "remove of a stage that is not in the plan")
def test_a_stage_outside_the_plan_cannot_be_removed(account: Account) -> None:
    plan = account.plan()
    refusal = refusal_of(lambda: account.patch_plan(plan, remove("/apiStages", "nosuchapi0:prod")))
    assert refusal == not_found(
        f"Invalid API Stage {{api: nosuchapi0, stage: prod}} specified for usageplan {plan}"
    )


@recorded(UPDATE + "remove /apiStages without a value or with a malformed one")
@pytest.mark.parametrize("value", [None, "nocolon"])
def test_a_malformed_stage_is_refused(account: Account, value: str | None) -> None:
    plan = account.plan()
    refusal = refusal_of(lambda: account.patch_plan(plan, remove("/apiStages", value)))
    assert refusal == bad_request("Invalid API Stage specified")


@observed("aws-cdk#6169, boto3#825: add of an unknown stage is refused")
def test_an_unknown_stage_is_not_added(account: Account) -> None:
    api, plan = account.api(stage="prod"), account.plan()
    patch = add("/apiStages", f"{api.id}:nosuch")
    assert refusal_of(lambda: account.patch_plan(plan, patch)).status in (400, 404)
    assert account.read_plan(plan)["apiStages"] == []


@recorded(UPDATE + "a stage that collides for an attached key: 409, with a slash")
def test_a_stage_that_collides_for_a_key_is_refused(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api)
    second = account.plan()
    account.attach(second, key)
    patch = add("/apiStages", f"{api.id}:prod")
    refusal = refusal_of(lambda: account.patch_plan(second, patch))
    assert (refusal.code, refusal.status) == ("ConflictException", 409)
    assert refusal.message == (
        f"Usage Plan {second} cannot be added because API Key {key['id']} cannot reference "
        f"multiple Usage Plans with the same API Stage: {api.id}/prod"
    )


@recorded(UPDATE + "per-method throttle by path, unescaped")
def test_a_method_throttle_is_set_by_its_path(account: Account) -> None:
    api = account.api({"GET /probe": KEYED}, stage="prod")
    plan = account.plan((api, "prod"))
    stem = f"/apiStages/{api.id}:prod/throttle/probe/GET"
    now = account.patch_plan(
        plan, replace(f"{stem}/rateLimit", "2.25"), replace(f"{stem}/burstLimit", "4")
    )
    throttle = {"/probe/GET": {"rateLimit": 2.25, "burstLimit": 4}}
    assert now["apiStages"][0]["throttle"] == throttle


@recorded(UPDATE + "remove /apiStages/<api>:<stage>/throttle drops the map")
def test_method_throttles_can_be_dropped(account: Account) -> None:
    api = account.api({"GET /probe": KEYED}, stage="prod")
    methods = {"/probe/GET": {"burstLimit": 2, "rateLimit": 1.5}}
    plan = account.plan(apiStages=[{"apiId": api.id, "stage": "prod", "throttle": methods}])
    now = account.patch_plan(plan, remove(f"/apiStages/{api.id}:prod/throttle"))
    assert not now["apiStages"][0].get("throttle")


@recorded(UPDATE + "remove /throttle while methods have their own: 400, and /quota stays")
def test_a_plan_throttle_stays_while_methods_have_their_own(account: Account) -> None:
    api = account.api({"GET /probe": KEYED}, stage="prod")
    methods = {"/probe/GET": {"burstLimit": 2, "rateLimit": 1.5}}
    plan = account.plan(
        apiStages=[{"apiId": api.id, "stage": "prod", "throttle": methods}],
        throttle={"rateLimit": 2.0, "burstLimit": 3},
        quota={"limit": 5, "period": "DAY"},
    )
    refusal = refusal_of(lambda: account.patch_plan(plan, remove("/quota"), remove("/throttle")))
    assert refusal == bad_request(
        "Can not remove usage plan throttling if fine grain throttling is defined for one or "
        "more api-stages."
    )
    assert account.read_plan(plan)["quota"]["limit"] == 5


@observed("boto3#2629: the list of paths, with AWS's own typo")
def test_a_wrong_path_is_told_the_right_ones(account: Account) -> None:
    plan = account.plan()
    refusal = refusal_of(lambda: account.patch_plan(plan, remove("/apiStages/nosuchapi0:dev")))
    assert refusal == bad_request(
        "Invalid patch path  '/apiStages/nosuchapi0:dev' specified for op 'remove'. Must be one "
        "of: [/apiStages, /quota, /throttle, /productCode, "
        "/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, "
        "/apiStages/<apidId:stageName>/throttle]"
    )


@documented("patch operations: add, replace and remove /productCode")
def test_a_product_code_comes_and_goes(account: Account) -> None:
    plan = account.plan()
    assert account.patch_plan(plan, add("/productCode", "p1"))["productCode"] == "p1"
    assert "productCode" not in account.patch_plan(plan, remove("/productCode"))
