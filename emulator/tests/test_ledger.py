"""The ledger and the CloudTrail events: what was called, by whom, and no value anywhere."""

from __future__ import annotations

import json

import pytest

from emulator.errors import ApiGatewayError
from emulator.tests.door_lab import Account, refused

VALUE = "fakeValueThatMustNotBeSeenAnywhere01"


def test_a_call_is_written_down_with_its_caller_and_outcome(account: Account) -> None:
    account.gw.create_api_key(name="acme/1", enabled=True)
    assert account.emulator.calls() == [
        {
            "at": account.clock.now(),
            "operation": "CreateApiKey",
            "status": 201,
            "error": None,
            "caller": "issuer",
            "params": {"name": "acme/1", "enabled": True},
        }
    ]


def test_a_refused_call_is_written_down_with_its_error(account: Account) -> None:
    refused(lambda: account.gw.get_api_key(apiKey="nosuchkey0"))
    line = account.emulator.calls()[0]
    assert (line["status"], line["error"]) == (404, "NotFoundException")


def test_an_unknown_access_key_is_nobody(account: Account) -> None:
    account.emulator.callers.clear()
    account.gw.get_account()
    assert account.emulator.calls()[0]["caller"] is None


def test_a_caller_can_be_added(account: Account) -> None:
    account.emulator.add_caller("AKIAANOTHERFAKEKEY00", "reader")
    assert account.emulator.caller_of("AKIAANOTHERFAKEKEY00") == "reader"
    assert account.emulator.caller_of(None) is None


def test_no_value_is_written_down_whatever_is_called(account: Account) -> None:
    gw = account.gw
    key = gw.create_api_key(name="a", value=VALUE, enabled=True)["id"]
    plan = gw.create_usage_plan(name="free")["id"]
    gw.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    gw.create_api_key(name="b")
    page = gw.get_api_keys(limit=1, includeValues=True)
    assert gw.get_api_keys(limit=1, position=page["position"])["items"]
    gw.import_api_keys(body=f"Name,Key\nc,{VALUE}\n".encode(), format="csv")
    refused(lambda: gw.create_api_key(name="d", value=VALUE))
    patch = [{"op": "replace", "path": "/value", "value": VALUE}]
    refused(lambda: gw.update_api_key(apiKey=key, patchOperations=patch))
    gw.get_api_key(apiKey=key, includeValue=True)
    gw.get_usage_plan_keys(usagePlanId=plan)
    written = json.dumps([account.emulator.calls(), account.events])
    assert VALUE not in written
    assert page["position"] not in written


def test_patch_values_that_are_no_secret_stay_readable(account: Account) -> None:
    key = account.gw.create_api_key(name="a")["id"]
    patch = [{"op": "replace", "path": "/enabled", "value": "true"}]
    account.gw.update_api_key(apiKey=key, patchOperations=patch)
    assert account.emulator.calls()[-1]["params"] == {"apiKey": key, "patchOperations": patch}


def test_every_successful_write_becomes_an_event_and_nothing_else_does(account: Account) -> None:
    key = account.gw.create_api_key(name="a")["id"]
    account.gw.get_api_key(apiKey=key)
    refused(lambda: account.gw.delete_api_key(apiKey="nosuchkey0"))
    account.gw.delete_api_key(apiKey=key)
    assert [event["detail"]["eventName"] for event in account.events] == [
        "CreateApiKey",
        "DeleteApiKey",
    ]
    assert {event["detail-type"] for event in account.events} == {"AWS API Call via CloudTrail"}


def test_a_listener_may_call_back(account: Account) -> None:
    seen = []
    account.emulator.on_event = lambda event: seen.append(account.gw.get_account())
    account.gw.create_api_key(name="a")
    assert len(seen) == 1


def test_a_copy_is_handed_out(account: Account) -> None:
    account.gw.get_account()
    account.emulator.calls().clear()
    assert len(account.emulator.calls()) == 1


def test_reset_forgets_everything_but_the_callers(account: Account) -> None:
    account.gw.create_api_key(name="a")
    account.emulator.enforce_quotas(True)
    account.emulator.order_faults([{"operation": "GetAccount", "fault": "500"}])
    account.emulator.reset()
    assert account.gw.get_api_keys()["items"] == []
    assert account.gw.get_account()["apiKeyVersion"]
    assert account.calls() == [("GetApiKeys", 200), ("GetAccount", 200)]
    assert account.emulator.quotas.enforced is False
    assert account.emulator.calls()[0]["caller"] == "issuer"


def test_an_operation_that_is_not_built_says_so(account: Account) -> None:
    with pytest.raises(ApiGatewayError, match="not part of this emulator") as caught:
        account.emulator.call("CreateDomainName", {"domainName": "example.com"})
    assert caught.value.status == 501
