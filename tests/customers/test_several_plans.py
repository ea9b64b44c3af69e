from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest

from local.bench import Bench
from tests.support import load_event

LIMIT = {"quota": {"limit": 10, "period": "DAY"}}
POLICY = {
    "usage_plans": {name: {} for name in ("free", "reports", "maps")} | {"daily": LIMIT},
    "propagation_seconds": 0,
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=POLICY) as made:
        yield made


def plans(bench: Bench) -> dict[str, set[str]]:
    """The plans of each key on API Gateway."""
    held: dict[str, set[str]] = {}
    for plan in bench.gateway.get_usage_plans()["items"]:
        for key in bench.gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]:
            held.setdefault(key["name"], set()).add(plan["name"])
    return held


def told(bench: Bench, *members: str) -> list[tuple[Any, ...]]:
    return [
        (event["detail-type"], *(event["detail"].get(name) for name in members))
        for event in bench.announced
    ]


def sign_up(bench: Bench, *names: str, **more: Any) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plans=list(names), **more)
    bench.run()


def test_a_sign_up_with_several_plans_is_one_key_in_all_of_them_and_one_event(bench: Bench) -> None:
    sign_up(bench, "free", "reports", "maps")
    assert plans(bench) == {"acme/1": {"free", "reports", "maps"}}
    assert told(bench, "plan", "plans") == [("KeyIssued", "free", ["free", "reports", "maps"])]


def test_a_plan_more_costs_one_write_more(bench: Bench) -> None:
    sign_up(bench, "free", "reports")
    bench.send("CustomerSignedUp", customer_id="globex", plans=["reports", "free"])
    before = len(bench.calls)
    bench.run()
    operations = [call["operation"] for call in bench.calls[before:]]
    assert operations == ["CreateApiKey", "CreateUsagePlanKey", "CreateUsagePlanKey"]
    before = len(bench.calls)
    bench.send("CustomerSignedUp", customer_id="globex", plans=["reports", "free"])
    bench.run()
    assert bench.calls[before:] == []


def test_a_record_with_plans_is_served_and_one_that_contradicts_itself_is_not(
    bench: Bench,
) -> None:
    bench.put(customer_id="acme", plans=["free", "maps"], plan="maps", status="active")
    bench.put(customer_id="globex", plans=["free"], plan="maps", status="active")
    bench.put(customer_id="initech", plans="free", status="active")
    bench.put(customer_id="umbrella", plans=["free", "free"], status="active")
    bench.run()
    assert plans(bench) == {"acme/1": {"free", "maps"}}
    refused = [e["detail"] for e in bench.announced if e["detail-type"] == "CustomerFailed"]
    failed = {detail["customer_id"]: detail["reason"] for detail in refused}
    assert {*failed} == {"globex", "initech", "umbrella"}
    assert "plan: must be one of `plans`" in failed["globex"]
    assert "plans: must be a list of 1 to 10 plans" in failed["initech"]
    assert "plans: must be different" in failed["umbrella"]


def test_plans_are_added_and_removed_one_by_one_and_told(bench: Bench) -> None:
    sign_up(bench, "free")
    for change, plan in (("PlanAdded", "maps"), ("PlanAdded", "daily"), ("PlanRemoved", "free")):
        bench.advance(60)
        bench.send(change, customer_id="acme", plan=plan)
        bench.run()
    assert plans(bench) == {"acme/1": {"maps", "daily"}}
    assert told(bench, "plans") == [
        ("KeyIssued", None),
        ("PlanChanged", ["free", "maps"]),
        ("PlanChanged", ["free", "maps", "daily"]),
        ("PlanChanged", ["maps", "daily"]),
    ]


@pytest.mark.parametrize(
    ("sample", "there"),
    [("plan-added", {"free", "maps", "reports"}), ("plan-removed", {"free", "maps"})],
)
def test_the_samples_change_the_plans_by_one(bench: Bench, sample: str, there: set[str]) -> None:
    sign_up(bench, "free", "maps", *({"reports"} - there), occurred_at="2025-12-01T00:00:00Z")
    event = load_event(sample)
    said = event["detail"] | {"occurred_at": "2025-12-02T00:00:00Z"}
    bench.send(event["detail-type"], **said)
    bench.run()
    assert plans(bench) == {"acme/1": there}


