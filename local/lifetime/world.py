"""Keyward's functions and state machine in this process, on tables and an API Gateway in memory."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import boto3

from emulator import data_plane
from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.inprocess import attach
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.cli.history import history_lines
from keyward.runs import runtime
from keyward.values import iso
from local import template
from local.aws import TEMPLATE
from local.lifetime.machine import Machine
from local.lifetime.tables import Tables

JSON = dict[str, Any]

PLANS = ("free", "pro")
STAGE = "prod"
# Between the start of a run and the next look at what is due (the schedule's minute).
MINUTE = 60
SETTINGS = {
    "EVENT_BUS": "the-bus",
    "KEY_PREFIX": "kw",
    "DEFAULT_MODE": "observe",
    "RECONCILE_CUSTOMER_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:reconcile",
    "POLICY_PARAMETER": "policy",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@dataclass
class Bus:
    """What carries events and work: kept, and done at once."""

    clock: VirtualClock
    told: list[tuple[float, JSON]] = field(default_factory=list)
    waiting: list[JSON] = field(default_factory=list)
    started: set[str] = field(default_factory=set)

    def announce(self, entries: list[JSON]) -> None:
        """Keep announcements with their time."""
        self.told += [(self.clock.now(), entry) for entry in entries]

    def start(self, machine_arn: str, name: str, task: JSON) -> bool:
        """Have a run wait for its turn; twice is once."""
        new = name not in self.started
        self.started.add(name)
        if new:
            self.waiting.append(task)
        return new

    def is_running(self, execution_arn: str) -> bool:
        """Runs are done one after the other, so that none is met."""
        return False


@dataclass
class World:
    """One account, one API with the stage `prod`, and the customers."""

    clock: VirtualClock
    emulator: Emulator
    tables: Tables
    client: Any
    bus: Bus
    machine: Machine
    registry: Any
    api_id: str = ""
    events: int = 0

    def send(self, detail_type: str, detail: JSON) -> None:
        """An event is heard, and what follows at once is done."""
        from keyward.runs.context import Context
        from keyward.runs.intake import Item
        from record_customer import Recorder

        self.events += 1
        now = iso(self.clock.now())
        envelope = {"id": f"event-{self.events}", "source": "shop", "detail-type": detail_type}
        body = json.dumps(envelope | {"time": now, "detail": detail})
        bus: Any = self.bus
        gateway: Any = None  # recording calls no API Gateway
        run = Context(gateway, self.registry, bus, self.clock.now, "the-bus")
        recorder = Recorder(run, "the-machine", lambda name, number: None)
        recorder.take(Item(json.loads(body), body, envelope["id"], self.clock.now()))
        self.run({"customer_id": detail["customer_id"], "asked": {"by": "event"}})

    def run(self, task: JSON) -> str:
        """A run of reconcile-customer by its real definition: how it ended."""
        return self.machine.run(task).status

    def pass_time(self, seconds: float) -> None:
        """Let time pass, minute for minute where something is due."""
        end = self.clock.now() + seconds
        while True:
            due = [at for customer in self.customers() if (at := self.due_at(customer))]
            at = max(min(due, default=end + 1), self.clock.now()) + MINUTE
            if at > end:
                break
            self.clock.advance(at - self.clock.now())
            self.start_due_work()
        self.clock.advance(end - self.clock.now())

    def start_due_work(self) -> None:
        """What the schedule does each minute."""
        call("start_due_work", {})
        waiting, self.bus.waiting = self.bus.waiting, []
        for task in waiting:
            self.run(task | {"asked": {"by": "schedule"}})

    def customers(self) -> list[str]:
        """All customers' ids."""
        return [str(place[0]) for place in self.tables.by_name["CustomersTable"].items]

    def due_at(self, customer_id: str) -> float | None:
        """When something becomes of a customer by itself."""
        at = self.registry.customers.known(customer_id).due_at
        return None if at is None else float(at)

    def told(self, lines: list[JSON]) -> list[str]:
        """Lines of the ledger, as `python -m keyward history` tells them."""
        return history_lines(lines)

    def values(self) -> dict[str, str]:
        """The keys on the gateway, oldest first: values by their names."""
        keys = sorted(self.emulator.state.keys.values(), key=lambda key: key.settings["name"])
        return {str(key.settings["name"]): key.value for key in keys}

    def ask(self, value: str | None) -> int:
        """The status that a client gets who sends this value to GET /pets."""
        headers = {"x-api-key": value} if value else {}
        request = ("GET", self.api_id, STAGE, "/pets", "", headers, b"")
        return int(data_plane.handle(self.emulator, *request)[0])


