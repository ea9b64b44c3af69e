"""CloudTrail's rules: each call of API Gateway goes where it belongs, and no key value with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator import cloudtrail
from emulator.service_model import is_write, operation_model, service_model
from keyward.events.cloudtrail import MOVES_STAGE
from keyward.values import JSON
from local.lifetime.rules import delivered
from tests import tree
from tests.rules.test_rules import ACCOUNT, resolved, takers

VALUE = "aValueThatNobodyMaySee0123456789"
API_ARN = "arn:aws:apigateway:eu-west-1::/restapis/a1b2c3d4e5"
KEYS = {
    "UpdateApiKey": "KeySwitchedRule",
    "DeleteApiKey": "KeySwitchedRule",
    "CreateUsagePlanKey": "KeyAttachedRule",
    "DeleteUsagePlanKey": "KeyDetachedRule",
    "ImportApiKeys": "KeysImportedRule",
    "TagResource": "TagEventsRule",
    "UntagResource": "TagEventsRule",
    "UpdateUsagePlan": "PlanStagesRule",
    "CreateUsagePlan": "PlansRule",
    "DeleteUsagePlan": "PlansRule",
}
# What is written below an API, and is neither part of its working copy nor moves a stage.
NO_EDITS = {"DeleteRestApi", "FlushStageCache", "FlushStageAuthorizersCache"}
NO_EDITS |= {"TestInvokeMethod", "TestInvokeAuthorizer", "UpdateDeployment", "DeleteDeployment"}
NO_EDITS |= {f"{verb}DocumentationVersion" for verb in ("Create", "Update", "Delete")}
WRITES = [name for name in service_model().operation_names if is_write(name)]


def told(operation: str, **changes: Any) -> JSON:
    """The event of a call, as CloudTrail would tell it if it redacted nothing."""
    shape = operation_model(operation).input_shape
    params: JSON = {name: f"{name}1" for name in (shape.members if shape else {})}
    known = {"restApiId": "a1b2c3d4e5", "apiKey": "k1a2b3c4d5", "keyId": "k1a2b3c4d5"}
    known |= {"resourceArn": API_ARN, "tags": {"keyward": "enforce"}, "tagKeys": ["keyward"]}
    patch = {"op": "replace", "path": "/value", "value": VALUE}
    if operation == "UpdateUsagePlan":
        patch = {"op": "add", "path": "/apiStages", "value": "a1b2c3d4e5:prod"}
    known |= {"patchOperations": [patch]}
    params = {name: known.get(name, value) for name, value in params.items()} | changes
    place = {"caller": None, "at": 0.0, "region": "eu-west-1", "account_id": ACCOUNT}
    event = cloudtrail.event_for(operation, params, {}, **place)
    record = event["detail"]
    record["responseElements"] = {"value": VALUE, "ids": ["k1a2b3c4d5", "k6a7b8c9d0"], "id": "x"}
    record["requestParameters"]["leaked"] = {"value": VALUE}
    return event


def wanted(operation: str) -> set[str]:
    """The rule that a call is for."""
    if operation in KEYS:
        return {KEYS[operation]}
    shape = operation_model(operation).input_shape
    is_of_api = shape and shape.members.get("restApiId") is not None
    where = shape.members["restApiId"].serialization.get("location") if is_of_api else None
    if where != "uri" or operation in NO_EDITS:
        return set()
    return {"DeploymentEventsRule" if operation in MOVES_STAGE else "EditEventsRule"}


@pytest.mark.parametrize("operation", WRITES)
def test_every_write_of_api_gateway_goes_to_its_rule_and_to_no_other(operation: str) -> None:
    assert takers(told(operation)) == wanted(operation)


@pytest.mark.parametrize("operation", ["UpdateStage", "UpdateModel", *KEYS])
def test_what_failed_or_is_elsewhere_matches_no_rule(operation: str) -> None:
    for change in (
        {"account": "210987654321"},
        {"region": "us-east-1"},
        {"detail": {"errorCode": "NotFoundException"}},
    ):
        event = told(operation) | change
        event["detail"] = told(operation)["detail"] | event["detail"]
        assert takers(event) == set()


@pytest.mark.parametrize("operation", ["UpdateStage", "UpdateModel", *KEYS])
def test_our_own_calls_match_no_rule_and_those_of_another_stack_do(operation: str) -> None:
    for stack, rules in (("keyward", set()), ("other", wanted(operation))):
        caller = f"keyward/{stack}/DeployApi"
        event = told(operation)
        made = cloudtrail.event_for(operation, {}, {}, caller, 0.0, "eu-west-1", ACCOUNT)
        event["detail"]["userIdentity"] = made["detail"]["userIdentity"]
        assert takers(event) == rules, stack


def cutting_rules() -> dict[str, JSON]:
    """The rules of calls whose target gets a part of the event."""
    rules = tree.deployed_resources("AWS::Events::Rule")
    return {
        name: rule["Properties"]
        for name, rule in rules.items()
        if any("InputTransformer" in target for target in rule["Properties"]["Targets"])
        and rule["Properties"]["EventPattern"]["source"] == ["aws.apigateway"]
    }


@pytest.mark.parametrize("operation", KEYS)
def test_only_ids_leave_the_bus(operation: str) -> None:
    rule = cutting_rules()[KEYS[operation]]
    (target,) = rule["Targets"]
    event = told(operation)
    text = delivered(resolved(target), event)
    assert VALUE not in text
    cut = json.loads(text)
    assert cut["id"] == event["id"]
    assert cut["detail"]["eventName"] == operation
    ids = {"k1a2b3c4d5", API_ARN, "[k1a2b3c4d5, k6a7b8c9d0]", "usagePlanId1", "[a1b2c3d4e5:prod]"}
    assert ids >= {*cut["detail"]["requestParameters"].values()}
    assert "DeadLetterConfig" not in target


def test_a_rule_asks_for_all_that_it_cuts_out() -> None:
    """EventBridge makes no variable of a path that the event does not have."""
    always = {"id", "account", "region", "detail.eventName", "detail.eventTime"}
    # A call that changes a plan says what; without it, the quotes are empty.
    always |= {"detail.requestParameters.updateUsagePlanInput.patchOperations[*].value"}
    assert len(cutting_rules()) == 7
    for name, rule in cutting_rules().items():
        for target in rule["Targets"]:
            for path in target["InputTransformer"]["InputPathsMap"].values():
                place: Any = rule["EventPattern"]
                for part in path.removeprefix("$.").split("."):
                    place = place.get(part, {})
                assert place or path.removeprefix("$.") in always, (name, path)


def test_every_rule_of_a_call_on_keys_cuts() -> None:
    rules = tree.deployed_resources("AWS::Events::Rule")
    for name, rule in rules.items():
        calls = rule["Properties"]["EventPattern"].get("detail", {}).get("eventName", [])
        if any("Key" in str(call) for call in calls):
            assert name in cutting_rules()
