"""One straight invocation of every function: its event and AWS's answers, to be played back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from unittest import mock

from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError

from benchmarks.desk import event, sample
from emulator import wire
from emulator.errors import ApiGatewayError
from keyward.policy.parse import default_text
from keyward.runs import runtime
from keyward.values import DAY, JSON
from local.bench import Bench, forget_adapters

OPEN: JSON = {"/pets": {"get": None}}
# These are answered the same way each time, by benchmarks/stub.py.
FIXED_SERVICES = ("ssm", "events", "sqs")
DYNAMODB = {"Content-Type": "application/x-amz-json-1.0"}


@dataclass(frozen=True)
class Answer:
    """An answer of a service, as it comes over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Take:
    """One invocation: the event, the time in epoch seconds, and all answers in order."""

    event: JSON
    now: float
    answers: list[Answer] = field(default_factory=list)


class Recorder:
    """Keeps the first invocation of each function of a bench, by its module's name."""

    def __init__(self, bench: Bench) -> None:
        self.takes: dict[str, Take] = {}
        self._bench, account = bench, bench.account
        self._running: dict[int, Take] = {}
        self._call, self._gateway, self._handle = account.call, account._gateway, account._handle
        account.call = self._called  # type: ignore[method-assign]
        account._gateway = self._asked  # type: ignore[method-assign]
        account._handle = self._handled  # type: ignore[method-assign]

    def _handled(self, handler: str, payload: JSON, context: object) -> Any:
        name, worker = handler.partition(".")[0], id(self._bench.account.scheduler.worker)
        if name in self.takes:
            # What one function has of another is one answer.
            caller = self._running.pop(worker, None)
            try:
                return self._handle(handler, payload, context)
            finally:
                self._running |= {worker: caller} if caller else {}
        take = Take(json.loads(json.dumps(payload)), self._bench.clock.now())
        self.takes[name] = self._running[worker] = take
        forget_adapters()  # as in the fresh process that it is played back to
        try:
            return self._handle(handler, payload, context)
        finally:
            del self._running[worker]

    def _keep(self, status: int, headers: dict[str, str], body: bytes) -> None:
        take = self._running.get(id(self._bench.account.scheduler.worker))
        if take:
            take.answers.append(Answer(status, headers, body))

    def _asked(self, operation: str, params: JSON) -> JSON:
        try:
            output = self._gateway(operation, params)
        except ApiGatewayError as error:
            told = wire.serialize_error(error)
            self._keep(told.status, told.headers, told.body)
            raise
        told = wire.serialize(operation, output)
        self._keep(told.status, told.headers, told.body)
        return output

    def _called(self, service: str, operation: str, effect: Callable[[], Any]) -> Any:
        is_kept = service not in (*FIXED_SERVICES, "apigateway")
        try:
            answer = self._call(service, operation, effect)
        except ClientError as error:
            if is_kept:
                self._keep(*_error(service, error))
            raise
        if service == "s3" and operation == "GetObject":
            body = answer["Body"].read()
            answer["Body"].seek(0)
            modified = format_datetime(answer["LastModified"], usegmt=True)
            about = {"Last-Modified": modified, "x-amz-version-id": answer["VersionId"]}
            self._keep(200, about, body)
        elif service == "lambda":
            body = answer["Payload"].read()
            answer["Payload"].seek(0)
            self._keep(200, {}, body)
        elif is_kept and service != "s3" and operation != "StartExecution":
            self._keep(200, DYNAMODB, json.dumps(_typed(service, answer), default=str).encode())
        return answer


def _error(service: str, error: ClientError) -> tuple[int, dict[str, str], bytes]:
    told: JSON = dict(error.response)
    code, status = told["Error"]["Code"], 404 if service == "s3" else 400
    if service == "s3":
        return status, {}, f"<Error><Code>{code}</Code></Error>".encode()
    body: JSON = {"__type": code, "message": told["Error"].get("Message", "")}
    if "CancellationReasons" in told:
        body["CancellationReasons"] = told["CancellationReasons"]
    return status, DYNAMODB, json.dumps(body).encode()


