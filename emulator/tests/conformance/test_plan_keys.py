"""CreateUsagePlanKey, GetUsagePlanKey(s), DeleteUsagePlanKey."""

from __future__ import annotations

import pytest

from emulator.tests.conformance.account import Account, Api
from emulator.tests.conformance.answers import (
    Refusal,
    bad_request,
    conflict,
    not_found,
    refusal_of,
    replace,
)
from emulator.tests.conformance.tags import believed, documented, recorded

ATTACH = "4 CreateUsagePlanKey etc.: "
NO_KEY = not_found("Invalid API Key identifier specified")
NO_PLAN = not_found("Invalid Usage Plan ID specified")


def collision(plan: str, key: str, api: Api) -> Refusal:
    return conflict(
        f"Usage Plan {plan} cannot be added because API Key {key} cannot reference multiple "
        f"Usage Plans with the same API Stage: {api.id}:prod"
    )


@recorded(ATTACH + "the answers of create, get and list all show the value")
def test_every_answer_shows_the_value(account: Account) -> None:
    plan, key = account.plan(), account.key()
    made = account.attach(plan, key)
    wanted = {"id": key["id"], "type": "API_KEY", "value": key["value"], "name": key["name"]}
    assert made == wanted
    assert (
        wanted.items() <= account.gw.get_usage_plan_key(usagePlanId=plan, keyId=key["id"]).items()
    )
    assert account.gw.get_usage_plan_keys(usagePlanId=plan)["items"] == [wanted]


@recorded(ATTACH + "the same key twice in a plan with a stage: 409 in the words of a true conflict")
def test_a_key_is_attached_once(account: Account) -> None:
    api = account.api(stage="prod")
    plan, key = account.customer(api)
    assert refusal_of(lambda: account.attach(plan, key)) == collision(plan, key["id"], api)
    assert account.plan_keys(plan) == [key["id"]]


@recorded(ATTACH + "another plan with the same stage: 409")
def test_a_key_has_one_plan_of_a_stage(account: Account) -> None:
    api = account.api(stage="prod")
    _, key = account.customer(api)
    second = account.plan((api, "prod"))
    assert refusal_of(lambda: account.attach(second, key)) == collision(second, key["id"], api)


@recorded(ATTACH + "two plans with different stages")
def test_a_key_may_have_plans_of_different_stages(account: Account) -> None:
    api = account.api(stage="prod")
    api.deploy("dev")
    _, key = account.customer(api)
    second = account.plan((api, "dev"))
    account.attach(second, key)
    assert account.plan_keys(second) == [key["id"]]


@recorded(ATTACH + "a disabled key can be attached")
def test_a_disabled_key_can_be_attached(account: Account) -> None:
    plan, key = account.plan(), account.key(enabled=False)
    account.attach(plan, key)
    assert account.plan_keys(plan) == [key["id"]]


@recorded(ATTACH + "type OTHER")
def test_a_key_has_the_one_type(account: Account) -> None:
    plan, key = account.plan(), account.key()
    create = account.gw.create_usage_plan_key
    refusal = refusal_of(lambda: create(usagePlanId=plan, keyId=key["id"], keyType="OTHER"))
    assert refusal == bad_request("Invalid Usage Plan key type specified. Must be one of [API_KEY]")


@recorded(ATTACH + "an unknown key, in all three calls")
@pytest.mark.parametrize("operation", ["create", "get", "delete"])
def test_an_unknown_key_is_not_found(account: Account, operation: str) -> None:
    plan = account.plan()
    more = {"keyType": "API_KEY"} if operation == "create" else {}
    call = getattr(account.gw, f"{operation}_usage_plan_key")
    assert refusal_of(lambda: call(usagePlanId=plan, keyId="nosuchkey0", **more)) == NO_KEY


@recorded(ATTACH + "a key that exists but is not in the plan: the plan is said to be unknown")
@pytest.mark.parametrize("operation", ["get", "delete"])
def test_a_key_outside_the_plan_is_told_as_an_unknown_plan(
    account: Account, operation: str
) -> None:
    plan, key = account.plan(), account.key()
    call = getattr(account.gw, f"{operation}_usage_plan_key")
    assert refusal_of(lambda: call(usagePlanId=plan, keyId=key["id"])) == NO_PLAN


@documented("API reference: CreateUsagePlanKey, NotFoundException")
def test_an_unknown_plan_takes_no_key(account: Account) -> None:
    key = account.key()
    refusal = refusal_of(lambda: account.attach("nosuch", key))
    assert (refusal.code, refusal.status) == ("NotFoundException", 404)


@recorded(ATTACH + "GetUsagePlanKeys of an unknown plan: 200 and nothing")
def test_the_keys_of_an_unknown_plan_are_none(account: Account) -> None:
    assert account.gw.get_usage_plan_keys(usagePlanId="nosuch")["items"] == []


@recorded(ATTACH + "GetUsagePlanKeys: nameQuery is a prefix with case")
def test_keys_of_a_plan_are_searched_by_the_beginning_of_their_name(account: Account) -> None:
    plan, key, other = account.plan(), account.key(), account.key()
    account.attach(plan, key)
    account.attach(plan, other)
    found = account.gw.get_usage_plan_keys
    assert [item["id"] for item in found(usagePlanId=plan, nameQuery=key["name"])["items"]] == [
        key["id"]
    ]
    assert found(usagePlanId=plan, nameQuery=key["name"].upper())["items"] == []


@recorded(ATTACH + "after the association is deleted the key survives")
def test_a_detached_key_survives(account: Account) -> None:
    plan, key = account.plan(), account.key()
    account.attach(plan, key)
    account.gw.delete_usage_plan_key(usagePlanId=plan, keyId=key["id"])
    assert account.plan_keys(plan) == []
    assert account.gw.get_api_key(apiKey=key["id"])["id"] == key["id"]


@documented("developer guide: one plan a stage, so a move is detach and then attach")
def test_a_key_moves_by_leaving_first(account: Account) -> None:
    api = account.api(stage="prod")
    first, key = account.customer(api)
    second = account.plan((api, "prod"))
    account.gw.delete_usage_plan_key(usagePlanId=first, keyId=key["id"])
    account.attach(second, key)
    assert (account.plan_keys(first), account.plan_keys(second)) == ([], [key["id"]])


@believed("a plan shows the name that a key has now")
def test_a_new_name_is_seen_in_the_plan(account: Account) -> None:
    plan, key, name = account.plan(), account.key(), account.name()
    account.attach(plan, key)
    account.patch_key(key, replace("/name", name))
    assert account.gw.get_usage_plan_key(usagePlanId=plan, keyId=key["id"])["name"] == name
