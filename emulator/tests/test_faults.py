"""Ordered faults, seen by a client of the same process."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from emulator.errors import ApiGatewayError
from emulator.inprocess import attach
from emulator.tests.door_lab import Account, client, refused


def order(account: Account, *faults: tuple[str, int, str]) -> None:
    account.emulator.order_faults(
        [{"operation": name, "call": call, "fault": fault} for name, call, fault in faults]
    )


def names(account: Account) -> list[str]:
    return [key["name"] for key in account.emulator.call("GetApiKeys", {})["items"]]


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("throttle", "TooManyRequestsException", 429),
        ("500", "InternalFailure", 500),
        ("503", "ServiceUnavailableException", 503),
    ],
)
def test_an_error_is_answered_and_nothing_happens(
    account: Account, fault: str, code: str, status: int
) -> None:
    order(account, ("CreateApiKey", 1, fault))
    assert refused(lambda: account.gw.create_api_key(name="a"))[:2] == (code, status)
    assert names(account) == []
    assert account.calls()[0] == ("CreateApiKey", status)


def test_a_timeout_before_has_no_effect(account: Account) -> None:
    order(account, ("CreateApiKey", 1, "timeout_before"))
    with pytest.raises(ReadTimeoutError):
        account.gw.create_api_key(name="a")
    assert names(account) == []
    assert account.calls()[0] == ("CreateApiKey", 0)
    assert account.events == []


def test_a_timeout_after_has_its_effect_and_its_event(account: Account) -> None:
    order(account, ("CreateApiKey", 1, "timeout_after"))
    with pytest.raises(ReadTimeoutError):
        account.gw.create_api_key(name="a")
    assert names(account) == ["a"]
    assert account.calls()[0] == ("CreateApiKey", 0)
    assert [event["detail"]["eventName"] for event in account.events] == ["CreateApiKey"]


def test_a_refused_call_is_refused_although_its_answer_was_to_be_lost(account: Account) -> None:
    order(account, ("DeleteApiKey", 1, "timeout_after"))
    assert refused(lambda: account.gw.delete_api_key(apiKey="nosuchkey0"))[1] == 404


def test_a_refused_connection(account: Account) -> None:
    order(account, ("CreateApiKey", 1, "connection_refused"))
    with pytest.raises(EndpointConnectionError):
        account.gw.create_api_key(name="a")
    assert names(account) == []
    assert account.calls()[0] == ("CreateApiKey", 0)


def test_the_nth_call_from_the_order_on_is_met(account: Account) -> None:
    account.gw.get_account()
    order(account, ("GetAccount", 2, "500"))
    account.gw.get_api_keys()
    assert account.gw.get_account()["apiKeyVersion"]
    assert refused(account.gw.get_account)[1] == 500
    assert account.gw.get_account()["apiKeyVersion"]


def test_an_order_about_something_counts_only_the_calls_that_say_it(account: Account) -> None:
    about = {"operation": "CreateApiKey", "call": 2, "fault": "500", "about": "acme/"}
    account.emulator.order_faults([about])
    for name in ("acme/1", "beta/1"):
        account.gw.create_api_key(name=name)
    assert refused(lambda: account.gw.create_api_key(name="acme/2"))[1] == 500
    assert names(account) == ["acme/1", "beta/1"]


def test_a_new_order_replaces_the_old_one_and_counts_anew(account: Account) -> None:
    order(account, ("GetAccount", 2, "500"))
    account.gw.get_account()
    order(account, ("GetAccount", 2, "503"))
    account.gw.get_account()
    assert refused(account.gw.get_account)[1] == 503
    order(account)
    assert account.gw.get_account()["apiKeyVersion"]


def test_the_sdk_retries_a_lost_answer_and_meets_its_own_first_try(account: Account) -> None:
    retrying = client(attempts=2)
    attach(account.emulator, retrying)
    order(account, ("CreateApiKey", 1, "timeout_after"))
    value = "fakeValueChosenByTheCaller0123456789"
    code, _, message = refused(lambda: retrying.create_api_key(name="a", value=value))
    assert (code, message) == ("ConflictException", "API Key already exists")
    assert names(account) == ["a"]


def test_the_sdk_gets_over_a_throttle(account: Account) -> None:
    retrying = client(attempts=2)
    attach(account.emulator, retrying)
    order(account, ("GetAccount", 1, "throttle"))
    assert retrying.get_account()["apiKeyVersion"]
    assert account.calls() == [("GetAccount", 429), ("GetAccount", 200)]


def test_a_stale_read_answers_from_the_time_of_the_order(account: Account) -> None:
    order(account, ("GetApiKeys", 1, "stale_read"))
    account.gw.create_api_key(name="a")
    assert account.gw.get_api_keys()["items"] == []
    assert [key["name"] for key in account.gw.get_api_keys()["items"]] == ["a"]


def test_a_write_is_never_stale(account: Account) -> None:
    order(account, ("CreateApiKey", 1, "stale_read"))
    account.gw.create_api_key(name="a")
    assert names(account) == ["a"]


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        [1],
        [{"operation": "GetAccount"}],
        [{"operation": "GetAccount", "fault": "nosuch"}],
        [{"operation": "GetAccount", "fault": "500", "call": 0}],
        [{"operation": "GetAccount", "fault": "500", "call": True}],
        [{"fault": "500"}],
        [{"operation": "GetAcount", "fault": "500"}],
        [{"operation": "GetAccount", "fault": "500", "about": 1}],
    ],
)
def test_a_malformed_order_is_refused_and_the_old_one_stays(account: Account, wanted: Any) -> None:
    order(account, ("GetAccount", 1, "500"))
    with pytest.raises(ApiGatewayError):
        account.emulator.order_faults(wanted)
    assert refused(account.gw.get_account)[1] == 500
