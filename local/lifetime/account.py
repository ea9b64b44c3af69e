"""An account in this process: everything that the template declares, on one virtual clock."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Callable
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from emulator.clock import VirtualClock
from emulator.emulator import Emulator
from keyward.values import JSON, iso
from local.lifetime.executions import Executions
from local.lifetime.faults import AFTER, DEATH_AFTER, Faults
from local.lifetime.machine import failed
from local.lifetime.queues import Answered, Queues, Streams
from local.lifetime.rules import delivered, matches
from local.lifetime.scheduler import Died, Invocation, Scheduler
from local.lifetime.schedules import Schedules
from local.lifetime.sdk import Client, GatewayClient, Session
from local.lifetime.services import S3, Events, Lambda, Logs, SecretsManager, Sns, Ssm
from local.lifetime.stack import ACCOUNT, REGION, Stack, id_of
from local.lifetime.states import StateFailed, Task, plain
from local.lifetime.tables import Tables

# What a call of API Gateway takes (shared load figures assume the same); nothing else takes time.
CALL_SECONDS = 0.05
DEFAULT_BUS, TOPIC = "default", "NotificationsTopic"
# Lambda runs 1,000 at once in an account; more are refused, which Step Functions repeats.
MAX_CONCURRENT = 1000
# Lambda carries so many bytes to a function and back; Step Functions less, which it checks itself.
MAX_PAYLOAD = 6_291_456
BUSY = StateFailed("Lambda.TooManyRequestsException", "1,000 functions are at work")


class Account:
    """The services, the functions and what connects them."""

    def __init__(self, stack: Stack, clock: VirtualClock, emulator: Emulator) -> None:
        self.stack, self.clock, self.emulator = stack, clock, emulator
        self.scheduler, self.faults = Scheduler(clock), Faults()
        self.announced: list[JSON] = []
        self.invoked: Counter[str] = Counter()
        self.at_work: set[int] = set()
        # Hears of every call before it is made: tests may let time pass, or look.
        self.watch: Callable[[str, str], None] = lambda service, operation: None
        self._functions = stack.functions
        self._rules = list(stack.of_type("AWS::Events::Rule").values())
        # One account's alone: rules are compared with each kind of event once.
        self._rules_about = cache(self._rules_of_kind)
        self._events = 0
        self.queues = Queues(stack, self.scheduler, self.invoke)
        self.streams = Streams(stack, self.scheduler, self.invoke, self.queues)
        self.tables = Tables(self.scheduler.sleep, self.streams.changed)
        self.executions = Executions(stack, self.scheduler, self._perform, self._ended)
        self.ssm = Ssm(clock, self._parameter_changed)
        self.sns = Sns()
        self.secrets, self.s3 = SecretsManager(), S3(clock, self._stored)
        emulator.on_event = partial(self.deliver, DEFAULT_BUS)
        starts = (self.invoke, self.executions.begin, self.queues, self._is_quiet)
        Schedules(stack, self.scheduler, *starts)

    def session(self) -> Session:
        """What the functions make their clients with."""
        services = {
            "dynamodb": self.call,
            "ssm": self.ssm,
            "events": Events(self.put_events),
            "stepfunctions": self.executions,
            "sqs": self.queues,
            "s3": self.s3,
            "secretsmanager": self.secrets,
            "logs": Logs(),
            "sns": self.sns,
            "lambda": Lambda(self._answer_of, self._start_function),
        }
        clients = {name: Client(name, item, self.call) for name, item in services.items()}
        gateway = partial(GatewayClient, self._gateway, self.call, sleep=self.scheduler.sleep)
        return Session(clients | {"dynamodb": self.call}, self.tables, gateway)

    # calls

    def call(self, service: str, operation: str, effect: Callable[[], Any]) -> Any:
        """A call that a function makes."""
        worker = self.scheduler.worker
        if worker:
            worker.check()
        self.watch(service, operation)
        return self.faults.call(service, operation, effect)

    def _gateway(self, operation: str, params: JSON) -> JSON:
        self.scheduler.sleep(CALL_SECONDS)
        worker = self.scheduler.worker
        invocation = worker.invocation if worker else None
        caller = f"{self.stack.role_path}{invocation.function}Role" if invocation else None
        return self.emulator.call(operation, params, caller)

    # functions

    def invoke(self, function: str, payload: JSON, then: Answered) -> None:
        """Invoke a function; `then` gets its answer or its failure."""
        fault = self.faults.due("lambda", function)
        if len(self.at_work) >= MAX_CONCURRENT:
            then(None, BUSY)
        elif fault is not None and fault not in (AFTER, DEATH_AFTER):
            then(None, StateFailed(str(fault), "ordered"))
        else:
            self._begin(function, payload, then, is_lost=fault is not None)

    def _begin(self, function: str, payload: JSON, then: Answered, is_lost: bool) -> None:
        self.invoked[function] += 1
        number, about = self.invoked.total(), self._functions[function]
        ends_at = self.clock.now() + float(about["Timeout"])
        context = SimpleNamespace(
            aws_request_id=f"request-{number}",
            function_name=function,
            get_remaining_time_in_millis=lambda: int((ends_at - self.clock.now()) * 1000),
        )
        self.at_work.add(number)

        def ended(answer: Any, error: BaseException | None) -> None:
            self.at_work.discard(number)
            if not invocation.killed:
                then(answer, DIED if is_lost else _failure(error))

        work = partial(self._handle, about["Handler"], payload, context)
        invocation = Invocation(function, work, ended)
        self.scheduler.begin(invocation)
        if not invocation.done:
            kill = partial(self._kill, invocation, then)
            self.scheduler.after(float(about["Timeout"]), kill, background=True)

    def _answer_of(self, function: str, payload: JSON) -> Any:
        """What a function answers to another one, which waits for it."""
        self.invoked[function] += 1
        context = SimpleNamespace(aws_request_id=f"request-{self.invoked.total()}")
        return self._handle(self._functions[function]["Handler"], payload, context)

    @staticmethod
    def _handle(handler: str, payload: JSON, context: object) -> Any:
        module, _, name = handler.rpartition(".")
        answer = getattr(importlib.import_module(module), name)(
            plain(payload, MAX_PAYLOAD), context
        )
        return plain(answer, MAX_PAYLOAD)

    @staticmethod
    def _kill(invocation: Invocation, then: Answered) -> None:
        if not invocation.done:
            invocation.killed = True
            then(None, StateFailed("Sandbox.Timedout", f"{invocation.function} ran too long"))

    def _start_function(self, function: str, payload: JSON) -> None:
        """Invoke a function without a wait for its answer."""
        self.scheduler.after(0, lambda: self.invoke(function, payload, lambda *_: None))

    def _is_quiet(self, function: str) -> bool:
        """Whether nothing is due: most minutes of a simulated week are passed over so."""
        if function != "StartDueWork" or self._is_stopped():
            return False
        table = self.tables.by_name["KeysTable"]
        if table.part_of("due-index", "new") or table.part_of("due-index", "imported"):
            return False
        now = self.clock.now()
        return all(item["due_at"] > now for item in table.part_of("due-index", "due"))

    def _is_stopped(self) -> bool:
        return "stopped_at" in self.tables.by_name["LeasesTable"].items.get(("schedule",), {})

    def _perform(self, task: Task, then: Answered) -> None:
        """A task of a state machine."""
        if task.target == "events:putEvents":
            self.call("events", "PutEvents", lambda: self.put_events(task.arguments["Entries"]))
            then({"FailedEntryCount": 0}, None)
        elif task.target == "sqs:sendMessage":
            self.call("sqs", "SendMessage", lambda: self.queues.send_message(**task.arguments))
            then({"MessageId": "a-message"}, None)
        else:
            payload = {"Payload": None}
            self.invoke(
                task.target,
                task.arguments,
                lambda answer, error: then(payload | {"Payload": answer}, error),
            )

    # events

    def put_events(self, entries: list[JSON]) -> None:
        """Put events on buses, as PutEvents does."""
        for entry in entries:
            self.publish(
                id_of(entry.get("EventBusName", DEFAULT_BUS)),
                entry["Source"],
                entry["DetailType"],
                entry["Detail"],
            )

    def publish(self, bus: str, source: str, detail_type: str, detail: JSON) -> None:
        """An event of this moment."""
        self._events += 1
        event = {
            "version": "0",
            "id": f"event-{self._events}",
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": iso(self.clock.now()),
            "region": REGION,
            "resources": [],
            "detail": detail,
        }
        if source == "keyward":
            self.announced.append(event)
        self.deliver(bus, event)

    def deliver(self, bus: str, event: JSON) -> None:
        """Hand an event to the targets of the rules that take it."""
        for rule in self._rules_about(bus, event["source"], event["detail-type"]):
            if matches(rule["EventPattern"], event):
                for target in rule["Targets"]:
                    self._target(target, delivered(target, event))

    def _rules_of_kind(self, bus: str, source: str, detail_type: str) -> list[JSON]:
        """The rules of a bus that may take an event of this source and detail-type."""
        event = {"source": source, "detail-type": detail_type}
        return [
            rule
            for rule in self._rules
            if id_of(rule.get("EventBusName", DEFAULT_BUS)) == bus
            and matches(
                {n: rule["EventPattern"][n] for n in event if n in rule["EventPattern"]}, event
            )
        ]

    def _target(self, target: JSON, body: str) -> None:
        name = id_of(target["Arn"])
        if name in self.queues.by_name:
            self.queues.send(name, body)
        elif name in self._functions:
            self.invoke(name, json.loads(body), lambda answer, error: None)
        elif name == TOPIC:
            self.sns.publish(name, body)

    def _ended(self, detail: JSON) -> None:
        kind = "Step Functions Execution Status Change"
        self.publish(DEFAULT_BUS, "aws.states", kind, detail)

    def _parameter_changed(self, name: str, operation: str) -> None:
        detail = {"name": name, "operation": operation, "type": "String"}
        self.publish(DEFAULT_BUS, "aws.ssm", "Parameter Store Change", detail)

    def _stored(self, bucket: str, key: str) -> None:
        detail = {"bucket": {"name": bucket}, "object": {"key": key}}
        self.publish(DEFAULT_BUS, "aws.s3", "Object Created", detail)


DIED = StateFailed("Runtime.ExitError", "the process died")


def _failure(error: BaseException | None) -> StateFailed | None:
    if error is None:
        return None
    return failed(error) if isinstance(error, Exception) and not isinstance(error, Died) else DIED
