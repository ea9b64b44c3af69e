"""Events come twice, late, in any order, and for ids that look like each other: one key each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from keyward.events.incoming import CUSTOMER_EVENTS
from keyward.values import JSON
from tests.stack.api_lab import protected_api
from tests.stack.stack_lab import Stack, eventually

KEY_WRITES = ["CreateApiKey", "CreateUsagePlanKey"]
MOVED = ["DeleteUsagePlanKey", "CreateUsagePlanKey"]
# What is left of the key (enabled, plans; None: deleted), all writes on it that can be told (a
# deleted key tells its making only), and what was announced after KeyIssued.
ENDS: dict[str, tuple[tuple[bool, list[str]] | None, list[str], list[str]]] = {
    "CustomerSignedUp": ((True, ["pro"]), KEY_WRITES, []),
    "CustomerPlanChanged": (
        (True, ["free"]),
        [*KEY_WRITES, *MOVED],
        ["PlanChanged"],
    ),
    "PlanAdded": ((True, ["late", "pro"]), [*KEY_WRITES, "CreateUsagePlanKey"], ["PlanChanged"]),
    "PlanRemoved": (
        (True, ["pro"]),
        [*KEY_WRITES, "CreateUsagePlanKey", "DeleteUsagePlanKey"],
        ["PlanChanged"],
    ),
    "CustomerSuspended": ((False, ["pro"]), [*KEY_WRITES, "UpdateApiKey"], ["KeySuspended"]),
    "CustomerResumed": ((True, ["pro"]), KEY_WRITES, []),
    "CustomerClosed": (None, KEY_WRITES[:1], ["KeyRevoked"]),
    # The old key is beside its successor, which the test looks at as well.
    "KeyRotationRequested": ((True, ["pro"]), KEY_WRITES * 2, ["KeyRotated"]),
    "CustomerExpiryChanged": ((True, ["pro"]), KEY_WRITES, []),
    "PaymentFailed": ((True, ["pro"]), KEY_WRITES, ["PaymentOverdue"]),
    "PaymentSucceeded": ((True, ["pro"]), KEY_WRITES, []),
    "SubscriptionChanged": ((True, ["free"]), [*KEY_WRITES, *MOVED], ["PlanChanged"]),
    "QuotaExtensionRequested": ((True, ["free"]), [*KEY_WRITES, "UpdateUsage"], ["QuotaExtended"]),
    # There is nothing to undo, and so it is not sent: that would be a dead letter.
    "UndoRequested": ((True, ["pro"]), KEY_WRITES, []),
}
# How those sign up that do not in plan pro.
BEFORE: dict[str, JSON] = {
    "QuotaExtensionRequested": {"plan": "free"},
    "PlanRemoved": {"plans": ["pro", "late"]},
}
LATER: dict[str, JSON] = {
    "CustomerPlanChanged": {"plan": "free"},
    "PlanAdded": {"plan": "late"},
    "PlanRemoved": {"plan": "late"},
    "CustomerSuspended": {"reason": "unpaid"},
    "CustomerResumed": {},
    "CustomerClosed": {},
    "CustomerExpiryChanged": {"expires_at": "2199-01-01"},
    "KeyRotationRequested": {"overlap_hours": 1},
    "PaymentFailed": {},
    "PaymentSucceeded": {},
    "QuotaExtensionRequested": {"by": 100},
    "SubscriptionChanged": {"subscription": "s-1", "state": "active", "plan": "free"},
}
ALIKE = ("ann", "ann-", "anna", "anna.b", "anna.b/1".replace("/", "_"), "ANN")


def at(minutes: float) -> str:
    """A time so many minutes from now."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat(timespec="seconds")


def twice(stack: Stack, detail_type: str, **detail: Any) -> None:
    for _ in range(2):
        stack.put_event(detail_type, **detail)


@pytest.fixture(scope="module")
def all_sent(stack: Stack) -> None:
    """Everything that these tests send, sent together, and over."""
    moment = at(0)
    # 7 s of overlap, and up to 60 s until the schedule looks: over by the end of this module.
    stack.put_event("CustomerSignedUp", customer_id="due", plan="pro", occurred_at=at(-5))
    stack.outcome("KeyIssued", customer_id="due")
    stack.put_event("KeyRotationRequested", customer_id="due", overlap_hours=0.002)
    for detail_type in CUSTOMER_EVENTS:
        customer = f"twice-{detail_type}"
        signed = {"customer_id": customer} | BEFORE.get(detail_type, {"plan": "pro"})
        twice(stack, "CustomerSignedUp", **signed, occurred_at=at(-5))
    twice(stack, "CustomerSignedUp", customer_id="twice-CustomerSignedUp", plan="pro")
    for customer in ALIKE:
        stack.put_event("CustomerSignedUp", customer_id=customer, plan="free")
    stack.put_event("CustomerPlanChanged", customer_id="late-plan", plan="free", occurred_at=at(-1))
    stack.put_event("CustomerSuspended", customer_id="late-stop", occurred_at=at(-1))
    stack.settle()
    for customer in ("late-plan", "late-stop"):
        stack.put_event("CustomerSignedUp", customer_id=customer, plan="pro", occurred_at=at(-9))
    for detail_type, detail in LATER.items():
        customer = f"twice-{detail_type}"
        twice(stack, detail_type, customer_id=customer, occurred_at=moment, **detail)
    stack.settle()


