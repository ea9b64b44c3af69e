"""`keyward send`, and remedies that are one: what a person who makes a mistake is told."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from tests.cli.desk import Desk, desk_of


@pytest.fixture
def desk(capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with desk_of(capsys) as made:
        yield made


def test_the_remedy_of_an_unknown_plan_keeps_the_other_plans(desk: Desk) -> None:
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", 'plans=["free", "gold"]')
    failed = desk.bench.announced[-1]["detail"]
    words = shlex.split(failed["remedy"])[1:]
    assert 'plans=["free", "VALUE"]' in words
    code, _, err = desk.run(*words)
    assert (code, "put the right plans in the place of VALUE" in err) == (2, True)
    assert desk.run(*(word.replace("VALUE", "pro") for word in words))[0] == 0
    event = desk.bench.announced[-1]
    assert (event["detail-type"], event["detail"]["plans"]) == ("PlanChanged", ["free", "pro"])


def test_an_event_for_nobody_is_sent_and_the_id_doubted(desk: Desk) -> None:
    desk.run("send", "CustomerSignedUp", "--customer", "acme", "--set", "plan=free")
    code, out, err = desk.run("send", "CustomerSuspended", "--customer", "Acme")
    assert (code, out) == (1, "sent CustomerSuspended\n")
    assert err == (
        "customer_id: no customer Acme is known. Correct the id, or send CustomerSignedUp too\n"
    )
    assert desk.run("send", "CustomerSuspended", "--customer", "acme")[0] == 0
    desk.bench.fault("dynamodb", "GetItem", 1, "AccessDeniedException")
    assert desk.run("send", "CustomerResumed", "--customer", "Acme") == (
        0,
        "sent CustomerResumed\n",
        "",
    )


def test_two_ids_in_one_call_are_no_guess(desk: Desk) -> None:
    words = ("send", "CustomerSuspended", "--customer", "acme", "--set", "customer_id=bolt")
    code, _, err = desk.run(*words)
    assert (code, "must not name another one than --customer" in err) == (2, True)
    assert desk.bench.announced == []
