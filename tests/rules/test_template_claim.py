"""The one-time claim in the template: off by default, and able to do little."""

from __future__ import annotations

import json

from keyward.customers.claim import RESERVED_SECONDS
from tests import tree
from tests.rules.test_template import functions
from tests.rules.test_template_rights import as_list, role_of, roles, statements

CONDITION = "WithClaimPage"


def rights_of(function: str) -> set[tuple[str, str]]:
    """What a function may: action and resource."""
    return {
        (action, json.dumps(resource["Fn::GetAtt"][0]).strip('"'))
        for statement in statements(roles()[role_of(functions()[function])])
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if not action.startswith("logs:")
    }


def test_a_new_stack_has_no_claim_page() -> None:
    assert tree.template()["Parameters"]["ClaimPage"]["Default"] == "off"
    parts = {
        name: part
        for name, part in tree.deployed()["Resources"].items()
        if name.startswith(("Claim", "CreateClaim"))
    }
    assert len(parts) > 6
    assert {name for name, part in parts.items() if part.get("Condition") != CONDITION} == set()
    outputs = tree.template()["Outputs"]
    assert {name for name, about in outputs.items() if about.get("Condition") == CONDITION} == {
        "CreateClaimFunctionName",
        "ClaimUrl",
    }


def test_one_function_is_public_by_both_rights_that_its_url_needs() -> None:
    permissions = tree.deployed_resources("AWS::Lambda::Permission").values()
    public = [one["Properties"] for one in permissions if one["Properties"]["Principal"] == "*"]
    assert {one["FunctionName"]["Ref"] for one in public} == {"ClaimKey"}
    assert {one["Action"]: one.get("FunctionUrlAuthType") for one in public} == {
        "lambda:InvokeFunctionUrl": "NONE",
        "lambda:InvokeFunction": None,
    }
    # Nobody invokes it past its URL.
    [direct] = [one for one in public if one["Action"] == "lambda:InvokeFunction"]
    assert direct["InvokedViaFunctionUrl"] is True


def test_what_is_public_reads_keys_through_one_function_and_writes_claims_only() -> None:
    assert rights_of("ClaimKey") == {
        ("dynamodb:GetItem", "ClaimsTable"),
        ("dynamodb:UpdateItem", "ClaimsTable"),
        ("dynamodb:PutItem", "LedgerTable"),
        ("events:PutEvents", "EventBus"),
        ("lambda:InvokeFunction", "RevealKey"),
    }


def test_a_claim_is_reserved_for_longer_than_its_reader_lives() -> None:
    assert functions()["ClaimKey"]["Properties"]["Timeout"] < RESERVED_SECONDS


def test_the_table_forgets_claims() -> None:
    table = tree.deployed_resources("AWS::DynamoDB::Table")["ClaimsTable"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
