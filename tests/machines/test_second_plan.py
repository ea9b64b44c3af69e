"""A key that a person put into a second usage plan: Keyward takes it out of no plan that it did not
put it into."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from keyward.values import JSON
from local.bench import Bench
from tests.machines.test_adoption import finding, plan_of, told

OPEN: JSON = {"/pets": {"get": None}}
TWO_PLANS: JSON = {
    "usage_plans": {"a": {"apis": ["x"]}, "b": {"apis": ["y"]}, "c": {"apis": ["z"]}},
    "propagation_seconds": 0,
}


@pytest.fixture
def in_two_plans() -> Iterator[tuple[Bench, str]]:
    """A customer whose key a person put into plan b beside its own plan a; the key's id."""
    with Bench(policy=TWO_PLANS) as made:
        made.send("CustomerSignedUp", customer_id="acme", plan="a")
        made.run()
        [key] = made.gateway.get_api_keys()["items"]
        by_hand = str(made.gateway.create_usage_plan(name="b")["id"])
        into = {"usagePlanId": by_hand, "keyId": key["id"], "keyType": "API_KEY"}
        made.gateway.create_usage_plan_key(**into)
        made.advance(600)
        yield made, str(key["id"])


def plans_of(bench: Bench, key_id: str) -> list[str]:
    return sorted(p["name"] for p in bench.gateway.get_usage_plans(keyId=key_id)["items"])


def test_a_key_that_a_person_put_into_a_second_plan_stays_in_it(
    in_two_plans: tuple[Bench, str],
) -> None:
    bench, key_id = in_two_plans
    [found] = finding(bench, "key_in_other_plan")
    assert (found["severity"], found["key_id"], found["plan"]) == ("low", key_id, "a")
    for _ in range(2):
        bench.audit(repair=True)
        bench.advance(86_400)
    assert plans_of(bench, key_id) == ["a", "b"]


def test_plans_that_the_customer_has_are_no_finding() -> None:
    with Bench(policy=TWO_PLANS) as bench:
        bench.send("CustomerSignedUp", customer_id="acme", plans=["a", "b"])
        bench.run()
        bench.send("PlanAdded", customer_id="acme", plan="c")
        bench.advance(600)
        assert finding(bench, "key_in_other_plan") == []


def test_a_plan_change_takes_a_key_out_of_its_recorded_plan_only(
    in_two_plans: tuple[Bench, str],
) -> None:
    bench, key_id = in_two_plans
    bench.send("CustomerPlanChanged", customer_id="acme", plan="c")
    bench.run()
    bench.advance(86_400)
    assert plans_of(bench, key_id) == ["b", "c"]


def test_a_key_that_a_person_moved_joins_its_plan_again_and_is_taken_out_of_none(
    in_two_plans: tuple[Bench, str],
) -> None:
    bench, key_id = in_two_plans
    own = plan_of(bench, "a")["id"]
    bench.gateway.delete_usage_plan_key(usagePlanId=own, keyId=key_id)
    bench.advance(600)
    bench.audit(repair=True)
    assert plans_of(bench, key_id) == ["a", "b"]


def test_a_key_in_a_second_plan_of_its_stage_is_told_once_and_left_where_it_is() -> None:
    with Bench(policy={"usage_plans": {"a": {}, "b": {}}, "propagation_seconds": 0}) as bench:
        bench.api(OPEN)
        bench.run()
        bench.send("CustomerSignedUp", customer_id="acme", plan="a")
        bench.run()
        [key] = bench.gateway.get_api_keys()["items"]
        ids = {p["name"]: p["id"] for p in bench.gateway.get_usage_plans()["items"]}
        bench.gateway.delete_usage_plan_key(usagePlanId=ids["a"], keyId=key["id"])
        into = {"usagePlanId": ids["b"], "keyId": key["id"], "keyType": "API_KEY"}
        bench.gateway.create_usage_plan_key(**into)
        bench.advance(600)
        for _ in range(3):
            bench.audit(repair=True)
            bench.advance(86_400)
        assert plans_of(bench, key["id"]) == ["b"]
        [failed] = told(bench, "CustomerFailed")
        assert f"it is in {ids['b']}" in failed["reason"], failed["reason"]


@pytest.mark.parametrize(
    ("change", "detail"),
    [("PlanAdded", {"plan": "b"}), ("CustomerPlanChanged", {"plans": ["a", "b"]})],
)
def test_a_plan_that_refused_a_key_is_not_possible_and_no_repair_tries_it_again(
    change: str, detail: JSON
) -> None:
    with Bench(policy={"usage_plans": {"a": {}, "b": {}}, "propagation_seconds": 0}) as bench:
        bench.api(OPEN)
        bench.run()
        bench.send("CustomerSignedUp", customer_id="acme", plan="a")
        bench.run()
        bench.send(change, customer_id="acme", **detail)
        bench.advance(60)
        [failed] = told(bench, "CustomerFailed")
        assert failed["error"] == "PlanRefusedError"
        [found] = finding(bench, "not_possible")
        assert (found["severity"], found["customer_id"]) == ("high", "acme")
        runs = len(bench.runs)
        bench.audit(repair=True)
        bench.run()
        assert [r.machine for r in bench.runs[runs:] if r.machine == "reconcile_customer"] == []
        assert (finding(bench, "due"), told(bench, "CustomerFailed")) == ([], [failed])
