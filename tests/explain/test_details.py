"""What an explanation says beside the cause: what is under way, who else may refuse, what to do."""

from __future__ import annotations

import json

import pytest

from emulator.tests.openapi_lab import document
from keyward.apis.model import Attachment, Hold
from keyward.policy.parse import parse
from keyward.values import JSON, iso
from tests.explain.denial_lab import World, plan_without_stage, remembered
from tests.support import Bench


def test_what_else_may_refuse_is_named(world: World) -> None:
    [told, signed] = [world.explain(world.request(line)) for line in ("GET /token", "GET /signed")]
    assert told["allowed"]
    assert any("authorizer (CUSTOM)" in item for item in told["cannot_be_read"])
    assert any("Signature Version 4" in item for item in signed["cannot_be_read"])


def test_a_source_that_is_not_deployed_changes_nothing(world: World) -> None:
    world.patch_api("/apiKeySource", "AUTHORIZER")
    assert world.call(world.request())[0] == 200
    assert world.explain(world.request())["allowed"]
    world.deploy()
    world.patch_api("/apiKeySource", "HEADER")
    assert world.call(world.request())[0] == 403
    assert world.explain(world.request())["cause"] == "key_source_is_authorizer"


def test_the_newest_key_comes_first_and_the_others_are_named(world: World) -> None:
    world.enable(False)
    world.bench.clock.advance(10)
    newer = world.client.create_api_key(name="acme/2", customerId="acme", enabled=True)["id"]
    world.client.create_usage_plan_key(usagePlanId=world.plan, keyId=newer, keyType="API_KEY")
    world.record(record="key#2", key_id=newer)
    told = world.explain(world.request())
    assert (told["allowed"], told["key_id"]) == (True, newer)
    assert told["other_keys"] == [{"key_id": world.key, "allowed": False, "cause": "key_disabled"}]


def test_keys_are_read_by_their_ids_and_never_listed(world: World) -> None:
    before = len(world.bench.operations())
    world.explain(world.request())
    asked = world.bench.operations()[before:]
    assert asked.count("GetApiKey") == 1
    assert not {"GetApiKeys", "GetUsagePlanKeys"} & {*asked}


def test_nobody_and_nothing_are_told_apart(world: World) -> None:
    world.bench.tables["CustomersTable"].put_item(
        Item={"customer_id": "newcomer", "plan": "free", "status": "active"}
    )
    asked = world.request()
    assert world.explain(asked, customer_id="nobody")["cause"] == "customer_not_found"
    assert world.explain(asked, customer_id="newcomer")["cause"] == "key_not_made"
    assert world.explain(asked, key_id="zzzzzzzzzz")["cause"] == "key_not_found"


def test_a_customer_suspended_before_its_first_key_is_said_to_be_so(world: World) -> None:
    world.bench.tables["CustomersTable"].put_item(
        Item={"customer_id": "newcomer", "plan": "free", "status": "suspended"}
    )
    answer = world.explain(world.request(), customer_id="newcomer")
    assert answer["cause"] == "customer_suspended"
    assert "no key was made before" in str(answer)
    assert "CustomerResumed" in answer["remedy"]


UNPAID: JSON = {"failed_at": [1], "subscriptions": {}}
PAUSED: JSON = {"subscriptions": {"s": {"state": "paused", "at": 1}}}
ENDED: JSON = {"subscriptions": {"s": {"state": "ended", "at": 1}}}


@pytest.mark.parametrize(
    ("record", "cause", "evidence", "remedy"),
    [
        (
            {"expires_at": "2020-01-01"},
            "customer_suspended",
            "an `expires_at` that is past",
            "keyward send --set expires_at=VALUE --customer acme CustomerExpiryChanged",
        ),
        (
            {"keyward": {"billing": UNPAID}},
            "customer_suspended",
            "a bill is not paid",
            "keyward send --customer acme PaymentSucceeded",
        ),
        (
            {"keyward": {"billing": PAUSED}},
            "customer_suspended",
            "no subscription that is live",
            "keyward send --set subscription=VALUE --set state=active --customer acme "
            "SubscriptionChanged",
        ),
        (
            {"keyward": {"billing": ENDED}},
            "customer_closed",
            "no subscription that is live",
            "keyward history acme",
        ),
    ],
    ids=str,
)
def test_the_remedy_is_the_event_that_ends_what_money_or_a_date_ordered(
    world: World, record: JSON, cause: str, evidence: str, remedy: str
) -> None:
    about = {"customer_id": "acme", "plan": "free", "status": "active"}
    world.bench.tables["CustomersTable"].put_item(Item=about | record)
    world.enable(False)
    if cause == "customer_closed":
        world.client.delete_api_key(apiKey=world.key)
    answer = world.explain(world.request())
    assert (answer["cause"], answer["remedy"]) == (cause, remedy)
    assert evidence in answer["evidence"]
    assert "CustomerResumed" not in str(answer)
    assert "CustomerSignedUp" not in str(answer)


