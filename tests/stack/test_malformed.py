"""What is malformed ends in a dead-letter queue with the reason, and never harms the next event."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keyward.values import JSON
from tests.stack.api_lab import Api
from tests.stack.stack_lab import Stack, eventually

# by name: detail-type, detail, the field that the reason names
CUSTOMERS: dict[str, tuple[str, Any, str]] = {
    "no-customer": ("CustomerSignedUp", {"plan": "pro"}, "detail.customer_id"),
    "number-for-customer": (
        "CustomerSignedUp",
        {"customer_id": 12345, "plan": "pro"},
        "detail.customer_id",
    ),
    "long-customer": ("CustomerClosed", {"customer_id": "a" * 129}, "detail.customer_id"),
    "slash-in-customer": ("CustomerClosed", {"customer_id": "acme/1"}, "detail.customer_id"),
    "bad-no-plan": ("CustomerSignedUp", {"customer_id": "bad-no-plan"}, "detail.plan"),
    "bad-plan": ("CustomerSignedUp", {"customer_id": "bad-plan", "plan": ["pro"]}, "detail.plan"),
    "bad-blank": ("CustomerPlanChanged", {"customer_id": "bad-blank", "plan": " "}, "detail.plan"),
    "bad-how": (
        "CustomerPlanChanged",
        {"customer_id": "bad-how", "plan": "pro", "key": "sideways"},
        "detail.key",
    ),
    "bad-tags": (
        "CustomerSignedUp",
        {"customer_id": "bad-tags", "plan": "pro", "tags": "a"},
        "detail.tags",
    ),
    "bad-name": (
        "CustomerSignedUp",
        {"customer_id": "bad-name", "plan": "pro", "name": 7},
        "detail.name",
    ),
    "bad-reason": (
        "CustomerSuspended",
        {"customer_id": "bad-reason", "reason": {"why": 1}},
        "detail.reason",
    ),
    "bad-hours": (
        "KeyRotationRequested",
        {"customer_id": "bad-hours", "overlap_hours": -1},
        "detail.overlap_hours",
    ),
    "bad-time": (
        "CustomerClosed",
        {"customer_id": "bad-time", "occurred_at": "yesterday"},
        "detail.occurred_at",
    ),
    "bad-future": (
        "CustomerClosed",
        {"customer_id": "bad-future", "occurred_at": "2999-01-01T00:00:00Z"},
        "detail.occurred_at",
    ),
}
DECISIONS: dict[str, tuple[str, Any, str]] = {
    "no-api": ("DeploymentApproved", {"stage": "prod"}, "detail.rest_api_id"),
    "no-stage": ("DeploymentRejected", {"rest_api_id": "abcdefghij"}, "detail.stage"),
    "no-mark": (
        "DeploymentApproved",
        {"rest_api_id": "abcdefghij", "stage": "prod", "fingerprint": "all"},
        "detail.fingerprint",
    ),
}
# by name: the queue, the body of the message, the field that the reason names
MESSAGES: dict[str, tuple[str, str, str]] = {
    "no-json": ("Customers", "not JSON: no-json", "body"),
    "no-object": ("Customers", '["no-object"]', "body"),
    "no-detail": ("Customers", '{"detail-type": "CustomerClosed", "case": "no-detail"}', "detail"),
    "unknown-type": (
        "Customers",
        '{"detail-type": "CustomerSignedUpp", "detail": {"case": "unknown-type"}}',
        "detail-type",
    ),
    "api-no-json": ("Apis", "not JSON: api-no-json", "body"),
    "api-unknown": (
        "Apis",
        '{"detail-type": "DeploymentPraised", "detail": {"case": "api-unknown"}}',
        "detail-type",
    ),
}


@pytest.fixture(scope="module")
def all_sent(stack: Stack, shop: Api) -> None:
    """All of them, with a good event after them, and all over."""
    texts = [json.dumps(event) for event in stack.trail]
    deployed = next(text for text in texts if shop.id in text and '"CreateDeployment"' in text)
    malformed = json.loads(deployed.replace(shop.id, "Not an id"))
    malformed["detail"]["userIdentity"] = {"type": "IAMUser", "sessionContext": {}}
    for name, (detail_type, detail, _) in {**CUSTOMERS, **DECISIONS}.items():
        stack.put_event(detail_type, **detail, case=name)
    for queue, body, _ in MESSAGES.values():
        url = stack.queue(f"{queue}Queue")
        stack.aws.client("sqs").send_message(QueueUrl=url, MessageBody=body)
    stack.deliver(malformed)
    stack.put_event("CustomerSignedUp", customer_id="unharmed", plan="pro")
    stack.settle()


def reasons(stack: Stack, queue: str, mark: str) -> list[str]:
    """The reasons of the dead letters that have this text in their bodies. On a machine that is
    busy a queue delivers a message twice, and then there are two letters of it."""
    letters = [letter for letter in stack.dead_letters(queue) if mark in letter["Body"]]
    return sorted({letter["MessageAttributes"]["reason"]["StringValue"] for letter in letters})


@pytest.mark.usefixtures("all_sent")
@pytest.mark.parametrize("name", CUSTOMERS)
def test_a_malformed_customer_event_is_a_dead_letter_with_its_reason(
    stack: Stack, name: str
) -> None:
    (reason,) = reasons(stack, "CustomersDlq", f'"case": "{name}"')

    assert reason.startswith(f"{CUSTOMERS[name][2]}: ")


NAMED = [name for name in CUSTOMERS if name.startswith("bad-")]


@pytest.mark.usefixtures("all_sent")
@pytest.mark.parametrize("name", NAMED)
def test_a_customer_that_can_be_named_is_told_of_and_nothing_is_half_made(
    stack: Stack, name: str
) -> None:
    (told,) = stack.outcomes(customer_id=name)

    assert stack.event_types(customer_id=name) == ["CustomerFailed"]
    assert [told["reason"]] == reasons(stack, "CustomersDlq", f'"case": "{name}"')
    assert stack.keys_of(name) == []
    assert stack.run_arns(name) == []
    assert name not in json.dumps(stack.tables())


@pytest.mark.usefixtures("all_sent")
@pytest.mark.parametrize("name", DECISIONS)
def test_a_malformed_decision_is_a_dead_letter_with_its_reason(stack: Stack, name: str) -> None:
    (reason,) = reasons(stack, "ApisDlq", f'"case": "{name}"')

    assert reason.startswith(f"{DECISIONS[name][2]}: ")


@pytest.mark.usefixtures("all_sent")
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_that_is_no_event_is_a_dead_letter_with_its_reason(
    stack: Stack, name: str
) -> None:
    queue, _, field = MESSAGES[name]

    (reason,) = reasons(stack, f"{queue}Dlq", name)

    assert reason.startswith(f"{field}: ")


@pytest.mark.usefixtures("all_sent")
def test_a_deployment_event_without_a_usable_api_is_a_dead_letter(stack: Stack) -> None:
    (reason,) = reasons(stack, "ApisDlq", "Not an id")

    assert reason.startswith("detail.requestParameters.restApiId: ")


@pytest.mark.usefixtures("all_sent")
def test_the_next_event_is_unharmed(stack: Stack) -> None:
    eventually(lambda: stack.outcomes("KeyIssued", customer_id="unharmed"))
    assert len(stack.keys_of("unharmed")) == 1


BAD_RECORDS: dict[str, JSON] = {
    "rec-no-plan": {"status": "active"},
    "rec-no-status": {"plan": "pro"},
    "rec-bad-status": {"plan": "pro", "status": "asleep"},
}


@pytest.fixture(scope="module")
def records_put(stack: Stack) -> None:
    for name, attributes in BAD_RECORDS.items():
        stack.put_record(name, **attributes)


@pytest.mark.usefixtures("records_put")
@pytest.mark.parametrize("name", BAD_RECORDS)
def test_a_record_that_cannot_be_right_is_answered_and_mended_by_the_next(
    stack: Stack, name: str
) -> None:
    told = stack.outcome("CustomerFailed", customer_id=name)
    assert told["error"] == "InvalidRecordError"
    assert ("plan" if name == "rec-no-plan" else "status") in told["reason"]
    assert stack.keys_of(name) == []

    stack.put_record(name, plan="pro", status="active")

    stack.outcome("KeyIssued", customer_id=name)
