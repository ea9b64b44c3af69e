"""A run that breaks off at any place, and is finished by the next, tells what an unbroken run
tells."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from keyward.customers.actions import ACTIONS
from keyward.errors import PassingError
from keyward.values import JSON
from tests import tree
from tests.machines.life_lab import LifeLab
from tests.support import sampled

Story = list[tuple[str, JSON]]
Told = Counter[tuple[str, ...]]

APPLIED = {tree.camel(kind.function) for kind in ACTIONS.values()}
# A record that is put by hand, instead of an event.
PUT = "put"
RECORD = {"customer_id": "acme", "plan": "free", "status": "active"}
SIGN_UP = ("CustomerSignedUp", {"plan": "free"})
# What happens to a customer; the last event is the one whose run breaks off.
LIVES: dict[str, Story] = {
    "sign up": [SIGN_UP],
    "two keys": [(PUT, RECORD | {"keys": 2})],
    "suspend": [SIGN_UP, ("CustomerSuspended", {"reason": "unpaid"})],
    "resume": [SIGN_UP, ("CustomerSuspended", {}), ("CustomerResumed", {})],
    "close": [SIGN_UP, ("CustomerClosed", {})],
    "close while suspended": [SIGN_UP, ("CustomerSuspended", {}), ("CustomerClosed", {})],
    "move": [SIGN_UP, ("CustomerPlanChanged", {"plan": "pro"})],
    "move by successor": [SIGN_UP, ("CustomerPlanChanged", {"plan": "pro", "key": "successor"})],
    "rotate at once": [SIGN_UP, ("KeyRotationRequested", {"overlap_hours": 0})],
    "rotate in an hour": [SIGN_UP, ("KeyRotationRequested", {"overlap_hours": 1})],
    "rotate with a notice": [SIGN_UP, ("KeyRotationRequested", {"overlap_hours": 168})],
    "leak": [SIGN_UP, ("KeyRotationRequested", {"overlap_hours": 0, "reason": "leaked"})],
    "undo a rotation": [
        SIGN_UP,
        ("KeyRotationRequested", {"overlap_hours": 1}),
        ("UndoRequested", {"what": "rotation"}),
    ],
    "extend": [SIGN_UP, ("QuotaExtensionRequested", {"by": 100})],
    "leak within an overlap": [
        SIGN_UP,
        ("KeyRotationRequested", {"overlap_hours": 1}),
        ("KeyRotationRequested", {"overlap_hours": 0, "reason": "leaked"}),
    ],
    "fewer keys": [(PUT, RECORD | {"keys": 2}), (PUT, RECORD | {"keys": 1})],
    "overdue": [SIGN_UP, ("PaymentFailed", {})],
}


class Died(BaseException):
    """The run was stopped: nothing of it goes on, not even its failure path."""


@dataclass
class Breaker:
    """Counts the calls of functions that apply actions, and stops the run at one of them. `writes`
    are the calls of API Gateway that the run makes."""

    at: int = 0
    after: bool = False
    calls: int = 0
    writes: list[str] = field(default_factory=list)

    def watched(self, function: Callable[[JSON, object], Any]) -> Callable[[JSON, object], Any]:
        def call(task: JSON, context: object) -> Any:
            self.calls += 1
            if self.calls != self.at:
                return function(task, context)
            if self.after:
                function(task, context)
            raise Died

        return call


def live(life: LifeLab, story: Story, breaker: Breaker) -> Told:
    """Live through the story; the run of its last event may break off. Everything that is told
    until a month later."""
    life.reset()
    life.policy(propagation_seconds=0)
    for event, detail in story[:-1]:
        happen(life, event, detail)
        assert life.run().status == "SUCCEEDED"
        life.bench.clock.advance(60)
    happen(life, *story[-1])
    made = len(life.bench.operations())
    with pytest.MonkeyPatch.context() as patch:
        for name in APPLIED:
            watched = breaker.watched(life.machine.functions[name])
            patch.setitem(life.machine.functions, name, watched)
        try:
            life.run()
        except Died:
            life.bench.clock.advance(600)
    breaker.writes = [n for n in life.bench.operations()[made:] if not n.startswith("Get")]
    life.bench.bus.stopped.update(owners(life))
    assert life.run().status == "SUCCEEDED"
    life.wait(days=31)
    return announced_once(life)


def happen(life: LifeLab, event: str, detail: JSON) -> None:
    if event == PUT:
        life.bench.tables["CustomersTable"].put_item(Item=detail)
    else:
        life.hear(event, **detail)


def owners(life: LifeLab) -> list[str]:
    """The runs that hold a lease."""
    items = life.bench.tables["LeasesTable"].scan()["Items"]
    return [str(item["owner"]) for item in items if "owner" in item]


def announced_once(life: LifeLab) -> Told:
    """What was announced: without times and runs, and each announcement once, as the outbox
    delivers at least once."""
    once = {json.dumps(entry, sort_keys=True): entry for entry in life.bench.bus.entries}
    return Counter(
        (
            entry["DetailType"],
            str(number_of(entry["Detail"])),
            str(entry["Detail"].get("plan")),
            str(entry["Detail"].get("reason")),
        )
        for entry in once.values()
    )


def number_of(detail: JSON) -> str | None:
    """The key that an announcement is about, by its name."""
    return next((action["key"] for action in detail["actions"] if "key" in action), None)


@pytest.mark.parametrize("story", sampled(zip(LIVES.values()), 2), ids=LIVES)
@pytest.mark.parametrize("after", [False, True], ids=["before the effect", "after the effect"])
def test_a_run_that_broke_off_is_finished_with_the_events_of_an_unbroken_run(
    life: LifeLab, story: Story, after: bool
) -> None:
    unbroken = Breaker()
    wanted = live(life, story, unbroken)
    assert unbroken.calls > 0
    for place in range(1, unbroken.calls + 1):
        assert live(life, story, Breaker(place, after)) == wanted, f"broken at call {place}"


@pytest.mark.parametrize("story", sampled(zip(LIVES.values()), 2), ids=LIVES)
def test_a_call_whose_answer_was_lost_with_its_run_changes_no_event(
    life: LifeLab, story: Story
) -> None:
    """Every call of API Gateway that the last run makes is lost, with and without its effect."""
    unbroken = Breaker()
    wanted = live(life, story, unbroken)
    for operation in sorted({*unbroken.writes}):
        for fault in ("timeout_before", "timeout_after"):
            assert lost(life, story, operation, fault) == wanted, (operation, fault)


def lost(life: LifeLab, story: Story, operation: str, fault: str) -> Told:
    """The run stops where the call is lost."""
    stopped = False

    def dying(function: Callable[[JSON, object], Any]) -> Callable[[JSON, object], Any]:
        def call(task: JSON, context: object) -> Any:
            nonlocal stopped
            try:
                return function(task, context)
            except PassingError:
                stopped = True
                raise Died from None

        return call

    class Losing(Breaker):
        def watched(self, function: Callable[[JSON, object], Any]) -> Callable[[JSON, object], Any]:
            life.fault(operation, fault)
            return dying(function)

    found = live(life, story, Losing())
    life.bench.emulator.order_faults([])
    assert stopped, operation
    return found
