"""CreateApiKey, GetApiKey(s), UpdateApiKey, DeleteApiKey."""

from __future__ import annotations

import base64
import re
from urllib.parse import unquote

import pytest

from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import (
    add,
    bad_request,
    bare,
    conflict,
    not_found,
    refusal_of,
    remove,
    replace,
)
from emulator.tests.conformance.tags import believed, documented, recorded

CREATE, READ = "1 CreateApiKey: ", "1 GetApiKey(s): "
UPDATE, DELETE = "1 UpdateApiKey: ", "1 DeleteApiKey: "
UNKNOWN = not_found("Invalid API Key identifier specified")
PATHS = "[/description, /enabled, /name, /customerId]"


@recorded(CREATE + "name only: enabled false, stageKeys [], nothing else")
def test_a_key_is_disabled_unless_it_says_otherwise(account: Account) -> None:
    name = account.name()
    made = bare(account.gw.create_api_key(name=name))
    account.keep("key", made["id"])
    assert set(made) == {
        "id", "value", "name", "enabled", "createdDate", "lastUpdatedDate", "stageKeys",
    }  # fmt: skip
    assert (made["name"], made["enabled"], made["stageKeys"]) == (name, False, [])


@recorded(CREATE + "id 10 characters [a-z0-9], value 40 characters [A-Za-z0-9]")
def test_ids_and_generated_values_have_their_form(account: Account) -> None:
    made = account.key()
    assert re.fullmatch("[a-z0-9]{10}", made["id"])
    assert re.fullmatch("[A-Za-z0-9]{40}", made["value"])


@recorded(CREATE + "everything given is echoed")
def test_what_is_given_comes_back(account: Account) -> None:
    wanted = {
        "name": account.name(),
        "value": account.value(32),
        "enabled": True,
        "description": "words",
        "customerId": account.name("customer"),
        "tags": {"a": "1"},
    }
    made = account.key(**wanted)
    assert {name: made[name] for name in wanted} == wanted


@recorded(CREATE + "value duplicate: 409")
def test_a_value_is_taken_once(account: Account) -> None:
    value = account.key()["value"]
    assert refusal_of(lambda: account.key(value=value)) == conflict("API Key already exists")


@recorded(CREATE + "name duplicate: accepted")
def test_a_name_may_be_used_twice(account: Account) -> None:
    name = account.name()
    assert account.key(name=name)["id"] != account.key(name=name)["id"]


@recorded(CREATE + 'no name and name "": the field is absent')
@pytest.mark.parametrize("name", [None, ""])
def test_a_key_may_go_without_a_name(account: Account, name: str | None) -> None:
    made = account.key(name=name)
    assert "name" not in made
    assert "name" not in account.gw.get_api_key(apiKey=made["id"])


REFUSED = {
    "name of 1025": ({"name": "n" * 1025}, "Invalid API Key name, can be at most 1024 characters."),
    "value of 19": ({"value": "v" * 19}, "API Key value should be at least 20 characters"),
    "value of 129": ({"value": "v" * 129}, "API Key value exceeds maximum size of 128 characters"),
    "long description": (
        {"description": "d" * 125_001},
        "Invalid API Key description specified.",
    ),
}


@recorded(CREATE + "limits of name, value and description")
@pytest.mark.parametrize("case", REFUSED)
def test_a_key_out_of_bounds_is_refused(account: Account, case: str) -> None:
    wanted, message = REFUSED[case]
    assert refusal_of(lambda: account.key(**wanted)) == bad_request(message)


@documented("usage plans: a value has 20 to 128 characters")
@pytest.mark.parametrize("length", [20, 128])
def test_a_value_at_its_bounds_is_accepted(account: Account, length: int) -> None:
    value = account.value(length)
    assert account.key(value=value)["value"] == value


@recorded(CREATE + 'value "": generated')
def test_an_empty_value_is_generated(account: Account) -> None:
    assert len(account.key(value="")["value"]) == 40


