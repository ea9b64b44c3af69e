"""Throttle and quota. AWS is best effort in both: exact figures are asked of the emulator only."""

from __future__ import annotations

import pytest

from emulator.tests.conformance.account import Account, Api
from emulator.tests.conformance.answers import KEYED, OPEN, remove, replace
from emulator.tests.conformance.tags import believed, documented, emulator_only, recorded

DATA = "9 Data plane with keys: "
SLOW = {"rateLimit": 0.2, "burstLimit": 2}
MONTHLY = {"limit": 3, "period": "MONTH"}


def spend(
    account: Account, times: int, api: Api, line: str = "GET /a", **more: object
) -> list[int]:
    return [account.call(api, line, **more).status for _ in range(times)]  # type: ignore[arg-type]


def today(account: Account, plan: str) -> dict[str, list[list[int]]]:
    day = account.today()
    found: dict[str, list[list[int]]] = account.gw.get_usage(
        usagePlanId=plan, startDate=day, endDate=day
    ).get("items", {})
    return found


@recorded(DATA + "quota: 429 LimitExceededException, Limit Exceeded, no Retry-After")
def test_a_spent_quota_is_told(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api, quota={"limit": 1, "period": "MONTH"})
    reply = account.sees(429, api, key=key)
    assert reply.body == b'{"message":"Limit Exceeded"}'
    assert reply.headers["x-amzn-errortype"] == "LimitExceededException"
    assert "retry-after" not in reply.headers


@emulator_only
@recorded(DATA + "throttle: 429 TooManyRequestsException, Too Many Requests")
def test_a_throttled_call_is_told(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api, throttle=SLOW)
    reply = [account.call(api, key=key) for _ in range(4)][-1]
    assert (reply.status, reply.body) == (429, b'{"message":"Too Many Requests"}')
    assert reply.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert "retry-after" not in reply.headers


@emulator_only
@documented("developer guide, request throttling: a token bucket of burstLimit")
def test_a_burst_passes_and_no_more(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api, throttle=SLOW)
    assert spend(account, 4, api, key=key) == [200, 200, 429, 429]


@emulator_only
@documented("developer guide, request throttling: the bucket fills at rateLimit")
def test_a_bucket_fills_again(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api, throttle={"rateLimit": 2.0, "burstLimit": 1})
    assert spend(account, 2, api, key=key) == [200, 429]
    account.clock.advance(0.6)
    assert spend(account, 1, api, key=key) == [200]


@emulator_only
@recorded(DATA + "shared over all stages and routes of the plan, per key")
def test_stages_and_routes_share_a_throttle_and_keys_do_not(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "GET /b": KEYED}, stage="prod")
    api.deploy("dev")
    key, other = account.key(), account.key()
    plan = account.plan((api, "prod"), (api, "dev"), throttle=SLOW)
    account.attach(plan, key)
    account.attach(plan, other)
    assert spend(account, 2, api, key=key) == [200, 200]
    assert spend(account, 1, api, "GET /b", key=key) == [429]
    assert spend(account, 1, api, key=key, stage="dev") == [429]
    assert spend(account, 1, api, key=other) == [200]


@emulator_only
@documented("usage plans: a method of a stage may have limits of its own")
def test_a_method_throttle_leaves_other_methods_alone(account: Account) -> None:
    api = account.api({"GET /slow": KEYED, "GET /fast": KEYED}, stage="prod")
    plan, key = account.customer(api)
    stem = f"/apiStages/{api.id}:prod/throttle/slow/GET"
    account.patch_plan(
        plan, replace(f"{stem}/rateLimit", "0.2"), replace(f"{stem}/burstLimit", "1")
    )
    assert spend(account, 2, api, "GET /slow", key=key) == [200, 429]
    assert spend(account, 4, api, "GET /fast", key=key) == [200] * 4


@emulator_only
@recorded(DATA + "a looser per-method limit does not escape the plan's")
def test_a_loose_method_throttle_is_no_way_out(account: Account) -> None:
    api, key = account.api(stage="prod"), account.key()
    methods = {"/a/GET": {"rateLimit": 100.0, "burstLimit": 100}}
    stages = [{"apiId": api.id, "stage": "prod", "throttle": methods}]
    account.attach(account.plan(apiStages=stages, throttle=SLOW), key)
    assert spend(account, 3, api, key=key) == [200, 200, 429]


