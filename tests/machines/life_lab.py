"""Customers on the emulator, and the whole of reconcile-customer to run for them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import attach_key
import change_record
import conclude_customer
import create_key
import delete_key
import move_key
import plan_customer
import report_failure
import start_due_work
import switch_key
from emulator import data_plane
from keyward.customers.key import KeyRecord
from keyward.customers.model import apply_event
from keyward.events import contracts
from keyward.policy.parse import default_text
from keyward.runs.policy.usage_plans import UsagePlans
from keyward.values import iso
from tests.machines.machine import Execution, Machine, MachineLab, with_runtime
from tests.support import MACHINES, STACK

CUSTOMER_FUNCTIONS = {
    "PlanCustomer": plan_customer,
    "CreateKey": create_key,
    "AttachKey": attach_key,
    "MoveKey": move_key,
    "SwitchKey": switch_key,
    "DeleteKey": delete_key,
    "ChangeRecord": change_record,
    "ConcludeCustomer": conclude_customer,
    "ReportFailure": report_failure,
}
SETTINGS = {
    "EVENT_BUS": "the-bus",
    "KEY_PREFIX": "kw",
    "RECONCILE_CUSTOMER_ARN": f"{MACHINES}-reconcile-customer",
    "ISSUE_KEYS_ARN": "the-import",
    "STORM_SECONDS": "2",
}
MINUTE, HOUR, DAY = 60, 3600, 86_400


def epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 text."""
    return datetime.fromisoformat(text).timestamp()


