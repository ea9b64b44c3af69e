from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keyward.customers.actions import CustomerPlan
from keyward.customers.key import CREATED, CREATING, DELETING, Journal, KeyRecord
from keyward.customers.model import Customer
from keyward.customers.plan import plan_customer
from keyward.errors import InvalidRecordError, UnknownPlanError
from keyward.policy.parse import default_text, parse

NOW = 1_800_000_000
POLICY = parse(default_text())
ACTIVE = Customer("acme", ("free",), "active")


def key(state: str = CREATED, plan: str | None = None, number: int = 1) -> KeyRecord:
    key_id = "abc123" if state == CREATED else None
    return KeyRecord(
        "acme", number, state, key_id, plans=(plan,) if plan else (), journal=Journal(1)
    )


def action_names(planned: CustomerPlan) -> list[str]:
    return [action.action for action in planned.actions]


def test_a_new_customer_gets_a_key_and_a_plan_in_this_order() -> None:
    planned = plan_customer(ACTIVE, (), POLICY, NOW)
    assert [action.as_json() for action in planned.actions] == [
        {"action": "create_key", "key": "acme/1", "number": 1},
        {"action": "attach_key", "key": "acme/1", "number": 1, "plan": "free"},
    ]


def test_a_doubtful_key_is_created_again_which_looks_it_up() -> None:
    assert action_names(plan_customer(ACTIVE, (key(CREATING),), POLICY, NOW)) == [
        "create_key",
        "attach_key",
    ]


def test_a_key_without_a_plan_is_attached() -> None:
    assert action_names(plan_customer(ACTIVE, (key(),), POLICY, NOW)) == ["attach_key"]


def test_an_unknown_plan_makes_nothing_half() -> None:
    planned = plan_customer(Customer("acme", ("gold",), "active"), (), POLICY, NOW)
    assert planned.actions == ()
    assert isinstance(planned.problem, UnknownPlanError)


def test_a_customer_whose_sign_up_has_not_arrived_wants_nothing() -> None:
    assert plan_customer(Customer("acme", ("free",), None), (), POLICY, NOW) == CustomerPlan()


PAST = replace(ACTIVE, expires_at=NOW)


@pytest.mark.parametrize(
    ("customer", "keys", "last_number"),
    [
        (replace(PAST, expires_at=NOW + 1), (), 0),
        (PAST, (key(plan="free"),), 0),
        (PAST, (key(CREATING),), 0),
        (PAST, (), 1),
        (replace(PAST, status="suspended"), (), 0),
        (replace(PAST, status="closed"), (), 0),
    ],
    ids=["it lies ahead", "a key", "a key in the making", "had one", "suspended", "closed"],
)
def test_an_end_is_no_problem_of_a_customer_who(
    customer: Customer, keys: tuple[KeyRecord, ...], last_number: int
) -> None:
    assert plan_customer(customer, keys, POLICY, NOW, last_number).problem is None


def test_an_end_that_was_past_before_the_first_key_is_a_problem() -> None:
    planned = plan_customer(PAST, (), POLICY, NOW)
    assert planned.actions == ()
    assert isinstance(planned.problem, InvalidRecordError)
    assert str(planned.problem) == (
        "expires_at: must lie ahead, got 2027-01-15T08:00:00Z, and the customer never had a key. "
        "Send CustomerSignedUp with a later one"
    )


def test_a_suspended_or_closed_customer_gets_no_key() -> None:
    for status in ("suspended", "closed"):
        assert plan_customer(Customer("acme", ("gold",), status), (), POLICY, NOW) == CustomerPlan()


def test_a_suspended_customers_keys_are_disabled_and_say_why() -> None:
    customer = Customer("acme", ("gold",), "suspended", status_reason="unpaid")
    planned = plan_customer(customer, (key(plan="free"),), POLICY, NOW)
    assert [action.as_json() for action in planned.actions] == [
        {"action": "disable_key", "key": "acme/1", "number": 1, "reason": "unpaid"}
    ]
    assert planned.problem is None


def test_a_closed_customers_keys_are_deleted_whatever_became_of_them() -> None:
    keys = (key(CREATING), key(plan="free", number=2), key(DELETING, number=3))
    planned = plan_customer(Customer("acme", ("gold",), "closed"), keys, POLICY, NOW)
    assert action_names(planned) == ["delete_key"] * 3


def test_a_new_key_has_the_number_after_the_last_that_was_deleted() -> None:
    planned = plan_customer(ACTIVE, (), POLICY, NOW, last_number=4)
    assert [action.key for action in planned.actions] == ["acme/5", "acme/5"]


def test_a_deletion_that_broke_off_is_finished_before_a_new_key_is_made() -> None:
    planned = plan_customer(ACTIVE, (key(DELETING),), POLICY, NOW)
    assert [(a.action, a.number) for a in planned.actions] == [
        ("delete_key", 1),
        ("create_key", 2),
        ("attach_key", 2),
    ]


def test_a_move_tells_which_plan_the_key_leaves() -> None:
    planned = plan_customer(Customer("acme", ("pro",), "active"), (key(plan="free"),), POLICY, NOW)
    assert [action.as_json() for action in planned.actions] == [
        {"action": "move_key", "key": "acme/1", "number": 1, "from": "free", "plan": "pro"}
    ]


def test_a_key_is_in_its_plan_before_it_is_enabled() -> None:
    disabled = replace(key(plan="free"), enabled=False)
    planned = plan_customer(Customer("acme", ("pro",), "active"), (disabled,), POLICY, NOW)
    assert action_names(planned) == ["move_key", "enable_key"]


@pytest.mark.parametrize("switching", [True, False])
def test_a_key_that_may_be_enabled_or_disabled_is_made_what_it_should_be(switching: bool) -> None:
    doubtful = key(plan="free").with_journal(enabled=switching)
    assert action_names(plan_customer(ACTIVE, (doubtful,), POLICY, NOW)) == ["enable_key"]
    suspended = Customer("acme", ("free",), "suspended")
    assert action_names(plan_customer(suspended, (doubtful,), POLICY, NOW)) == ["disable_key"]


@given(st.sampled_from([(), (key(CREATING),), (key(),)]))
def test_a_key_is_never_attached_before_it_is_created(keys: tuple[KeyRecord, ...]) -> None:
    actions = action_names(plan_customer(ACTIVE, keys, POLICY, NOW))
    assert actions == sorted(actions, key=["create_key", "attach_key"].index)
