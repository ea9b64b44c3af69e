"""Two stacks of Keyward in one account and Region: neither writes to what is the other's."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest

from keyward.runs import runtime
from keyward.values import JSON
from local.bench import Bench

OPEN: JSON = {"/pets": {"get": None}}
FREE: JSON = {"throttle": {"rateLimit": 5, "burstLimit": 10}}
MORE: JSON = {"throttle": {"rateLimit": 500, "burstLimit": 1000}}
OURS: JSON = {"usage_plans": {"free": FREE}, "propagation_seconds": 0}
# The other stack names the same plan, and one of its own.
THEIRS: JSON = {"usage_plans": {"free": MORE, "beta": MORE}, "propagation_seconds": 0}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=OURS) as made:
        yield made


class Other:
    """The stack `staging`, which has tables and a policy of its own."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._items: dict[str, list[JSON]] = {name: [] for name in bench.tables}

    @contextmanager
    def at_work(self) -> Iterator[Bench]:
        """This stack in place of the first one."""
        with mock.patch.dict(os.environ, {"STACK_NAME": "staging"}):
            self._swap()
            self._bench.put_policy(THEIRS)
            self._settle()
            try:
                yield self._bench
            finally:
                self._swap()
                self._bench.put_policy(OURS)
                self._settle()

    def _swap(self) -> None:
        for name, table in self._bench.tables.items():
            mine = copy.deepcopy(table.scan()["Items"])
            table.clear()
            for item in self._items[name]:
                table.put_item(Item=item)
            self._items[name] = mine
        # What an environment keeps of the tables is the other stack's.
        runtime._registry.cache_clear()

    def _settle(self) -> None:
        self._bench.run()
        self._bench.advance(15)


def plan_of(bench: Bench, name: str) -> JSON:
    [found] = [p for p in bench.gateway.get_usage_plans()["items"] if p["name"] == name]
    return dict(found)


def sign_up(bench: Bench, customer_id: str, plan: str) -> None:
    bench.send("CustomerSignedUp", customer_id=customer_id, plan=plan)
    bench.run()


def kinds(bench: Bench) -> list[str]:
    return sorted(found["kind"] for found in bench.audit()["findings"])


def test_the_limits_of_a_plan_are_those_of_its_stack_whatever_the_other_wants(
    bench: Bench,
) -> None:
    bench.api(OPEN)
    sign_up(bench, "acme", "free")
    bench.advance(60)
    before = plan_of(bench, "free")
    with Other(bench).at_work():
        since = len(bench.announced)
        bench.api(OPEN)
        sign_up(bench, "globex", "free")
        bench.audit(repair=True)
        assert "plan_of_another_stack" in kinds(bench)
        failed = [e for e in bench.announced[since:] if e["detail-type"] == "CustomerFailed"]
        assert ["stack keyward" in event["detail"]["reason"] for event in failed] == [True]
        assert plan_of(bench, "free") == before
    bench.audit(repair=True)
    kept = ("id", "throttle", "quota", "tags")
    after = plan_of(bench, "free")
    assert [after.get(name) for name in kept] == [before.get(name) for name in kept]


def test_the_keys_of_the_other_stack_are_no_ones_here(bench: Bench) -> None:
    sign_up(bench, "acme", "free")
    other = Other(bench)
    with other.at_work():
        sign_up(bench, "acme", "beta")
        bench.advance(60)
        assert kinds(bench) == ["plan_of_another_stack"]
    bench.advance(60)
    assert kinds(bench) == []
    names = [key["name"] for key in bench.gateway.get_api_keys()["items"]]
    assert names == ["acme/1", "acme/1"]


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after"])
def test_a_doubtful_key_is_never_the_other_stacks_key_of_that_name(
    bench: Bench, fault: str
) -> None:
    sign_up(bench, "acme", "free")
    [mine] = bench.gateway.get_api_keys()["items"]
    other = Other(bench)
    with other.at_work():
        bench.fault("apigateway", "CreateApiKey", 1, fault)
        sign_up(bench, "acme", "beta")
        bench.advance(3600)
        [theirs] = [k for k in bench.gateway.get_api_keys()["items"] if k["id"] != mine["id"]]
        plans = bench.gateway.get_usage_plans(keyId=theirs["id"])["items"]
        assert [plan["name"] for plan in plans] == ["beta"]
        bench.send("CustomerClosed", customer_id="acme")
        bench.run()
        bench.advance(10 * 86_400)
    [left] = bench.gateway.get_api_keys()["items"]
    assert (left["id"], left["enabled"]) == (mine["id"], True)
