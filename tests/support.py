"""What tests share: sample events, tables as the template declares them, a gateway that is the
emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from botocore.validate import validate_parameters

from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from emulator.service_model import service_model
from keyward.audit.parts import FINDINGS, Audit
from keyward.aws.bucket import Audits
from keyward.aws.gateway import Gateway
from keyward.aws.parameter import PolicyParameter
from keyward.aws.tables import Registry
from keyward.customers.key import KeyRecord
from keyward.policy.model import Policy
from keyward.policy.parse import default_text, parse
from keyward.runs.context import Context
from keyward.runs.policy.usage_plans import UsagePlans
from keyward.values import JSON
from local import template
from local.aws import TEMPLATE
from local.lifetime.sdk import GatewayClient, Session
from local.lifetime.services import Ssm
from local.lifetime.tables import Tables
from tests import announced

ROOT = Path(__file__).resolve().parent.parent
STACK = "keyward"
# Machines of a stack that is where the samples of events/ come from.
MACHINES = "arn:aws:states:eu-west-1:123456789012:stateMachine:keyward"
# The tags of a usage plan that Keyward made.
OURS = {"keyward": STACK}
MACHINE = "arn:aws:states:us-east-1:123456789012:execution:test-machine:run-1"


def load_event(name: str) -> JSON:
    """A sample from events/, by its file name without `.json`."""
    loaded: JSON = json.loads(_event_file(name).read_text(encoding="utf-8"))
    return loaded


def _event_file(name: str) -> Path:
    (path,) = (ROOT / "events").glob(f"*/{name}.json")
    return path


@lru_cache(maxsize=1)
def load_template() -> JSON:
    """template.yaml, with CloudFormation's short tags as `Fn::…`."""
    return template.load(TEMPLATE)


class AuditsInMemory(Audits):
    """Documents of audits, kept here instead of in a bucket."""

    def __init__(self) -> None:
        super().__init__(None, "no-bucket")
        self.kept: dict[str, str] = {}

    def content(self, key: str) -> bytes | None:
        text = self.kept.get(key)
        return None if text is None else text.encode()

    def put(self, key: str, text: str, kind: str = "", **more: str) -> None:
        self.kept[key] = text


class Runs:
    """Stands in for the bus: keeps what was announced, started (and who asked for it) and sent; all
    owners run unless named."""

    def __init__(self) -> None:
        self.entries: list[JSON] = []
        self.started: list[tuple[str, str, JSON]] = []
        self.asked: list[JSON | None] = []
        self.sent: list[tuple[str, str, dict[str, str]]] = []
        self.later: list[tuple[str, JSON, int]] = []
        self.stopped: set[str] = set()

    def announce(self, entries: list[JSON]) -> None:
        announced.check(entries)
        self.entries += entries

    def start(self, machine_arn: str, name: str, task: JSON) -> bool:
        new = all(name != known for _, known, _ in self.started)
        if new:
            self.started.append((machine_arn, name, {n: task[n] for n in task if n != "asked"}))
            self.asked.append(task.get("asked"))
        return new

    def is_running(self, execution_arn: str) -> bool:
        return execution_arn not in self.stopped

    def waiting(self, queue_url: str) -> int:
        return sum(url == queue_url for url, _, _ in self.sent)

    def runs(self, machine_arn: str, name: str) -> bool:
        return name not in self.stopped

    def send_later(self, queue_url: str, body: JSON, seconds: int) -> None:
        self.later.append((queue_url, body, seconds))

    def send(self, queue_url: str, body: str, **attributes: str) -> None:
        self.sent.append((queue_url, body, attributes))


@dataclass
class Bench:
    """The product's adapters on tables and the emulator, on one virtual clock."""

    emulator: Emulator
    clock: VirtualClock
    gateway: Gateway
    registry: Registry
    client: Any
    tables: dict[str, Any]
    bus: Any
    ssm: Any
    session: Session

    def plans(self, policy: Policy | None = None, owner: str = MACHINE) -> UsagePlans:
        """Usage plans for the default policy."""
        wanted = policy or parse(default_text())
        return UsagePlans(
            self.gateway, self.registry, wanted, owner, self.clock.now, STACK, {"by": "schedule"}
        )

    def context(self) -> Context:
        """What a function works with, on this bench."""
        return Context(self.gateway, self.registry, self.bus, self.clock.now, "the-bus", STACK)

    def save_key(self, record: KeyRecord) -> None:
        """Write a customer's key down, as a run that has the customer's lease does."""
        name = f"customer#{record.customer_id}"
        lease = self.registry.leases.acquire(name, MACHINE, self.clock.now())
        assert lease
        self.registry.customers.save_keys([record], lease)
        self.registry.leases.give_back(lease)

    def empty_tables(self) -> None:
        """Forget all items of all tables."""
        for table in self.tables.values():
            table.clear()

    def operations(self) -> list[str]:
        """The calls on the gateway so far, by operation, in order."""
        return [call["operation"] for call in self.emulator.calls()]


def _called(service: str, operation: str, effect: Callable[[], Any]) -> Any:
    return effect()


@contextmanager
def workbench() -> Iterator[Bench]:
    """A fresh bench: tables as in template.yaml, the default policy in its parameter. Tables and
    SSM are those of the bench; tests/machines/test_tables.py holds both to moto's."""
    clock = VirtualClock()
    emulator = Emulator(clock=clock, region="eu-west-1")

    def send(operation: str, params: JSON) -> JSON:
        validate_parameters(params, service_model().operation_model(operation).input_shape)
        return emulator.call(operation, params)

    client = GatewayClient(send, _called, attempts=1, sleep=clock.advance)
    made = Tables()
    tables: dict[str, Any] = dict(made.by_name)
    ssm = Ssm(clock, lambda name, operation: put_in_force(registry))
    ssm.first_parameter("policy", default_text())
    registry = registry_of(tables, ssm)
    session = Session({"ssm": ssm, "dynamodb": _called}, made, lambda attempts: client)
    yield Bench(emulator, clock, Gateway(client), registry, client, tables, Runs(), ssm, session)


def registry_of(tables: dict[str, Any], ssm: Any) -> Registry:
    """What is remembered, in these tables."""
    return Registry(tables.__getitem__, lambda: PolicyParameter(ssm, "policy"))


def put_in_force(registry: Registry) -> None:
    """An edit of the policy, without what a run of apply-policy makes of it."""
    before, wanted = registry.policies.load(), registry.parameter.read()
    found = replace(before, version=wanted.version, refused=wanted.refused)
    registry.policies.save(replace(found, body=wanted.body or before.body))


def audited(bench: Bench) -> JSON:
    """What an audit in one go finds; mode `observe` where an API says nothing."""
    context = bench.context()
    audit = Audit("nightly-1", AuditsInMemory(), context, "observe")
    audit.at_once({}, bench.clock.advance, float("inf"))
    found: JSON = audit.documents.load(audit.name, FINDINGS)
    return found


def sampled(cases: Iterable[tuple[Any, ...]], every: int) -> list[ParameterSet]:
    """Leave one case (its arguments) in so many to `make test`. The others are among the large
    tests, which CI runs as well."""
    return [
        pytest.param(*case, marks=[pytest.mark.sizes] if number % every else [])
        for number, case in enumerate(cases)
    ]
