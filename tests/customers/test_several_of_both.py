"""Customers with several plans and several keys through all of their life, on the whole stack."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.bench import Bench

DAY = 86_400
PLANS = ("free", "pro", "reports")
DAILY = {"quota": {"limit": 10, "period": "DAY"}}
POLICY: dict[str, Any] = {
    "usage_plans": {"free": DAILY, "pro": DAILY, "reports": {}},
    "propagation_seconds": 0,
    "grace_hours": 1,
    "overlap_hours": 1,
    "billing": {
        "ladder": [
            {"after_days": 1, "step": "plan", "plan": "free"},
            {"after_days": 2, "step": "suspend"},
        ]
    },
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=POLICY) as made:
        yield made


def send(bench: Bench, detail_type: str, **detail: Any) -> None:
    bench.advance(2)
    bench.send(detail_type, customer_id="acme", **detail)
    bench.run()


def sign_up(bench: Bench) -> None:
    send(bench, "CustomerSignedUp", plans=["pro", "reports"], keys=2)


def keys(bench: Bench) -> dict[str, tuple[bool, set[str]]]:
    """By name whether each key is enabled, and its plans."""
    found = {k["id"]: (k["name"], k["enabled"]) for k in bench.gateway.get_api_keys()["items"]}
    held: dict[str, set[str]] = {key_id: set() for key_id in found}
    for plan in bench.gateway.get_usage_plans()["items"]:
        for key in bench.gateway.get_usage_plan_keys(usagePlanId=plan["id"])["items"]:
            held[key["id"]].add(plan["name"])
    return {name: (enabled, held[key_id]) for key_id, (name, enabled) in found.items()}


def both(enabled: bool, *plans: str, numbers: tuple[int, ...] = (1, 2)) -> Any:
    return {f"acme/{number}": (enabled, {*plans}) for number in numbers}


def told(bench: Bench) -> list[str]:
    return [event["detail-type"] for event in bench.announced]


def test_a_suspension_disables_every_key_which_stays_in_all_plans(bench: Bench) -> None:
    sign_up(bench)
    send(bench, "CustomerSuspended")
    assert keys(bench) == both(False, "pro", "reports")
    send(bench, "CustomerResumed")
    assert keys(bench) == both(True, "pro", "reports")
    assert told(bench) == ["KeyIssued"] * 2 + ["KeySuspended"] * 2 + ["KeyResumed"] * 2


def test_a_plan_added_while_suspended_is_joined_when_resumed(bench: Bench) -> None:
    sign_up(bench)
    send(bench, "CustomerSuspended")
    send(bench, "PlanAdded", plan="free")
    assert keys(bench) == both(False, "pro", "reports")
    send(bench, "CustomerResumed")
    assert keys(bench) == both(True, "pro", "reports", "free")


def test_a_rotation_gives_each_key_a_successor_in_all_plans(bench: Bench) -> None:
    sign_up(bench)
    send(bench, "KeyRotationRequested", overlap_hours=1)
    assert keys(bench) == both(True, "pro", "reports", numbers=(1, 2, 3, 4))
    bench.advance(3 * 3600)
    assert keys(bench) == both(True, "pro", "reports", numbers=(3, 4))
    assert told(bench).count("KeyRotated") == 2


def test_an_undone_rotation_leaves_the_old_keys_in_all_plans(bench: Bench) -> None:
    sign_up(bench)
    send(bench, "KeyRotationRequested", overlap_hours=1)
    send(bench, "UndoRequested", what="rotation")
    # The successors, of which people were told, work on for the policy's overlap.
    bench.advance(3 * 3600)
    assert keys(bench) == both(True, "pro", "reports")


@pytest.mark.parametrize(
    ("change", "detail", "after"),
    [
        ("PlanAdded", {"plan": "free"}, ("pro", "reports", "free")),
        ("PlanRemoved", {"plan": "pro"}, ("reports",)),
        ("CustomerPlanChanged", {"plan": "free"}, ("free",)),
        ("CustomerPlanChanged", {"plans": ["free", "reports"]}, ("free", "reports")),
    ],
)
def test_a_change_of_the_plans_moves_every_key_and_can_be_undone(
    bench: Bench, change: str, detail: dict[str, Any], after: tuple[str, ...]
) -> None:
    sign_up(bench)
    send(bench, change, **detail)
    assert keys(bench) == both(True, *after)
    send(bench, "UndoRequested", what="plan_change")
    assert keys(bench) == both(True, "pro", "reports")


def test_an_unpaid_bill_lowers_all_plans_and_suspends_and_a_payment_brings_all_back(
    bench: Bench,
) -> None:
    sign_up(bench)
    send(bench, "PaymentFailed")
    bench.advance(DAY + 120)
    assert keys(bench) == both(True, "free")
    bench.advance(DAY)
    assert keys(bench) == both(False, "free")
    send(bench, "PaymentSucceeded")
    assert keys(bench) == both(True, "pro", "reports")


def test_an_expiry_stops_every_key_and_a_later_date_lets_them_work(bench: Bench) -> None:
    sign_up(bench)
    send(bench, "CustomerExpiryChanged", expires_at="2026-01-02T00:00:00Z")
    bench.advance(2 * DAY)
    assert keys(bench) == both(False, "pro", "reports")
    send(bench, "CustomerExpiryChanged", expires_at="2027-01-01T00:00:00Z")
    assert keys(bench) == both(True, "pro", "reports")


def test_closing_deletes_every_key(bench: Bench) -> None:
    sign_up(bench)
    send(bench, "CustomerClosed")
    assert keys(bench) == {}
    assert told(bench).count("KeyRevoked") == 2


# Steps of a life, and what each does to the set of plans; None for a set of its own.
STEPS: list[tuple[str, dict[str, Any]]] = [
    *(("PlanAdded", {"plan": plan}) for plan in PLANS),
    *(("PlanRemoved", {"plan": plan}) for plan in PLANS),
    *(("CustomerPlanChanged", {"plan": plan}) for plan in PLANS),
    ("CustomerPlanChanged", {"plans": ["pro", "reports"], "key": "successor"}),
    ("CustomerSignedUp", {"plans": ["free", "pro"], "keys": 2}),
    ("CustomerSignedUp", {"plan": "pro", "keys": 1}),
    ("CustomerSuspended", {}),
    ("CustomerResumed", {}),
    ("KeyRotationRequested", {"overlap_hours": 1}),
    ("KeyRotationRequested", {"leaked": True}),
    ("UndoRequested", {}),
    ("PaymentFailed", {}),
    ("PaymentSucceeded", {}),
]


def by_hand(bench: Bench, plan_id: str) -> set[str]:
    found = bench.gateway.get_usage_plan_keys(usagePlanId=plan_id, limit=500)["items"]
    return {key["id"] for key in found}


def put_by_hand(bench: Bench, plan_id: str) -> set[str]:
    """Put every key into a plan of the team's own, as its people do."""
    there = by_hand(bench, plan_id)
    for key in bench.gateway.get_api_keys(limit=500)["items"]:
        if key["id"] not in there:
            bench.gateway.create_usage_plan_key(
                usagePlanId=plan_id, keyId=key["id"], keyType="API_KEY"
            )
    return by_hand(bench, plan_id)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from([2, 3600])), max_size=5),
    is_adopted=st.booleans(),
)
def test_no_sequence_takes_a_key_out_of_a_plan_that_nobody_asked_about(
    steps: list[tuple[tuple[str, dict[str, Any]], int]], is_adopted: bool
) -> None:
    with Bench(policy=POLICY) as bench:
        plan_id = bench.gateway.create_usage_plan(name="of the team")["id"]
        old: dict[str, str] = {}
        if is_adopted:
            old["key_id"] = bench.gateway.create_api_key(name="old", enabled=True)["id"]
        put_by_hand(bench, plan_id)
        send(bench, "CustomerSignedUp", plans=["free", "reports"], **old)
        for (detail_type, detail), seconds in steps:
            held = put_by_hand(bench, plan_id)
            send(bench, detail_type, **detail)
            bench.advance(seconds)
            left = {key["id"] for key in bench.gateway.get_api_keys(limit=500)["items"]}
            assert by_hand(bench, plan_id) >= held & left
        send(bench, "PaymentSucceeded")
        send(bench, "CustomerResumed")
        bench.advance(4 * 3600)
        held = put_by_hand(bench, plan_id)
        bench.audit(repair=True)
        assert by_hand(bench, plan_id) == held
        record = bench.tables["CustomersTable"].get_item(Key={"customer_id": "acme"})["Item"]
        wanted = {*record.get("plans", [record.get("plan")])}
        working = [plans for enabled, plans in keys(bench).values() if enabled]
        assert len(working) == record.get("keys", 1)
        assert all(plans - {"of the team"} == wanted for plans in working)
