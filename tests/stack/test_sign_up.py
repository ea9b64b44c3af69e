"""A customer's sign-up becomes a working key, whichever way it is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from keyward.events.key_value import is_value
from keyward.values import JSON
from tests.stack.api_lab import Api, new_api
from tests.stack.stack_lab import Stack, eventually
from tests.stack.trail import kept_back
from tests.support import load_event


def test_a_sign_up_becomes_a_key_in_its_plan_and_is_announced(stack: Stack) -> None:
    stack.put_event("CustomerSignedUp", customer_id="ada", plan="free", name="Ada", tags={"a": "b"})

    told = stack.outcome("KeyIssued", customer_id="ada")

    (key,) = stack.keys_of("ada")
    assert (key["name"], key["enabled"], key["tags"]) == ("ada/1", True, {"name": "Ada", "a": "b"})
    assert stack.plans_of(key["id"]) == ["free"]
    assert told["key_id"] == key["id"]
    assert told["plan"] == "free"
    assert [action["action"] for action in told["actions"]] == ["create_key", "attach_key"]
    assert datetime.fromisoformat(told["effective_by"]) <= datetime.now(UTC)
    (arn,) = stack.run_arns("ada")
    assert told["execution_arn"] == arn
    assert stack.ended(arn)["status"] == "SUCCEEDED"


def test_a_subscription_of_stripe_is_a_sign_up(stack: Stack) -> None:
    event = load_event("stripe-subscription-created")
    event["detail"]["created"] = int(datetime.now(UTC).timestamp())
    event["detail"]["data"]["object"]["metadata"]["customer_id"] = "dorothy"
    stack.put_event(event["detail-type"], **event["detail"])

    told = stack.outcome("KeyIssued", customer_id="dorothy")

    assert stack.plans_of(told["key_id"]) == ["pro"]


def test_the_key_works_on_the_data_plane_and_only_reveal_key_tells_it(
    stack: Stack, shop: Api
) -> None:
    value = stack.issued("grace")

    assert is_value(value)
    assert shop.ask("GET /pets") == 403
    assert shop.ask("GET /pets", value) == 200
    assert shop.ask("GET /pets", value[:-1] + ("0" if value[-1] != "0" else "1")) == 403


def test_reveal_key_leaves_a_line_in_the_log_and_a_metric(stack: Stack) -> None:
    value = stack.issued("hedy")

    def lines() -> list[JSON]:
        # On a busy machine MiniStack finds a line with the next call of the same worker only.
        assert stack.value_of("hedy") == value
        told = [json.loads(line) for line in stack.aws.logs() if "hedy" in line and "{" in line[:1]]
        return [line for line in told if line.get("message") == "key revealed"]

    line = eventually(lines, what="the line of the log")[0]
    (key,) = stack.keys_of("hedy")
    assert (line["customer_id"], line["key_ids"]) == ("hedy", [key["id"]])
    assert any('"KeyRevealed"' in line for line in stack.aws.logs())
    assert not any(value in line for line in stack.aws.logs())


def test_a_customer_without_a_key_cannot_be_revealed(stack: Stack) -> None:
    answer = stack.invoke("RevealKeyFunctionName", {"customer_id": "nobody-at-all"})

    assert answer["errorType"] == "CustomerNotFoundError"
    assert "nobody-at-all" in answer["errorMessage"]


def test_a_record_put_straight_into_the_table_does_the_same(stack: Stack, shop: Api) -> None:
    stack.put_record("radia", plan="pro", status="active")

    told = stack.outcome("KeyIssued", customer_id="radia")

    (key,) = stack.keys_of("radia")
    assert (told["key_id"], stack.plans_of(key["id"])) == (key["id"], ["pro"])
    assert shop.ask("GET /pets", stack.value_of("radia")) == 200


def test_a_customer_brings_a_value_by_reference_to_a_secret(stack: Stack, shop: Api) -> None:
    value = "broughtByTheCustomer0123456789"
    stack.aws.client("secretsmanager").create_secret(Name="keyward/sophie", SecretString=value)

    stack.put_record("sophie", plan="pro", status="active", key_value_secret="keyward/sophie")

    stack.outcome("KeyIssued", customer_id="sophie")
    assert stack.value_of("sophie") == value
    assert shop.ask("GET /pets", value) == 200


def test_a_console_run_makes_what_is_missing_after_a_dry_run_told_it(stack: Stack) -> None:
    stack.issued("joan")
    lost(stack, "joan")
    stack.settle()
    before, mark = stack.tables(), stack.mark()

    dry = stack.run("ReconcileCustomerArn", {"customer_id": "joan", "dry_run": True})

    assert dry["output"] == {
        "dry_run": True,
        "customer_id": "joan",
        "actions": [
            {"action": "create_key", "key": "joan/1", "number": 1},
            {"action": "attach_key", "key": "joan/1", "number": 1, "plan": "pro"},
        ],
    }
    assert stack.tables() == before
    assert stack.calls(mark, "joan")[1] == []

    run = stack.run("ReconcileCustomerArn", {"customer_id": "joan"})

    done = [action | {"asked": {"by": "console"}} for action in dry["output"]["actions"]]
    assert (run["status"], run["output"]["actions"]) == ("SUCCEEDED", done)
    (key,) = stack.keys_of("joan")
    assert stack.plans_of(key["id"]) == ["pro"]
    eventually(lambda: len(stack.outcomes("KeyIssued", customer_id="joan")) == 2)


def lost(stack: Stack, customer_id: str) -> None:
    """Somebody deletes the customer's key by hand, and its record, which CloudTrail does not tell;
    once all runs of the customer are over, of which one would make it anew."""
    stack.settle()
    (key,) = stack.keys_of(customer_id)
    with kept_back(stack):
        stack.gateway.delete_api_key(apiKey=key["id"])
    stack.aws.client("dynamodb").delete_item(
        TableName=stack.aws.outputs["KeysTableName"],
        Key={"customer_id": {"S": customer_id}, "record": {"S": "key#1"}},
    )


def test_a_dry_run_of_an_api_tells_what_enforce_would_do_and_changes_nothing(
    stack: Stack, shop: Api
) -> None:
    api = new_api(stack, mode="observe")
    api.deploy()
    api.await_told("ApiExposed")
    stack.settle()
    before, mark = stack.tables(), stack.mark()

    dry = stack.run("ProtectApiArn", {"rest_api_id": api.id, "dry_run": True})

    assert set(dry["output"]) == {"dry_run", "rest_api_id", "actions"}
    assert (dry["output"]["dry_run"], dry["output"]["rest_api_id"]) == (True, api.id)
    told = [{**action, "fingerprint": None} for action in dry["output"]["actions"]]
    assert told == [
        {"action": "attach_stage", "stage": "prod", "plan": "free", "fingerprint": None},
        {"action": "attach_stage", "stage": "prod", "plan": "pro", "fingerprint": None},
        {"action": "require_key", "method": "GET", "path": "/pets", "fingerprint": None},
        {"action": "deploy_api", "stage": "prod", "fingerprint": None},
    ]
    assert stack.tables() == before
    assert stack.calls(mark)[1] == []
    assert api.ask("GET /pets") == 200


def test_a_console_run_protects_an_api_that_was_tagged_later(stack: Stack) -> None:
    api = new_api(stack, mode="off")
    api.deploy()
    api.executions_ended(1)
    stack.settle()
    with kept_back(stack):
        api.tag("enforce")

    run = stack.run("ProtectApiArn", {"rest_api_id": api.id})

    assert (run["status"], run["output"]) == (
        "SUCCEEDED",
        {"rest_api_id": api.id, "stages": [{"stage": "prod", "outcome": "protected"}]},
    )
    assert api.ask("GET /pets") == 403
    api.await_told("ApiProtected")


BAD_INPUT: dict[str, tuple[str, Any, str]] = {
    "no customer": ("ReconcileCustomerArn", {}, "customer_id"),
    "a number for a customer": ("ReconcileCustomerArn", {"customer_id": 7}, "customer_id"),
    "a customer id too long": ("ReconcileCustomerArn", {"customer_id": "a" * 129}, "customer_id"),
    "a customer id with a blank": ("ReconcileCustomerArn", {"customer_id": "a b c"}, "customer_id"),
    "a customer that is not there": (
        "ReconcileCustomerArn",
        {"customer_id": "not-there"},
        "customer_id",
    ),
    "a dry run that is a word": (
        "ReconcileCustomerArn",
        {"customer_id": "acme", "dry_run": "yes"},
        "dry_run",
    ),
    "a misspelt dry run": (
        "ReconcileCustomerArn",
        {"customer_id": "acme", "dryrun": True},
        "dryrun",
    ),
    "a text for a customer": ("ReconcileCustomerArn", "acme", "customer_id"),
    "a list of customers": ("ReconcileCustomerArn", [{"customer_id": "acme"}], "customer_id"),
    "a text for an API": ("ProtectApiArn", "abcde", "rest_api_id"),
    "no API": ("ProtectApiArn", {}, "rest_api_id"),
    "the name of an API": ("ProtectApiArn", {"rest_api_id": "My API"}, "rest_api_id"),
    "a number for a stage": ("ProtectApiArn", {"rest_api_id": "abcde", "stage": 5}, "stage"),
    "an approval that is no fingerprint": (
        "ProtectApiArn",
        {"rest_api_id": "abcde", "approve": "yes"},
        "approve",
    ),
    "a field that there is not": (
        "ProtectApiArn",
        {"rest_api_id": "abcde", "stge": "prod"},
        "stge",
    ),
}


@pytest.fixture(scope="module")
def refused(stack: Stack) -> dict[str, str]:
    """All of them, started together."""
    return {name: stack.start(machine, task) for name, (machine, task, _) in BAD_INPUT.items()}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_refused_at_once_and_the_message_names_the_field(
    stack: Stack, refused: dict[str, str], name: str
) -> None:
    run = stack.ended(refused[name])

    assert run["status"] == "SUCCEEDED"
    answer = run["output"]["refused"]
    assert f"{BAD_INPUT[name][2]}: " in answer["reason"]
    assert {"error", "reason", "remedy"} <= set(answer)
    entered = stack.aws.execution(refused[name]).states
    assert entered[1] in ("Plan customer", "Plan protection")
    assert entered[2] == "Report failure"
    tries = [task for task in stack.aws.execution(refused[name]).tasks if "error" in task]
    assert len(tries) == 1