def test_a_key_made_by_hand_is_explained_by_its_id(world: World) -> None:
    made = world.client.create_api_key(name="by hand", enabled=True)["id"]
    told = world.explain(world.request(), key_id=made)
    assert (told["cause"], told["key_id"]) == ("key_in_no_plan", made)
    assert "customer_id" not in told


def test_a_canary_may_refuse_its_share(world: World) -> None:
    world.spend(1000)
    body = json.dumps(document({"/other": {"get": ["api_key"]}})).encode()
    world.client.put_rest_api(restApiId=world.api, mode="overwrite", body=body)
    canary = {"percentTraffic": 30.0}
    world.client.create_deployment(restApiId=world.api, stageName="prod", canarySettings=canary)
    told = world.explain(world.request())
    assert (told["cause"], told["share"]) == ("path_not_found", 30.0)
    assert {world.call(world.request())[0] for _ in range(40)} == {200, 403}
    other = world.explain(world.request("GET /other"))
    assert other["cause"] == "method_not_deployed"
    assert any("30 %" in item for item in other["cannot_be_read"])


def test_a_change_that_has_not_reached_every_host_is_waited_for(bench: Bench) -> None:
    world = remembered(bench, propagation_seconds=120)
    clock = world.bench.clock
    clock.advance(1000)
    assert world.explain(world.request())["allowed"]
    world.emulator.set_propagation(80)
    world.client.delete_usage_plan_key(usagePlanId=world.plan, keyId=world.key)
    clock.advance(200)
    world.attach()
    world.spend(1000)
    world.record(attached_at=int(clock.now()))
    clock.advance(60)
    told = world.explain(world.request())
    assert {world.call(world.request())[0] for _ in range(40)} == {200, 403}
    assert (told["allowed"], told["cause"]) == (False, "not_propagated_yet")
    assert told["effective_by"] == iso(clock.now() + 60)
    clock.advance(61)
    assert world.explain(world.request())["allowed"]
    assert {world.call(world.request())[0] for _ in range(40)} == {200}


def test_a_cause_of_a_moment_ago_says_when_it_holds_everywhere(bench: Bench) -> None:
    world = remembered(bench, propagation_seconds=120)
    world.bench.clock.advance(1000)
    world.enable(False)
    told = world.explain(world.request())
    assert told["cause"] == "key_disabled"
    assert told["effective_by"] == iso(world.now() + 120)


def test_a_stage_attached_a_moment_ago_is_waited_for(bench: Bench) -> None:
    world = remembered(bench, propagation_seconds=120)
    world.bench.clock.advance(1000)
    now = int(world.now())
    attached = Attachment("prod", "free", world.plan, now, True)
    world.bench.registry.apis.attached(world.api, attached)
    told = world.explain(world.request())
    assert told["cause"] == "not_propagated_yet"
    assert "stage attached to the plan" in told["evidence"]


REMEDIES: dict[str, tuple[JSON, str]] = {
    "enforced": ({}, "Start protect-api"),
    "observed": ({"tag": "observe"}, "Name the API in `apis` of plan free"),
    "observed and named": ({"tag": "observe", "plan": {"apis": ["example"]}}, "Start protect-api"),
    "off": ({"tag": "off"}, "in mode off it joins no plan"),
    "left out by the policy": ({"plan": {"stages": ["test"]}}, "`apis` and `stages`"),
    "held": ({"held": True}, "Answer the hold"),
}


@pytest.mark.parametrize("kind", REMEDIES)
def test_the_remedy_of_a_stage_without_plan_is_what_keyward_would_do(
    world: World, kind: str
) -> None:
    how, words = REMEDIES[kind]
    plan_without_stage(world)
    if how.get("tag"):
        arn = f"arn:aws:apigateway:us-east-1::/restapis/{world.api}"
        world.client.tag_resource(resourceArn=arn, tags={"keyward": how["tag"]})
    if how.get("plan"):
        body = {"usage_plans": {"free": how["plan"]}, "propagation_seconds": 0}
        world.policy = parse(json.dumps(body))
    if how.get("held"):
        hold = Hold("prod", "f" * 16)
        world.bench.registry.apis.hold(world.api, hold, {"detail_type": "ApiHeld", "detail": {}}, 1)
    assert words in world.explain(world.request())["helps"]


def test_a_key_that_keyward_deleted_is_told_from_one_that_never_was(world: World) -> None:
    world.client.delete_api_key(apiKey=world.key)
    table = world.bench.tables["KeysTable"]
    table.delete_item(Key={"customer_id": "acme", "record": "key#1"})
    stone = {"customer_id": "acme", "record": "tombstone", "last_number": 1, "key_id": world.key}
    table.put_item(Item=stone)
    told = world.explain(world.request(), key_id=world.key)
    assert told["cause"] == "key_deleted"
    assert "newer key" in told["helps"]
    assert world.explain(world.request())["cause"] == "key_not_made"
