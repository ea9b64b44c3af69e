"""docs/permissions.md says what the template grants, and who could read a key's value."""

from __future__ import annotations

import re

import pytest

from tests import tree
from tests.rules.test_docs import first_cells, text
from tools import grants, rights
from tools.grants import Right

# What answers with values: the first two with those of all keys (aws-recorded.md 1 and 2). To put
# a key into a plan answers with its value (aws-recorded.md 4).
LISTS = {("apigateway:GET", "/apikeys"), ("apigateway:GET", "/usageplans/*/keys")}
READS = {("apigateway:GET", "/apikeys/*"), ("lambda:InvokeFunction", "RevealKey")}
READS |= {("apigateway:POST", "/usageplans/*/keys"), ("apigateway:GET", "/usageplans/*/keys/*")}
# A new name here is a decision: say why on the page.
CAN_LIST = {"Audit", "AuditPart", "WriteReport"}
CAN_LIST |= {"CreateKey", "DeleteKey", "VerifyImport", "AttachStage", "PlanPolicy"}
CAN_READ = {"RevealKey", "ProbeStage", "CreateKey", "ClaimKey", "PlanCustomer", "ExplainDenial"}
CAN_READ |= {"AttachKey", "MoveKey", "ImportKeys"}


def holders(rights_of: set[tuple[str, str]]) -> set[str]:
    return {right.function for right in grants.granted() if right[1:3] in rights_of}


def test_the_table_of_the_page_is_what_the_template_grants() -> None:
    page = text("docs/permissions.md")
    assert page == grants.page(page, grants.granted()), "run make permissions"


def test_values_can_be_listed_and_read_by_the_roles_that_the_page_names() -> None:
    assert holders(LISTS) == CAN_LIST
    assert holders(READS) == CAN_READ
    named = set(first_cells("docs/permissions.md", "role"))
    assert named == CAN_LIST | CAN_READ


def test_every_right_has_a_test_that_uses_it_or_a_reason() -> None:
    rights_now, proven = grants.granted(), rights.all_of(rights.known())
    assert grants.unproven(rights_now, proven) == set(), "python -m tools.rights --whole"
    # A right that is gone needs no proof.
    assert {right for right in proven if not grants.is_granted(right, rights_now)} == set()


@pytest.mark.parametrize("test", rights.known())
def test_the_test_that_proves_a_right_is_there(test: str) -> None:
    file, name = re.split(r"::|\[", test)[:2]
    assert f"def {name}(" in text(file), "python -m tools.rights --whole"


def test_few_tests_prove_all_and_each_proves_something() -> None:
    first, second, third = (Right("CreateKey", verb, "KeysTable") for verb in ("a", "b", "c"))
    heard = {"one": {first}, "two": {second, third}, "three": {first, third}}
    assert rights.choose({first, second, third}, heard)


def test_the_figures_stay_below_the_table_until_there_are_new_ones() -> None:
    rights_of = {Right("CreateKey", "dynamodb:GetItem", "KeysTable")}
    first = grants.page(f"Read.\n\n{grants.BEGIN}\n\n{grants.END}\n", rights_of)
    told = grants.page(first, rights_of, "12 rights.")
    assert told == first.replace(grants.END, f"12 rights.\n\n{grants.END}")
    assert grants.page(told, rights_of) == told
    assert grants.page(told, rights_of, "13 rights.") == told.replace("12", "13")


def test_the_whole_suite_is_heard_in_groups_each_test_once() -> None:
    files = [
        str(file.relative_to(tree.ROOT))
        for tests in rights.groups().values()
        for name in tests
        for file in ([tree.ROOT / name] if name.endswith(".py") else (tree.ROOT / name).rglob("*"))
        if file.name.startswith("test_") and file.suffix == ".py"
    ]
    # These call no function of the product in this process.
    others = ("aws", "engines", "lint", "live_check", "prove", "rules", "stack")
    rooms = (room for room in (tree.ROOT / "tests").iterdir() if room.name not in others)
    wanted = [str(f.relative_to(tree.ROOT)) for room in rooms for f in room.rglob("test_*.py")]
    assert sorted(files) == sorted(wanted)


def test_a_group_is_heard_again_when_its_own_tests_or_the_product_change() -> None:
    product = rights.files_of_product()
    apis, audit = (rights.digest(product, rights.groups()[name]) for name in ("apis", "audit"))
    assert apis != audit
    assert rights.digest(product[1:], rights.groups()["apis"]) != apis
    assert "tests/support.py" in product
    assert [name for name in product if "/test_" in name] == []


def test_an_index_is_read_only_as_dynamodb_has_it() -> None:
    on_indexes = {right for right in grants.granted() if "/index/" in right.on}
    assert {right.action for right in on_indexes} <= {"dynamodb:Query", "dynamodb:Scan"}


def test_a_right_that_nothing_uses_and_a_call_without_a_right_are_found() -> None:
    used = Right("CreateKey", "dynamodb:GetItem", "KeysTable")
    spare = Right("CreateKey", "dynamodb:Scan", "KeysTable")
    wild = Right("RequireKey", "apigateway:PATCH", "/restapis/*/methods/*")
    polled = Right("StartDueWork", "sqs:ReceiveMessage", "RunsQueue")
    calls = {used, Right("RequireKey", "apigateway:PATCH", "/restapis/*/methods/GET")}
    assert grants.unproven({used, spare, wild, polled}, calls) == {spare}
    assert grants.refused({used, wild}, calls) == set()
    assert grants.refused({used}, calls) == calls - {used}


def test_a_lab_may_name_queues_as_it_likes() -> None:
    right = Right("RecordCustomer", "sqs:SendMessage", "CustomersDlq")
    assert grants.is_called(right, grants.called(["RecordCustomer sqs:SendMessage "]))
    assert not grants.is_called(right, grants.called(["RecordCustomer sqs:SendMessage ApisDlq"]))
