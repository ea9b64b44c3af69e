"""Edits of a working copy: who made the last one is kept by API and method; no run starts."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

import start_api_protection
from keyward.events.caller import Editor
from keyward.values import JSON
from tests.machines.api_lab import Lab
from tests.support import load_event

API = "a1b2c3d4e5"
ADA = "arn:aws:iam::123456789012:user/ada"


def take(*bodies: object) -> JSON:
    """Take a batch of the queue as its sample shows one; text stays as it is."""
    sample = load_event("start-api-protection")["Records"][0]
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    records = [sample | {"messageId": f"m{n}", "body": text} for n, text in enumerate(texts)]
    return start_api_protection.handler({"Records": records}, None)


def edited(when: str = "2026-11-23T09:40:00Z", **identity: Any) -> JSON:
    event = copy.deepcopy(load_event("cloudtrail-put-method"))
    event["detail"]["eventTime"] = when
    if identity:
        event["detail"]["userIdentity"] = identity
    return event


def noted(lab: Lab) -> Editor | None:
    return lab.bench.registry.apis.load_records(API).editor


def test_the_sample_is_noted_and_starts_nothing_however_often_it_comes(lab: Lab) -> None:
    for _ in range(2):
        answer = take(load_event("cloudtrail-put-method"))
        assert answer == {"batchItemFailures": []}
        assert noted(lab) == Editor(ADA, "PutMethod", "2026-11-23T09:40:00Z")
    assert lab.bench.bus.started == []
    assert lab.bench.operations() == []


def test_the_latest_edit_counts_in_whatever_order_they_come(lab: Lab) -> None:
    late = edited("2026-11-23T11:00:00Z", arn="late")
    take(late, edited("2026-11-23T10:00:00Z", arn="early"))
    assert noted(lab) == Editor("late", "PutMethod", "2026-11-23T11:00:00Z")


@pytest.mark.parametrize(
    ("identity", "who"),
    [
        ({"type": "Root", "arn": "arn:aws:iam::123456789012:root"}, "root"),
        ({"type": "AWSService", "invokedBy": "cloudformation.amazonaws.com"}, "cloudformation."),
        ({"arn": ADA, "invokedBy": "cloudformation.amazonaws.com"}, "ada through cloudformation"),
        ({"type": "IdentityCenterUser", "userName": "ada"}, "ada"),
        ({}, "user/ada"),
    ],
)
def test_whoever_it_was_is_named(lab: Lab, identity: JSON, who: str) -> None:
    take(edited(**identity))
    found = noted(lab)
    assert found is not None
    assert who in found.who


def test_nothing_of_what_was_written_is_kept(lab: Lab) -> None:
    take(edited())
    items = lab.bench.tables["ApisTable"].scan()["Items"]
    assert len(items) == 2
    known = {"rest_api_id", "record", "who", "what", "when"}
    assert all(set(item) - {"forget_at"} == known for item in items)


def test_each_method_has_its_last_editor_and_is_forgotten_after_ninety_days(lab: Lab) -> None:
    def by(who: str, when: str, verb: str) -> JSON:
        event = edited(when, arn=who)
        event["detail"]["requestParameters"]["httpMethod"] = verb
        return event

    take(
        by("grace", "2026-11-23T11:00:00Z", "GET"),
        by("ada", "2026-11-23T10:00:00Z", "GET"),
        by("ada", "2026-11-23T10:00:00Z", "POST"),
    )
    found = lab.bench.registry.edits.of(API)
    assert {place: editor.who for place, editor in found.items()} == {
        ("r4s5t6", "GET"): "grace",
        ("r4s5t6", "POST"): "ada",
    }
    items = lab.bench.tables["ApisTable"].scan()["Items"]
    (until,) = {int(item["forget_at"]) for item in items if item["record"] == "r4s5t6#POST"}
    assert until == datetime(2027, 2, 21, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("resource_id", [None, 5, "../x", "a#b", ""])
def test_a_resource_that_cannot_be_one_is_only_the_apis_edit(lab: Lab, resource_id: Any) -> None:
    event = edited()
    event["detail"]["requestParameters"]["resourceId"] = resource_id
    take(event)
    assert noted(lab) is not None
    assert lab.bench.registry.edits.of(API) == {}


def test_our_own_edits_are_nobodys(lab: Lab) -> None:
    own = {
        "sessionIssuer": {
            "arn": "arn:aws:iam::123456789012:role/keyward/keyward/keyward-RequireKey"
        }
    }
    take(edited(arn="x", sessionContext=own))
    assert noted(lab) is None


@pytest.mark.parametrize("body", ["no json", "[]", {}, edited(when="soon"), edited(when="")])
def test_what_is_malformed_goes_to_the_dlq_and_harms_nobody(lab: Lab, body: object) -> None:
    assert take(body, edited()) == {"batchItemFailures": []}
    assert noted(lab) is not None
    ((queue_url, _, attributes),) = lab.bench.bus.sent
    assert queue_url == "the-dlq"
    assert ": " in attributes["reason"]
