"""What Keyward writes into a customer's item stands under one attribute, `keyward`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from keyward.customers.bookkeeping import MEMBERS, as_stored, packed, unpacked
from keyward.values import JSON
from local.bench import Bench
from tests.support import registry_of

CONTRACT = {
    *("customer_id", "plan", "plans", "status", "name", "description", "keys", "key_id"),
    *("key_value_secret", "tags", "expires_at", "keyward"),
}
LIFE: list[tuple[str, JSON]] = [
    ("CustomerSignedUp", {"plan": "free", "name": "Acme", "keys": 2, "tags": {"a": "b"}}),
    ("CustomerPlanChanged", {"plan": "pro", "key": "successor"}),
    ("PlanAdded", {"plan": "free"}),
    ("KeyRotationRequested", {"reason": "routine"}),
    ("QuotaExtensionRequested", {"by": 5}),
    ("PaymentFailed", {}),
    ("CustomerExpiryChanged", {"expires_at": "2030-01-01"}),
    ("UndoRequested", {"what": "plan"}),
    ("CustomerSuspended", {"reason": "fraud"}),
]


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        yield made


def item(bench: Bench) -> JSON:
    return dict(bench.tables["CustomersTable"].get_item(Key={"customer_id": "acme"})["Item"])


def live(bench: Bench) -> None:
    for detail_type, detail in LIFE:
        bench.send(detail_type, customer_id="acme", **detail)
        bench.advance(200)


def test_an_item_has_the_attributes_of_the_contract_and_one_of_ours(bench: Bench) -> None:
    live(bench)
    assert {*item(bench)} <= CONTRACT
    assert {*item(bench)["keyward"]} == {*MEMBERS} - {"plan_key"}


def test_an_item_of_the_last_release_lives_on_and_is_rewritten(bench: Bench) -> None:
    live(bench)
    kept = unpacked(item(bench))
    former = {name: value for name, value in kept.items() if name != "keyward"}
    told = len(bench.announced)
    bench.put(**former)
    bench.advance(60)
    assert bench.announced[told:] == []
    bench.send("CustomerResumed", customer_id="acme")
    bench.advance(60)
    assert {*item(bench)} <= CONTRACT
    assert bench.announced[-1]["detail-type"] == "KeyResumed"


def test_a_person_who_writes_a_plain_record_drops_all_that_was_ours(bench: Bench) -> None:
    live(bench)
    bench.put(customer_id="acme", plan="free", status="active")
    bench.advance(60)
    assert {*item(bench)} == {"customer_id", "plan", "status"}
    assert bench.announced[-1]["detail-type"] != "CustomerFailed"


@pytest.mark.parametrize("changed", [*MEMBERS, "plan", "plans", "tags", "keyward"])
@pytest.mark.parametrize("is_former", [False, True])
def test_a_record_that_somebody_changed_meanwhile_is_not_overwritten(
    bench: Bench, changed: str, is_former: bool
) -> None:
    bench.send("CustomerSignedUp", customer_id="acme", plan="free")
    bench.run()
    table = bench.tables["CustomersTable"]
    customers = registry_of(bench.tables, None).customers
    if is_former:
        former = {n: v for n, v in unpacked(item(bench)).items() if n != "keyward"}
        table.put_item(Item=former)
    before = customers.desired("acme")
    assert before is not None
    assert customers.save_desired(before | {"name": "New"}, before)
    before = customers.desired("acme")
    table.put_item(Item=item(bench) | {changed: "changed"})
    assert not customers.save_desired(before | {"name": "Newer"}, before)


def test_packing_loses_nothing() -> None:
    record: dict[str, Any] = {name: name for name in (*CONTRACT - {"keyward"}, *MEMBERS)}
    stored = packed(record)
    again = unpacked(stored)
    assert again == record | {"keyward": stored["keyward"]}
    assert (as_stored(again), packed(again)) == (stored, stored)
    assert as_stored(record) == unpacked(record) == record