CHANGES = [
    ("CustomerSignedUp", {"plan": "free"}, "2026-01-01T00:00:01Z"),
    ("PlanAdded", {"plan": "maps"}, "2026-01-01T00:00:02Z"),
    ("PlanAdded", {"plan": "reports"}, "2026-01-01T00:00:03Z"),
    ("PlanRemoved", {"plan": "free"}, "2026-01-01T00:00:04Z"),
]


# PlanRemoved of the last plan is refused, so it comes after a plan more.
ORDERS = [one for one in permutations(range(4)) if one.index(3) > min(one.index(1), one.index(2))]


@pytest.mark.parametrize("order", ORDERS[::3])
def test_changes_of_the_plans_end_the_same_in_whatever_order_they_arrive(
    order: tuple[int, ...],
) -> None:
    with Bench(policy=POLICY) as bench:
        bench.advance(60)
        for place in order:
            name, said, at = CHANGES[place]
            bench.send(name, customer_id="acme", occurred_at=at, **said)
            bench.run()
        assert plans(bench) == {"acme/1": {"maps", "reports"}}


def test_the_last_plan_is_not_removed(bench: Bench) -> None:
    sign_up(bench, "free")
    bench.send("PlanRemoved", customer_id="acme", plan="free")
    bench.run()
    assert plans(bench) == {"acme/1": {"free"}}
    assert "last plan" in bench.announced[-1]["detail"]["reason"]


def test_a_removal_of_a_plan_that_nobody_knows_is_answered(bench: Bench) -> None:
    sign_up(bench, "free", "reports")
    told = len(bench.announced)
    bench.send("PlanRemoved", customer_id="acme", plan="report")
    bench.advance(60)
    [failed] = [event["detail"] for event in bench.announced[told:]]
    assert (failed["error"], failed["reason"]) == (
        "InvalidEventError",
        "detail.plan: must be a plan of the customer or of the policy, got report. "
        "Do you mean reports? Correct it and send it again",
    )
    assert plans(bench) == {"acme/1": {"free", "reports"}}


@pytest.mark.parametrize("plan", ["gold", "free"])
def test_a_removal_that_is_repeated_or_comes_first_is_no_failure(bench: Bench, plan: str) -> None:
    sign_up(bench, "free", "reports", plan) if plan == "gold" else sign_up(bench, "reports")
    bench.advance(3600)
    told = [event for event in bench.announced if event["detail-type"] == "CustomerFailed"]
    for _ in range(3):
        bench.send("PlanRemoved", customer_id="acme", plan=plan)
        bench.advance(60)
    failed = [event for event in bench.announced if event["detail-type"] == "CustomerFailed"]
    assert failed == told
    assert plan not in str(plans(bench))


def test_of_two_plans_that_share_a_stage_the_earlier_stands_and_the_other_is_named(
    bench: Bench,
) -> None:
    api = bench.api({"/pets": {"get": None}}, mode="off")
    stage = [{"apiId": api, "stage": "prod"}]
    for name in ("free", "maps"):
        bench.gateway.create_usage_plan(name=name, apiStages=stage)
    sign_up(bench, "free", "maps", "reports")
    assert plans(bench) == {"acme/1": {"free", "reports"}}
    assert told(bench, "plans")[0] == ("KeyIssued", ["free", "reports"])
    name, reason = told(bench, "reason")[-1]
    assert name == "CustomerFailed"
    assert "maps cannot take key acme/1" in reason


def test_undo_takes_back_the_last_change_of_the_plans(bench: Bench) -> None:
    sign_up(bench, "free")
    bench.advance(60)
    bench.send("PlanAdded", customer_id="acme", plan="maps")
    bench.run()
    bench.advance(60)
    bench.send("UndoRequested", customer_id="acme", what="plan_change")
    bench.run()
    assert plans(bench) == {"acme/1": {"free"}}


