"""The messages of the due queue."""

from __future__ import annotations

import json

import pytest

from keyward.runs.lots import customers_of, is_lot, lot_of
from local.bench import Bench


def test_a_lot_is_read_as_it_was_written_and_told_from_an_event() -> None:
    due = [("acme", 1_795_000_000), ("42", 7)]
    assert customers_of(lot_of(due)) == due
    assert json.loads(lot_of(due)) == {"due": [["acme", 1_795_000_000], ["42", 7]]}
    assert is_lot(lot_of(due))
    assert is_lot(lot_of([]))
    assert not is_lot('{"detail": {"due": []}}')


@pytest.mark.parametrize(
    "due", ["null", "7", "{}", "[7]", "[null]", '[["acme"]]', '[["acme", "7"]]', '[["acme", 1, 2]]']
)
def test_what_is_no_lot_is_refused_with_a_reason_and_stops_no_other(due: str) -> None:
    with Bench() as bench:
        for text in (f'{{"due": {due}}}', "{", lot_of([("acme", 7)])):
            bench.account.queues.send("DueQueue", text)
        bench.run()
        letters = bench.account.queues.by_name["RunsDlq"].messages
        assert [m.body for m in letters] == [f'{{"due": {due}}}', "{"]
        assert all(m.attributes["reason"]["StringValue"] for m in letters)
        assert bench.account.queues.by_name["DueQueue"].messages == []
        assert [run.input["customer_id"] for run in bench.runs if "due" in run.name] == ["acme"]
