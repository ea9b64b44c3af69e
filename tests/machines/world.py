"""A little world in this process: customers, Keyward's functions as its state machine runs them,
API Gateway, and a virtual clock. Calls may fail, and a run may die at any of them."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

import record_customer
from emulator import data_plane
from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.inprocess import attach
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.aws.tables import Registry
from keyward.aws.tables.leases import FUNCTION_SECONDS
from keyward.customers.actions import ACTIONS
from keyward.errors import KeywardError, PassingError
from keyward.policy.parse import default_text
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.intake import Item
from keyward.values import iso
from local.lifetime.tables import Tables
from tests.support import Runs

JSON = dict[str, Any]
ARN = "arn:aws:states:us-east-1:123456789012:execution:keyward-reconcile-customer"
SETTINGS = {"EVENT_BUS": "the-bus", "KEY_PREFIX": "kw", "RECONCILE_CUSTOMER_ARN": "the-machine"}
PLANS = ("free", "pro")
# As long as the state machine waits for a try that may be under way.
WAIT_SECONDS = 9
TRIES = 8
LOOPS = 20


class Died(BaseException):
    """The run was stopped in the middle of a call: nothing of it goes on."""


@dataclass
class Ssm:
    """The policy parameter."""

    text: str

    def get_parameter(self, Name: str) -> JSON:
        return {"Parameter": {"Value": self.text, "Version": 1}}


@dataclass
class World:
    """Everything there is. `watch` is called after each call on the control plane."""

    clock: VirtualClock
    emulator: Emulator
    tables: Tables
    registry: Registry
    gateway: Gateway
    client: Any
    bus: Runs
    base: JSON = field(default_factory=dict)
    api_id: str = ""
    runs: int = 0
    dies_at: int = 0
    dies_after: bool = False
    watch: Callable[[], None] = lambda: None

    # what is asked for

    def hear(self, envelope: JSON) -> None:
        """An event is recorded, as its function does it."""
        bus: Any = self.bus
        run = Context(self.gateway, self.registry, bus, self.clock.now, "the-bus")
        recorder = record_customer.Recorder(run, "the-machine", lambda name, number: None)
        recorder.take(Item(envelope, json.dumps(envelope), envelope["id"], run.now))

    def run(self, customer_id: str, by: str = "event") -> str:
        """A run of reconcile-customer that `by` asked for: "done", "failed" or "died"."""
        self.runs += 1
        arn = f"{ARN}:run-{self.runs}"
        try:
            return self._run(customer_id, arn, by)
        except Died:
            self.bus.stopped.add(arn)
            self.clock.advance(FUNCTION_SECONDS)
            return "died"
        finally:
            self.dies_at = 0
            self.emulator.order_faults([])

    def due(self) -> list[str]:
        """The customers for whom something is due by itself."""
        return [customer for customer, _ in self.registry.customers.due(self.clock.now(), 100)]

    def planned(self, customer_id: str) -> list[JSON]:
        """What a run would do now."""
        task = {"customer_id": customer_id, "execution_arn": "nobody", "dry_run": True}
        return list(call("plan_customer", task)["actions"])

    def _run(self, customer_id: str, arn: str, by: str) -> str:
        about = {"customer_id": customer_id, "execution_arn": arn, "asked": {"by": by}}
        for _ in range(LOOPS):
            try:
                again, failed = self._round(about)
            except KeywardError as error:
                again, failed = self._report(about, type(error).__name__, str(error)), True
            if not again:
                return "failed" if failed else "done"
        raise AssertionError("a run that never ends")

    def _round(self, about: JSON) -> tuple[bool, bool]:
        """Plan, apply, conclude: whether to start over, whether it failed."""
        run = call("plan_customer", about | {"begun": self.clock.now()})
        assert not run["busy"], "nobody else runs"
        task = about | {"lease": run["lease"]}
        for place, action in enumerate(run["actions"]):
            self._retried(
                ACTIONS[action["action"]].function, task | {"action": action, "place": place}
            )
        again = bool(call("conclude_customer", run)["again"])
        if not again and run["problem"]:
            self._report(about, run["problem"]["Error"], run["problem"]["Cause"])
        return again, bool(run["problem"])

    def _retried(self, function: str, task: JSON) -> None:
        for tries in range(TRIES):
            try:
                call(function, task)
                return
            except PassingError:
                if tries == TRIES - 1:
                    raise
                self.clock.advance(WAIT_SECONDS)

    def _report(self, about: JSON, error: str, cause: str) -> bool:
        told = {"error": {"Error": error, "Cause": cause}, "entered": self.clock.now()}
        reported = call("report_failure", about | told)
        return bool(reported["again"])

    # what is there

    def values(self, customer_id: str) -> dict[str, str]:
        """The customer's keys on the gateway: values by their names."""
        return {
            str(key.settings["name"]): key.value
            for key in self.emulator.state.keys.values()
            if key.settings.get("customerId") == customer_id
        }

    def works(self, value: str) -> bool:
        """Whether the control plane has the value enabled and in a plan of the stage."""
        state = self.emulator.state
        key = state.key_with(value)
        return bool(key and key.enabled and state.plans_of(key.id))

    def answers(self, value: str) -> int:
        """What a client gets that sends the value to the stage."""
        request = ("GET", self.api_id, "prod", "/", "", {"x-api-key": value}, b"")
        return int(data_plane.handle(self.emulator, *request)[0])

    def plan_of(self, value: str) -> list[str]:
        """The names of the plans that the value's key is in."""
        key = self.emulator.state.key_with(value)
        return (
            [plan.settings["name"] for plan in self.emulator.state.plans_of(key.id)] if key else []
        )

    def texts(self) -> Iterator[str]:
        """Everything that was written anywhere but on the gateway."""
        for table in self.tables.by_name.values():
            yield json.dumps(list(table.items.values()), default=str)
        yield json.dumps([self.bus.entries, self.bus.started, self.bus.sent], default=str)

    # how it begins

    def reset(self) -> None:
        """As it was when it began; the clock goes on."""
        self.emulator.reset()
        self.emulator.state = copy.deepcopy(self.base["state"])
        for name, items in self.base["tables"].items():
            table = self.tables.by_name[name]
            table.clear()
            for item in items.values():
                table.put_item(Item=copy.deepcopy(item))
        for seen in (self.bus.entries, self.bus.started, self.bus.asked, self.bus.sent):
            seen.clear()
        self.bus.stopped.clear()
        self.watch, self.dies_at = lambda: None, 0

    def keep(self) -> None:
        """Take how it is now as how it begins."""
        tables = {name: table.items for name, table in self.tables.by_name.items()}
        self.base = copy.deepcopy({"state": self.emulator.state, "tables": tables})