def test_a_rotation_gives_a_successor_in_all_plans(bench: Bench) -> None:
    sign_up(bench, "free", "daily")
    bench.advance(60)
    bench.send("KeyRotationRequested", customer_id="acme", overlap_hours=1)
    bench.run()
    assert plans(bench) == {f"acme/{n}": {"free", "daily"} for n in (1, 2)}
    bench.advance(100 * 3600)
    assert plans(bench) == {"acme/2": {"free", "daily"}}


def test_a_change_of_all_plans_moves_the_key_one_for_one(bench: Bench) -> None:
    sign_up(bench, "free", "maps")
    bench.advance(60)
    bench.send("CustomerPlanChanged", customer_id="acme", plans=["maps", "reports", "daily"])
    bench.run()
    assert plans(bench) == {"acme/1": {"maps", "reports", "daily"}}
    bench.send("CustomerPlanChanged", customer_id="acme", plan="free")
    bench.run()
    assert plans(bench) == {"acme/1": {"free"}}


def test_a_suspension_and_a_close_do_not_depend_on_the_plans(bench: Bench) -> None:
    sign_up(bench, "free", "maps", "daily")
    bench.send("CustomerSuspended", customer_id="acme")
    bench.run()
    [key] = bench.gateway.get_api_keys()["items"]
    assert not key["enabled"]
    bench.send("CustomerClosed", customer_id="acme")
    bench.run()
    assert bench.gateway.get_api_keys()["items"] == []


def test_an_unknown_plan_is_named_and_the_others_are_served(bench: Bench) -> None:
    sign_up(bench, "free", "gold")
    assert plans(bench) == {"acme/1": {"free"}}
    assert "'gold'" in bench.announced[-1]["detail"]["reason"]
    bench.put_policy(POLICY | {"usage_plans": POLICY["usage_plans"] | {"gold": {}}})
    bench.advance(3 * 3600)
    assert plans(bench) == {"acme/1": {"free", "gold"}}


@pytest.mark.parametrize("fault", [500, "timeout_after"])
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("operation", ["CreateUsagePlanKey", "DeleteUsagePlanKey"])
def test_a_change_that_breaks_off_is_finished_and_told_as_one_that_did_not(
    operation: str, call: int, fault: int | str
) -> None:
    def life(is_broken: bool) -> tuple[dict[str, set[str]], list[Any]]:
        with Bench(policy=POLICY) as bench:
            sign_up(bench, "free", "maps")
            bench.advance(60)
            if is_broken:
                bench.fault("apigateway", operation, call, fault)
            bench.send("CustomerPlanChanged", customer_id="acme", plans=["reports", "daily"])
            bench.run()
            bench.advance(3600)
            return plans(bench), told(bench, "plans")

    assert life(is_broken=True) == life(is_broken=False)


@pytest.mark.parametrize("fault", [None, "death_after"], ids=["unbroken", "broken off"])
def test_a_change_of_several_plans_is_told_once_a_key_with_all_its_steps(
    bench: Bench, fault: str | None
) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plans=["free", "maps"], keys=2)
    bench.advance(600)
    before = len(bench.announced)
    if fault:
        bench.fault("lambda", "MoveKey", 1, fault)
    bench.send("CustomerPlanChanged", customer_id="acme", plans=["reports", "daily", "maps"])
    bench.advance(600)
    told = [e["detail"] for e in bench.announced[before:] if e["detail-type"] == "PlanChanged"]
    assert [{*detail["plans"]} for detail in told] == [{"reports", "daily", "maps"}] * 2
    assert len({detail["key_id"] for detail in told}) == 2
    for detail in told:
        steps = [(action["action"], action["plan"]) for action in detail["actions"]]
        assert steps == [("move_key", "reports"), ("attach_key", "daily")]
    items = bench.tables["KeysTable"].scan()["Items"]
    assert [item for item in items if item["record"].startswith("outbox")] == []
