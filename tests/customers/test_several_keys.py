"""Customers with several keys, on the whole stack: how they come, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.bench import Bench

POLICY = {
    "usage_plans": {name: {} for name in ("free", "reports")},
    "propagation_seconds": 0,
    "grace_hours": 1,
}


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(policy=POLICY) as made:
        yield made


def names(bench: Bench) -> list[str]:
    return sorted(key["name"] for key in bench.gateway.get_api_keys()["items"])


def enabled(bench: Bench) -> list[str]:
    keys = bench.gateway.get_api_keys()["items"]
    return sorted(key["name"] for key in keys if key["enabled"])


def told(bench: Bench, detail_type: str) -> list[dict[str, Any]]:
    return [e["detail"] for e in bench.announced if e["detail-type"] == detail_type]


def send(bench: Bench, detail_type: str, **detail: Any) -> None:
    bench.send(detail_type, customer_id="acme", **detail)
    bench.run()


def test_a_sign_up_brings_as_many_keys_as_it_says_each_announced_once(bench: Bench) -> None:
    for _ in range(2):
        send(bench, "CustomerSignedUp", plan="free", keys=3)
    assert names(bench) == ["acme/1", "acme/2", "acme/3"]
    assert len({event["key_id"] for event in told(bench, "KeyIssued")}) == 3
    assert len(told(bench, "KeyIssued")) == 3


def test_another_number_of_keys_adds_or_retires_some(bench: Bench) -> None:
    send(bench, "CustomerSignedUp", plan="free", keys=2)
    bench.advance(1)
    send(bench, "CustomerSignedUp", plan="free", keys=3)
    assert names(bench) == ["acme/1", "acme/2", "acme/3"]
    bench.advance(1)
    send(bench, "CustomerSignedUp", plan="free", keys=1)
    assert enabled(bench) == ["acme/1"]
    bench.advance(2 * 3600)
    assert names(bench) == ["acme/1"]


def test_a_number_that_was_a_mistake_costs_no_client_its_key(bench: Bench) -> None:
    send(bench, "CustomerSignedUp", plan="free", keys=3)
    ids = {key["name"]: key["id"] for key in bench.gateway.get_api_keys()["items"]}
    for number in (1, 3):
        bench.advance(60)
        send(bench, "CustomerSignedUp", plan="free", keys=number)
    assert enabled(bench) == ["acme/1", "acme/2", "acme/3"]
    bench.advance(2 * 3600)
    assert {key["name"]: key["id"] for key in bench.gateway.get_api_keys()["items"]} == ids
    assert {event["key_id"] for event in told(bench, "KeyResumed")} == {
        ids["acme/2"],
        ids["acme/3"],
    }
    assert len(told(bench, "KeyIssued")) == 3
    assert told(bench, "KeyRetired") == []


def test_an_older_number_of_keys_that_comes_late_changes_nothing(bench: Bench) -> None:
    send(bench, "CustomerSignedUp", plan="free", keys=2, occurred_at="2026-01-01T00:00:00Z")
    send(bench, "CustomerSignedUp", plan="free", keys=1, occurred_at="2025-12-31T00:00:00Z")
    assert enabled(bench) == ["acme/1", "acme/2"]


@pytest.mark.parametrize("keys", [0, 6, 1.5, "2", True])
def test_a_number_of_keys_that_cannot_be_is_refused_by_name(bench: Bench, keys: object) -> None:
    send(bench, "CustomerSignedUp", plan="free", keys=keys)
    [failed] = told(bench, "CustomerFailed")
    assert failed["reason"].startswith("detail.keys: must be a whole number from 1 to 5")
    assert names(bench) == []


def test_a_column_says_how_many_keys(bench: Bench) -> None:
    rows = "customer_id,plan,keys\nacme,free,2\nglobex,free,\ninitech,free,many\n"
    bench.upload("onboarding/new.csv", rows)
    bench.advance(60)
    assert names(bench) == ["acme/1", "acme/2", "globex/1"]


def test_keys_have_no_customer_id_which_is_the_marketplaces(bench: Bench) -> None:
    send(bench, "CustomerSignedUp", plan="free", keys=2)
    assert not any("customerId" in key for key in bench.gateway.get_api_keys()["items"])


def test_a_number_of_keys_from_the_last_edition_gives_way_to_any_event(bench: Bench) -> None:
    send(bench, "CustomerSignedUp", plan="free")
    record = bench.tables["CustomersTable"].get_item(Key={"customer_id": "acme"})["Item"]
    bench.put(**record | {"keys": 2})
    # That edition noted no date for `keys`.
    where = {"customer_id": "acme", "record": "customer"}
    bench.run()
    bench.tables["KeysTable"].delete_item(Key=where)
    send(bench, "CustomerPlanChanged", plan="reports")
    assert enabled(bench) == ["acme/1", "acme/2"]
    send(bench, "CustomerSignedUp", plan="reports", keys=3)
    assert enabled(bench) == ["acme/1", "acme/2", "acme/3"]
