"""One straight invocation of every function: its event and AWS's answers, to be played back."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from unittest import mock

from botocore.response import StreamingBody

import explain_denial
import extend_quota
import probe_stage
import read_usage
import resume_run
import reveal_key
from benchmarks.desk import Desk, desk
from tests.support import load_event

JSON = dict[str, Any]

# Those of events/resume-run.json.
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:keyward"
MACHINES = {
    "RECONCILE_CUSTOMER_ARN": f"{ARN}-reconcile-customer",
    "PROTECT_API_ARN": f"{ARN}-protect-api",
}


@dataclass(frozen=True)
class Answer:
    """An answer of API Gateway or DynamoDB, as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Take:
    """One invocation: the event, the time in epoch seconds, and all answers in order."""

    event: JSON
    now: float
    answers: list[Answer] = field(default_factory=list)


@dataclass
class Recorder(Desk):
    """A desk that keeps the first invocation of each function, by its module's name."""

    takes: dict[str, Take] = field(default_factory=dict)
    running: Take | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        table = self.lab.bench.tables["KeysTable"]
        for client in (self.lab.client, self.patient, table.meta.client):
            client.meta.events.register("response-received", self._answered)

    def invoke(self, module: Any, event: JSON, context: object = None) -> Any:
        """Call a function."""
        if module.__name__ in self.takes:
            return super().invoke(module, event, context)
        self.running = Take(json.loads(json.dumps(event)), self.world.now())
        self.takes[module.__name__] = self.running
        try:
            return super().invoke(module, event, context)
        finally:
            self.running = None

    def _answered(self, response_dict: JSON, parsed_response: JSON, **_: Any) -> None:
        if self.running:
            body = response_dict["body"]
            if not isinstance(body, bytes):  # the stream of an export, which is read only once
                body = body.read()
                parsed_response["body"] = StreamingBody(BytesIO(body), len(body))
            headers = {str(name): str(value) for name, value in response_dict["headers"].items()}
            answer = Answer(response_dict["status_code"], headers, body)
            self.running.answers.append(answer)

    def document_read(self, body: bytes) -> None:
        """A document of an audit was loaded."""
        if self.running:
            headers = {"Content-Type": "application/json"}
            self.running.answers.append(Answer(200, headers, body))


def record() -> dict[str, Take]:
    """A take of every function that both machines, their triggers and people call."""
    with desk(Recorder) as made:
        assert isinstance(made, Recorder)
        made.sign_up(["acme"])
        made.invoke(reveal_key, load_event("reveal-key"))
        made.lab.bench.bus.start("reconcile_customer", "run", {"customer_id": "nobody"})
        made.run_started()
        _extend(made)
        made.tell("key-rotation-requested", ["acme"])
        made.world.advance(2 * 86_400)
        made.due_work()
        made.tell("undo-requested", ["acme"])
        for event in ("plan-changed", "suspended", "resumed"):
            made.tell(f"customer-{event}", ["acme"])
        for event in ("payment-failed", "customer-closed"):
            made.tell(event, ["acme"])
        api_id = made.lab.api()
        made.protect([api_id])
        made.trail_delivered(list(made.trail))
        made.lab.edit(api_id, {"/pets": {"get": None}})
        made.lab.deploy(api_id)
        sneak_in = {"/sneaked-in": {"get": None}}
        made.lab.before("CreateDeployment", lambda: made.lab.edit(api_id, sneak_in, mode="merge"))
        made.protect([api_id])
        made.protect([made.lab.api(mode="observe")])
        made.invoke(probe_stage, _probe(made, api_id))
        made.audit()
        made.invoke(explain_denial, load_event("explain-denial") | {"rest_api_id": api_id})
        made.invoke(read_usage, load_event("read-usage"))
        made.audit_in_parts()
        _left_word(made)
        with mock.patch.dict(os.environ, MACHINES):
            made.invoke(resume_run, load_event("resume-run"))
        made.report()
        return made.takes


def _left_word(made: Desk) -> None:
    """The stopped runs of the sample hold their leases, and another left word with each."""
    leases = made.lab.bench.registry.leases
    messages = load_event("resume-run")["Records"]
    for name, message in zip(("customer#acme", "api#a1b2c3d4e5"), messages, strict=True):
        stopped = json.loads(message["body"])["detail"]["executionArn"]
        for owner in (stopped, "another run"):
            leases.acquire(name, owner, made.world.now())


def _extend(made: Recorder) -> None:
    """The sample's extension, in a run of its own."""
    leases = made.lab.bench.registry.leases
    lease = leases.acquire("customer#acme", "an extension", made.world.now())
    assert lease is not None
    made.invoke(extend_quota, load_event("extend-quota") | {"lease": lease.as_json()})
    leases.release(lease)


def _probe(made: Recorder, api_id: str) -> JSON:
    """A probe with the key of a customer who has none: all but the requests themselves."""
    leases = made.lab.bench.registry.leases
    lease = leases.acquire(f"api#{api_id}", "a probe", made.world.now())
    assert lease is not None
    return load_event("probe-stage") | {"rest_api_id": api_id, "lease": lease.as_json()}
