"""ImportApiKeys."""

from __future__ import annotations

import pytest

from emulator.model import JSON
from emulator.tests.conformance.account import Account
from emulator.tests.conformance.answers import bad_request, refusal_of, replace
from emulator.tests.conformance.tags import documented, recorded

IMPORT = "2 ImportApiKeys: "
GUIDE = "developer guide, API key file format: "
SHORT = "Skipped invalid record: 2. API Key value should be at least 20 characters"


def read(account: Account, made: JSON, number: int = 0) -> JSON:
    """A key of an import."""
    found: JSON = account.gw.get_api_key(apiKey=made["ids"][number], includeValue=True)
    return found


@recorded(IMPORT + "ids and warnings; enabled is true by default")
def test_an_imported_key_is_enabled(account: Account) -> None:
    name, value = account.name(), account.value()
    made = account.import_csv(f"Name,Key\n{name},{value}\n")
    key = read(account, made)
    assert made["warnings"] == []
    assert (key["name"], key["value"], key["enabled"]) == (name, value, True)


@recorded(IMPORT + "header names have no case, columns any order, unknown ones are passed over")
def test_columns_are_found_by_name(account: Account) -> None:
    name, value = account.name(), account.value()
    made = account.import_csv(f"color,kEy,NaMe\nred,{value},{name}\n")
    assert made["warnings"] == []
    assert (read(account, made)["name"], read(account, made)["value"]) == (name, value)


@documented(GUIDE + "Description and Enabled")
def test_description_and_enabled_are_taken(account: Account) -> None:
    made = account.import_csv(
        f"Name,Key,Description,Enabled\n{account.name()},{account.value()},words,FALSE\n"
    )
    key = read(account, made)
    assert (key["description"], key["enabled"]) == ("words", False)


@documented(GUIDE + "UsagePlanIds, several in a pair of double or single quotes")
@pytest.mark.parametrize("quote", ['"', "'"], ids=["double", "single"])
@pytest.mark.parametrize("last", ["", ",Enabled"], ids=["last", "between"])
def test_keys_come_into_their_plans(account: Account, quote: str, last: str) -> None:
    plans = [account.plan(), account.plan()]
    row = f"{account.name()},{account.value()},{quote}{','.join(plans)}{quote}"
    made = account.import_csv(f"Name,Key,UsagePlanIds{last}\n{row}{last and ',true'}\n")
    assert [account.plan_keys(plan) for plan in plans] == [made["ids"], made["ids"]]


@recorded(IMPORT + "unknown UsagePlanIds: silent")
def test_an_unknown_plan_is_passed_over(account: Account) -> None:
    made = account.import_csv(f"Name,Key,UsagePlanIds\n{account.name()},{account.value()},nosuch\n")
    assert made["warnings"] == []
    assert account.gw.get_usage_plans(keyId=made["ids"][0])["items"] == []


@recorded(IMPORT + "an existing value: same id, new name, description wiped, plans stay")
def test_a_known_value_is_overwritten(account: Account) -> None:
    plan = account.plan()
    key = account.key(description="old")
    account.attach(plan, key)
    name = account.name()
    made = account.import_csv(f"Name,Key\n{name},{key['value']}\n")
    now = read(account, made)
    assert made["ids"] == [key["id"]]
    assert (now["name"], "description" in now) == (name, False)
    assert account.plan_keys(plan) == [key["id"]]


@recorded(IMPORT + "re-import: enabled from the file: a suspended key comes back")
def test_a_suspended_key_comes_back_to_life(account: Account) -> None:
    key = account.key()
    account.patch_key(key, replace("/enabled", "false"))
    made = account.import_csv(f"Name,Key\n{key['name']},{key['value']}\n")
    assert read(account, made)["enabled"] is True


@recorded(IMPORT + "bad row, failOnWarnings=false: good rows are kept; rows count from 1")
def test_good_rows_are_kept(account: Account) -> None:
    text = f"Name,Key\n{account.name()},{account.value()}\n{account.name()},short\n"
    made = account.import_csv(text, fail=False)
    assert (len(made["ids"]), made["warnings"]) == (1, [SHORT])


@recorded(IMPORT + "failOnWarnings=true: 400, and the good rows are created all the same")
def test_failing_on_warnings_rolls_nothing_back(account: Account) -> None:
    name = account.name()
    text = f"Name,Key\n{name}-1,{account.value()}\n{name}-2,short\n{name}-3,{account.value()}\n"
    refusal = refusal_of(lambda: account.import_csv(text))
    assert refusal == bad_request(f"Warnings found during import:\n\t{SHORT}")
    assert [item["name"] for item in account.keys_named(name)] == [f"{name}-1", f"{name}-3"]


@recorded(IMPORT + "no Key column: 400 with a space at the end, nothing is created")
def test_a_file_without_a_key_column_is_refused(account: Account) -> None:
    name = account.name()
    refusal = refusal_of(lambda: account.import_csv(f"Name\n{name}\n"))
    assert refusal == bad_request("Missing required column 'Key' ")
    assert account.keys_named(name) == []


@documented("api-gateway.md 3: mode=import&format=csv; csv is the only format")
def test_no_other_format_is_taken(account: Account) -> None:
    body = f"Name,Key\n{account.name()},{account.value()}\n".encode()
    refusal = refusal_of(lambda: account.gw.import_api_keys(body=body, format="xml"))
    assert refusal.status == 400


@documented(GUIDE + "one file may hold many keys")
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_file_of_many_rows_makes_as_many_keys(account: Account, ending: str) -> None:
    name = account.name()
    rows = [f"{name}-{number},{account.value()}" for number in range(5)]
    made = account.import_csv(ending.join(["Name,Key", *rows]))
    assert len(set(made["ids"])) == 5
    assert [item["name"] for item in account.keys_named(name)] == [f"{name}-{n}" for n in range(5)]
