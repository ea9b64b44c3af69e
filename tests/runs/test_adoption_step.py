"""One step of adoption: which keys become a customer's, how that is written, and which do not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from keyward.customers.key import CREATED, Journal, KeyRecord, Labels, Succession
from keyward.customers.model import Customer
from keyward.errors import KeyNotTakenError, TryUnderwayError
from keyward.events.key_value import new_value
from keyward.runs.keys.adoption import CLAIM_SECONDS, adopt_key
from keyward.runs.keys.step import KeyStep
from keyward.values import JSON
from tests.support import OURS, Bench

ARN = "arn:aws:states:us-east-1:123456789012:execution:reconcile-customer:run-1"

ACME = Customer("acme", ("free", "maps"), "active")


@dataclass
class Lab:
    """A customer `acme`, and keys that people made."""

    bench: Bench
    customer: Customer = ACME

    def plan(self, name: str, **tags: str) -> str:
        return str(self.bench.client.create_usage_plan(name=name, tags=tags)["id"])

    def key(self, *plan_ids: str, **more: Any) -> str:
        made = self.bench.client.create_api_key(**{"name": "old", "enabled": True} | more)
        for plan_id in plan_ids:
            self.bench.gateway.attach_key(plan_id, made["id"])
        return str(made["id"])

    def step(self, key_id: str, name: str = "acme") -> KeyStep:
        leases, now = self.bench.registry.leases, self.bench.clock.now()
        lease = leases.acquire(f"customer#{name}", ARN, now)
        assert lease
        action = {"action": "adopt_key", "number": 1, "key_id": key_id, "rotation": 7}
        action["plans"] = ["free", "maps"]
        task: JSON = {"customer_id": name, "lease": lease.as_json(), "execution_arn": ARN}
        return KeyStep.begin(task | {"action": action}, self.bench.context())

    def adopt(self, key_id: str) -> KeyRecord:
        assert adopt_key(self.step(key_id), self.customer) == {"key_id": key_id}
        record = self.bench.registry.customers.key("acme", 1)
        assert record
        return record

    def refusal(self, key_id: str) -> str:
        with pytest.raises(KeyNotTakenError) as refused:
            adopt_key(self.step(key_id), self.customer)
        assert self.bench.registry.customers.key("acme", 1) is None
        return str(refused.value)


@pytest.fixture
def lab(bench: Bench) -> Lab:
    return Lab(bench)


def test_a_key_is_written_down_with_its_name_and_in_those_of_its_plans(lab: Lab) -> None:
    key_id = lab.key(lab.plan("maps"), lab.plan("others"), enabled=False)
    before = lab.bench.operations()
    now = int(lab.bench.clock.now())
    assert lab.adopt(key_id) == KeyRecord(
        "acme",
        1,
        CREATED,
        key_id=key_id,
        custom_name="old",
        plans=("maps",),
        enabled=False,
        adopted=True,
        labels=Labels(None, {}),
        journal=Journal(started_at=now, awaited=("free", "maps")),
        succession=Succession(rotation=7),
    )
    assert len(lab.bench.operations()) == len(before) + 2


def test_a_key_in_a_wanted_plan_that_people_renamed_is_in_it(lab: Lab) -> None:
    plan_id = lab.plan("Free Tier")
    lab.bench.registry.plans.save_id("free", plan_id, "people")
    assert lab.adopt(lab.key(plan_id)).plans == ("free",)


def test_a_step_that_is_taken_again_reads_nothing(lab: Lab) -> None:
    key_id = lab.key(lab.plan("free", **OURS))
    first, before = lab.adopt(key_id), lab.bench.operations()
    lab.bench.clock.advance(60)
    assert (lab.adopt(key_id), lab.bench.operations()) == (first, before)


@pytest.mark.parametrize("name", ["", "acme/1"])
def test_a_key_without_a_name_of_its_own_has_keywards(lab: Lab, name: str) -> None:
    record = lab.adopt(lab.key(lab.plan("free"), name=name))
    assert (record.custom_name, record.name) == (None, "acme/1")


@pytest.mark.parametrize("wanted", ["ours", None])
def test_only_labels_that_the_customer_wants_are_known(lab: Lab, wanted: str | None) -> None:
    tags = {"team": "a", "cost": "b"}
    lab.customer = replace(
        lab.customer, description=wanted, tags={"team": "x", "new": "y"} if wanted else {}
    )
    record = lab.adopt(lab.key(lab.plan("free"), description="old words", tags=tags))
    assert record.labels == (Labels("old words", {"team": "a"}) if wanted else Labels(None, {}))


def test_a_key_of_another_customer_is_not_taken(lab: Lab) -> None:
    key_id = lab.key(lab.plan("free"))
    adopt_key(lab.step(key_id, "globex"), replace(lab.customer, customer_id="globex"))
    lab.bench.clock.advance(CLAIM_SECONDS)
    words = f"key_id: key {key_id} belongs to customer globex. Name another key, or send null "
    words += "for a new key"
    assert lab.refusal(key_id) == words


def test_a_key_that_another_run_looks_at_is_waited_for(lab: Lab) -> None:
    key_id, now = lab.key(lab.plan("free")), lab.bench.clock.now()
    leases = lab.bench.registry.leases
    assert leases.acquire(f"key#{key_id}", "globex", now, CLAIM_SECONDS)
    with pytest.raises(TryUnderwayError) as underway:
        adopt_key(lab.step(key_id), lab.customer)
    assert str(underway.value) == f"key {key_id}: another customer's run looks at it"
    lab.bench.clock.advance(CLAIM_SECONDS)
    lab.adopt(key_id)
    holder = leases.holder(f"key#{key_id}")
    assert holder
    assert holder.owner == "acme"
    assert leases.acquire(f"key#{key_id}", "globex", lab.bench.clock.now()) is None
    lab.bench.clock.advance(CLAIM_SECONDS)
    assert leases.acquire(f"key#{key_id}", "globex", lab.bench.clock.now())


def test_a_key_that_is_not_there_is_not_taken(lab: Lab) -> None:
    assert lab.refusal("abcdefghij") == (
        "key_id: API Gateway has no key abcdefghij in this account and Region. Correct the id"
        ", or send null for a new key"
    )


@pytest.mark.parametrize("where", ["name", "description", "tags"])
def test_a_key_that_shows_a_value_is_not_taken(lab: Lab, where: str) -> None:
    value = new_value("kw")
    key_id = lab.key(**{where: {"team": value} if where == "tags" else value})
    assert lab.refusal(key_id) == (
        f"key_id: the name, the description or a tag of key {key_id} holds a value of an API key. "
        "Remove the value there, or send null for a new key"
    )


def test_a_key_in_a_plan_of_another_stack_is_not_taken(lab: Lab) -> None:
    key_id = lab.key(lab.plan("free", **OURS), lab.plan("theirs", keyward="other"))
    assert lab.refusal(key_id) == (
        f"key_id: key {key_id} is in usage plan theirs of the stack other. "
        "Take it out, name another key, or send null for a new key"
    )
