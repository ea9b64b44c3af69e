"""The adapter's GetUsage and UpdateUsage on the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from emulator import data_plane
from keyward.aws.gateway import DayUsed
from keyward.errors import (
    GatewayRefusedError,
    GatewayUnavailableError,
    NotFoundError,
    ThrottledError,
)
from keyward.policy.parts import Quota
from keyward.values import iso
from tests.machines.customer_lab import stage
from tests.support import STACK, Bench, workbench

VALUE = "C" * 40
DAY = 86_400


@dataclass
class Shop:
    """One API on stage prod, one plan with a quota of 3 a day, one key in it."""

    bench: Bench
    api: str
    plan: str
    key: str

    def call(self) -> bool:
        """A client's call: whether the quota let it in (what is behind answers nothing)."""
        headers = {"x-api-key": VALUE}
        emulator = self.bench.emulator
        return data_plane.handle(emulator, "GET", self.api, "prod", "/", "", headers, b"")[0] != 429

    def today(self) -> str:
        """Today's date in UTC."""
        return iso(self.bench.clock.now())[:10]

    def used(self) -> DayUsed:
        """What GetUsage says of the key today."""
        return self.bench.gateway.usage(self.plan, self.today(), self.today())[self.key][-1]


@pytest.fixture
def shop() -> Iterator[Shop]:
    with workbench() as bench:
        stage(bench)
        [api] = bench.client.get_rest_apis()["items"]
        quota = Quota(3, "DAY")
        plan = bench.gateway.create_plan("free", None, quota, {(api["id"], "prod"): {}}, STACK)
        key = bench.gateway.create_key("acme/1", VALUE, {})
        bench.gateway.attach_key(plan.plan_id, key.key_id)
        yield Shop(bench, api["id"], plan.plan_id, key.key_id)


def test_what_is_left_can_be_made_less_or_more(shop: Shop) -> None:
    shop.call()
    shop.bench.gateway.set_remaining(shop.plan, shop.key, 1)
    assert shop.used() == DayUsed(1, 1)
    assert [shop.call() for _ in range(2)] == [True, False]
    shop.bench.gateway.set_remaining(shop.plan, shop.key, 2)
    assert [shop.call() for _ in range(3)] == [True, True, False]


def test_the_same_grant_twice_is_one_grant(shop: Shop) -> None:
    for _ in range(2):
        shop.bench.gateway.set_remaining(shop.plan, shop.key, 5)
    assert shop.used().remaining == 5


def test_nothing_left_is_nothing(shop: Shop) -> None:
    shop.bench.gateway.set_remaining(shop.plan, shop.key, 0)
    assert not shop.call()


def test_a_new_period_starts_with_the_whole_quota(shop: Shop) -> None:
    shop.bench.gateway.set_remaining(shop.plan, shop.key, 0)
    shop.bench.clock.advance(DAY)
    assert [shop.call() for _ in range(4)] == [True, True, True, False]


def test_a_key_outside_the_plan_is_not_found(shop: Shop) -> None:
    other = shop.bench.gateway.create_key("acme/2", "D" * 40, {})
    with pytest.raises(NotFoundError):
        shop.bench.gateway.set_remaining(shop.plan, other.key_id, 5)


def test_a_plan_without_a_quota_has_nothing_to_grant(shop: Shop) -> None:
    plan = shop.bench.gateway.create_plan("open", None, None, {}, STACK)
    shop.bench.gateway.attach_key(plan.plan_id, shop.key)
    with pytest.raises(GatewayRefusedError):
        shop.bench.gateway.set_remaining(plan.plan_id, shop.key, 5)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("throttle", ThrottledError),
        ("503", GatewayUnavailableError),
        ("timeout_after", GatewayUnavailableError),
    ],
)
def test_what_can_pass_is_told_as_such(shop: Shop, fault: str, error: type[Exception]) -> None:
    shop.bench.emulator.order_faults([{"operation": "UpdateUsage", "call": 1, "fault": fault}])
    with pytest.raises(error):
        shop.bench.gateway.set_remaining(shop.plan, shop.key, 9)
    assert shop.bench.operations().count("UpdateUsage") == 1
