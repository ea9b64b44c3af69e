from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keyward.customer import Customer
from keyward.customer_plan import CustomerPlan, plan_customer
from keyward.errors import NotInThisVersionError, UnknownPlanError
from keyward.key import CREATED, CREATING, KeyRecord
from keyward.policy import default_text, parse

NOW = 1_800_000_000
POLICY = parse(default_text())
ACTIVE = Customer("acme", "free", "active")


def key(state: str = CREATED, plan: str | None = None, number: int = 1) -> KeyRecord:
    key_id = "abc123" if state == CREATED else None
    return KeyRecord("acme", number, state, tried_at=1, key_id=key_id, plan=plan)


def done(
    customer: Customer, keys: tuple[KeyRecord, ...], planned: CustomerPlan
) -> tuple[KeyRecord, ...]:
    """The key records after the plan's actions."""
    known = {record.number: record for record in keys}
    for action in planned.actions:
        before = known.get(action.number)
        plan = action.plan if action.action == "attach_key" else (before.plan if before else None)
        known[action.number] = key(CREATED, plan, action.number)
    return tuple(known.values())


def told(planned: CustomerPlan) -> list[str]:
    return [action.action for action in planned.actions]


def test_a_new_customer_gets_a_key_and_a_plan_in_this_order() -> None:
    planned = plan_customer(ACTIVE, (), POLICY, NOW)
    assert [action.as_json() for action in planned.actions] == [
        {"action": "create_key", "key": "acme/1", "number": 1},
        {"action": "attach_key", "key": "acme/1", "number": 1, "plan": "free"},
    ]


def test_a_doubtful_key_is_created_again_which_looks_it_up() -> None:
    assert told(plan_customer(ACTIVE, (key(CREATING),), POLICY, NOW)) == [
        "create_key",
        "attach_key",
    ]


def test_a_key_without_a_plan_is_attached() -> None:
    assert told(plan_customer(ACTIVE, (key(),), POLICY, NOW)) == ["attach_key"]


def test_an_unknown_plan_makes_nothing_half() -> None:
    planned = plan_customer(Customer("acme", "gold", "active"), (), POLICY, NOW)
    assert planned.actions == ()
    assert isinstance(planned.problem, UnknownPlanError)


def test_a_customer_whose_sign_up_has_not_arrived_wants_nothing() -> None:
    assert plan_customer(Customer("acme", "free", None), (), POLICY, NOW) == CustomerPlan()


def test_a_suspended_or_closed_customer_gets_no_key() -> None:
    for status in ("suspended", "closed"):
        assert plan_customer(Customer("acme", "gold", status), (), POLICY, NOW) == CustomerPlan()


def test_a_change_that_this_version_cannot_make_is_reported_and_not_passed_over() -> None:
    for customer, attached in (
        (Customer("acme", "pro", "active"), "free"),
        (Customer("acme", "free", "suspended"), "free"),
        (Customer("acme", "free", "closed"), "free"),
    ):
        planned = plan_customer(customer, (key(plan=attached),), POLICY, NOW)
        assert planned.actions == ()
        assert isinstance(planned.problem, NotInThisVersionError)
        assert "acme/1" in str(planned.problem)


@given(
    plan=st.sampled_from(["free", "pro", "gold", None]),
    status=st.sampled_from(["active", "suspended", "closed", None]),
    keys=st.sampled_from([(), (key(CREATING),), (key(),), (key(plan="free"),)]),
)
def test_planning_the_result_of_a_plan_is_empty(
    plan: str | None, status: str | None, keys: tuple[KeyRecord, ...]
) -> None:
    customer = Customer("acme", plan, status)
    planned = plan_customer(customer, keys, POLICY, NOW)
    again = plan_customer(customer, done(customer, keys, planned), POLICY, NOW)
    assert again.actions == ()


@given(st.sampled_from([(), (key(CREATING),), (key(),)]))
def test_a_key_is_never_attached_before_it_is_created(keys: tuple[KeyRecord, ...]) -> None:
    actions = told(plan_customer(ACTIVE, keys, POLICY, NOW))
    assert actions == sorted(actions, key=["create_key", "attach_key"].index)
