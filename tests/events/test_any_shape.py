"""Whatever shape stands at any place of a message, it is taken or refused with a reason. None comes
again for hours and then lies in a dead-letter queue without a word."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.tests.places import places, replaced
from local.bench import Bench
from tests import tree
from tests.support import load_event, sampled

SHAPES: tuple[Any, ...] = (None, 7, True, [], [7], {}, {"a": 1}, [{}], "", 1.5, "\ud800", 10**400)
QUEUES = {
    "cloudtrail-": "ApisQueue",
    "deployment-": "ApisQueue",
    "execution-": "RunsQueue",
    "look-": "ApisQueue",
    "onboarding-": "OnboardingQueue",
    "policy-": "ApisQueue",
    "rollback-": "ApisQueue",
}
# It is no message: a person puts it into the table.
RECORD = "customer-record"
SAMPLES = sorted(path.stem for path in (tree.ROOT / "events" / "in").glob("*.json"))


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench() as made:
        made.send("CustomerSignedUp", customer_id="acme", plan="free")
        made.run()
        yield made


@pytest.mark.parametrize("name", sampled([(name,) for name in SAMPLES if name != RECORD], 2))
def test_no_shape_of_any_message_is_left_without_a_word(bench: Bench, name: str) -> None:
    queues, whole = bench.account.queues, load_event(name)
    queue = next((of for start, of in QUEUES.items() if name.startswith(start)), "CustomersQueue")
    for place in places(whole):
        for shape in SHAPES:
            queues.send(queue, json.dumps(replaced(whole, place, shape)))
    bench.run()
    came_again = [message.body for message in queues.by_name[queue].messages]
    letters = [m for of, one in queues.by_name.items() if of.endswith("Dlq") for m in one.messages]
    assert came_again == []
    assert letters
    assert [m.body for m in letters if not m.attributes["reason"]["StringValue"]] == []
    assert {run.status for run in bench.runs} == {"SUCCEEDED"}
    bench.send("CustomerSignedUp", customer_id="next", plan="free")
    bench.run()
    assert bench.value("next")
