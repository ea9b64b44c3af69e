"""Events, answers and batches are cut by bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.events.contracts import announcement
from keyward.events.size import MAX_BYTES, MAX_ENTRIES, batches, json_bytes, shortened

LIMIT = 262_144  # a state of Step Functions, and a request of PutEvents


def actions(count: int, length: int) -> list[dict[str, Any]]:
    return [
        {"action": "require_key", "method": "GET", "path": f"/{number:0{length}d}"}
        for number in range(count)
    ]


@given(st.lists(st.integers(min_value=0, max_value=2 * MAX_BYTES), max_size=30))
def test_a_batch_has_all_items_in_order_and_fits_unless_one_item_alone_does_not(
    sizes: list[int],
) -> None:
    items = [{"number": number, "text": "x" * size} for number, size in enumerate(sizes)]
    cut = list(batches(items))
    assert [item for batch in cut for item in batch] == items
    for batch in cut:
        assert 1 <= len(batch) <= MAX_ENTRIES
        assert len(batch) == 1 or sum(json_bytes(item) for item in batch) <= MAX_BYTES


@pytest.mark.parametrize(
    "count", [1, 300, 840, 2100, pytest.param(20_000, marks=pytest.mark.sizes)]
)
@pytest.mark.parametrize("length", [46, 70, 1000])
def test_no_event_is_larger_than_eventbridge_takes(count: int, length: int) -> None:
    listed = actions(count, length)
    event = announcement("ApiHeld", stage="prod", reason="held", actions=listed, differences=listed)
    assert json_bytes(event) < MAX_BYTES + 1000
    assert event["detail"]["actions"]
    left_out = count - len(event["detail"]["actions"])
    assert (f"{left_out} more actions are not listed" in event["detail"]["reason"]) == (
        left_out > 0
    )


def test_a_long_list_within_a_list_is_cut_before_its_outer_list() -> None:
    held = [{"action": "hold_stage", "differences": actions(300, 68)} for _ in range(10)]
    cut = shortened({"actions": held})
    assert len(cut["actions"]) == 10
    assert "more differences are not listed" in cut["reason"]


def test_one_text_that_is_too_long_alone_is_cut() -> None:
    cut = shortened({"reason": "é" * LIMIT, "actions": [{"path": "x" * LIMIT}]})
    assert json_bytes(cut) <= MAX_BYTES


def test_what_fits_stays_as_it_is() -> None:
    value = {"actions": actions(300, 68)}
    assert shortened(value) is value
