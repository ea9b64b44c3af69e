"""Usage plans: what was recorded beside the shared cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.tests.door_lab import BAD, CONFLICT, MISSING, Account, refused

NUMERIC = "Usage Plan throttle rate limit and burst limit must be numeric and greater than zero"
LIMITS = {"rateLimit": 2.0, "burstLimit": 4}


def patch(op: str, path: str, value: str | None = None) -> dict[str, str]:
    return {"op": op, "path": path} | ({"value": value} if value is not None else {})


def change(gw: Any, plan: str, *operations: dict[str, str]) -> Any:
    return gw.update_usage_plan(usagePlanId=plan, patchOperations=list(operations))


def on_stage(account: Account, **limits: Any) -> tuple[str, str]:
    """A plan of one stage, with limits for one method; its id and the stage's path."""
    api = account.api("GET /probe")
    stage = {"apiId": api, "stage": "prod"} | ({"throttle": limits} if limits else {})
    made = account.gw.create_usage_plan(name="free", throttle=LIMITS, apiStages=[stage])
    return made["id"], f"/apiStages/{api}:prod"


@pytest.mark.parametrize("path", ["probe/GET", "~1probe/GET", "/probe/GET"])
def test_a_method_is_named_with_or_without_its_slash(account: Account, path: str) -> None:
    plan, stage = on_stage(account)
    now = change(account.gw, plan, patch("replace", f"{stage}/throttle/{path}/rateLimit", "2.25"))
    assert now["apiStages"][0]["throttle"] == {"/probe/GET": {"rateLimit": 2.25, "burstLimit": 0}}


def test_a_deep_path_is_read_escaped_or_plain(account: Account) -> None:
    plan, stage = on_stage(account)
    now = change(
        account.gw,
        plan,
        patch("replace", f"{stage}/throttle/pets/{{id}}/GET/rateLimit", "1"),
        patch("replace", f"{stage}/throttle/~1pets~1{{id}}/GET/burstLimit", "3"),
    )
    assert now["apiStages"][0]["throttle"] == {
        "/pets/{id}/GET": {"rateLimit": 1.0, "burstLimit": 3}
    }


def test_a_throttle_stays_while_methods_have_their_own(account: Account) -> None:
    plan, _ = on_stage(account, **{"/probe/GET": LIMITS})
    quota = [patch("replace", "/quota/limit", "5"), patch("replace", "/quota/period", "DAY")]
    change(account.gw, plan, *quota)
    call = [patch("remove", "/quota"), patch("remove", "/throttle")]
    assert refused(lambda: change(account.gw, plan, *call)) == (
        BAD,
        400,
        "Can not remove usage plan throttling if fine grain throttling is defined for one or "
        "more api-stages.",
    )
    assert account.gw.get_usage_plan(usagePlanId=plan)["quota"]["limit"] == 5


def test_a_throttle_is_removed_otherwise(gw: Any) -> None:
    plan = gw.create_usage_plan(name="free", throttle=LIMITS)["id"]
    assert "throttle" not in change(gw, plan, patch("remove", "/throttle"))


@pytest.mark.parametrize("value", ["-1", "many", ""])
def test_a_limit_that_is_no_number_is_refused(gw: Any, value: str) -> None:
    plan = gw.create_usage_plan(name="free")["id"]
    call = patch("replace", "/throttle/burstLimit", value)
    assert refused(lambda: change(gw, plan, call)) == (BAD, 400, NUMERIC)


def test_the_paths_of_remove_are_listed_with_the_typo_of_aws(gw: Any) -> None:
    plan = gw.create_usage_plan(name="free")["id"]
    assert refused(lambda: change(gw, plan, patch("remove", "/nosuch"))) == (
        BAD,
        400,
        "Invalid patch path  '/nosuch' specified for op 'remove'. Must be one of: [/apiStages, "
        "/quota, /throttle, /productCode, "
        "/apiStages/<apidId:stageName>/throttle/<resourcePath>/<httpMethod>, "
        "/apiStages/<apidId:stageName>/throttle]",
    )


@pytest.mark.parametrize("value", ["", "noColon", ":prod", None])
def test_a_malformed_stage_is_refused(gw: Any, value: str | None) -> None:
    plan = gw.create_usage_plan(name="free")["id"]
    for op in ("add", "remove"):
        call = patch(op, "/apiStages", value)
        assert refused(lambda call=call: change(gw, plan, call)) == (
            BAD,
            400,
            "Invalid API Stage specified",
        )


