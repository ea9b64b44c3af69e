"""The account's quotas on control-plane calls, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.clock import VirtualClock
from emulator.errors import ApiGatewayError
from emulator.tests.door_lab import Account


def accepted(call: Callable[[], Any], times: int) -> int:
    """How many of so many calls are accepted; the others are refused as throttled."""
    refusals = []
    for _ in range(times):
        try:
            call()
        except ApiGatewayError as error:
            refusals.append((error.code, error.status))
    assert set(refusals) <= {("TooManyRequestsException", 429)}
    return times - len(refusals)


def advance(account: Account, seconds: float) -> None:
    assert isinstance(account.clock, VirtualClock)
    account.clock.advance(seconds)


def test_quotas_are_off_until_asked_for(account: Account) -> None:
    assert accepted(lambda: account.emulator.call("GetAccount", {}), 100) == 100


def test_all_calls_share_ten_a_second_with_a_burst_of_forty(account: Account) -> None:
    account.emulator.enforce_quotas(True)

    def read() -> Any:
        return account.emulator.call("GetAccount", {})

    assert accepted(read, 60) == 40
    advance(account, 1)
    assert accepted(read, 60) == 10
    advance(account, 3600)
    assert accepted(read, 60) == 40


@pytest.mark.parametrize(
    ("operation", "params", "burst", "seconds", "again"),
    [
        ("CreateApiKey", {"name": "a"}, 5, 1, 5),
        ("CreateRestApi", {"name": "a"}, 1, 30, 1),
        (
            "CreateRestApi",
            {"name": "a", "endpointConfiguration": {"types": ["REGIONAL"]}},
            1,
            3,
            1,
        ),
        ("UpdateAccount", {"patchOperations": []}, 1, 20, 1),
    ],
)
def test_an_operation_has_its_own_quota(
    account: Account, operation: str, params: dict[str, Any], burst: int, seconds: int, again: int
) -> None:
    account.emulator.enforce_quotas(True)

    def call() -> Any:
        return account.emulator.call(operation, params)

    assert accepted(call, 10) == burst
    advance(account, seconds * 0.9 / again)
    assert accepted(call, 1) == 0
    advance(account, seconds)
    assert accepted(call, 10) == again


def test_update_usage_plan_is_one_in_twenty_seconds(account: Account) -> None:
    plan = account.gw.create_usage_plan(name="free")["id"]
    account.emulator.enforce_quotas(True)
    params = {"usagePlanId": plan, "patchOperations": []}

    def call() -> Any:
        return account.emulator.call("UpdateUsagePlan", params)

    assert accepted(call, 2) == 1
    advance(account, 19)
    assert accepted(call, 2) == 0
    advance(account, 1)
    assert accepted(call, 2) == 1


def test_create_deployment_is_one_in_five_seconds(account: Account) -> None:
    api = account.api(stage=None)
    account.emulator.enforce_quotas(True)

    def call() -> Any:
        return account.emulator.call("CreateDeployment", {"restApiId": api})

    done = 0
    for _ in range(60):
        done += accepted(call, 1)
        advance(account, 1)
    assert done == 12


def test_a_refused_call_takes_nothing_from_the_other_calls(account: Account) -> None:
    account.emulator.enforce_quotas(True)
    accepted(lambda: account.emulator.call("CreateApiKey", {"name": "a"}), 100)
    assert accepted(lambda: account.emulator.call("GetAccount", {}), 100) == 35


def test_a_refused_call_has_no_effect_and_is_in_the_ledger(account: Account) -> None:
    account.emulator.enforce_quotas(True)
    accepted(lambda: account.emulator.call("CreateApiKey", {"name": "a"}), 7)
    account.emulator.enforce_quotas(False)
    assert len(account.gw.get_api_keys()["items"]) == 5
    assert [status for _, status in account.calls()][:7] == [201] * 5 + [429] * 2
