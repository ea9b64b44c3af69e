"""A usage plan that somebody renames on API Gateway stays the plan that keys are in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.bench import Bench
from tests.machines.drift_lab import CLOSED, bench_with_customers, key_of, plan, run_by_hand, told


@pytest.fixture
def bench() -> Iterator[Bench]:
    with bench_with_customers() as made:
        yield made


def rename(bench: Bench, before: str, after: str) -> None:
    change = {"op": "replace", "path": "/name", "value": after}
    bench.gateway.update_usage_plan(usagePlanId=plan(bench, before), patchOperations=[change])


def names(bench: Bench) -> list[str]:
    return sorted(plan["name"] for plan in bench.gateway.get_usage_plans()["items"])


def plans_of(bench: Bench, customer_id: str) -> list[str]:
    found = bench.gateway.get_usage_plans(keyId=key_of(bench, customer_id))["items"]
    return [plan["name"] for plan in found]


def test_a_plan_of_keywards_gets_its_name_back_at_once_and_no_key_is_touched(bench: Bench) -> None:
    before, free = len(bench.announced), plan(bench)
    rename(bench, "free", "Free Tier")
    bench.advance(60)
    assert plan(bench) == free
    assert names(bench) == ["free", "pro"]
    [event] = bench.announced[before:]
    [line] = event["detail"]["changes"]
    wanted = ("PolicyApplied", "usage_plans.free.name", "Free Tier", "free", "neutral")
    about = (line["field"], line["before"], line["after"], line["kind"])
    assert (event["detail-type"], *about) == wanted


@pytest.fixture
def by_people() -> Iterator[Bench]:
    """A customer in a plan that people made, and then renamed."""
    with Bench() as made:
        made.gateway.create_usage_plan(name="free")
        made.api(CLOSED, mode="observe")
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.advance(60)
        rename(made, "free", "Free Tier")
        made.advance(60)
        yield made


def test_a_plan_that_people_made_keeps_the_new_name_and_its_keys(by_people: Bench) -> None:
    before = len(by_people.announced)
    for _ in range(2):
        run_by_hand(by_people)
        by_people.audit(repair=True)
        by_people.advance(86_400)
    assert by_people.announced[before:] == []
    assert names(by_people) == ["Free Tier"]
    assert plans_of(by_people, "acme") == ["Free Tier"]
    kinds = {found["kind"] for found in by_people.audit()["findings"]}
    assert kinds == {"key_opens_nothing", "plan_by_hand", "stage_in_no_plan"}


def test_a_customer_joins_and_leaves_a_renamed_plan_as_before(by_people: Bench) -> None:
    by_people.send("CustomerSignedUp", customer_id="bolt", plan="free")
    by_people.advance(60)
    assert plans_of(by_people, "bolt") == ["Free Tier"]
    by_people.send("CustomerPlanChanged", customer_id="bolt", plan="pro")
    by_people.advance(60)
    assert plans_of(by_people, "bolt") == ["pro"]
    assert told(by_people, "CustomerFailed") == []


def test_a_key_of_a_renamed_plan_is_adopted_where_it_is(by_people: Bench) -> None:
    key_id = str(by_people.gateway.create_api_key(name="portal", enabled=True)["id"])
    into = {"usagePlanId": plan(by_people, "Free Tier"), "keyId": key_id, "keyType": "API_KEY"}
    by_people.gateway.create_usage_plan_key(**into)
    by_people.advance(60)
    before = [c for c in by_people.calls if c["operation"] == "CreateUsagePlanKey"]
    by_people.send("CustomerSignedUp", customer_id="carl", plan="free", key_id=key_id)
    by_people.advance(60)
    assert [c for c in by_people.calls if c["operation"] == "CreateUsagePlanKey"] == before
    assert [event["key_id"] for event in told(by_people, "KeyIssued")][-1] == key_id
