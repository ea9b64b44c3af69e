"""One quota a customer: what plan changes and successors take over of what was used before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.values import JSON
from local.bench import Bench

LIMIT = 10
DAY: JSON = {"quota": {"limit": LIMIT, "period": "DAY"}}
PLANS: JSON = {
    "a": DAY,
    "b": DAY,
    "small": {"quota": {"limit": 4, "period": "DAY"}},
    "large": {"quota": {"limit": 30, "period": "DAY"}},
    "week": {"quota": {"limit": LIMIT, "period": "WEEK"}},
    "open": {},
    # Of another API.
    "else": DAY | {"apis": ["none"]},
}


class Shop:
    """A customer in plan a, and an API that all plans open."""

    def __init__(self, bench: Bench, start: str = "a") -> None:
        self.bench = bench
        self.api = bench.api({"/pets": {"get": ["api_key"]}})
        bench.run()
        bench.send("CustomerSignedUp", customer_id="acme", plan=start)
        bench.advance(60)
        self.values: set[str] = set()

    def use(self, calls: int) -> int:
        """So many calls by each key that works: how many were let in."""
        state = self.bench.emulator.state.keys
        self.values |= {key.value for key in state.values()}
        let_in = 0
        for _ in range(calls):
            for value in sorted(self.values):
                self.bench.advance(1)
                let_in += self.bench.call(self.api, "prod", "GET", "/pets", key=value) == 200
        return let_in

    def say(self, detail_type: str, **detail: Any) -> None:
        self.bench.send(detail_type, customer_id="acme", **detail)
        self.bench.advance(130)

    def hop(self, plan: str, **detail: Any) -> list[str]:
        """A plan change: the calls that it took."""
        begun = len(self.bench.calls)
        self.say("CustomerPlanChanged", plan=plan, **detail)
        return [call["operation"] for call in self.bench.calls[begun:]]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Bench(policy={"usage_plans": PLANS, "propagation_seconds": 0}) as bench:
        yield Shop(bench)


def test_hopping_between_plans_gains_nothing(shop: Shop) -> None:
    let_in = 0
    for plan in "baba":
        let_in += shop.use(12)
        shop.hop(plan)
    assert let_in + shop.use(12) == LIMIT


def test_an_extension_is_all_that_hopping_with_it_gains(shop: Shop) -> None:
    assert shop.use(12) == LIMIT
    shop.hop("b")
    shop.say("QuotaExtensionRequested", by=5)
    let_in = shop.use(12)
    for plan in "aba":
        shop.hop(plan)
        let_in += shop.use(12)
    assert let_in == 5


def test_what_a_smaller_plan_has_no_room_for_is_not_forgotten(shop: Shop) -> None:
    assert shop.use(8) == 8
    shop.hop("small")
    assert shop.use(3) == 0
    shop.hop("a")
    assert shop.use(8) == 2
    shop.hop("large")
    assert shop.use(40) == 20


def test_hopping_over_another_period_gains_nothing_in_either(shop: Shop) -> None:
    assert shop.use(12) == LIMIT
    shop.hop("week")
    assert shop.use(12) == LIMIT
    shop.hop("a")
    assert shop.use(12) == 0
    shop.hop("week")
    assert shop.use(12) == 0


def test_a_new_period_begins_with_the_whole_quota(shop: Shop) -> None:
    shop.use(12)
    shop.hop("b")
    shop.bench.advance(86_400)
    assert shop.use(12) == LIMIT
    shop.hop("a")
    assert shop.use(12) == 0


def test_a_plan_change_by_successor_carries_over_what_was_used(shop: Shop) -> None:
    assert shop.use(7) == 7
    shop.hop("b", key="successor")
    # The old key has the rest of its own quota for the overlap, and the new one as much.
    assert shop.use(12) == 3 + 3
    for plan in "abab":
        shop.hop(plan, key="successor")
        assert shop.use(12) == 0


def test_rotations_and_plan_changes_share_one_quota(shop: Shop) -> None:
    assert shop.use(6) == 6
    shop.say("KeyRotationRequested", leaked=True)
    shop.hop("b")
    shop.say("KeyRotationRequested", leaked=True)
    shop.hop("a")
    assert shop.use(12) == 4


def test_a_plan_that_is_removed_and_added_again_gains_nothing(shop: Shop) -> None:
    shop.say("PlanAdded", plan="else")
    assert shop.use(12) == LIMIT
    for detail_type in ("PlanRemoved", "PlanAdded"):
        shop.say(detail_type, plan="a")
    assert shop.use(12) == 0


def test_a_plan_change_is_two_writes_that_follow_each_other(shop: Shop) -> None:
    for plan in ("b", "open", "week", "b"):
        shop.hop(plan)
    assert shop.hop("a") == ["GetUsage", "DeleteUsagePlanKey", "CreateUsagePlanKey"]
    shop.use(1)
    moved = shop.hop("b")
    assert moved == ["GetUsage", "DeleteUsagePlanKey", "CreateUsagePlanKey", "UpdateUsage"]
    shop.hop("open")
    assert shop.hop("week") == ["DeleteUsagePlanKey", "CreateUsagePlanKey"]


@pytest.mark.parametrize("operation", ["GetUsage", "DeleteUsagePlanKey", "CreateUsagePlanKey"])
@pytest.mark.parametrize("error", ["timeout_before", "timeout_after", "death_after"])
def test_a_plan_change_that_broke_off_gains_nothing(shop: Shop, operation: str, error: str) -> None:
    shop.use(12)
    shop.bench.fault("apigateway", operation, 1, error)
    shop.hop("b")
    shop.bench.advance(600)
    assert shop.use(12) == 0
    shop.hop("a")
    assert shop.use(12) == 0
