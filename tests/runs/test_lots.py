"""The messages of the due queue."""

from __future__ import annotations

import json

from keyward.runs.lots import customers_of, is_lot, lot_of


def test_a_lot_is_read_as_it_was_written_and_told_from_an_event() -> None:
    due = [("acme", 1_795_000_000), ("42", 7)]
    assert customers_of(lot_of(due)) == due
    assert json.loads(lot_of(due)) == {"due": [["acme", 1_795_000_000], ["42", 7]]}
    assert is_lot(lot_of(due))
    assert is_lot(lot_of([]))
    assert not is_lot('{"detail": {"due": []}}')
