"""Requests for more quota: kept in the record, each granted once, for its own period only."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.key import CREATED, KeyRecord
from keyward.customers.key import Quota as KeyQuota
from keyward.customers.quota import MAX_REQUESTS, Extension, due, extensions_of, requested
from keyward.errors import InvalidEventError, InvalidRecordError
from keyward.events.contracts import CustomerEvent, customer_event
from keyward.policy.parts import Quota
from tests.support import load_event

NOW = 1_795_428_000.0  # 2026-11-23T10:00:00Z
HOUR, DAY = 3600, 86_400
KEY = KeyRecord("acme", 1, CREATED, key_id="k1", plans=("free",), created_at=1)
QUOTA = Quota(1000, "DAY")


def extension_request(at: float = NOW, taken: float | None = None, **fields: Any) -> CustomerEvent:
    recorded = int(at if taken is None else taken)
    return CustomerEvent("QuotaExtensionRequested", "acme", int(at), fields, None, None, recorded)


def after(*events: CustomerEvent) -> dict[str, Any]:
    record: dict[str, Any] = {"customer_id": "acme"}
    for event in events:
        record |= requested(record, event)
    return record


def test_a_request_is_kept_with_what_it_asks_for() -> None:
    (found,) = extensions_of(after(extension_request(by=500, reason="launch week")))
    assert found == Extension(int(NOW), int(NOW), by=500, reason="launch week")


def test_the_same_request_again_changes_nothing() -> None:
    once = after(extension_request(by=500))
    assert requested(once, extension_request(by=500, taken=NOW + 60)) == {}


def test_two_requests_are_two_whatever_their_order() -> None:
    first, second = extension_request(NOW, by=500), extension_request(NOW + 1, by=500)
    for events in ((first, second), (second, first), (second, first, second)):
        assert [item.by for item in extensions_of(after(*events))] == [500, 500]


def test_what_came_late_is_numbered_after_what_came_before() -> None:
    record = after(
        extension_request(NOW + 5, taken=NOW + 6, by=1), extension_request(NOW, taken=NOW + 6, by=2)
    )
    assert [item.taken - int(NOW) for item in extensions_of(record)] == [6, 7]


def test_a_key_is_due_what_it_was_not_granted_in_this_period() -> None:
    found = extensions_of(
        after(
            extension_request(NOW - DAY, by=1),
            extension_request(NOW - HOUR, by=2),
            extension_request(NOW, by=3),
        )
    )
    assert [item.by for item in due(found, KEY, QUOTA, NOW)] == [2, 3]
    granted = replace(KEY, quota=KeyQuota(int(NOW - HOUR)))
    assert [item.by for item in due(found, granted, QUOTA, NOW)] == [3]
    assert due(found, KEY, QUOTA, NOW + DAY) == ()
    assert due(found, KEY, None, NOW) == ()


def test_a_key_made_long_after_a_request_is_not_meant_by_it() -> None:
    found = extensions_of(
        after(extension_request(NOW - 2 * HOUR, by=1), extension_request(NOW - 60, by=2))
    )
    assert [item.by for item in due(found, replace(KEY, created_at=int(NOW)), QUOTA, NOW)] == [2]


@pytest.mark.parametrize(
    ("fields", "total"), [({"by": 5}, 105), ({"limit": 300}, 300), ({"limit": 50}, 100), ({}, 1100)]
)
def test_a_request_never_takes_anything_away(fields: dict[str, int], total: int) -> None:
    assert Extension(1, 1, **fields).total(100, 1000) == total


def test_old_requests_are_forgotten() -> None:
    record = after(extension_request(NOW - 41 * DAY, by=1), extension_request(NOW, by=2))
    assert [item.by for item in extensions_of(record)] == [2]


def test_too_many_requests_are_refused() -> None:
    record = after(*(extension_request(NOW + number, by=1) for number in range(MAX_REQUESTS)))
    with pytest.raises(InvalidEventError, match="larger plan"):
        requested(record, extension_request(NOW + MAX_REQUESTS, by=1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"by": 0},
        {"by": -1},
        {"by": 1.5},
        {"by": "500"},
        {"by": True},
        {"limit": 2**31},
        {"by": 1, "limit": 2},
        {"reason": ""},
    ],
)
def test_an_event_that_asks_for_nothing_sensible_is_refused(wrong: dict[str, Any]) -> None:
    event = load_event("quota-extension-requested")
    event["detail"] = {"customer_id": "acme"} | wrong
    with pytest.raises(InvalidEventError, match=r"detail\."):
        customer_event(event, NOW + DAY)


@pytest.mark.parametrize(
    "wrong", [7, ["x"], [{}], [{"requested_at": "soon"}], [{"requested_at": 1, "by": 0}]]
)
def test_a_record_put_by_hand_that_cannot_be_read_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidRecordError, match="quota_extension"):
        extensions_of({"quota_extension": wrong})


def test_a_request_can_be_put_by_hand() -> None:
    record = {"quota_extension": [{"requested_at": "2026-11-23T10:00:00Z", "by": 500}]}
    assert extensions_of(record) == (Extension(int(NOW), int(NOW), by=500),)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3), st.integers(0, 9)), max_size=12))
def test_repeats_in_any_order_are_one_request_each(sent: list[tuple[int, int, int]]) -> None:
    """(when it was asked for, by how much, when it arrived)"""
    events = [extension_request(NOW + at, taken=NOW + 10 + late, by=by) for at, by, late in sent]
    found = extensions_of(after(*events))
    assert sorted((item.requested_at - int(NOW), item.by) for item in found) == sorted(
        {(at, by) for at, by, _ in sent}
    )
    assert len({item.taken for item in found}) == len(found)