def test_a_stage_that_collides_for_a_key_is_not_added(account: Account) -> None:
    gw, api = account.gw, account.api()
    stage = [{"apiId": api, "stage": "prod"}]
    free, pro = gw.create_usage_plan(name="free", apiStages=stage)["id"], None
    pro = gw.create_usage_plan(name="pro")["id"]
    key = gw.create_api_key(name="a")["id"]
    for plan in (free, pro):
        gw.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    call = patch("add", "/apiStages", f"{api}:prod")
    assert refused(lambda: change(gw, pro, call)) == (
        CONFLICT,
        409,
        f"Usage Plan {pro} cannot be added because API Key {key} cannot reference multiple "
        f"Usage Plans with the same API Stage: {api}/prod",
    )


def test_attaching_twice_is_told_as_a_collision_with_the_plan_itself(account: Account) -> None:
    gw, (plan, stage) = account.gw, on_stage(account)
    key = gw.create_api_key(name="a")["id"]
    where = {"usagePlanId": plan, "keyId": key, "keyType": "API_KEY"}
    gw.create_usage_plan_key(**where)
    assert refused(lambda: gw.create_usage_plan_key(**where)) == (
        CONFLICT,
        409,
        f"Usage Plan {plan} cannot be added because API Key {key} cannot reference multiple "
        f"Usage Plans with the same API Stage: {stage.removeprefix('/apiStages/')}",
    )


def test_a_plan_with_stages_is_not_deleted(account: Account) -> None:
    plan, stage = on_stage(account)
    named = stage.removeprefix("/apiStages/")
    assert refused(lambda: account.gw.delete_usage_plan(usagePlanId=plan)) == (
        BAD,
        400,
        f"Cannot delete Usage Plan {plan} because there are API Stages associated with it, "
        f"including {named}",
    )
    change(account.gw, plan, patch("remove", "/apiStages", named))
    account.gw.delete_usage_plan(usagePlanId=plan)
    words = (MISSING, 404, "Invalid Usage Plan ID specified")
    assert refused(lambda: account.gw.delete_usage_plan(usagePlanId=plan)) == words


def test_the_keys_of_an_unknown_plan_are_none(gw: Any) -> None:
    assert gw.get_usage_plan_keys(usagePlanId="nosuch")["items"] == []


def test_a_map_of_limits_that_is_none_is_refused(account: Account) -> None:
    plan, stage = on_stage(account)
    for value in ("nonsense", "[1]", json.dumps({"/probe/GET": 1})):
        call = patch("replace", f"{stage}/throttle", value)
        assert refused(lambda call=call: change(account.gw, plan, call))[:2] == (BAD, 400)


def test_a_stage_has_twenty_method_limits(account: Account) -> None:
    plan, stage = on_stage(account)
    limits = {f"/r{number}/GET": LIMITS for number in range(21)}
    call = patch("replace", f"{stage}/throttle", json.dumps(limits))
    assert refused(lambda: change(account.gw, plan, call))[0] == "LimitExceededException"
    limits.popitem()
    change(account.gw, plan, patch("replace", f"{stage}/throttle", json.dumps(limits)))
    now = account.gw.get_usage_plan(usagePlanId=plan)
    assert now["apiStages"][0]["throttle"] == limits


def test_a_period_is_checked_in_a_patch_by_the_service_itself(gw: Any) -> None:
    plan = gw.create_usage_plan(name="free", quota={"limit": 5, "period": "DAY"})["id"]
    assert refused(lambda: change(gw, plan, patch("replace", "/quota/period", "YEAR"))) == (
        BAD,
        400,
        "Invalid Usage Plan quota period specified. Must be one of [DAY, WEEK, MONTH]",
    )


def test_usage_is_paged_by_key(account: Account) -> None:
    gw = account.gw
    plan = gw.create_usage_plan(name="free", quota={"limit": 5, "period": "DAY"})["id"]
    keys = set()
    for number in range(3):
        key = gw.create_api_key(name=f"k{number}")["id"]
        gw.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
        grant = [patch("replace", "/remaining", "9")]
        gw.update_usage(usagePlanId=plan, keyId=key, patchOperations=grant)
        keys.add(key)
    dates = {"startDate": "2026-11-18", "endDate": "2026-11-18"}
    first = gw.get_usage(usagePlanId=plan, limit=2, **dates)
    rest = gw.get_usage(usagePlanId=plan, limit=2, position=first["position"], **dates)
    assert (len(first["items"]), len(rest["items"])) == (2, 1)
    assert set(first["items"]) | set(rest["items"]) == keys
    assert "position" not in rest
