"""Looks at an onboarding file: who has a key, who gets none and why, when the last one comes."""

from __future__ import annotations

import pytest

from keyward.customers.key import Journal
from keyward.runs import onboarding
from keyward.runs.onboarding import LINES_ASKED, MAX_LOOKS
from keyward.values import JSON, iso
from tests.runs.onboarding_desk import Desk, figures
from tests.support import Bench

NOT_ACTIVE = "customer_id: must be an active customer to get a key. Send CustomerResumed"


@pytest.fixture
def desk(bench: Bench) -> Desk:
    return Desk(bench)


def test_looks_come_ever_more_seldom_and_end_after_hours(desk: Desk) -> None:
    desk.begin()
    waits: list[int] = []
    while True:
        result, wait = desk.step()
        if wait is None:
            break
        waits.append(wait)
        desk.bench.clock.advance(wait)
    assert waits == [10, 20, 40, 80, 160, 320, 640, *[900] * (MAX_LOOKS - 8)]
    assert (result["looks"], result["pending"]) == (MAX_LOOKS, 2)
    assert result["finished_at"] == iso(desk.bench.clock.now())


@pytest.mark.parametrize(
    ("plans", "more", "issued"),
    [
        (("free",), {}, 1),
        (("free", "pro"), {}, 1),
        ((), {}, 0),
        (("pro",), {}, 0),
        (("free",), {"journal": Journal(plan="pro", started_at=1)}, 0),
    ],
    ids=str,
)
def test_a_key_counts_that_is_confirmed_in_the_plan_of_the_record(
    desk: Desk, plans: tuple[str, ...], more: JSON, issued: int
) -> None:
    desk.begin("customer_id,plan\nacme,free\n")
    desk.key("acme", *plans, **more)
    assert desk.step()[0]["issued"] == issued


@pytest.mark.parametrize(("plans", "issued"), [(("free", "pro"), 1), (("free",), 0)])
def test_a_key_of_several_plans_counts_when_it_is_in_all(
    desk: Desk, plans: tuple[str, ...], issued: int
) -> None:
    desk.begin("customer_id,plans\nacme,free|pro\n")
    desk.key("acme", *plans)
    assert desk.step()[0]["issued"] == issued


def test_a_customer_whose_run_failed_is_named_until_it_has_a_key(desk: Desk) -> None:
    desk.fail("beta", "an old one", after=-60)
    desk.begin()
    assert desk.step()[0]["failures"] == []
    desk.fail("beta", "first", after=1)
    desk.fail("beta", "last", after=2)
    desk.fail("beta", None, after=3, action="create_key")
    failure = {"row": 3, "customer_id": "beta", "error": "last"}
    for looks in (2, 3):
        result, wait = desk.step()
        assert (result["failures"], figures(result)) == ([failure], (2, 2, 2, 0, 0, 1, 1, looks))
        assert wait == 5 * 2**looks
    desk.key("beta", "pro")
    result, _ = desk.step()
    assert (result["failures"], figures(result)) == ([], (2, 2, 2, 0, 1, 0, 1, 4))


def test_of_a_row_that_stood_so_before_an_older_failure_counts(desk: Desk) -> None:
    desk.begin("customer_id,plan\nacme,free\n")
    desk.fail("acme", None, after=1)
    desk.bench.clock.advance(60)
    desk.put("customer_id,plan\nacme,free\n", "v2")
    desk.step()
    result, _ = desk.step()
    assert result["failures"] == [{"row": 2, "customer_id": "acme", "error": ""}]


@pytest.mark.parametrize(
    ("others", "found"), [(LINES_ASKED - 1, ["in that second"]), (LINES_ASKED, [])]
)
def test_only_the_newest_lines_are_asked_for(desk: Desk, others: int, found: list[str]) -> None:
    desk.begin("customer_id,plan\nacme,free\n")
    desk.fail("acme", "in that second")
    for second in range(others):
        desk.fail("acme", None, after=second + 1, action="create_key")
    assert [failure["error"] for failure in desk.step()[0]["failures"]] == found


@pytest.mark.parametrize("status", ["suspended", "closed", None])
def test_a_customer_who_is_not_active_gets_no_key_and_that_is_said(
    desk: Desk, status: str | None
) -> None:
    desk.begin("customer_id,plan\nacme,free\n")
    where = {"customer_id": "acme"}
    table = desk.bench.tables["CustomersTable"]
    if status:
        table.put_item(Item=table.get_item(Key=where)["Item"] | {"status": status})
    else:
        table.delete_item(Key=where)
    result, wait = desk.step()
    assert result["failures"] == [{"row": 2, "customer_id": "acme", "error": NOT_ACTIVE}]
    assert (result["failed"], result["pending"], wait) == (1, 0, None)


def test_a_look_asks_for_a_part_of_those_without_a_key_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onboarding, "ASKED_A_LOOK", 1)
    desk.begin()
    for name in ("acme", "beta"):
        desk.fail(name, f"of {name}", after=1)
    assert [f["customer_id"] for f in desk.step()[0]["failures"]] == ["acme"]
    assert [f["customer_id"] for f in desk.step()[0]["failures"]] == ["acme", "beta"]