def call(function: str, task: JSON) -> JSON:
    """A Lambda function, by its file's name; its answer as it crosses the wire."""
    answer = importlib.import_module(function).handler(json.loads(json.dumps(task)), None)
    return dict(json.loads(json.dumps(answer)))


@contextmanager
def world(**policy: Any) -> Iterator[World]:
    """A world with a stage that both plans hold; `policy` is what differs from the default one."""
    clock = VirtualClock()
    emulator, tables = Emulator(clock=clock), Tables()
    client = boto3.client("apigateway", config=client_config())
    detach = attach(emulator, client)
    ssm = Ssm(json.dumps(json.loads(default_text()) | policy))
    bus = Runs()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        registry = _registry(tables, ssm, patch)
        made = World(clock, emulator, tables, registry, Gateway(client), client, bus)
        patch.setattr(runtime, "now", clock.now)
        patch.setattr(runtime, "gateway", lambda: made.gateway)
        patch.setattr(runtime, "registry", lambda: registry)
        patch.setattr(runtime, "bus", lambda: bus)
        _stage(made)
        made.keep()
        _die_and_watch(made)
        yield made
    detach()


def _registry(tables: Tables, ssm: Ssm, patch: pytest.MonkeyPatch) -> Registry:
    """The functions' own registry, on these tables."""
    for name in tables.by_name:
        patch.setenv(f"{name.removesuffix('Table').upper()}_TABLE", name)
    patch.setenv("POLICY_PARAMETER", "policy")
    resource = SimpleNamespace(Table=tables.by_name.get)
    session = SimpleNamespace(resource=lambda name: resource, client=lambda name, config: ssm)
    patch.setattr(runtime, "_session", lambda: session)
    return runtime._registry.__wrapped__()


def _stage(made: World) -> None:
    client = made.client
    made.api_id = str(client.create_rest_api(name="shop")["id"])
    root = client.get_resources(restApiId=made.api_id)["items"][0]["id"]
    method = {"restApiId": made.api_id, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**method, authorizationType="NONE", apiKeyRequired=True)
    client.put_integration(
        **method, type="MOCK", requestTemplates={"application/json": '{"statusCode": 200}'}
    )
    client.put_method_response(**method, statusCode="200")
    client.put_integration_response(**method, statusCode="200")
    client.create_deployment(restApiId=made.api_id, stageName="prod")
    added = {"op": "add", "path": "/apiStages", "value": f"{made.api_id}:prod"}
    for name in PLANS:
        plan_id = runtime.usage_plans("nobody").id_of(name)
        client.update_usage_plan(usagePlanId=plan_id, patchOperations=[added])


def _die_and_watch(made: World) -> None:
    """A run that is to die does so at its n-th call, before it has its effect or after."""
    real = made.emulator.call

    def watched(operation: str, *args: Any, **more: Any) -> Any:
        made.dies_at -= 1
        if made.dies_at == 0 and not made.dies_after:
            raise Died
        try:
            answer = real(operation, *args, **more)
        finally:
            made.watch()
        if made.dies_at == 0:
            raise Died
        return answer

    made.emulator.call = watched  # type: ignore[method-assign]


def event(detail_type: str, customer_id: str, at: float, number: int, **detail: Any) -> JSON:
    """An event of a customer's life, as EventBridge brings it."""
    told = {"customer_id": customer_id, "occurred_at": iso(at)} | detail
    return {"id": f"event-{number}", "source": "shop", "detail-type": detail_type, "detail": told}