@emulator_only
@documented("usage plans: a call of an open method does not count")
def test_an_open_method_is_not_throttled(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "GET /open": OPEN}, stage="prod")
    _, key = account.customer(api, throttle=SLOW)
    assert spend(account, 3, api, key=key)[-1] == 429
    assert spend(account, 3, api, "GET /open") == [200] * 3


@emulator_only
@documented("stage settings: throttling of */* is shared by all callers")
def test_a_stage_throttle_holds_for_everybody(account: Account) -> None:
    api = account.api({"GET /a": OPEN}, stage="prod")
    api.patch_stage(
        replace("/*/*/throttling/rateLimit", "0.2"), replace("/*/*/throttling/burstLimit", "1")
    )
    assert spend(account, 2, api) == [200, 429]


@emulator_only
@documented("usage plans: a quota of so many calls a period")
@pytest.mark.parametrize("period", ["DAY", "WEEK", "MONTH"])
def test_a_quota_is_exact(account: Account, period: str) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api, quota={"limit": 3, "period": period})
    assert spend(account, 5, api, key=key) == [200, 200, 200, 429, 429]


@emulator_only
@recorded("5 GetUsage: quota 1, one accepted call: [[1,0]]; refused calls are not counted")
def test_refused_calls_are_not_counted(account: Account) -> None:
    api = account.api(stage="prod")
    plan, key = account.customer(api, quota={"limit": 1, "period": "MONTH"})
    spend(account, 4, api, key=key)
    assert today(account, plan) == {key["id"]: [[1, 0]]}


@emulator_only
@recorded("5 GetUsage: without a quota zero counters in spite of traffic; then counting starts")
def test_counting_starts_with_the_quota(account: Account) -> None:
    api = account.api(stage="prod")
    plan, key = account.customer(api)
    spend(account, 3, api, key=key)
    assert all(used == 0 for days in today(account, plan).values() for used, _ in days)
    account.patch_plan(plan, replace("/quota/limit", "9"), replace("/quota/period", "DAY"))
    spend(account, 2, api, key=key)
    assert today(account, plan) == {key["id"]: [[2, 7]]}


@emulator_only
@recorded(DATA + "a disabled key with a spent quota: 403 where a key is asked for, 429 where not")
def test_a_disabled_key_with_a_spent_quota(account: Account) -> None:
    api = account.api({"GET /a": KEYED, "GET /open": OPEN}, stage="prod")
    _, key = account.customer(api, quota={"limit": 1, "period": "MONTH"})
    assert spend(account, 2, api, key=key) == [200, 429]
    account.patch_key(key, replace("/enabled", "false"))
    assert spend(account, 1, api, key=key) == [403]
    assert spend(account, 1, api, "GET /open", key=key) == [429]


@emulator_only
@recorded(DATA + "quota is independent per key and per plan")
def test_each_key_and_plan_has_a_quota_of_its_own(account: Account) -> None:
    api = account.api(stage="prod")
    api.deploy("dev")
    plan, key = account.customer(api, quota=MONTHLY)
    other = account.key()
    account.attach(plan, other)
    account.attach(account.plan((api, "dev"), quota=MONTHLY), key)
    assert spend(account, 4, api, key=key)[-1] == 429
    assert spend(account, 1, api, key=other) == [200]
    assert spend(account, 1, api, key=key, stage="dev") == [200]


@emulator_only
@pytest.mark.parametrize(
    "raised",
    [
        pytest.param(
            False, id="removed", marks=recorded(DATA + "removal of the quota restores admission")
        ),
        pytest.param(
            True, id="raised", marks=documented("updating an API: a plan needs no deployment")
        ),
    ],
)
def test_a_mended_quota_lets_in_again(account: Account, raised: bool) -> None:
    api = account.api(stage="prod")
    plan, key = account.customer(api, quota={"limit": 1, "period": "MONTH"})
    assert spend(account, 2, api, key=key) == [200, 429]
    account.patch_plan(plan, replace("/quota/limit", "9") if raised else remove("/quota"))
    assert spend(account, 1, api, key=key) == [200]


@emulator_only
@believed("a quota of 0 lets nobody in, a throttle of 0 neither")
@pytest.mark.parametrize(
    "limits",
    [
        {"quota": {"limit": 0, "period": "DAY"}},
        {"throttle": {"rateLimit": 5.0}},
    ],
    ids=["quota", "burst"],
)
def test_a_limit_of_zero_lets_nobody_in(account: Account, limits: dict[str, object]) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api, **limits)
    assert spend(account, 1, api, key=key) == [429]
