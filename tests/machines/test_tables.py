"""The tables of this process answer as moto's do, call by call."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from keyward.aws.tables import CallSchedule, Customers, Lease, Leases, Ledger, Marks
from keyward.aws.tables.conditions import in_partition, in_range
from keyward.customers.key import CREATED, KeyRecord
from keyward.errors import LeaseLostError
from keyward.runs.schedule import CALLS, NEW
from keyward.runs.turns import Turns
from local.lifetime.tables import Tables
from tests.support import Bench, workbench

JSON = dict[str, Any]


class Both:
    """A table of moto's and one of ours, which get the same calls and are to answer the same."""

    def __init__(self, real: Any, ours: Any) -> None:
        self.name, self.meta = real.name, self
        self.client = self
        self._real, self._ours = real, ours

    def __getattr__(self, name: str) -> Any:
        return lambda **request: same(getattr(self._real, name), getattr(self._ours, name), request)

    def transact_write_items(self, **request: Any) -> Any:
        real = self._real.meta.client.transact_write_items
        return same(real, self._ours.meta.client.transact_write_items, request)


def same(real: Any, ours: Any, request: JSON) -> Any:
    told, found = answer(real, request), answer(ours, request)
    if "Attributes" in told:
        # moto leaves out what was the same before; DynamoDB tells all that the expression names.
        both = found["Attributes"].keys() & told["Attributes"]
        found["Attributes"] = {name: found["Attributes"][name] for name in both}
    assert found == told, request
    if "Refused" in told:
        raise ClientError(told["Refused"], "Some")
    return told


def answer(call: Any, request: JSON) -> JSON:
    """What counts of an answer: items in the order of their keys where the order is nobody's."""
    try:
        given = call(**request)
    except ClientError as error:
        reasons: list[JSON] = error.response.get("CancellationReasons", [])  # type: ignore[assignment]
        codes = [{"Code": reason["Code"]} for reason in reasons]
        code = {"Code": error.response["Error"]["Code"]}
        return {"Refused": {"Error": code, "CancellationReasons": codes}}
    kept = {name: given[name] for name in ("Item", "Items", "Attributes") if name in given}
    # moto adds the key where the item is new; DynamoDB tells what was updated (API reference).
    for name in {*request.get("Key", {})} & {*kept.get("Attributes", {})}:
        del kept["Attributes"][name]
    if "KeyConditionExpression" not in request and "Items" in kept:
        kept["Items"] = sorted(kept["Items"], key=str)
    return kept


@pytest.fixture
def bench() -> Iterator[Bench]:
    with workbench() as made:
        yield made


@pytest.fixture
def both(bench: Bench) -> dict[str, Both]:
    ours = Tables().by_name
    return {name: Both(table, ours[name]) for name, table in bench.tables.items()}


def test_leases_are_the_same_in_any_order_of_calls(both: dict[str, Both]) -> None:
    leases, chance = Leases(both["LeasesTable"]), random.Random(3)
    turns, marks = Turns(CallSchedule(both["LeasesTable"]), 50), Marks(both["LeasesTable"])
    names, owners = ("customer#acme", "plan#free"), ("run-1", "run-2")
    for now in range(0, 4000, 40):
        name, owner = chance.choice(names), chance.choice(owners)
        held = leases.holder(name) or Lease(name, owner, 1)
        step = chance.choice(
            [
                lambda name=name, owner=owner, now=now: leases.acquire(name, owner, now),
                lambda name=name, owner=owner, now=now: leases.take_over(name, "run-1", owner, now),
                lambda name=name, now=now: leases.request_rerun(name, now),
                lambda name=name, owner=owner: leases.rerun_requested(name, owner),
                lambda held=held: leases.release(held),
                lambda name=name, now=now: marks.claim(f"said#{name}", now),
                lambda n=name, o=owner, now=now: turns.take(n, o, NEW, {CALLS: 40}, now),
                lambda now=now: turns.debit({CALLS: 7}, now),
            ]
        )
        step()


def test_key_records_dates_and_lines_are_the_same(both: dict[str, Both]) -> None:
    ledger = Ledger(both["LedgerTable"])
    customers = Customers(both["CustomersTable"], both["KeysTable"], ledger)
    lease, old = Lease("customer#acme", "run-2", 2), Lease("customer#acme", "run-1", 1)
    key = KeyRecord("acme", 1, CREATED, key_id="k1", plan="free")
    line = {"subject": "customer#acme", "line": "1", "at": "2026-11-23T10:00:00Z"}
    told = {"detail_type": "KeyIssued", "detail": {"n": 1}}
    customers.save_keys([key], lease, [told], "1", [line])
    with pytest.raises(LeaseLostError):
        customers.save_key(key, old)
    assert customers.key("acme", 1) is not None
    assert customers.load_keys("acme").outbox
    for at in (5, 9, 7):
        customers.note_dates("acme", {"plan": f"plan-{at}"}, at)
    assert customers.load_keys("acme").dated["plan"].value == "plan-9"
    ledger.append([line, line | {"line": "2"}])
    assert [item["line"] for item in ledger.of("customer#acme", 1)] == ["2"]
    record = {"customer_id": "acme", "plan": "free", "status": "active"}
    assert customers.save_desired(record, None)
    assert not customers.save_desired(record | {"plan": "pro"}, record | {"plan": "other"})
    assert customers.save_desired(record | {"plan": "pro"}, record)
    customers.save_tombstone(key, 1, lease, 9.0, [])
    assert customers.last_number("acme") == 1
    assert customers.load_all().desired


def test_conditions_are_the_same(both: dict[str, Both]) -> None:
    table = both["KeysTable"]
    for number in range(5):
        record = {"customer_id": "acme", "record": f"key#{number}", "n": number, "m": {"a": number}}
        table.put_item(Item=record)
    conditions: list[tuple[str, JSON]] = [
        ("#n < :a AND #m.#a >= :b", {":a": 3, ":b": 1}),
        ("#n = :a OR attribute_not_exists(#n)", {":a": 1}),
        ("NOT begins_with(#record, :a)", {":a": "key#1"}),
        ("#other <> :a", {":a": 1}),
        ("contains(#record, :a)", {":a": "#2"}),
        ("#n BETWEEN :a AND :b", {":a": 1, ":b": 3}),
    ]
    for condition, values in conditions:
        names = {name: name[1:] for name in re.findall(r"#\w+", condition)}
        more = {"ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        table.scan(FilterExpression=condition, **more)
        where = {"customer_id": "acme", "record": "key#1"}
        for key in (where, where | {"record": "new"}):
            table.query(**in_partition("customer_id", "acme"), Limit=2)
            item = key | {"n": 1, "m": {"a": 1}}
            with suppress(ClientError):
                table.put_item(Item=item, ConditionExpression=condition, **more)
    mine = ("customer_id", "acme", "record")
    table.query(**in_range(*mine, "#range < :operand", "key#2"), ScanIndexForward=False)
    table.query(**in_range(*mine, "begins_with(#range, :operand)", "key#"))
