"""A stream's lanes on the local AWS: records of one item in order, items side by side."""

from __future__ import annotations

import pytest
from ministack.services import dynamodb, lambda_svc

from keyward.values import JSON
from local.shims import streams

MAPPING: JSON = {"UUID": "m", "FunctionName": "f", "ParallelizationFactor": 4, "BatchSize": 3}
MAPPING |= {"StartingPosition": "TRIM_HORIZON"}
ITEMS = [f"customer-{n % 7}" for n in range(60)]
RECORDS: list[JSON] = [
    {"dynamodb": {"Keys": {"customer_id": {"S": name}}, "SequenceNumber": str(n)}}
    for n, name in enumerate(ITEMS)
]


@pytest.fixture(autouse=True)
def one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    streams.reset()
    monkeypatch.setattr(streams, "_table_of", lambda mapping: "table")
    monkeypatch.setattr(lambda_svc, "_get_func_record_for_qualifier", lambda *_: ({}, {}))
    monkeypatch.setattr(lambda_svc, "_dynamodb_stream_positions", {})
    monkeypatch.setattr(dynamodb, "stream_start_position", lambda table: 0)
    monkeypatch.setattr(
        dynamodb, "stream_records_since", lambda table, start, size: RECORDS[start : start + size]
    )


def read_to_the_end(busy: set[str]) -> list[list[str]]:
    """Batches, by the items of their records, in the order in which they are handed out."""
    found = []
    for _ in range(len(RECORDS)):
        for batch in streams._next_batches(MAPPING):
            if batch.id not in busy:
                found.append([record["dynamodb"]["SequenceNumber"] for record in batch.records])
                streams._succeed(batch)
    return found


def test_every_record_is_handed_out_once_and_those_of_an_item_in_order() -> None:
    numbers = [int(number) for batch in read_to_the_end(set()) for number in batch]
    assert sorted(numbers) == list(range(len(RECORDS)))
    for item in set(ITEMS):
        mine = [number for number in numbers if ITEMS[number] == item]
        assert mine == sorted(mine)


def test_a_lane_that_is_held_up_holds_up_its_own_items_only() -> None:
    batches = {batch.id: batch for batch in streams._next_batches(MAPPING)}
    assert len(batches) > 1
    stuck = next(iter(batches))
    items = {ITEMS[int(r["dynamodb"]["SequenceNumber"])] for r in batches[stuck].records}
    numbers = {int(number) for batch in read_to_the_end({stuck}) for number in batch}
    assert {n for n, item in enumerate(ITEMS) if item not in items} <= numbers


def test_a_batch_that_fails_comes_again_from_the_record_that_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = next(iter(streams._next_batches(MAPPING)))
    streams._fail(first, {}, 1)
    monkeypatch.setattr(lambda_svc, "_esm_backoff_until", {})
    again = next(batch for batch in streams._next_batches(MAPPING) if batch.id == first.id)
    assert again.records[0] == first.records[1]
