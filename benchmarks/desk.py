"""Where jobs are measured: the functions' tests' laboratory on a world's clock, quotas enforced."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any
from unittest import mock

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore import endpoint

import audit
import audit_part
import record_customer
import repair
import start_api_protection
import start_customer_reconcile
import start_due_work
import write_report
from benchmarks.world import World
from emulator.inprocess import attach
from keyward.aws.gateway import Gateway
from keyward.aws.gateway.calls import client_config
from keyward.runs import runtime
from tests.machines.api_lab import FUNCTIONS, Lab, laboratory
from tests.machines.life_lab import CUSTOMER_FUNCTIONS
from tests.machines.machine import Execution, Machine
from tests.support import AuditsInMemory, load_event

JSON = dict[str, Any]
Handler = Callable[[JSON, Any], Any]

Budget = tuple[int, int] | None

# What a call of API Gateway's control plane is assumed to take; nothing else takes virtual time.
CALL_SECONDS = 0.05
REFUSED = 429
SETTINGS = {
    "KEY_PREFIX": "kw",
    "RECONCILE_CUSTOMER_ARN": "reconcile_customer",
    "PROTECT_API_ARN": "protect_api",
    "CUSTOMERS_DLQ_URL": "the-customers-dlq",
    "RUNS_DLQ_URL": "the-runs-dlq",
    "AUDIT_DLQ_URL": "the-audit-dlq",
    "DUE_DLQ_URL": "the-due-dlq",
    "USAGE_DLQ_URL": "the-usage-dlq",
    "REPORT_DLQ_URL": "the-report-dlq",
    "REPORT_BUCKET": "the-bucket",
    "REPORT_PLACE": "here",
    "AUDIT_ACCOUNT_ARN": "audit_account",
}
TRAIL = ("CreateDeployment", "CreateStage", "UpdateStage")


@dataclass(frozen=True)
class Cost:
    """What a job cost. `seconds` are virtual, until the last run has ended; `refused` are calls
    that the quotas refused (429), beside `reads` and `writes`; a retry counts as a transition, as
    Step Functions bills it; `failed` are runs; `budget` is the most that DESIGN.md 7 allows."""

    job: str
    reads: int
    writes: int
    refused: int
    seconds: float
    lambda_calls: int
    transitions: int
    failed: int
    budget: Budget

    def as_json(self) -> JSON:
        """A row of latest.json."""
        return asdict(self)


class KeptAudits(AuditsInMemory):
    """Documents of audits, in memory; `read` hears each one that is loaded."""

    def __init__(self, read: Callable[[bytes], None]) -> None:
        super().__init__()
        self._read = read

    def load(self, audit: str, name: str) -> Any:
        """Read a document of an audit."""
        self._read(self.kept.get(f"audits/{audit}/{name}.json", "").encode())
        return super().load(audit, name)


@dataclass
class Desk:
    """A laboratory with both state machines. `patient` is the client of the audit."""

    lab: Lab
    world: World
    patient: Any
    trail: list[JSON] = field(default_factory=list)
    lambda_calls: int = 0
    runs: list[Execution] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._machines = {
            "reconcile_customer": self._machine("reconcile_customer", CUSTOMER_FUNCTIONS),
            "protect_api": self._machine("protect_api", FUNCTIONS),
        }

    def _machine(self, name: str, modules: dict[str, Any]) -> Machine:
        functions: dict[str, Handler] = {
            key: partial(self.invoke, module) for key, module in modules.items()
        }
        announce = self.lab.bench.bus.announce
        return Machine(name, functions, announce, self.world, jitter=True)

    def invoke(self, module: Any, event: JSON, context: object = None) -> Any:
        """Call a function."""
        self.lambda_calls += 1
        return module.handler(event, context)

    def measure(
        self, job: str, action: Callable[[], None], reads: int | None = None, writes: int = 0
    ) -> Cost:
        """What `action` costs under the account's quotas, whose buckets are full when it starts.
        Its budget: `reads` and `writes`, none when `reads` is None."""
        self.lab.forget()
        self.trail.clear()
        self.runs.clear()
        self.lambda_calls, began = 0, self.world.now()
        self.lab.bench.emulator.enforce_quotas(True)
        action()
        self.lab.bench.emulator.enforce_quotas(False)
        calls = self.lab.bench.emulator.calls()
        refused = [call for call in calls if call["status"] == REFUSED]
        read = [c for c in calls if c["operation"].startswith("Get") and c not in refused]
        return Cost(
            job,
            len(read),
            len(calls) - len(refused) - len(read),
            len(refused),
            round(self.world.now() - began, 1),
            self.lambda_calls,
            sum(len(run.states) + run.retries for run in self.runs),
            sum(run.status != "SUCCEEDED" for run in self.runs),
            None if reads is None else (reads, writes),
        )

    def sign_up(self, customers: list[str]) -> None:
        """CustomerSignedUp for each."""
        self.tell("customer-signed-up", customers)

    def tell(self, sample: str, customers: list[str]) -> None:
        """The event of a sample for each: recorded ten at a time as they come from the queue, and
        every change of the table starts a run. All runs begin at the same time."""
        desired = self.lab.bench.registry.customers.desired
        before = {name: desired(name) for name in customers}
        for start in range(0, len(customers), 10):
            batch = [of_customer(sample, name) for name in customers[start : start + 10]]
            assert not self.invoke(record_customer, {"Records": batch})["batchItemFailures"]
        changed = [name for name in customers if desired(name) != before[name]]
        for start in range(0, len(changed), 10):
            images = [
                self._changed(name, f"{sample}-{name}") for name in changed[start : start + 10]
            ]
            self.invoke(start_customer_reconcile, {"Records": images})
        self.run_started()

    def due_work(self) -> None:
        """The schedule's minute, and the runs that it starts."""
        self.invoke(start_due_work, load_event("start-due-work"))
        self.run_started()

    def _changed(self, customer_id: str, event_id: str) -> JSON:
        """The stream's record of a customer that was recorded just now."""
        raw: JSON = load_event("start-customer-reconcile")["Records"][0]
        item = self.lab.bench.registry.customers.desired(customer_id) or {}
        image = {name: TypeSerializer().serialize(value) for name, value in item.items()}
        raw["dynamodb"]["NewImage"] = image
        return raw | {"eventID": f"stream-{event_id}"}

    def trail_delivered(self, events: list[JSON]) -> None:
        """CloudTrail's events, as far as the rule lets them pass, and the runs they start."""
        for event in events:
            if event["detail"]["eventName"] not in TRAIL:
                continue
            self.invoke(start_api_protection, {"Records": [queued(event, event["id"])]})
        self.run_started()

    def run_started(self) -> None:
        """Run, all at once, what was started on the bus."""
        started, self.lab.bench.bus.started = self.lab.bench.bus.started, []
        self.world.run([partial(self._run, *item) for item in started])

    def _run(self, machine: str, name: str, task: JSON) -> None:
        self.runs.append(self._machines[machine].run(task, name))

    def protect(self, api_ids: list[str]) -> None:
        """protect-api for each, all at once."""
        names = [f"deployed-{number}-{int(self.world.now())}" for number in range(len(api_ids))]
        tasks = [{"rest_api_id": api_id} for api_id in api_ids]
        runs = zip(names, tasks, strict=True)
        self.world.run([partial(self._run, "protect_api", name, task) for name, task in runs])

    def audit(self) -> None:
        """The audit, without its repair."""
        with mock.patch.object(runtime, "audits", return_value=AuditsInMemory()):
            self.invoke(audit, {})

    def document_read(self, body: bytes) -> None:
        """A document of an audit was loaded."""

    def audit_in_parts(self) -> None:
        """The steps of audit-account in a row, as its samples have them."""
        audits = KeptAudits(self.document_read)
        with mock.patch.object(runtime, "audits", return_value=audits):
            for step in (audit_part, repair):
                self.invoke(step, load_event(step.__name__.replace("_", "-")))

    def report(self) -> None:
        """The report."""
        bucket = mock.patch.object(runtime, "reports", return_value=mock.Mock(bucket="the-bucket"))
        with bucket:
            self.invoke(write_report, load_event("write-report"))


