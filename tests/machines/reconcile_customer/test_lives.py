"""Lives of customers, at random: repeated, late and reordered events, runs that die at any call,
calls that fail, time that passes. A small model says what each customer should have."""

from __future__ import annotations

import logging
import time
from collections import Counter
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from keyward.values import iso
from tests.machines.customer_model import Model
from tests.machines.world import PLANS, World, event, world

JSON = dict[str, Any]

STEPS_WANTED = 20_000
EXAMPLES, STEPS = 230, 100
CUSTOMERS = ("acme", "bolt")
AGES = (0, 0, 0, 0, 0, 1, 60, 3600, 90_000)
FAULTS = ("throttle", "500", "503", "timeout_before", "timeout_after", "connection_refused")
WRITES = ("CreateApiKey", "CreateUsagePlanKey", "UpdateApiKey", "DeleteApiKey", "UpdateUsage")
OPERATIONS = (*WRITES, "DeleteUsagePlanKey", "GetApiKeys", "GetUsage")
KEYS = (None, None, "in_place", "successor")
OF_STATUS = ("CustomerSuspended", "CustomerResumed", "CustomerResumed", "CustomerClosed")
counted: Counter[str] = Counter()


class Lives(RuleBasedStateMachine):
    """Two customers, whose events, runs and troubles come in any order."""

    world: ClassVar[World]
    customer = st.sampled_from(CUSTOMERS)
    age = st.sampled_from(AGES)

    def __init__(self) -> None:
        super().__init__()
        self.world.reset()
        self.models = {customer_id: Model() for customer_id in CUSTOMERS}
        self.sent: list[JSON] = []
        self.seen: set[str] = set()

    @rule(customer=customer, plan=st.sampled_from(PLANS), age=age)
    def signs_up(self, customer: str, plan: str, age: int) -> None:
        self._tell("CustomerSignedUp", customer, age, plan=plan)

    @rule(customer=customer, plan=st.sampled_from(PLANS), age=age, key=st.sampled_from(KEYS))
    def changes_plan(self, customer: str, plan: str, age: int, key: str | None) -> None:
        how = {"key": key} if key else {}
        self._tell("CustomerPlanChanged", customer, age, plan=plan, **how)

    @rule(customer=customer, kind=st.sampled_from(OF_STATUS), age=age)
    def changes_status(self, customer: str, kind: str, age: int) -> None:
        self._tell(kind, customer, age)

    @rule(customer=customer, hours=st.sampled_from((None, 0, 1, 24)), age=age)
    def wants_another_key(self, customer: str, hours: int | None, age: int) -> None:
        how = {} if hours is None else {"overlap_hours": hours}
        self._tell("KeyRotationRequested", customer, age, **how)

    @rule(customer=customer, age=age)
    def lost_the_key_to_a_stranger(self, customer: str, age: int) -> None:
        leaked = {"overlap_hours": 0, "reason": "leaked"}
        self._tell("KeyRotationRequested", customer, age, **leaked)

    @rule(customer=customer, ahead=st.sampled_from((-60, 3600, 700_000, 10**8)), age=age)
    def is_to_end(self, customer: str, ahead: int, age: int) -> None:
        at = iso(self.world.clock.now() + ahead)
        self._tell("CustomerExpiryChanged", customer, age, expires_at=at)

    @rule(customer=customer, paid=st.booleans(), age=age)
    def pays_or_not(self, customer: str, paid: bool, age: int) -> None:
        self._tell("PaymentSucceeded" if paid else "PaymentFailed", customer, age)

    @rule(number=st.integers(0, 10_000))
    def an_event_comes_again(self, number: int) -> None:
        if self.sent:
            self._hear(self.sent[number % len(self.sent)])
        counted["repeats"] += 1

    @rule(customer=customer)
    def a_run(self, customer: str) -> None:
        counted[f"runs {self._run(customer)}"] += 1

    @rule(customer=customer)
    def the_audit_repairs(self, customer: str) -> None:
        counted[f"repairs {self._run(customer, 'audit')}"] += 1

    @rule(customer=customer, call=st.integers(1, 3), after=st.booleans())
    def a_run_that_may_die(self, customer: str, call: int, after: bool) -> None:
        self.world.dies_at, self.world.dies_after = call, after
        counted[f"runs {self._run(customer)}"] += 1

    @rule(
        customer=customer,
        operation=st.sampled_from(OPERATIONS),
        fault=st.sampled_from(FAULTS),
        times=st.sampled_from((1, 1, 2, 9)),
    )
    def a_run_whose_calls_fail(self, customer: str, operation: str, fault: str, times: int) -> None:
        calls = [{"operation": operation, "call": n + 1, "fault": fault} for n in range(times)]
        self.world.emulator.order_faults(calls)
        counted[f"runs in trouble {self._run(customer)}"] += 1

    @rule(seconds=st.sampled_from((1, 60, 400, 3600, 100_000, 700_000)))
    def time_passes(self, seconds: int) -> None:
        """What is due is done; of what is not, nothing would be."""
        self.world.clock.advance(seconds)
        for customer in self.world.due():
            self._run(customer)
        counted["times"] += 1

    def teardown(self) -> None:
        for customer in CUSTOMERS:
            self._run(customer)
        written = "\n".join(self.world.texts())
        assert not [value for value in self.seen if value in written], "a value was written"
        counted["examples"] += 1

    # what the rules do

    def _tell(self, kind: str, customer: str, age: int, **detail: Any) -> None:
        at = self.world.clock.now() - age
        self.sent.append(event(kind, customer, at, len(self.sent), **detail))
        self._hear(self.sent[-1])
        counted["events"] += 1

    def _hear(self, sent: JSON) -> None:
        customers, customer = self.world.registry.customers, sent["detail"]["customer_id"]
        before = customers.desired(customer)
        self.world.hear(sent)
        if not self.models[customer].wishes.hear(sent):
            after = customers.desired(customer)
            assert said(after) == said(before), "an older event changed something"

    def _run(self, customer: str, by: str = "event") -> str:
        model, world = self.models[customer], self.world
        if world.registry.customers.desired(customer) is None:
            world.dies_at = 0
            return "of nobody"
        now = world.clock.now()
        model.begin(now)
        needed = model.never_without(now) and world.works(str(model.current))
        world.watch = lambda: self._watch(customer, needed)
        ended = world.run(customer, by)
        world.watch = lambda: None
        if ended == "done":
            self._settled(customer)
        else:
            model.broken = True
        return ended

    def _watch(self, customer: str, never_without: bool) -> None:
        world = self.world
        values = world.values(customer).values()
        assert not never_without or any(map(world.works, values)), "a moment without a key"
        records = world.tables.by_name["KeysTable"].items.values()
        mine = [record for record in records if record["customer_id"] == customer]
        creating = [record for record in mine if record.get("state") == "CREATING"]
        assert len(creating) <= 1, "two keys in creation"

    def _settled(self, customer: str) -> None:
        model, world = self.models[customer], self.world
        now, values = world.clock.now(), world.values(customer)
        self.seen |= {*values.values()}
        newest_last = sorted(values, key=lambda name: int(name.split("/")[1]))
        assert values or model.wishes.status(now) != "active", "no key"
        model.settle(now, [values[name] for name in newest_last])
        self._as_the_model_says(customer)
        self._nothing_more_to_do(customer)

    def _as_the_model_says(self, customer: str) -> None:
        model, world, now = self.models[customer], self.world, self.world.clock.now()
        for value in model.must_work(now):
            assert world.works(value)
            assert world.answers(value) != 403
        for value in model.must_not_work(now):
            assert not world.works(value)
            assert world.answers(value) == 403
        values, status = world.values(customer), model.wishes.status(now)
        if status in ("closed", "unknown"):
            assert not values
        if status == "active":
            assert world.plan_of(str(model.current)) == [model.wishes.plan(now)]
            assert len(values) == 1 + len([v for v in values.values() if v in model.old])

    def _nothing_more_to_do(self, customer: str) -> None:
        world = self.world
        assert world.planned(customer) == []
        calls, told = len(world.emulator.ledger), len(world.bus.entries)
        assert world.run(customer) == "done"
        assert (len(world.emulator.ledger), len(world.bus.entries)) == (calls, told)


def said(record: JSON | None) -> JSON:
    """The attributes of a record that say what is wanted."""
    return {
        n: v for n, v in (record or {}).items() if n not in ("recorded", "asked", "customer_id")
    }


def test_twenty_thousand_steps_of_customers_lives_end_as_the_model_says() -> None:
    begun = time.process_time()
    with world(propagation_seconds=0) as made:
        Lives.world = made
        chosen = settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        # What fails is reported and expected here: a line of log each would be thousands.
        logging.getLogger("keyward").disabled = True
        run_state_machine_as_test(Lives, settings=chosen)
        logging.getLogger("keyward").disabled = False
    steps = sum(counted.values()) - counted["examples"]
    print(f"{steps} steps in {time.process_time() - begun:.0f} s of one core: {dict(counted)}")
    assert steps >= STEPS_WANTED
