"""Keys and CSV files: what was recorded or is quota, beside the shared cases."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import unquote

import pytest

from emulator.model import ApiKey
from emulator.tests.door_lab import BAD, Account, refused

VALUE = "fakeValueOfAKeyForTests0000000000{:03d}"


def test_a_created_key_has_these_members_and_no_more(account: Account) -> None:
    made = account.gw.create_api_key(name="a")
    made.pop("ResponseMetadata")
    assert set(made) == {
        "id",
        "value",
        "name",
        "enabled",
        "createdDate",
        "lastUpdatedDate",
        "stageKeys",
    }
    assert (made["enabled"], made["stageKeys"]) == (False, [])
    assert made["createdDate"].timestamp() == account.clock.now()


def test_tags_are_shown_by_get_and_update_but_not_by_create_and_list(gw: Any) -> None:
    key = gw.create_api_key(name="a")["id"]
    patch = [{"op": "replace", "path": "/enabled", "value": "true"}]
    assert "tags" not in gw.get_api_keys()["items"][0]
    assert gw.get_api_key(apiKey=key)["tags"] == {}
    assert gw.update_api_key(apiKey=key, patchOperations=patch)["tags"] == {}


def test_a_position_holds_the_value_in_base64_as_on_aws(gw: Any) -> None:
    for number in range(2):
        gw.create_api_key(name=f"k{number}", value=VALUE.format(number))
    position = gw.get_api_keys(limit=1)["position"]
    decoded = base64.b64decode(unquote(position)).decode()
    assert decoded == f"apiKey=S{VALUE.format(0)}&name=Sk0"


def test_a_list_goes_on_although_the_last_key_shown_was_deleted(gw: Any) -> None:
    ids = [gw.create_api_key(name=f"k{number}")["id"] for number in range(4)]
    first = gw.get_api_keys(limit=2)
    gw.delete_api_key(apiKey=ids[1])
    rest = gw.get_api_keys(limit=2, position=first["position"])
    assert [item["id"] for item in rest["items"]] == ids[2:]


def test_a_limit_is_at_most_five_hundred_and_below_zero_there_is_nothing(account: Account) -> None:
    for number in range(501):
        account.emulator.call("CreateApiKey", {"name": f"k{number:03d}"})
    assert len(account.gw.get_api_keys(limit=1000)["items"]) == 500
    answer = account.gw.get_api_keys(limit=-1)
    assert answer["items"] == []
    assert "position" not in answer


@pytest.mark.parametrize("position", ["nonsense", "!!", "%%%", base64.b64encode(b"").decode()])
def test_a_position_that_is_none_is_refused_or_the_start(gw: Any, position: str) -> None:
    gw.create_api_key(name="a")
    if position:
        assert refused(lambda: gw.get_api_keys(position=position))[:2] == (BAD, 400)
    else:
        assert len(gw.get_api_keys(position=position)["items"]) == 1


def test_the_ten_thousand_and_first_key_is_refused(account: Account) -> None:
    for number in range(10_000):
        key_id = f"k{number}"
        account.emulator.state.add_key(ApiKey(key_id, VALUE.format(number), {"id": key_id}))
    assert refused(lambda: account.gw.create_api_key(name="more"))[:2] == (
        "LimitExceededException",
        429,
    )
    body = f"Name,Key\nmore,{VALUE.format(10_000)}\n".encode()
    answer = account.gw.import_api_keys(body=body, format="csv")
    assert answer["ids"] == []
    assert answer["warnings"][0].startswith("Skipped invalid record: 1. ")


def test_a_key_is_in_ten_plans_at_most(gw: Any) -> None:
    key = gw.create_api_key(name="a")["id"]

    def attach(number: int) -> Any:
        plan = gw.create_usage_plan(name=f"p{number}")["id"]
        return gw.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")

    for number in range(10):
        attach(number)
    assert refused(lambda: attach(10))[0] == "LimitExceededException"


def test_an_account_has_three_hundred_plans(account: Account) -> None:
    for number in range(300):
        account.emulator.call("CreateUsagePlan", {"name": f"p{number}"})
    assert refused(lambda: account.gw.create_usage_plan(name="more"))[0] == "LimitExceededException"


@pytest.mark.parametrize(
    "tags",
    [{f"k{number}": "v" for number in range(51)}, {"k" * 129: "v"}, {"k": "v" * 257}],
)
def test_too_many_or_too_long_tags_are_refused(gw: Any, tags: dict[str, str]) -> None:
    assert refused(lambda: gw.create_api_key(name="a", tags=tags))[:2] == (BAD, 400)
    assert gw.get_api_keys()["items"] == []


@pytest.mark.parametrize(
    ("kind", "id_"),
    [("apikeys", "nosuchkey0"), ("usageplans", "nosuch"), ("vpclinks", "nosuch")],
)
def test_tags_of_what_is_not_there(gw: Any, kind: str, id_: str) -> None:
    arn = f"arn:aws:apigateway:us-east-1::/{kind}/{id_}"
    assert refused(lambda: gw.get_tags(resourceArn=arn))[:2] == ("NotFoundException", 404)


def test_untagging_what_has_no_such_tag_is_no_error(gw: Any) -> None:
    key = gw.create_api_key(name="a", tags={"team": "x"})["id"]
    arn = f"arn:aws:apigateway:us-east-1::/apikeys/{key}"
    gw.untag_resource(resourceArn=arn, tagKeys=["nosuch"])
    assert gw.get_tags(resourceArn=arn)["tags"] == {"team": "x"}


def test_an_empty_customer_id_is_refused(gw: Any) -> None:
    key = gw.create_api_key(name="a")["id"]
    patch = [{"op": "replace", "path": "/customerId", "value": ""}]
    words = (BAD, 400, "Customer Id cannot be an empty string")
    assert refused(lambda: gw.update_api_key(apiKey=key, patchOperations=patch)) == words


def test_a_description_cannot_be_removed(gw: Any) -> None:
    key = gw.create_api_key(name="a", description="x")["id"]
    patch = [{"op": "remove", "path": "/description"}]
    assert refused(lambda: gw.update_api_key(apiKey=key, patchOperations=patch)) == (
        BAD,
        400,
        "Invalid patch path  '/description' specified for op 'remove'. "
        "Must be one of: [/stages, /labels]",
    )


def test_a_file_needs_its_two_columns(gw: Any) -> None:
    call = gw.import_api_keys
    assert refused(lambda: call(body=b"Name,Value\na,b\n", format="csv")) == (
        BAD,
        400,
        "Missing required column 'Key' ",
    )
    assert refused(lambda: call(body=b"", format="csv"))[:2] == (BAD, 400)


def test_headers_have_no_case_and_unknown_columns_no_meaning(gw: Any) -> None:
    body = f"kEy,Colour,NaMe\n{VALUE.format(1)},red,acme\n".encode()
    made = gw.import_api_keys(body=body, format="csv", failOnWarnings=True)
    key = gw.get_api_key(apiKey=made["ids"][0])
    assert (key["name"], key["enabled"], made["warnings"]) == ("acme", True, [])


def test_a_file_wipes_the_description_and_the_age_of_the_key_it_names_again(
    account: Account,
) -> None:
    gw = account.gw
    made = gw.create_api_key(
        name="old", value=VALUE.format(1), description="x", customerId="acme", tags={"a": "b"}
    )
    account.clock.advance(100)  # type: ignore[attr-defined]
    gw.import_api_keys(body=f"Name,Key\nnew,{VALUE.format(1)}\n".encode(), format="csv")
    key = gw.get_api_key(apiKey=made["id"])
    assert "description" not in key
    assert key["createdDate"] > made["createdDate"]
    assert (key["name"], key["customerId"], key["tags"]) == ("new", "acme", {"a": "b"})


def test_a_file_with_a_byte_order_mark_and_windows_lines_is_read(gw: Any) -> None:
    body = b"\xef\xbb\xbfName,Key\r\nacme," + VALUE.format(1).encode() + b"\r\n\r\n"
    assert len(gw.import_api_keys(body=body, format="csv")["ids"]) == 1


@pytest.mark.parametrize("name", ["'t Hooft", "O'Neil", "'", "'quoted", "Jess'"])
def test_an_apostrophe_in_a_name_is_no_quote(gw: Any, name: str) -> None:
    body = f"Name,Key,Description\n{name},{VALUE.format(1)},plain\n".encode()
    (key,) = gw.import_api_keys(body=body, format="csv")["ids"]
    found = gw.get_api_key(apiKey=key)
    assert (found["name"], found["description"]) == (name, "plain")


def test_a_plan_that_collides_is_a_warning_and_the_key_is_there(account: Account) -> None:
    gw, api = account.gw, account.api()
    stage = [{"apiId": api, "stage": "prod"}]
    plans = [gw.create_usage_plan(name=name, apiStages=stage)["id"] for name in "ab"]
    body = f'Name,Key,UsagePlanIds\nacme,{VALUE.format(1)},"{plans[0]},{plans[1]}"\n'.encode()
    answer = gw.import_api_keys(body=body, format="csv")
    assert "cannot reference multiple Usage Plans" in answer["warnings"][0]
    key = gw.get_api_keys()["items"][0]["id"]
    assert [plan["id"] for plan in gw.get_usage_plans(keyId=key)["items"]] == plans[:1]


def test_deleting_a_key_forgets_its_usage(account: Account) -> None:
    gw = account.gw
    plan = gw.create_usage_plan(name="free", quota={"limit": 5, "period": "DAY"})["id"]
    key = gw.create_api_key(name="a")["id"]
    gw.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
    patch = [{"op": "replace", "path": "/remaining", "value": "9"}]
    gw.update_usage(usagePlanId=plan, keyId=key, patchOperations=patch)
    gw.delete_api_key(apiKey=key)
    assert account.emulator.state.usage == {}