def queued(event: JSON, message_id: str) -> JSON:
    """An event as a message of a queue."""
    raw: JSON = load_event("record-customer")["Records"][0]
    return raw | {"messageId": message_id, "body": json.dumps(event)}


def of_customer(sample: str, customer_id: str) -> JSON:
    """The message that holds a sample event, for a customer."""
    event = load_event(sample)
    event["detail"] |= {"customer_id": customer_id}
    return queued(event, f"{sample}-{customer_id}")


@contextmanager
def desk(kind: type[Desk] = Desk) -> Iterator[Desk]:
    """A fresh desk; every call of API Gateway takes CALL_SECONDS."""
    with mock.patch.dict(os.environ), laboratory() as lab:
        os.environ.update(SETTINGS)
        world = World(lab.bench.clock)
        # The sample events have occurred by then.
        world.advance(10 * 86_400)
        patient = boto3.client("apigateway", config=client_config(attempts=8))
        attach(lab.bench.emulator, patient)
        for client in (lab.client, patient):
            client.meta.events.register_first(
                "before-send.apigateway", lambda **_: world.advance(CALL_SECONDS)
            )
        made = kind(lab, world, patient)
        lab.bench.emulator.on_event = made.trail.append
        # The SDK's own retries wait on virtual time as well.
        sdk_time = mock.patch.object(endpoint, "time", mock.Mock(sleep=world.advance))
        reader = mock.patch.object(runtime, "patient_gateway", return_value=Gateway(patient))
        with reader, sdk_time:
            yield made