@recorded(CREATE + "generateDistinctId has no visible effect")
@pytest.mark.parametrize("distinct", [True, False])
def test_a_distinct_id_changes_nothing(account: Account, distinct: bool) -> None:
    value = account.value()
    made = account.key(value=value, generateDistinctId=distinct)
    assert (made["value"], made["id"] == value) == (value, False)


@recorded(CREATE + "stageKeys (legacy): shown as api/stage, no plan is made")
def test_stage_keys_are_shown_and_make_no_plan(account: Account) -> None:
    api = account.api(stage="prod")
    made = account.key(stageKeys=[{"restApiId": api.id, "stageName": "prod"}])
    assert made["stageKeys"] == [f"{api.id}/prod"]
    assert account.gw.get_usage_plans(keyId=made["id"])["items"] == []


@recorded(READ + "includeValue omitted or false: no value; true: the value")
def test_a_value_is_shown_on_demand_only(account: Account) -> None:
    made = account.key()
    read = account.gw.get_api_key
    assert "value" not in read(apiKey=made["id"])
    assert "value" not in read(apiKey=made["id"], includeValue=False)
    assert read(apiKey=made["id"], includeValue=True)["value"] == made["value"]


@recorded(READ + "includeValues true adds the value to a list")
def test_a_list_shows_values_on_demand_only(account: Account) -> None:
    made = account.key()
    [plain] = account.keys_named(made["name"])
    [full] = account.keys_named(made["name"], includeValues=True)
    assert ("value" in plain, full["value"]) == (False, made["value"])


@recorded(READ + "unknown: 404; delete and update the same")
@pytest.mark.parametrize("operation", ["get_api_key", "delete_api_key"])
def test_an_unknown_key_is_not_found(account: Account, operation: str) -> None:
    call = getattr(account.gw, operation)
    assert refusal_of(lambda: call(apiKey="nosuchkey0")) == UNKNOWN


@documented("API reference: UpdateApiKey, NotFoundException")
def test_an_unknown_key_is_not_updated(account: Account) -> None:
    refusal = refusal_of(lambda: account.patch_key({"id": "nosuchkey0"}, replace("/name", "x")))
    assert (refusal.code, refusal.status) == ("NotFoundException", 404)


@recorded(READ + "nameQuery is a prefix with case; infix, postfix and other case find nothing")
def test_a_name_is_searched_by_its_beginning(account: Account) -> None:
    stem = account.name("Stem")
    wanted = {account.key(name=f"{stem}{end}")["id"] for end in ("", "-1", "0")}
    assert {item["id"] for item in account.keys_named(stem)} == wanted
    for query in (stem[3:], stem[-6:], stem.swapcase()):
        assert account.keys_named(query) == []


@recorded(READ + "customerId is exact and is AND-ed with nameQuery")
def test_a_customer_is_searched_exactly(account: Account) -> None:
    customer = account.name("customer")
    made = account.key(customerId=customer)
    account.key(customerId=f"{customer}0")
    found = account.gw.get_api_keys
    assert [item["id"] for item in found(customerId=customer)["items"]] == [made["id"]]
    assert found(customerId=customer[:-1])["items"] == []
    assert found(customerId=customer, nameQuery=account.name())["items"] == []


@recorded(READ + "a position holds the key's value in base64: never log one")
def test_a_position_holds_a_value(account: Account) -> None:
    stem = account.name()
    values = {account.key(name=f"{stem}-{number}")["value"] for number in range(2)}
    position = account.gw.get_api_keys(nameQuery=stem, limit=1)["position"]
    padded = unquote(position) + "=" * (-len(unquote(position)) % 4)
    text = base64.b64decode(padded).decode()
    assert any(value in text for value in values)


@recorded(READ + "order: by name, when searched by name")
def test_keys_of_a_name_come_in_order(account: Account) -> None:
    stem = account.name()
    for end in ("c", "a", "b"):
        account.key(name=f"{stem}-{end}")
    assert [item["name"][-1] for item in account.keys_named(stem)] == ["a", "b", "c"]