def call(function: str, task: JSON) -> JSON:
    """A Lambda function, by its file's name."""
    return dict(importlib.import_module(function).handler(task, None))


@contextmanager
def world(policy: JSON, start: float) -> Iterator[World]:
    """A world that begins at `start` (epoch seconds), with this policy; an API whose stage both
    plans hold is there."""
    clock = VirtualClock(start)
    emulator, tables, bus = Emulator(clock=clock), Tables(), Bus(clock)
    names = {f"{name.removesuffix('Table').upper()}_TABLE": name for name in tables.by_name}
    with mock.patch.dict(os.environ, SETTINGS | names), _in_place(clock, tables, bus, policy):
        client = boto3.client("apigateway", config=client_config())
        detach = attach(emulator, client)
        gateway, registry = Gateway(client), runtime._registry.__wrapped__()
        machine = Machine("reconcile_customer", functions(), bus.announce, clock)
        made = World(clock, emulator, tables, client, bus, machine, registry)
        adapters = {"gateway": gateway, "patient_gateway": gateway, "registry": registry}
        with _patched({name: _giver(adapter) for name, adapter in adapters.items()}):
            _build(made)
            yield made
        detach()


def functions() -> dict[str, Callable[[JSON, object], Any]]:
    """The functions of the template that take a task, by their ids there."""
    resources = template.load(TEMPLATE)["Resources"].items()
    handlers = {
        name: item["Properties"]["Handler"].removesuffix(".handler")
        for name, item in resources
        if item["Type"] == "AWS::Serverless::Function"
    }
    return {name: _handler(module) for name, module in handlers.items()}


def _handler(module: str) -> Callable[[JSON, object], Any]:
    return lambda task, context: importlib.import_module(module).handler(task, context)


def _giver(adapter: Any) -> Callable[[], Any]:
    return lambda: adapter


@contextmanager
def _in_place(clock: VirtualClock, tables: Tables, bus: Bus, policy: JSON) -> Iterator[None]:
    """The functions' runtime, with this clock, these tables and this bus."""
    answer = {"Parameter": {"Value": json.dumps(policy), "Version": 1}}
    ssm = SimpleNamespace(get_parameter=lambda Name: answer)
    resource = SimpleNamespace(Table=tables.by_name.get)
    session = SimpleNamespace(resource=lambda name: resource, client=lambda name, config: ssm)
    fakes = {"_session": _giver(session), "now": clock.now, "bus": _giver(bus)}
    level = runtime.logger.log_level
    runtime.logger.setLevel("CRITICAL")
    with _patched(fakes):
        yield
    runtime.logger.setLevel(level)


@contextmanager
def _patched(fakes: JSON) -> Iterator[None]:
    with ExitStack() as stack:
        for name, fake in fakes.items():
            stack.enter_context(mock.patch.object(runtime, name, fake))
        yield


def _build(made: World) -> None:
    client = made.client
    made.api_id = str(client.create_rest_api(name="pet shop")["id"])
    root = client.get_resources(restApiId=made.api_id)["items"][0]["id"]
    pets = client.create_resource(restApiId=made.api_id, parentId=root, pathPart="pets")["id"]
    method = {"restApiId": made.api_id, "resourceId": pets, "httpMethod": "GET"}
    client.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    fine = {"application/json": '{"statusCode": 200}'}
    client.put_integration(**method, type="MOCK", requestTemplates=fine)
    client.put_method_response(**method, statusCode="200")
    client.put_integration_response(**method, statusCode="200")
    client.create_deployment(restApiId=made.api_id, stageName=STAGE)
    added = {"op": "add", "path": "/apiStages", "value": f"{made.api_id}:{STAGE}"}
    for name in PLANS:
        plan_id = runtime.usage_plans("the team").id_of(name)
        client.update_usage_plan(usagePlanId=plan_id, patchOperations=[added])
    made.emulator.ledger.clear()
