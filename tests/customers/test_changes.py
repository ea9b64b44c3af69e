from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.model import TimedValue, apply_event
from keyward.errors import InvalidEventError
from keyward.events.contracts import CustomerEvent
from keyward.values import JSON

SIGNED_UP = CustomerEvent("CustomerSignedUp", "acme", 100, {"plan": "free"})
UPGRADED = CustomerEvent("CustomerPlanChanged", "acme", 200, {"plan": "pro", "key": "successor"})
SUSPENDED = CustomerEvent("CustomerSuspended", "acme", 300, {"reason": "abuse"})
ROTATED = CustomerEvent("KeyRotationRequested", "acme", 350, {"reason": "leaked"})


def undo(at: int, what: str | None = None) -> CustomerEvent:
    return CustomerEvent("UndoRequested", "acme", at, {"what": what} if what else {})


def after(*events: CustomerEvent) -> JSON:
    record: JSON | None = None
    for event in events:
        record = apply_event(record, event, {}).record
    assert record is not None
    return record


def shown(record: JSON) -> JSON:
    names = ("plan", "plan_key", "status", "status_reason")
    return {name: record[name] for name in names if name in record}


def test_an_undo_takes_the_last_change_back_with_all_that_went_with_it() -> None:
    changed = after(SIGNED_UP, UPGRADED)
    assert shown(changed) == {"plan": "pro", "plan_key": "successor", "status": "active"}
    assert shown(after(SIGNED_UP, UPGRADED, undo(210))) == {"plan": "free", "status": "active"}


def test_an_undo_of_a_suspension_leaves_the_plan_alone() -> None:
    record = after(SIGNED_UP, UPGRADED, SUSPENDED, undo(400))
    assert shown(record) == {"plan": "pro", "plan_key": "successor", "status": "active"}


def test_an_undo_may_name_what_it_means() -> None:
    record = after(SIGNED_UP, UPGRADED, SUSPENDED, undo(400, "plan_change"))
    assert (record["plan"], record["status"]) == ("free", "suspended")


def test_an_undone_rotation_is_marked_as_one_that_is_to_be_taken_back() -> None:
    record = after(SIGNED_UP, ROTATED, undo(400))
    assert record["rotation"] == {"reason": "leaked", "requested_at": 350, "undone": True}


def test_a_rotation_after_one_that_was_undone_is_a_new_one() -> None:
    again = CustomerEvent("KeyRotationRequested", "acme", 500, {})
    assert after(SIGNED_UP, ROTATED, undo(400), again)["rotation"] == {"requested_at": 500}


def test_a_repeated_undo_undoes_nothing_more() -> None:
    once = after(SIGNED_UP, UPGRADED, SUSPENDED, undo(400))
    assert after(SIGNED_UP, UPGRADED, SUSPENDED, undo(400), undo(400)) == once


def test_a_second_undo_takes_the_change_before_back_and_never_brings_the_first_again() -> None:
    record = after(SIGNED_UP, UPGRADED, SUSPENDED, undo(400), undo(410))
    assert shown(record) == {"plan": "free", "status": "active"}
    with pytest.raises(
        InvalidEventError, match=r"detail\.what: must .* no plan_change, suspension or"
    ):
        apply_event(record, undo(420), {})


@pytest.mark.parametrize(
    ("kind", "first", "again"),
    [
        ("CustomerPlanChanged", {"plan": "pro"}, {"plan": "pro"}),
        ("CustomerPlanChanged", {"plan": "pro", "key": "successor"}, {"plan": "pro"}),
        ("PlanAdded", {"plan": "pro"}, {"plan": "pro"}),
        ("CustomerSuspended", {}, {}),
        ("CustomerSuspended", {"reason": "abuse"}, {"reason": "fraud"}),
    ],
)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("says", [True, False], ids=["named", "last"])
def test_an_undo_takes_back_what_a_sender_sent_again(
    kind: str, first: JSON, again: JSON, times: int, says: bool
) -> None:
    sent = [CustomerEvent(kind, "acme", 200, first)]
    sent += [CustomerEvent(kind, "acme", 210 + n, again) for n in range(times)]
    what = "suspension" if kind == "CustomerSuspended" else "plan_change"
    undone = undo(400, what if says else None)
    events = (SIGNED_UP, *sent, undone)
    assert shown(after(*events)) == {"plan": "free", "status": "active"}
    for order in permutations(sent):
        assert after(SIGNED_UP, *order[1:], undone, order[0]) == after(*events)
    with pytest.raises(InvalidEventError, match="can be undone"):
        after(*events, undo(500))


