"""When a plan is due by the clock, and what a plan cannot do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keyward.customers.key import End, Journal, KeyRecord
from keyward.customers.model import Customer, KeyRecords
from keyward.customers.plan import SIGN_UP_SECONDS, due_at, with_open_wish
from keyward.customers.plan_moves import refusal
from keyward.errors import NoSignUpError
from keyward.values import DAY, HOUR
from tests.customers.plan_cases import (
    ACME,
    DEAD,
    GOLD,
    GONE,
    HALF,
    ISSUED,
    LEAVING,
    NOW,
    OLD,
    OVER,
    POLICY,
    Case,
    case,
    key,
    plan,
)

NO_GOLD = (
    "plan: the policy names no usage plan 'gold'. "
    "Use one of aged, free, maps, or add it to usage_plans in the policy parameter"
)
NO_PLACE = (
    "key_id: the customer has all its keys (1), so key abc has no place. "
    "Send `keys` with one more, or `key_id` with null"
)


@pytest.mark.parametrize(
    ("needs", "says"),
    [
        (case(ACME, ISSUED), None),
        (case(GOLD, ISSUED), NO_GOLD),
        (case(replace(HALF, plans=("maps", "gold", "none"))), NO_GOLD),
        (case(replace(ACME, key_id="abc"), ISSUED), NO_PLACE),
        (case(replace(GOLD, key_id="abc"), ISSUED), NO_GOLD),
        (case(replace(GOLD, status="suspended"), ISSUED), None),
    ],
)
def test_what_cannot_be_done_is_the_plans_problem(needs: Case, says: str | None) -> None:
    customer, keys, more = needs
    problem = plan(customer, keys, **more).problem
    assert (problem and str(problem)) == says


def test_an_event_without_a_sign_up_is_answered_after_a_quarter_of_an_hour() -> None:
    def unheard(seconds: int | None) -> Customer:
        return replace(ACME, plans=(), heard_at=None if seconds is None else NOW - seconds)

    assert plan(unheard(None), ()).problem is None
    assert plan(unheard(SIGN_UP_SECONDS - 1), ()).problem is None
    problem = plan(unheard(SIGN_UP_SECONDS), ()).problem
    assert isinstance(problem, NoSignUpError)
    assert str(problem) == (
        "customer_id: no sign-up is known of acme, for whom events came. "
        "Send CustomerSignedUp, or the events again with the right id"
    )
    found = [due_at(unheard(at), (), POLICY, NOW) for at in (None, SIGN_UP_SECONDS, 60)]
    assert found == [None, None, NOW + SIGN_UP_SECONDS - 60]


AGED = replace(ACME, plans=("aged",))


@pytest.mark.parametrize(
    ("needs", "at"),
    [
        (case(ACME, ISSUED), None),
        (case(ACME, LEAVING, key(2)), DAY),
        (case(ACME, OVER, key(2)), 2 * DAY),
        (case(ACME, GONE, key(2)), None),
        (case(replace(ACME, status="suspended"), LEAVING), 2 * DAY),
        (case(replace(ACME, status="closed"), LEAVING), None),
        (case(ACME, DEAD.with_end(delete_at=NOW + DAY)), None),
        (case(AGED, replace(OLD, created_at=NOW - 89 * DAY)), DAY),
        (case(AGED, replace(OLD, created_at=NOW - 80 * DAY)), 5 * DAY),
        (case(AGED, replace(OLD, created_at=NOW - 50 * DAY)), 12 * DAY),
        (case(AGED, key(1, "aged", journal=Journal(awaited=("aged",)))), None),
        (case(AGED, replace(OLD, end=End(replaced_by=2, retire_at=NOW + HOUR))), HOUR),
        (case(replace(ACME, expires_at=NOW + HOUR), ISSUED), HOUR),
        (case(replace(ACME, status="suspended", expires_at=NOW + HOUR), ISSUED), HOUR),
        (case(replace(ACME, expires_at=NOW + HOUR), LEAVING.with_end(retire_at=NOW + 60)), 60),
    ],
)
def test_a_plan_is_due_when_the_clock_alone_brings_an_action(needs: Case, at: int | None) -> None:
    customer, keys, _ = needs
    assert due_at(customer, keys, POLICY, NOW) == (None if at is None else NOW + at)


@pytest.mark.parametrize(
    ("records", "wish"),
    [
        (KeyRecords(), "abc"),
        (KeyRecords((ISSUED,)), "abc"),
        (KeyRecords((key(key_id="abc"),)), None),
        (KeyRecords(adopted=frozenset({"abc"})), None),
    ],
)
def test_a_wish_for_a_key_is_granted_once(records: KeyRecords, wish: str | None) -> None:
    assert with_open_wish(replace(ACME, key_id="abc"), records).key_id == wish


REFUSED = ISSUED.with_journal(refused="maps")


def test_a_plan_that_refused_a_key_is_named_with_the_plans_that_it_is_in() -> None:
    both = key(2, "free", "aged").with_journal(refused="maps")
    assert str(refusal(("free", "maps"), (ISSUED, both))) == (
        "plan: maps cannot take key acme/2, which stays in free, aged: "
        "another plan that the key is in holds the same stage, and a key has one plan a "
        "stage. Detach it there, remove the stage from one of them, or send PlanRemoved"
    )


@pytest.mark.parametrize(
    ("plans", "refused"),
    [
        (("free",), REFUSED),
        (("free", "maps"), ISSUED),
        (("free", "maps"), replace(REFUSED, plans=())),
        (("free", "maps"), replace(REFUSED, plans=("free", "maps"))),
    ],
)
def test_a_plan_that_is_not_missing_was_not_refused(
    plans: tuple[str, ...], refused: KeyRecord
) -> None:
    assert refusal(plans, (refused,)) is None
