"""CreateUsagePlan, GetUsagePlan(s), DeleteUsagePlan."""

from __future__ import annotations

import re
from typing import Any

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import (
    KEYED,
    bad_request,
    bare,
    not_found,
    refusal_of,
    replace,
)
from emulator.tests.conformance.tags import believed, recorded

CREATE, DELETE = "3 CreateUsagePlan: ", "3 DeleteUsagePlan: "
UNKNOWN = not_found("Invalid Usage Plan ID specified")
PERIOD = "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]"


@recorded(CREATE + "name only: id of 6 characters, apiStages []")
def test_a_plan_of_a_name_has_nothing_else(account: Account) -> None:
    name = account.name()
    made = bare(account.gw.create_usage_plan(name=name))
    account.keep("plan", made["id"])
    assert re.fullmatch("[a-z0-9]{6}", made["id"])
    assert made == {"id": made["id"], "name": name, "apiStages": []}


@recorded(CREATE + "full, with a throttle for a method; quota.offset 0 by default")
def test_a_full_plan_comes_back(account: Account) -> None:
    api = account.api({"GET /probe": KEYED}, stage="prod")
    methods = {"/probe/GET": {"burstLimit": 2, "rateLimit": 1.5}}
    plan = account.plan(
        description="words",
        apiStages=[{"apiId": api.id, "stage": "prod", "throttle": methods}],
        throttle={"burstLimit": 10, "rateLimit": 5.0},
        quota={"limit": 100, "period": "WEEK"},
        tags={"a": "1"},
    )
    now = account.read_plan(plan)
    assert now["apiStages"] == [{"apiId": api.id, "stage": "prod", "throttle": methods}]
    assert now["throttle"] == {"burstLimit": 10, "rateLimit": 5.0}
    assert now["quota"] == {"limit": 100, "offset": 0, "period": "WEEK"}
    assert (now["description"], now["tags"]) == ("words", {"a": "1"})


@recorded(CREATE + "half a throttle: the other half is stored as 0")
@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"rateLimit": 0.5}, {"burstLimit": 0, "rateLimit": 0.5}),
        ({"burstLimit": 3}, {"burstLimit": 3, "rateLimit": 0.0}),
    ],
    ids=["rate only", "burst only"],
)
def test_half_a_throttle_is_filled_with_zero(
    account: Account, given: dict[str, Any], kept: dict[str, Any]
) -> None:
    assert account.read_plan(account.plan(throttle=given))["throttle"] == kept


@recorded(CREATE + "burst > rate is accepted")
def test_a_burst_may_exceed_the_rate(account: Account) -> None:
    limits = {"burstLimit": 100, "rateLimit": 1.0}
    assert account.read_plan(account.plan(throttle=limits))["throttle"] == limits


QUOTAS = {
    "no limit": ({"period": "DAY"}, "Usage Plan quota limit must be a non-negative numeric"),
    "no period": ({"limit": 5}, PERIOD),
    "offset of a day": (
        {"limit": 5, "period": "DAY", "offset": 2},
        "Usage Plan quota offset must be zero in the DAY period",
    ),
}


@recorded(CREATE + "incomplete and impossible quotas")
@pytest.mark.parametrize("case", QUOTAS)
def test_a_quota_that_cannot_be_is_refused(account: Account, case: str) -> None:
    quota, message = QUOTAS[case]
    assert refusal_of(lambda: account.plan(quota=quota)) == bad_request(message)


@recorded(CREATE + "unknown stage: 404")
@pytest.mark.parametrize(
    "known_api",
    [
        pytest.param(True, id="unknown stage"),
        pytest.param(False, id="unknown api", marks=believed("told like an unknown stage")),
    ],
)
def test_a_plan_of_an_unknown_stage_is_refused(account: Account, known_api: bool) -> None:
    api_id = account.api(stage="prod").id if known_api else "nosuchapi0"
    stages = [{"apiId": api_id, "stage": "nosuch"}]
    refusal = refusal_of(lambda: account.plan(apiStages=stages))
    assert refusal == not_found(f"API Stage not found: {api_id}:nosuch")


@recorded(CREATE + "two plans on the same stage")
def test_two_plans_may_share_a_stage(account: Account) -> None:
    api = account.api(stage="prod")
    plans = [account.plan((api, "prod")) for _ in range(2)]
    for plan in plans:
        assert account.read_plan(plan)["apiStages"] == [{"apiId": api.id, "stage": "prod"}]


@believed("names of plans are not unique: plans are known by id")
def test_a_name_may_be_used_twice(account: Account) -> None:
    name = account.name()
    assert account.plan(name=name) != account.plan(name=name)


@recorded("3 unknown plan")
def test_an_unknown_plan_is_not_found(account: Account) -> None:
    assert refusal_of(lambda: account.read_plan("nosuch")) == UNKNOWN
    patch = [replace("/name", "x")]
    assert refusal_of(lambda: account.patch_plan("nosuch", *patch)) == UNKNOWN


@recorded(DELETE + "with stages: 400 that names one of them")
def test_a_plan_with_stages_is_not_deleted(account: Account) -> None:
    api = account.api(stage="prod")
    plan = account.plan((api, "prod"))
    assert refusal_of(lambda: account.gw.delete_usage_plan(usagePlanId=plan)) == bad_request(
        f"Cannot delete Usage Plan {plan} because there are API Stages associated with it, "
        f"including {api.id}:prod"
    )


@recorded(DELETE + "with keys but no stages: accepted; keys survive; again: 404")
def test_a_plan_with_keys_is_deleted_and_the_keys_survive(account: Account) -> None:
    plan, key = account.plan(), account.key()
    account.attach(plan, key)
    account.gw.delete_usage_plan(usagePlanId=plan)
    assert account.gw.get_api_key(apiKey=key["id"])["enabled"] is True
    assert account.gw.get_usage_plans(keyId=key["id"])["items"] == []
    assert refusal_of(lambda: account.gw.delete_usage_plan(usagePlanId=plan)) == UNKNOWN


@recorded("3 DeleteStage and DeleteRestApi silently remove the stage from every plan")
@pytest.mark.parametrize("whole_api", [False, True], ids=["DeleteStage", "DeleteRestApi"])
def test_a_deleted_stage_leaves_every_plan(account: Account, whole_api: bool) -> None:
    api = account.api(stage="prod")
    plan, key = account.customer(api)
    second = account.plan((api, "prod"))
    if whole_api:
        account.gw.delete_rest_api(restApiId=api.id)
    else:
        account.gw.delete_stage(restApiId=api.id, stageName="prod")
    assert account.read_plan(plan)["apiStages"] == account.read_plan(second)["apiStages"] == []
    assert account.plan_keys(plan) == [key["id"]]


@recorded("3 DeleteStage: also from legacy stageKeys")
def test_a_deleted_stage_leaves_stage_keys(account: Account) -> None:
    api = account.api(stage="prod")
    key = account.key(stageKeys=[{"restApiId": api.id, "stageName": "prod"}])
    account.gw.delete_stage(restApiId=api.id, stageName="prod")
    assert account.gw.get_api_key(apiKey=key["id"])["stageKeys"] == []


@recorded("3 GetUsagePlans(keyId): the plans of a key")
def test_the_plans_of_a_key_are_found(account: Account) -> None:
    key, plans = account.key(), {account.plan(), account.plan()}
    account.plan()
    for plan in plans:
        account.attach(plan, key)
    assert {item["id"] for item in account.gw.get_usage_plans(keyId=key["id"])["items"]} == plans