def test_a_change_that_is_sent_again_is_not_the_last_one() -> None:
    again = CustomerEvent("CustomerSignedUp", "acme", 350, {"plan": "pro"})
    sent = (SIGNED_UP, UPGRADED, CustomerEvent("PlanAdded", "acme", 300, {"plan": "max"}))
    added_again = CustomerEvent("PlanAdded", "acme", 360, {"plan": "max"})
    suspended = CustomerEvent("CustomerSuspended", "acme", 330, {})
    record = after(*sent, suspended, added_again, undo(400))
    assert (record["plans"], record["status"]) == (["pro", "max"], "active")
    assert after(SIGNED_UP, UPGRADED, again, undo(400))["plan"] == "free"


@pytest.mark.parametrize("events", [(SIGNED_UP,), (UPGRADED,)])
def test_where_a_customer_began_cannot_be_undone(events: tuple[CustomerEvent, ...]) -> None:
    with pytest.raises(InvalidEventError, match="can be undone"):
        after(*events, undo(400))


def test_a_resumption_and_a_closing_are_no_changes_to_undo() -> None:
    resumed = CustomerEvent("CustomerResumed", "acme", 310)
    with pytest.raises(InvalidEventError):
        after(SIGNED_UP, SUSPENDED, resumed, undo(400, "suspension"))
    with pytest.raises(InvalidEventError):
        after(SIGNED_UP, CustomerEvent("CustomerClosed", "acme", 310), undo(400))


def test_a_change_after_an_undo_counts() -> None:
    late = CustomerEvent("CustomerPlanChanged", "acme", 500, {"plan": "gold"})
    assert after(SIGNED_UP, UPGRADED, undo(400), late)["plan"] == "gold"


def test_a_change_that_was_undone_stays_undone_when_it_comes_again() -> None:
    record = after(SIGNED_UP, UPGRADED, undo(400))
    change = apply_event(record, UPGRADED, {})
    assert (change.record, change.ignored) == (record, ("plan",))


@pytest.mark.parametrize("last", [SUSPENDED, ROTATED])
def test_an_undo_means_the_last_change_even_when_that_arrives_after_it(
    last: CustomerEvent,
) -> None:
    straight = after(SIGNED_UP, UPGRADED, last, undo(400))
    assert shown(after(SIGNED_UP, UPGRADED, undo(400), last)) == shown(straight)


GOLD = CustomerEvent("CustomerPlanChanged", "acme", 500, {"plan": "gold"})
RESUMED = CustomerEvent("CustomerResumed", "acme", 320)
STORY = (UPGRADED, SUSPENDED, undo(400), GOLD, RESUMED)


@pytest.mark.parametrize("order", list(permutations(STORY)))
def test_any_order_with_an_undo_ends_in_the_same_state(order: tuple[CustomerEvent, ...]) -> None:
    record: JSON = after(
        SIGNED_UP, CustomerEvent("CustomerPlanChanged", "acme", 150, {"plan": "b"})
    )
    for event in order:
        record = apply_event(record, event, {}).record
    assert shown(record) == {"plan": "gold", "status": "active"}


def test_a_plan_put_by_hand_can_be_undone() -> None:
    record = after(SIGNED_UP) | {"plan": "pro"}
    dated = {"plan": TimedValue("pro", 250)}
    assert apply_event(record, undo(400), dated).record["plan"] == "free"


@given(st.lists(st.tuples(st.integers(101, 10**6), st.sampled_from("abc")), max_size=40))
def test_the_record_stays_small_and_the_newest_plan_is_in_force(
    changes: list[tuple[int, str]],
) -> None:
    record = after(SIGNED_UP)
    for at, plan in changes:
        event = CustomerEvent("CustomerPlanChanged", "acme", at, {"plan": plan})
        record = apply_event(record, event, {}).record
    assert len(record["recorded"]["changes"]) <= 15
    newest = max((at for at, _ in changes), default=0)
    assert not changes or record["plan"] == [plan for at, plan in changes if at == newest][-1]


def test_an_undo_of_a_change_that_is_no_longer_kept_undoes_no_other() -> None:
    flips = [
        CustomerEvent("CustomerPlanChanged", "acme", 1000 + n, {"plan": f"p{n}"}) for n in range(14)
    ]
    record = after(SIGNED_UP, SUSPENDED, UPGRADED, undo(400, "plan_change"), *flips)
    assert record["status"] == "suspended"
