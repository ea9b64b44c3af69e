"""The account's quotas on control-plane calls, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.errors import ApiGatewayError
from emulator.tests.conformance.tags import documented, own_emulator

pytestmark = own_emulator
QUOTAS = "developer guide, quotas: "
Call = Callable[..., Any]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def call(clock: VirtualClock) -> Call:
    """An operation of an account that has its quotas and an API with one method."""
    emulator = Emulator(clock=clock)
    api = emulator.call("CreateRestApi", {"name": "a"})
    where = {
        "restApiId": api["id"],
        "resourceId": api["rootResourceId"],
        "httpMethod": "GET",
    }
    emulator.call("PutMethod", where | {"authorizationType": "NONE"})
    emulator.call("PutIntegration", where | {"type": "MOCK"})
    plan = emulator.call("CreateUsagePlan", {"name": "p"})
    emulator.enforce_quotas(True)

    def run(operation: str, **params: Any) -> Any:
        known = {
            "CreateDeployment": {"restApiId": api["id"]},
            "GetResources": {"restApiId": api["id"]},
            "UpdateUsagePlan": {"usagePlanId": plan["id"], "patchOperations": []},
        }
        return emulator.call(operation, known.get(operation, {}) | params)

    return run


def passed(call: Call, operation: str, times: int, **params: Any) -> int:
    """How many of `times` calls at once go through before the first refusal."""
    for number in range(times):
        try:
            call(operation, **params)
        except ApiGatewayError as error:
            return number if error.code == "TooManyRequestsException" else -1
    return times


CASES = {
    "CreateDeployment 1 in 5 s": ("CreateDeployment", {}, 1, 5.0),
    "UpdateUsagePlan 1 in 20 s": ("UpdateUsagePlan", {}, 1, 20.0),
    "CreateApiKey 5 in 1 s": ("CreateApiKey", {}, 5, 1.0),
    "GetResources 5 in 2 s": ("GetResources", {}, 5, 2.0),
    "CreateRestApi regional 1 in 3 s": (
        "CreateRestApi",
        {"name": "x", "endpointConfiguration": {"types": ["REGIONAL"]}},
        1,
        3.0,
    ),
    "CreateRestApi edge 1 in 30 s": ("CreateRestApi", {"name": "x"}, 1, 30.0),
}


@documented(QUOTAS + "each operation's own")
@pytest.mark.parametrize("case", CASES)
def test_an_operation_has_its_quota_and_gets_it_back(
    call: Call, clock: VirtualClock, case: str
) -> None:
    operation, params, allowed, seconds = CASES[case]
    assert passed(call, operation, allowed + 2, **params) == allowed
    clock.advance(seconds)
    assert passed(call, operation, 1, **params) == 1


@documented(QUOTAS + "all operations: 10 a second, burst 40")
def test_the_account_has_a_burst_of_40_and_10_a_second(call: Call, clock: VirtualClock) -> None:
    assert passed(call, "GetUsagePlans", 60) == 40
    clock.advance(1)
    assert passed(call, "GetUsagePlans", 60) == 10


@documented(QUOTAS + "they are off by default in the emulator, and a reset leaves them so")
def test_quotas_are_off_unless_switched_on() -> None:
    emulator = Emulator(clock=VirtualClock())
    for _ in range(60):
        emulator.call("GetUsagePlans", {})
    assert len(emulator.calls()) == 60
