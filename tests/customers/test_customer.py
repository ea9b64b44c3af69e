from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.model import TimedValue, apply_event, customer_of, manual_fields
from keyward.errors import InvalidRecordError, RecordUndatedError
from keyward.events.contracts import CustomerEvent

EVENTS = (
    CustomerEvent("CustomerSignedUp", "acme", 100, {"plan": "free", "name": "Acme"}),
    CustomerEvent("CustomerPlanChanged", "acme", 200, {"plan": "pro"}),
    CustomerEvent("CustomerSuspended", "acme", 300, {"reason": "unpaid"}),
    CustomerEvent("CustomerResumed", "acme", 400),
    CustomerEvent("KeyRotationRequested", "acme", 500, {"reason": "leaked"}),
)


def after(*events: CustomerEvent) -> dict[str, Any]:
    record: dict[str, Any] | None = None
    for event in events:
        record = apply_event(record, event, {}).record
    assert record is not None
    return record


@pytest.mark.parametrize("order", list(permutations(EVENTS)))
def test_any_order_of_events_ends_in_the_same_record(order: tuple[CustomerEvent, ...]) -> None:
    assert _but_who_asked(after(*order)) == _but_who_asked(after(*EVENTS))


def _but_who_asked(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "asked"}


@given(st.lists(st.sampled_from(EVENTS), max_size=12))
def test_events_may_come_again_and_change_nothing(again: list[CustomerEvent]) -> None:
    assert after(*EVENTS, *again) == after(*EVENTS)


def test_a_newer_plan_wins_and_an_older_one_is_named_as_ignored() -> None:
    record = after(EVENTS[1])
    change = apply_event(record, EVENTS[0], {})
    assert change.record["plan"] == "pro"
    assert change.ignored == ("plan",)
    assert change.record["status"] == "active"


def test_an_event_of_long_ago_counts_where_nothing_is_known() -> None:
    long_ago = CustomerEvent("CustomerSignedUp", "acme", -315_619_200, {"plan": "free"})
    assert after(long_ago)["plan"] == "free"


def test_a_tie_goes_to_the_later_arrival() -> None:
    first = CustomerEvent("CustomerPlanChanged", "acme", 100, {"plan": "free"})
    second = CustomerEvent("CustomerPlanChanged", "acme", 100, {"plan": "pro"})
    assert after(first, second)["plan"] == "pro"
    assert after(second, first)["plan"] == "free"


def test_a_rotation_that_is_not_newer_is_a_repeat() -> None:
    first = CustomerEvent("KeyRotationRequested", "acme", 100, {"reason": "leaked"})
    second = CustomerEvent("KeyRotationRequested", "acme", 100, {"reason": "yearly"})
    assert after(first, second)["rotation"]["reason"] == "leaked"


def test_a_late_older_sign_up_does_not_reopen_a_closed_customer() -> None:
    closed = CustomerEvent("CustomerClosed", "acme", 900)
    assert after(closed, EVENTS[0])["status"] == "closed"


def test_a_resumed_customer_has_no_reason_left() -> None:
    assert "status_reason" not in after(*EVENTS[:4])


def test_a_record_put_by_hand_is_newer_than_an_older_event() -> None:
    by_hand = {"customer_id": "acme", "plan": "pro", "status": "active"}
    dated = {"plan": TimedValue("pro", 250), "status": TimedValue("active", 250)}
    late = CustomerEvent("CustomerPlanChanged", "acme", 200, {"plan": "free"})
    change = apply_event(by_hand, late, dated)
    assert (change.record["plan"], change.ignored) == ("pro", ("plan",))


def test_a_newer_event_overrules_a_record_put_by_hand() -> None:
    by_hand = {"customer_id": "acme", "plan": "pro", "status": "active"}
    dated = {"plan": TimedValue("pro", 250), "status": TimedValue("active", 250)}
    newer = CustomerEvent("CustomerPlanChanged", "acme", 300, {"plan": "free"})
    assert apply_event(by_hand, newer, dated).record["plan"] == "free"


def test_a_record_put_by_hand_waits_for_its_date() -> None:
    by_hand = {"customer_id": "acme", "plan": "pro", "status": "active"}
    with pytest.raises(RecordUndatedError, match="plan"):
        apply_event(by_hand, EVENTS[1], {})


def test_a_field_that_was_edited_by_hand_is_found_by_what_the_last_event_said() -> None:
    record = after(EVENTS[0])
    assert manual_fields(record) == {}
    assert manual_fields(record | {"plan": "pro"}) == {"plan": "pro"}


def test_other_attributes_of_a_record_stay() -> None:
    by_hand = {
        "customer_id": "acme",
        "plan": "pro",
        "status": "active",
        "key_value_secret": "keyward/a",
    }
    dated = {"plan": TimedValue("pro", 250), "status": TimedValue("active", 250)}
    assert apply_event(by_hand, EVENTS[4], dated).record["key_value_secret"] == "keyward/a"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"plan": None}, "plan"),
        ({"status": None}, "status"),
        ({"status": "gone"}, "status"),
        ({"plan": 5}, "plan"),
        ({"plan": "  "}, "plan"),
        ({"customer_id": "a b"}, "customer_id"),
        ({"tags": ["a"]}, "tags"),
        ({"key_value_secret": 7}, "key_value_secret"),
    ],
)
def test_a_bad_record_is_refused_by_the_name_of_its_attribute(
    change: dict[str, Any], field: str
) -> None:
    record = {"customer_id": "acme", "plan": "free", "status": "active"} | change
    with pytest.raises(InvalidRecordError) as told:
        customer_of({name: value for name, value in record.items() if value is not None})
    assert told.value.field == field


def test_a_customer_is_complete_when_its_sign_up_is_known() -> None:
    assert not customer_of(after(EVENTS[1])).complete
    assert customer_of(after(EVENTS[1], EVENTS[0])).complete
