"""What goes over the wire, before an SDK reads it."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import Refusal, add, bare, refusal_of, replace
from emulator.tests.conformance.tags import believed, documented, recorded

WIRE = "0 Wire conventions: "


@recorded(WIRE + "bodies are compact JSON plus one byte, successes too")
def test_a_body_is_compact_json_and_one_more_byte(account: Account) -> None:
    reply = account.raw("POST", "/apikeys", {"name": account.name()})
    account.keep("key", reply.json["id"])
    text = reply.body.decode()
    assert int(reply.headers["content-length"]) == len(text.rstrip()) + 1
    assert ": " not in text
    assert ", " not in text


@recorded(WIRE + "the same byte after an error")
def test_an_error_has_the_byte_too(account: Account) -> None:
    reply = account.raw("GET", "/apikeys/nosuchkey0")
    assert reply.body.decode().rstrip() == '{"message":"Invalid API Key identifier specified"}'
    assert len(reply.body) == len(reply.body.rstrip()) + 1


@recorded(WIRE + "error body: message in lower case, no __type")
def test_an_error_says_message_and_nothing_else(account: Account) -> None:
    assert set(account.raw("GET", "/usageplans/nosuch").json) == {"message"}


@recorded(WIRE + "x-amzn-errortype: <Code>, no colon")
@pytest.mark.parametrize(
    "target", ["/apikeys/nosuchkey0", "/usageplans/nosuch", "/restapis/nosuchapi0"]
)
def test_the_type_of_an_error_is_a_header(account: Account, target: str) -> None:
    reply = account.raw("GET", target)
    assert (reply.status, reply.headers["x-amzn-errortype"]) == (404, "NotFoundException")


@recorded(WIRE + "every response: x-amzn-requestid (uuid), x-amz-apigw-id, application/json")
@pytest.mark.parametrize("target", ["/apikeys", "/usageplans/nosuch"])
def test_every_answer_has_its_ids(account: Account, target: str) -> None:
    headers = account.raw("GET", target).headers
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", headers["x-amzn-requestid"])
    assert headers["x-amz-apigw-id"]
    assert headers["content-type"] == "application/json"


@recorded(WIRE + "collections are item on the wire; a single element is still an array")
def test_a_list_of_one_is_an_array_called_item(account: Account) -> None:
    key = account.key()
    found = account.raw("GET", f"/apikeys?name={key['name']}").json
    assert [item["id"] for item in found["item"]] == [key["id"]]
    assert "items" not in found


@recorded(WIRE + 'an empty list is {"item":[]} and a byte')
def test_an_empty_list_has_12_bytes(account: Account) -> None:
    reply = account.raw("GET", f"/apikeys?name={account.name('none')}")
    assert (reply.body.rstrip(), len(reply.body)) == (b'{"item":[]}', 12)


@recorded(WIRE + "dates are epoch seconds without a fraction")
def test_dates_are_whole_seconds(account: Account) -> None:
    reply = account.raw("POST", "/apikeys", {"name": account.name()})
    account.keep("key", reply.json["id"])
    assert isinstance(reply.json["createdDate"], int)
    assert reply.json["createdDate"] == reply.json["lastUpdatedDate"]


@recorded(WIRE + "DeleteMethod 204, other deletes 202 with an empty body")
def test_deletes_answer_202_but_a_method_204(account: Account) -> None:
    api = account.api(stage="prod")
    resource, deployment = api.ids["/a"], api.stage()["deploymentId"]
    root = f"/restapis/{api.id}"
    targets = [
        f"{root}/resources/{resource}/methods/GET",
        f"{root}/resources/{resource}",
        f"{root}/stages/prod",
        f"{root}/deployments/{deployment}",
    ]
    replies = [account.raw("DELETE", target) for target in targets]
    assert [reply.status for reply in replies] == [204, 202, 202, 202]
    assert all(not reply.body.strip() for reply in replies)


@recorded(WIRE + "creates and puts 201, updates 200")
def test_creates_answer_201_and_updates_200(account: Account) -> None:
    plan = account.raw("POST", "/usageplans", {"name": account.name()})
    account.keep("plan", plan.json["id"])
    patch = {"patchOperations": [replace("/description", "x")]}
    changed = account.raw("PATCH", f"/usageplans/{plan.json['id']}", patch)
    assert (plan.status, changed.status) == (201, 200)


@recorded(WIRE + "TagResource and UntagResource 204")
def test_tagging_answers_204(account: Account) -> None:
    target = f"/tags/{quote(account.arn('apikeys/' + account.key()['id']), safe='')}"
    tagged = account.raw("PUT", target, {"tags": {"a": "1"}})
    untagged = account.raw("DELETE", f"{target}?tagKeys=a")
    assert (tagged.status, untagged.status) == (204, 204)


ENUMS: dict[str, tuple[str, dict[str, Any], str]] = {
    "period of a plan": (
        "create_usage_plan",
        {"name": "x", "quota": {"limit": 1, "period": "HOUR"}},
        "1 validation error detected: Value 'HOUR' at 'createUsagePlanInput.quota.period' failed "
        "to satisfy constraint: Member must satisfy enum value set: [MONTH, WEEK, DAY]",
    ),
    "patch operation": (
        "update_rest_api",
        {"patchOperations": [{"op": "put", "path": "/name", "value": "x"}]},
        "1 validation error detected: Value 'put' at "
        "'updateRestApiInput.patchOperations.1.member.op' failed to satisfy constraint: "
        "Member must satisfy enum value set: [add, remove, move, test, replace, copy]",
    ),
}


@recorded(WIRE + "enum violations are a ValidationException of another layer")
@pytest.mark.parametrize("case", ENUMS)
def test_a_value_outside_an_enum_is_a_validation_exception(account: Account, case: str) -> None:
    operation, arguments, message = ENUMS[case]
    if operation == "update_rest_api":
        arguments = arguments | {"restApiId": account.bare_api().id}
    refusal = refusal_of(lambda: getattr(account.gw, operation)(**arguments))
    assert refusal == Refusal("ValidationException", 400, message)


@recorded(WIRE + "several are joined: 2 validation errors detected: A; B")
def test_two_violations_come_in_one_message(account: Account) -> None:
    operations = [{"op": op, "path": "/name", "value": "x"} for op in ("put", "get")]
    api = account.bare_api()
    refusal = refusal_of(
        lambda: account.gw.update_rest_api(restApiId=api.id, patchOperations=operations)
    )
    assert refusal.message.startswith("2 validation errors detected: Value 'put' at ")
    assert "patchOperations.2.member.op'" in refusal.message.split("; ")[1]


@recorded(WIRE + "PATCH is atomic: a key keeps its description")
def test_a_patch_with_one_bad_operation_changes_nothing(account: Account) -> None:
    key = account.key(description="old")
    bad = {"op": "replace", "path": "/value", "value": account.value()}
    refusal = refusal_of(lambda: account.patch_key(key, replace("/description", "new"), bad))
    assert refusal.status == 400
    assert account.gw.get_api_key(apiKey=key["id"])["description"] == "old"


@recorded(WIRE + "tags quirk: none in create and list, {} in get and update")
def test_an_untagged_key_shows_empty_tags_only_when_read_alone(account: Account) -> None:
    key = account.key()
    [listed] = account.keys_named(key["name"])
    updated = account.patch_key(key, replace("/description", "x"))
    assert "tags" not in key
    assert "tags" not in listed
    assert account.gw.get_api_key(apiKey=key["id"])["tags"] == updated["tags"] == {}


@recorded(WIRE + "tags quirk: plans are the same")
def test_an_untagged_plan_shows_empty_tags_only_when_read_alone(account: Account) -> None:
    made = bare(account.gw.create_usage_plan(name=account.name()))
    account.keep("plan", made["id"])
    assert "tags" not in made
    assert account.read_plan(made["id"])["tags"] == {}


@documented("patch operations: UpdateUsagePlan knows no add /name")
def test_an_unknown_operation_of_a_patch_on_a_plan_is_refused(account: Account) -> None:
    plan = account.plan()
    refusal = refusal_of(lambda: account.patch_plan(plan, add("/name", "x")))
    assert (refusal.code, refusal.status) == ("BadRequestException", 400)


@believed("a path that the service does not know is a 404 or a 403, never a 500")
def test_an_unknown_target_is_refused(account: Account) -> None:
    assert account.raw("GET", "/nosuchthings").status in (403, 404)
