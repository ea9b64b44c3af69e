"""A key's value is nowhere but on API Gateway. Last but one of the folder: all stories are over."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request

import pytest

from keyward.events.key_value import new_value
from keyward.values import JSON
from tests.stack.api_lab import new_api
from tests.stack.stack_lab import Stack, eventually

# Of one-time links.
TOKENS: list[str] = []
BROUGHT = "broughtAndThenTakenAgain0123456789"
# What every story leaves something in.
KINDS = {"execution", "history", "log", "table", "stream", "queue", "parameter", "object", "event"}


def disguises(value: str) -> list[str]:
    """The value, and what it looks like inside of a longer text in base64, at each alignment."""
    found = [value]
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + value.encode()).decode()
        # the first and the last characters depend on what stands before and after
        found.append(encoded[4 if shift else 0 : len(value) * 4 // 3 - 4])
    return found


def positions(stack: Stack) -> list[str]:
    """The page positions that GetApiKeys hands out."""
    pages = stack.gateway.get_paginator("get_api_keys").paginate(PaginationConfig={"PageSize": 1})
    return [page["position"] for page in pages if page.get("position")]


def searched(stack: Stack) -> list[tuple[str, str]]:
    """All places where text may rest, the ledger of calls included."""
    ledger = [("ledger", json.dumps(call)) for call in stack.aws.calls()]
    return [*stack.aws.sinks(), *ledger]


def places_of(needles: list[str], texts: list[tuple[str, str]]) -> set[str]:
    """Where any of the needles is."""
    return {place for place, text in texts for needle in needles if needle in text}


@pytest.fixture(scope="module")
def story(stack: Stack) -> None:
    """Everything in which a value passes through Keyward's hands, good and bad: a key that is made
    and found again after a fault, too."""
    mark = stack.fault("CreateApiKey", "timeout_after", about="found-again/")
    stack.put_event("CustomerSignedUp", customer_id="found-again", plan="pro")
    stack.struck("CreateApiKey", mark, "found-again/")
    secrets = stack.aws.client("secretsmanager")
    secrets.create_secret(Name="keyward/brought", SecretString=BROUGHT)
    secrets.create_secret(Name="keyward/too-short", SecretString="only19characters000")
    stack.put_record("brings", plan="pro", status="active", key_value_secret="keyward/brought")
    stack.outcome("KeyIssued", customer_id="brings")
    stack.put_record("takes", plan="free", status="active", key_value_secret="keyward/brought")
    stack.put_record("short", plan="free", status="active", key_value_secret="keyward/too-short")
    stack.value_of("brings")
    for customer in ("takes", "short"):
        stack.outcome("CustomerFailed", customer_id=customer)
    stack.put_event("CustomerSignedUp", customer_id="brings", plan=["malformed"])
    keys_in_two_plans(stack)
    stack.invoke("AuditFunctionName", {"repair": True})
    stack.outcome("KeyIssued", customer_id="found-again")
    claimed(stack, "found-again")
    stack.settle()


def claimed(stack: Stack, customer_id: str) -> None:
    """A one-time link, used by its page as a browser does, and clicked on once more."""
    link = stack.invoke("CreateClaimFunctionName", {"customer_id": customer_id})["url"]
    url, _, token = link.partition("#")
    TOKENS.append(token)
    assert b"<title>" in ask(url)[1]
    status, body = ask(url, {"token": token})
    assert (status, json.loads(body)["value"]) == (200, stack.value_of(customer_id))
    assert ask(url, {"token": token})[0] == 410
    stack.outcome("KeyClaimed", customer_id=customer_id)


def ask(url: str, body: JSON | None = None) -> tuple[int, bytes]:
    """What the page's address answers, with a body to a POST."""
    about = {"data": json.dumps(body).encode()} if body else {}
    headers = {"content-type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, **about)) as told:
            return told.status, told.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def keys_in_two_plans(stack: Stack) -> None:
    """A conflict, for which Keyward reads the keys of plans, values and all."""
    api = new_api(stack, mode="off")
    api.deploy()
    (key,) = stack.keys_of("brings")
    other = stack.gateway.create_usage_plan(
        name="by hand", apiStages=[{"apiId": api.id, "stage": "prod"}]
    )
    stack.gateway.create_usage_plan_key(usagePlanId=other["id"], keyId=key["id"], keyType="API_KEY")
    api.tag("enforce")
    api.deploy()
    (told,) = api.await_told("ApiHeld")
    assert told["key_ids"] == [key["id"]]


@pytest.mark.usefixtures("story")
def test_what_failed_because_of_a_value_is_told_without_it(stack: Stack) -> None:
    """Once by its record and once more by the audit, which tries again."""
    for customer, words in (
        ("takes", "must not be the value of another key"),
        ("short", "20 to 128"),
    ):
        told = stack.outcomes("CustomerFailed", customer_id=customer)
        assert [words in detail["reason"] for detail in told] == [True] * len(told)
        assert told
    assert stack.keys_of("takes") == stack.keys_of("short") == []


@pytest.mark.usefixtures("story")
def test_no_value_and_no_page_position_is_anywhere_else(stack: Stack) -> None:
    keys = list(
        stack.aws.pages("apigateway", "get_api_keys", "items", limit=500, includeValues=True)
    )
    secrets = [*(key["value"] for key in keys), *TOKENS]
    needles = [text for secret in secrets for text in disguises(secret)] + positions(stack)
    texts = searched(stack)

    found = places_of([*needles, "only19characters000"], texts)

    assert found == set()
    assert len(keys) >= 2
    assert len(needles) > 4 * len(keys)
    assert {place.split()[0] for place, _ in texts} >= KINDS


def test_a_planted_value_is_found_wherever_it_is(stack: Stack) -> None:
    value = new_value("kw")
    token = base64.b64encode(f"a page's position: {value}".encode()).decode()
    stack.put_event("NobodyListens", note=token)
    # Keyward blots a value out before a message rests in a queue.
    queue = stack.queue("CustomersDlq")
    stack.aws.client("sqs").send_message(QueueUrl=queue, MessageBody=value)
    stack.put_record("planted", plan="none", status="closed", name=value)
    stack.start("ProtectApiArn", {"rest_api_id": "abcdefghij", "Comment": value})
    name = f"planted/{value}"
    stack.aws.client("ssm").put_parameter(Name=name, Value="found by its name", Type="String")

    def kinds() -> set[str]:
        return {place.split()[0] for place in places_of(disguises(value), searched(stack))}

    wanted = {"event", "queue", "table", "stream", "execution", "history", "parameter"}
    eventually(lambda: kinds() >= wanted, what=f"{wanted}")
    events = [text for place, text in searched(stack) if place == "event NobodyListens"]
    assert any(part in text for part in disguises(value)[1:] for text in events)