def _typed(service: str, answer: JSON) -> JSON:
    """DynamoDB's answers with their types, as only boto3's resource takes them off."""
    if service != "dynamodb":
        return answer
    found = dict(answer)
    for name in ("Item", "Attributes"):
        if name in found:
            found[name] = _item(found[name])
    if "Responses" in found:
        read = found["Responses"].items()
        found["Responses"] = {name: [_item(item) for item in items] for name, items in read}
    if "Items" in found:
        found["Items"] = [_item(item) for item in found["Items"]]
    return found


def _item(item: JSON) -> JSON:
    return {name: TypeSerializer().serialize(value) for name, value in item.items()}


def record() -> dict[str, Take]:
    """A take of every function of the template."""
    policy = json.loads(default_text())
    policy["probes"] = [{"api": "*", "path": "/pets", "customer": "canary"}]
    policy["usage_plans"]["pro"]["throttle"]["rateLimit"] = 25
    bench = Bench(policy=policy, started="2026-12-05T00:00:00Z")
    recorder = Recorder(bench)
    with bench:
        # As after a quiet hour: the plan is there, the policy in force, and nothing is fresh.
        bench.send("CustomerSignedUp", customer_id="before", plan="free")
        bench.advance(seconds=3600)
        recorder.takes.clear()
        _customers(bench)
        _apis(bench)
        _policy(bench)
        _troubles(bench)
        bench.advance(seconds=2 * DAY)
        bench.audit()
    return recorder.takes


def _customers(bench: Bench) -> None:
    """The life of a customer."""
    for customer_id in ("acme", "canary"):
        bench.send("CustomerSignedUp", customer_id=customer_id, plan="free")
        bench.run()
    bench.invoke("RevealKey", {"customer_id": "acme"})
    link = bench.invoke("CreateClaim", sample("create-claim"))["url"]
    token = json.dumps({"token": link.partition("#")[2]})
    bench.invoke("ClaimKey", sample("claim-key") | {"body": token})
    bench.upload(sample("read-onboarding")["key"], "customer_id,plan\nfirst,free\n")
    bench.run()
    # Past the stream: a customer whose own run has handed it over already.
    with mock.patch.object(bench.account.tables, "changed"):
        bench.put(customer_id="crowd", plan="free", status="active")
    runtime.context().registry.imports.wait("crowd", {"by": "record"}, bench.clock.now())
    bench.advance(seconds=60)
    for name in ("quota-extension-requested", "key-rotation-requested"):
        _tell(bench, name)
    bench.advance(seconds=2 * DAY)
    _tell(bench, "undo-requested")
    for name in ("plan-changed", "suspended", "resumed"):
        _tell(bench, f"customer-{name}")
    for name in ("payment-failed", "customer-closed"):
        _tell(bench, name)
    bench.advance(seconds=10 * DAY)


def _tell(bench: Bench, name: str) -> None:
    told = event(name)
    bench.send(told["detail-type"], **told["detail"] | {"customer_id": "acme"})
    bench.run()


def _apis(bench: Bench) -> None:
    """Close, probe and roll back an API, and observe another API."""
    api_id = bench.api(OPEN)
    bench.run()
    bench.api(OPEN, mode="observe")
    bench.run()
    bench.send("RollbackRequested", rest_api_id=api_id, stage="prod")
    bench.run()
    asked = sample("explain-denial") | {"rest_api_id": api_id}
    bench.invoke("ExplainDenial", asked)


def _policy(bench: Bench) -> None:
    """Let the owner put the shipped policy, as benchmarks/stub.py always has it."""
    bench.put_policy(json.loads(default_text()))
    bench.advance(seconds=60)


def _troubles(bench: Bench) -> None:
    """Let a run fail, and stop another run while a third waits for its lease."""
    executions = bench.account.executions
    executions.begin("reconcile_customer", "nobody", {"customer_id": "nobody"})
    bench.run()
    bench.send("CustomerSignedUp", customer_id="bolt", plan="free")
    bench.advance(seconds=0.02)
    bench.send("CustomerPlanChanged", customer_id="bolt", plan="pro")
    bench.advance(seconds=0.01)
    [stopped, *_] = [run for run in bench.runs if run.status == "RUNNING"]
    executions.stop_execution(stopped.arn)
    bench.run()