@dataclass
class LifeLab(MachineLab):
    """A bench with reconcile-customer on it; one customer, `acme`, unless another is named."""

    def hear(self, detail_type: str, customer_id: str = "acme", **detail: Any) -> None:
        """An event of a customer's life is recorded; `at` is its time (default: now). Nothing runs
        yet."""
        at = detail.pop("at", None) or self.bench.clock.now()
        envelope = {
            "detail-type": detail_type,
            "detail": {"customer_id": customer_id, "occurred_at": iso(at)} | detail,
        }
        event = contracts.customer_event(envelope, max(at, self.bench.clock.now()))
        before = self.bench.registry.customers.desired(customer_id)
        record = apply_event(before, event, {}).record
        self.bench.tables["CustomersTable"].put_item(Item=record)

    def run(self, customer_id: str = "acme", **more: Any) -> Execution:
        """A run of reconcile-customer, by the records alone unless `look` says otherwise."""
        return self.machine.run({"customer_id": customer_id, "look": False} | more)

    def after(self, detail_type: str, customer_id: str = "acme", **detail: Any) -> Execution:
        """An event, and the run that it starts."""
        self.hear(detail_type, customer_id, **detail)
        return self.run(customer_id)

    def settled(self, detail_type: str, **detail: Any) -> Execution:
        """An event, the run that it starts, and the runs that follow where one was postponed: the
        last of them."""
        run = self.after(detail_type, **detail)
        while run.status == "SUCCEEDED" and "postponed" in run.output:
            self.bench.clock.advance(MINUTE - self.bench.clock.now() % MINUTE)
            run = next(iter(self.due_work()), run)
        return run

    def wait(self, days: float = 0, hours: float = 0) -> list[Execution]:
        """Time passes, and what becomes due is started each time that it does, at most a minute
        late: the runs."""
        until = self.bench.clock.now() + days * DAY + hours * HOUR
        runs = []
        while (now := self.bench.clock.now()) < until:
            due = [at for _, at in self.bench.registry.customers.due(until)]
            step = min([until, *(at + MINUTE for at in due)]) - now
            self.bench.clock.advance(max(step, MINUTE))
            runs += self.due_work()
        return runs

    def due_work(self) -> list[Execution]:
        """The schedule's minute: what is due is started, and runs here."""
        bus, known = self.bench.bus, len(self.bench.bus.started)
        start_due_work.handler({}, None)
        started = zip(bus.started[known:], bus.asked[known:], strict=True)
        return [
            self.machine.run(task | {"asked": asked}, name) for (_, name, task), asked in started
        ]

    def signed_up(self, plan: str = "free", customer_id: str = "acme") -> str:
        """A customer with a key in its plan, and an empty ledger: the key's id."""
        assert self.after("CustomerSignedUp", customer_id, plan=plan).status == "SUCCEEDED"
        self.bench.clock.advance(60)
        self.forget()
        [key] = self.records(customer_id)
        return str(key.key_id)

    def rotated(self, **detail: Any) -> str:
        """A customer whose key was rotated on request: the first key's id."""
        first = self.signed_up()
        run = self.after("KeyRotationRequested", **detail)
        assert run.status == "SUCCEEDED", run.cause
        return first

    def used(self, calls: int) -> str:
        """The customer made so many calls: the API's id."""
        api_id = self.stage()
        for _ in range(calls):
            self.bench.clock.advance(1)
            assert self.ask(api_id, self.value()) == 200
        self.forget()
        return api_id

    def known_plans(self, *names: str) -> None:
        """Have the ids of plans known, as some customer was in them before."""
        policy = self.bench.registry.policies.current(self.bench.clock.now()).policy
        args = (self.bench.gateway, self.bench.registry, policy, "owner", self.bench.clock.now)
        args += (STACK,)
        for name in names:
            UsagePlans(*args, {"by": "schedule"}).plan_id(name)
        self.forget()

    def policy(self, **changes: Any) -> None:
        """The default policy, changed; None removes a member."""
        body = json.loads(default_text()) | changes
        body = {name: value for name, value in body.items() if value is not None}
        self.bench.ssm.put_parameter(Name="policy", Value=json.dumps(body), Overwrite=True)
        self.bench.clock.advance(10)

    def fault(self, operation: str, fault: str, call: int = 1) -> None:
        """Order one fault."""
        order = {"operation": operation, "call": call, "fault": fault}
        self.bench.emulator.order_faults([order])

    def records(self, customer_id: str = "acme") -> tuple[KeyRecord, ...]:
        """The customer's key records."""
        return self.bench.registry.customers.load_keys(customer_id).keys

    def keys(self) -> dict[str, tuple[bool, list[str]]]:
        """What is on the gateway: by name whether a key is enabled, and its plans."""
        return {
            key["name"]: (key["enabled"], self.plans_of(key["id"]))
            for key in self.client.get_api_keys(limit=500)["items"]
        }

    def plans_of(self, key_id: str) -> list[str]:
        """The names of the plans that a key is in."""
        found = self.client.get_usage_plans(keyId=key_id, limit=500)["items"]
        return sorted(plan["name"] for plan in found)

    def plan_id(self, name: str) -> str:
        """The id of a plan on the gateway."""
        plans = self.client.get_usage_plans()["items"]
        return str(next(plan["id"] for plan in plans if plan["name"] == name))

    def stage(self) -> str:
        """An API with a stage that both plans hold: its id."""
        api = self.client.create_rest_api(name="shop")["id"]
        root = self.client.get_resources(restApiId=api)["items"][0]["id"]
        method = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
        self.client.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
        mock = {"application/json": '{"statusCode": 200}'}
        self.client.put_integration(**method, type="MOCK", requestTemplates=mock)
        self.client.put_method_response(**method, statusCode="200")
        self.client.put_integration_response(**method, statusCode="200")
        self.client.create_deployment(restApiId=api, stageName="prod")
        for plan in self.client.get_usage_plans()["items"]:
            self.hold(plan["id"], api)
        self.forget()
        return str(api)

    def ask(self, api_id: str, value: str | None) -> int:
        """What the stage answers a client who sends the value: the status."""
        headers = {"x-api-key": value} if value else {}
        where = (api_id, "prod", "/", "")
        return int(data_plane.handle(self.bench.emulator, "GET", *where, headers, b"")[0])

    def value(self, name: str = "acme/1") -> str:
        """A key's value, by the key's name."""
        keys = self.client.get_api_keys(includeValues=True, nameQuery=name)["items"]
        return str(next(key["value"] for key in keys if key["name"] == name))

    def hold(self, plan_id: str, api_id: str) -> None:
        """Have a plan hold the stage."""
        added = {"op": "add", "path": "/apiStages", "value": f"{api_id}:prod"}
        self.client.update_usage_plan(usagePlanId=plan_id, patchOperations=[added])

    def reset(self) -> None:
        """An empty account, empty tables, the default policy, no faults and no events."""
        self.empty()
        self.policy()


@contextmanager
def life_laboratory() -> Iterator[LifeLab]:
    """Customers on a fresh bench."""
    with with_runtime(SETTINGS) as bench:
        functions = {name: module.handler for name, module in CUSTOMER_FUNCTIONS.items()}
        machine = Machine("reconcile_customer", functions, bench.bus.announce, bench.clock)
        yield LifeLab(bench, machine)
