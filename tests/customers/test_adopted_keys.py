"""Keys that there were before: a record names one by its id, and it becomes the customer's."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import pytest

from keyward.events.key_value import new_value
from local.bench import Bench

POLICY = {
    "usage_plans": {name: {} for name in ("free", "reports", "maps")},
    "propagation_seconds": 0,
    "grace_hours": 1,
}
PORTAL = "us-east-1:0a1b2c3d-0000-4000-8000-123456789abc"


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=POLICY) as made:
        yield made


def plan(bench: Bench, name: str, **more: Any) -> str:
    return str(bench.gateway.create_usage_plan(name=name, **more)["id"])


def old_key(bench: Bench, *plan_ids: str, **more: Any) -> str:
    settings = {"name": f"{PORTAL}/someone@example.com", "enabled": True} | more
    key_id = str(bench.gateway.create_api_key(**settings)["id"])
    for plan_id in plan_ids:
        bench.gateway.create_usage_plan_key(usagePlanId=plan_id, keyId=key_id, keyType="API_KEY")
    return key_id


def send(bench: Bench, detail_type: str, customer_id: str = "acme", **detail: Any) -> list[str]:
    """The writes on API Gateway that follow from an event."""
    before = len(bench.calls)
    bench.send(detail_type, customer_id=customer_id, **detail)
    bench.run()
    names = [call["operation"] for call in bench.calls[before:]]
    return [name for name in names if not name.startswith("Get")]


def told(bench: Bench, detail_type: str) -> list[dict[str, Any]]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


def plans_of(bench: Bench, key_id: str) -> list[str]:
    return sorted(p["name"] for p in bench.gateway.get_usage_plans(keyId=key_id)["items"])


def test_a_key_in_its_plans_becomes_the_customers_without_a_write(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"), plan(bench, "maps"))
    plans = ["maps", "free"]
    for _ in range(2):
        assert send(bench, "CustomerSignedUp", PORTAL, plans=plans, key_id=key_id) == []
    [issued] = told(bench, "KeyIssued")
    assert (issued["key_id"], issued["plans"]) == (key_id, plans)
    assert [action["action"] for action in issued["actions"]] == ["adopt_key"]
    assert len(bench.gateway.get_api_keys()["items"]) == 1


def test_a_key_in_ten_plans_is_taken_without_a_write_and_joins_no_eleventh() -> None:
    names = [f"plan-{number}" for number in range(11)]
    policy = {"usage_plans": {name: {"apis": [name]} for name in names}, "propagation_seconds": 0}
    with Bench(policy=policy) as bench:
        key_id = old_key(bench, *(plan(bench, name) for name in names[:10]))
        sign_up = {"plans": names[:10], "key_id": key_id}
        assert send(bench, "CustomerSignedUp", PORTAL, **sign_up) == []
        assert [event["plans"] for event in told(bench, "KeyIssued")] == [names[:10]]
        assert send(bench, "PlanAdded", PORTAL, plan=names[10]) == []
        [failed] = told(bench, "CustomerFailed")
        assert "at most plan 10" in failed["reason"]
        assert plans_of(bench, key_id) == sorted(names[:10])


def test_a_key_joins_the_plans_that_it_lacks_and_stays_in_all_others(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "maps"), plan(bench, "somebody's"))
    sign_up = {"plans": ["free", "maps"], "key_id": key_id}
    assert send(bench, "CustomerSignedUp", **sign_up) == ["CreateUsagePlan", "CreateUsagePlanKey"]
    assert plans_of(bench, key_id) == ["free", "maps", "somebody's"]
    assert [event["plans"] for event in told(bench, "KeyIssued")] == [["maps", "free"]]
    send(bench, "PlanRemoved", plan="maps")
    assert plans_of(bench, key_id) == ["free", "somebody's"]


def test_a_disabled_key_that_somebody_signs_up_with_works(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"), enabled=False)
    assert send(bench, "CustomerSignedUp", plan="free", key_id=key_id) == ["UpdateApiKey"]
    assert bench.gateway.get_api_key(apiKey=key_id)["enabled"]
    assert [e["detail-type"] for e in bench.announced] == ["KeyIssued"]


def test_an_adopted_key_is_suspended_rotated_and_closed_as_any_other(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"))
    send(bench, "CustomerSignedUp", plan="free", key_id=key_id, keys=2)
    assert len(told(bench, "KeyIssued")) == 2
    send(bench, "CustomerSuspended")
    assert not any(key["enabled"] for key in bench.gateway.get_api_keys()["items"])
    bench.advance(1)
    send(bench, "CustomerResumed")
    send(bench, "KeyRotationRequested", leaked=True)
    assert key_id not in {key["id"] for key in bench.gateway.get_api_keys()["items"]}
    # The record still names it: the wish was granted, so nobody is told of a failure.
    assert len(bench.gateway.get_api_keys()["items"]) == 2
    send(bench, "CustomerClosed")
    bench.advance(1)
    send(bench, "CustomerSignedUp", plan="free")
    assert len(bench.gateway.get_api_keys()["items"]) == 2
    assert told(bench, "CustomerFailed") == []
    assert bench.audit()["findings"] == []


def test_a_key_that_cannot_be_taken_is_refused_with_the_true_cause(bench: Bench) -> None:
    free = plan(bench, "free")
    theirs = plan(bench, "theirs", tags={"keyward": "other-stack"})
    send(bench, "CustomerSignedUp", "globex", plan="free")
    [mine] = bench.gateway.get_api_keys()["items"]
    foreign = old_key(bench, free, theirs)
    causes = {
        mine["id"]: "belongs to customer globex",
        foreign: "is in usage plan theirs of the stack other-stack",
        "nosuchkey1": "API Gateway has no key nosuchkey1 in this account and Region",
    }
    for number, (key_id, cause) in enumerate(causes.items()):
        name = f"customer{number}"
        assert send(bench, "CustomerSignedUp", name, plan="free", key_id=key_id) == []
        failed = told(bench, "CustomerFailed")[-1]
        assert failed["customer_id"] == name
        assert failed["error"] == "KeyNotTakenError"
        assert failed["reason"].startswith("key_id: ")
        assert cause in failed["reason"]
    assert plans_of(bench, foreign) == ["free", "theirs"]


def test_of_two_customers_who_name_one_key_at_once_one_gets_it(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"))
    for name in ("acme", "globex"):
        bench.send("CustomerSignedUp", customer_id=name, plan="free", key_id=key_id)
    bench.advance(600)
    [issued] = told(bench, "KeyIssued")
    [failed] = told(bench, "CustomerFailed")
    assert {issued["customer_id"], failed["customer_id"]} == {"acme", "globex"}
    assert f"belongs to customer {issued['customer_id']}" in failed["reason"]


def test_a_customer_who_has_all_its_keys_needs_a_place_for_one_more(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"))
    send(bench, "CustomerSignedUp", plan="free")
    bench.advance(1)
    assert send(bench, "CustomerSignedUp", plan="free", key_id=key_id) == []
    [failed] = told(bench, "CustomerFailed")
    assert "Send `keys` with one more" in failed["reason"]
    assert send(bench, "CustomerSignedUp", plan="free", keys=2) == []
    assert [event["key_id"] for event in told(bench, "KeyIssued")][1:] == [key_id]


def test_a_key_whose_plan_holds_the_same_stage_stays_there_and_the_plan_is_named(
    bench: Bench,
) -> None:
    api = bench.api({"/pets": {"get": ["api_key"]}}, mode=None)
    stages = [{"apiId": api, "stage": "prod"}]
    key_id = old_key(bench, plan(bench, "maps", apiStages=stages))
    plan(bench, "free", apiStages=stages)
    send(bench, "CustomerSignedUp", plan="free", key_id=key_id)
    [failed] = told(bench, "CustomerFailed")
    assert failed["error"] == "KeyInOtherPlanError"
    assert plans_of(bench, key_id) == ["maps"]
    assert told(bench, "KeyIssued") == []


def test_a_corrected_id_is_taken(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"))
    send(bench, "CustomerSignedUp", plan="free", key_id="nosuchkey1")
    bench.advance(1)
    send(bench, "CustomerSignedUp", plan="free", key_id=key_id)
    assert [event["key_id"] for event in told(bench, "KeyIssued")] == [key_id]


@pytest.mark.parametrize("way", ["event", "record", "file", "remedy"])
def test_a_wish_that_cannot_be_granted_is_taken_back_for_a_new_key(bench: Bench, way: str) -> None:
    plan(bench, "free")
    send(bench, "CustomerSignedUp", plan="free", key_id="nosuchkey1")
    bench.advance(1)
    [failed] = told(bench, "CustomerFailed")
    assert "send null for a new key" in failed["reason"]
    if way == "event":
        send(bench, "CustomerSignedUp", plan="free", key_id=None)
    elif way == "record":
        bench.put(customer_id="acme", plan="free", status="active", key_id="none")
    elif way == "file":
        bench.upload("onboarding/mend.csv", "customer_id,plan,key_id\nacme,free,None\n")
    else:
        *_, given, _, known, event = shlex.split(failed["remedy"].replace("VALUE", "null"))
        assert (given, known, event) == ("acme", "plan=free", "CustomerSignedUp")
        assert "--set key_id=VALUE" in failed["remedy"]
        send(bench, event, **dict([known.split("=")]), key_id=None)
    bench.advance(60)
    assert len(told(bench, "KeyIssued")) == 1
    assert len(told(bench, "CustomerFailed")) == 1
    assert bench.audit()["findings"] == []


def test_null_changes_nothing_of_a_key_that_was_taken_over(bench: Bench) -> None:
    key_id = old_key(bench, plan(bench, "free"))
    send(bench, "CustomerSignedUp", plan="free", key_id=key_id)
    send(bench, "CustomerSignedUp", plan="free", key_id=None)
    bench.advance(60)
    assert [key["id"] for key in bench.gateway.get_api_keys()["items"]] == [key_id]


def test_a_value_in_place_of_an_id_is_refused_and_quoted_nowhere(bench: Bench) -> None:
    value = "Zx9" * 10
    send(bench, "CustomerSignedUp", plan="free", key_id=value)
    bench.put(customer_id="globex", plan="free", status="active", key_id=value)
    bench.run()
    event, record = told(bench, "CustomerFailed")
    assert event["reason"].startswith("detail.key_id: must be")
    assert record["reason"].startswith("key_id: must be a key's id")
    assert value not in str(bench.announced)


def test_a_column_and_a_record_name_a_key_too(bench: Bench) -> None:
    free = plan(bench, "free")
    one, other = old_key(bench, free), old_key(bench, free)
    bench.upload("onboarding/old.csv", f"customer_id,plan,key_id\nacme,free,{one}\n")
    bench.put(customer_id="globex", plan="free", status="active", key_id=other)
    bench.advance(60)
    issued = {event["customer_id"]: event["key_id"] for event in told(bench, "KeyIssued")}
    assert issued == {"acme": one, "globex": other}


@pytest.mark.parametrize("call", range(1, 12))
@pytest.mark.parametrize("error", ["death_before", "death_after"])
def test_an_adoption_that_breaks_off_anywhere_is_finished(
    bench: Bench, call: int, error: str
) -> None:
    key_id = old_key(bench, plan(bench, "free"))
    bench.fault("dynamodb", "TransactWriteItems", call, error)
    send(bench, "CustomerSignedUp", plans=["free", "maps"], key_id=key_id)
    bench.advance(600)
    assert plans_of(bench, key_id) == ["free", "maps"]
    assert [event["key_id"] for event in told(bench, "KeyIssued")] == [key_id]
    assert told(bench, "CustomerFailed") == []


@pytest.mark.parametrize("member", ["name", "description"])
def test_a_key_that_shows_a_value_is_not_adopted_and_the_value_rests_nowhere(
    bench: Bench, member: str
) -> None:
    value = new_value("kw")
    key_id = old_key(bench, **{member: f"old {value}"})
    send(bench, "CustomerSignedUp", plan="free", description="new", key_id=key_id)
    [failed] = told(bench, "CustomerFailed")
    assert failed["error"] == "KeyNotTakenError"
    assert f"a tag of key {key_id} holds a value of an API key" in failed["reason"]
    assert value not in f"{bench.announced} {[t.items for t in bench.tables.values()]}"