@pytest.mark.usefixtures("all_sent")
@pytest.mark.parametrize("detail_type", CUSTOMER_EVENTS)
def test_an_event_that_comes_twice_has_its_effect_once(stack: Stack, detail_type: str) -> None:
    customer = f"twice-{detail_type}"
    left, writes, announced = ENDS[detail_type]

    told = {
        key["name"]: (key["enabled"], stack.plans_of(key["id"])) for key in stack.keys_of(customer)
    }
    numbers = (1, 2) if detail_type == "KeyRotationRequested" else (1,)
    assert told == ({f"{customer}/{number}": left for number in numbers} if left else {})
    assert stack.writes_for(customer) == writes
    assert stack.event_types(customer_id=customer) == ["KeyIssued", *announced]


@pytest.mark.usefixtures("all_sent")
@pytest.mark.parametrize("customer", ALIKE)
def test_ids_that_begin_alike_have_a_key_each(stack: Stack, customer: str) -> None:
    (key,) = stack.keys_of(customer)
    (told,) = stack.outcomes("KeyIssued", customer_id=customer)

    assert key["name"] == f"{customer}/1"
    assert told["key_id"] == key["id"]
    assert stack.plans_of(key["id"]) == ["free"]


@pytest.mark.usefixtures("all_sent")
def test_a_sign_up_that_arrives_after_its_plan_change_gets_the_newer_plan(stack: Stack) -> None:
    (key,) = stack.keys_of("late-plan")

    assert stack.plans_of(key["id"]) == ["free"]
    assert stack.event_types(customer_id="late-plan") == ["KeyIssued"]


@pytest.mark.usefixtures("all_sent")
def test_a_sign_up_that_arrives_after_its_suspension_gets_no_key_until_resumed(
    stack: Stack,
) -> None:
    assert stack.keys_of("late-stop") == []
    assert stack.event_types(customer_id="late-stop") == []

    stack.put_event("CustomerResumed", customer_id="late-stop")

    stack.outcome("KeyIssued", customer_id="late-stop")
    (key,) = stack.keys_of("late-stop")
    assert stack.plans_of(key["id"]) == ["pro"]


@pytest.mark.usefixtures("all_sent")
def test_an_older_change_is_ignored_and_counted(stack: Stack) -> None:
    assert any('"OlderChangeIgnored"' in line for line in stack.aws.logs())


def test_a_record_put_twice_and_an_event_besides_make_one_key(stack: Stack) -> None:
    for _ in range(2):
        stack.put_record("thrice", plan="pro", status="active")
    stack.outcome("KeyIssued", customer_id="thrice")
    stack.put_event("CustomerSignedUp", customer_id="thrice", plan="pro")
    stack.settle()

    assert stack.writes_for("thrice") == KEY_WRITES
    assert stack.event_types(customer_id="thrice") == ["KeyIssued"]


def test_a_message_that_the_queue_delivers_twice_starts_one_run(stack: Stack) -> None:
    """SQS delivers at least once: here the very message comes again, envelope id and all."""
    api = protected_api(stack)
    stack.settle()
    theirs = [event for event in stack.trail if is_deployment(event, api.id)]
    runs, mark = len(api.arns()), stack.mark()

    envelope = json.dumps(theirs[0] | {"id": "6f0c1f1e-0000-4000-8000-000000000001"})
    for _ in range(2):
        stack.aws.client("sqs").send_message(
            QueueUrl=stack.queue("ApisQueue"), MessageBody=envelope
        )

    eventually(lambda: len(api.arns()) == runs + 1, what="the run")
    stack.settle()
    assert len(api.arns()) == runs + 1
    assert stack.calls(mark)[1] == []


def test_deployment_events_that_come_again_change_and_announce_nothing(stack: Stack) -> None:
    api = protected_api(stack)
    stack.settle()
    again = [event for event in stack.trail if api.id in json.dumps(event["detail"])]
    live, mark, told = api.deployment(), stack.mark(), stack.event_types(rest_api_id=api.id)

    for event in again + again:
        stack.deliver(event)
    stack.settle()

    assert any(is_deployment(event, api.id) for event in again)
    assert stack.calls(mark)[1] == []
    assert (api.deployment(), stack.event_types(rest_api_id=api.id)) == (live, told)


def is_deployment(event: JSON, rest_api_id: str) -> bool:
    detail = event["detail"]
    by_a_role = detail["userIdentity"]["type"] == "AssumedRole"
    asked = detail.get("requestParameters") or {}
    return (
        detail["eventName"] == "CreateDeployment"
        and asked.get("restApiId") == rest_api_id
        and not by_a_role
    )


@pytest.mark.usefixtures("all_sent")
def test_an_overlap_that_is_over_is_found_by_the_schedule(stack: Stack) -> None:
    told = stack.outcome("KeyDisabled", customer_id="due")

    off, on = sorted(stack.keys_of("due"), key=lambda key: str(key["name"]))
    assert (off["id"], off["enabled"], on["enabled"]) == (told["key_id"], False, True)