@recorded(UPDATE + "replace /name /description /customerId")
def test_words_of_a_key_can_be_replaced(account: Account) -> None:
    key, name, customer = account.key(), account.name(), account.name("customer")
    changed = account.patch_key(
        key,
        replace("/name", name),
        replace("/description", "new"),
        replace("/customerId", customer),
    )
    assert (changed["name"], changed["description"], changed["customerId"]) == (
        name,
        "new",
        customer,
    )


@recorded(UPDATE + "value is not in the output, tags {} is")
def test_the_answer_of_an_update_has_no_value(account: Account) -> None:
    changed = account.patch_key(account.key(), replace("/description", "x"))
    assert ("value" in changed, changed["tags"]) == (False, {})


@recorded(UPDATE + "/value and /id: Invalid patch path with two spaces")
@pytest.mark.parametrize("path", ["/value", "/id"])
def test_value_and_id_cannot_be_replaced(account: Account, path: str) -> None:
    refusal = refusal_of(lambda: account.patch_key(account.key(), replace(path, "x" * 20)))
    assert refusal == bad_request(
        f"Invalid patch path  '{path}' specified for op 'replace'. Must be one of: {PATHS}"
    )


@recorded(UPDATE + "remove /description: only [/stages, /labels] can be removed")
def test_a_description_cannot_be_removed(account: Account) -> None:
    key = account.key(description="x")
    assert refusal_of(lambda: account.patch_key(key, remove("/description"))) == bad_request(
        "Invalid patch path  '/description' specified for op 'remove'. "
        "Must be one of: [/stages, /labels]"
    )


@recorded(UPDATE + '/description "" takes the field away')
def test_an_empty_description_is_none(account: Account) -> None:
    key = account.key(description="x")
    assert "description" not in account.patch_key(key, replace("/description", ""))


@recorded(UPDATE + '/customerId "" is refused')
def test_a_customer_id_cannot_be_emptied(account: Account) -> None:
    key = account.key(customerId=account.name("customer"))
    assert refusal_of(lambda: account.patch_key(key, replace("/customerId", ""))) == bad_request(
        "Customer Id cannot be an empty string"
    )


@recorded(UPDATE + '/enabled "not-a-boolean": 200, enabled false')
@pytest.mark.parametrize(
    "word",
    [
        "not-a-boolean",
        *(
            pytest.param(word, marks=believed("Java's parseBoolean: anything but true is false"))
            for word in ("1", "yes", "")
        ),
    ],
)
def test_a_typo_disables_the_key(account: Account, word: str) -> None:
    assert account.patch_key(account.key(), replace("/enabled", word))["enabled"] is False


@believed("Java's parseBoolean takes true in any case")
@pytest.mark.parametrize("word", ["TRUE", "True"])
def test_true_in_any_case_enables(account: Account, word: str) -> None:
    key = account.key(enabled=False)
    assert account.patch_key(key, replace("/enabled", word))["enabled"] is True


@documented("patch operations: UpdateApiKey knows replace /enabled only")
def test_enabled_cannot_be_added(account: Account) -> None:
    refusal = refusal_of(lambda: account.patch_key(account.key(), add("/enabled", "true")))
    assert (refusal.code, refusal.status) == ("BadRequestException", 400)


@recorded(DELETE + "an attached key goes without an error, its association at once")
def test_a_deleted_key_leaves_its_plan(account: Account) -> None:
    plan, key = account.plan(), account.key()
    account.attach(plan, key)
    account.gw.delete_api_key(apiKey=key["id"])
    assert account.plan_keys(plan) == []
    read = account.gw.get_usage_plan_key
    assert refusal_of(lambda: read(usagePlanId=plan, keyId=key["id"])) == UNKNOWN


@recorded(DELETE + "a second delete is a 404")
def test_a_key_is_deleted_once(account: Account) -> None:
    key = account.key()
    account.gw.delete_api_key(apiKey=key["id"])
    assert refusal_of(lambda: account.gw.delete_api_key(apiKey=key["id"])) == UNKNOWN


@believed("a value is free again once its key is deleted")
def test_a_value_can_be_used_again(account: Account) -> None:
    key = account.key()
    account.gw.delete_api_key(apiKey=key["id"])
    assert account.key(value=key["value"])["value"] == key["value"]
