"""The stack on the local AWS as its users meet it: events and records in, outcomes out."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from itertools import count
from typing import Any, TypeVar

from keyward.values import JSON
from local.account import Execution
from local.aws import LocalAws
from tests.stack.trail import with_value

Found = TypeVar("Found")

# How long a test waits before it fails. No test holds the product to a time on the clock of the
# machine, which others use as well: the bench does that, in virtual seconds.
EFFECT_SECONDS = 300.0
LOOK_EVERY_SECONDS = 0.15
ENDED = ("SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT")


def eventually(
    condition: Callable[[], Found | None], seconds: float = EFFECT_SECONDS, what: str = "it"
) -> Found:
    """What the condition gives as soon as that is true. Raises TimeoutError after `seconds`. Looks
    less often than local.waiting: a look here costs the stack as much as a small task."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(LOOK_EVERY_SECONDS)
    return found


class Catcher:
    """A queue of the tests' own behind a rule on the stack's bus: what Keyward announces."""

    def __init__(self, aws: LocalAws) -> None:
        self._sqs, events = aws.client("sqs"), aws.client("events")
        bus = {"EventBusName": aws.outputs["EventBusName"], "Name": "caught-by-tests"}
        self._queue = self._sqs.create_queue(QueueName=bus["Name"])["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        events.put_rule(**bus, EventPattern=json.dumps({"source": ["keyward"]}))
        target = {"Id": "queue", "Arn": arn["Attributes"]["QueueArn"]}
        events.put_targets(EventBusName=bus["EventBusName"], Rule=bus["Name"], Targets=[target])
        self._lock = threading.Lock()
        self._caught: list[JSON] = []

    def caught(self) -> list[JSON]:
        """Everything so far, in order: the events as a rule's target gets them."""
        with self._lock:
            while True:
                answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
                messages = answer.get("Messages", [])
                if not messages:
                    return list(self._caught)
                for message in messages:
                    self._caught.append(json.loads(message["Body"]))
                    self._sqs.delete_message(
                        QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"]
                    )


class Stack:
    """The running stack. `trail` are the CloudTrail events so far, `deliver` brings one again."""

    def __init__(self, aws: LocalAws) -> None:
        self.aws = aws
        self.gateway = aws.client("apigateway")
        self.trail: list[JSON] = []
        self._catcher = Catcher(aws)
        self._console_runs = count(1)
        self._dead: dict[str, dict[str, JSON]] = {}
        self.deliver = aws.emulator.on_event or self.trail.append
        aws.emulator.on_event = self._keep_and_deliver

    def _keep_and_deliver(self, event: JSON) -> None:
        self.trail.append(event)
        self.deliver(with_value(event, self.aws.emulator.state.keys))

    # in

    def put_event(self, detail_type: str, /, **detail: Any) -> None:
        """Put an event on the stack's bus."""
        self.put_text(detail_type, json.dumps(detail))

    def put_text(self, detail_type: str, detail: str) -> None:
        """Put an event whose detail need not be what it should be."""
        entry = {"EventBusName": self.aws.outputs["EventBusName"], "Source": "tests"}
        entry |= {"DetailType": detail_type, "Detail": detail}
        assert self.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def put_record(self, customer_id: str, **attributes: str) -> None:
        """Put a record straight into the Customers table."""
        item = {"customer_id": customer_id} | attributes
        self.aws.client("dynamodb").put_item(
            TableName=self.aws.outputs["CustomersTableName"],
            Item={name: {"S": value} for name, value in item.items()},
        )

    def start(self, machine: str, task: Any) -> str:
        """Start a run as a person does in the console: the execution's ARN. `machine` is an output
        of the stack."""
        answer = self.aws.client("stepfunctions").start_execution(
            stateMachineArn=self.aws.outputs[machine],
            name=f"console-{next(self._console_runs)}",
            input=json.dumps(task),
        )
        return str(answer["executionArn"])

    def run(self, machine: str, task: Any, seconds: float = EFFECT_SECONDS) -> JSON:
        """A run from the console to its end."""
        return self.ended(self.start(machine, task), seconds)

    # out

    def outcomes(self, detail_type: str | None = None, **named: Any) -> list[JSON]:
        """The details of what was announced, of one type, and with these members."""
        return [
            event["detail"]
            for event in self._catcher.caught()
            if detail_type in (None, event["detail-type"])
            and all(event["detail"].get(name) == value for name, value in named.items())
        ]

    def event_types(self, **named: Any) -> list[str]:
        """The types of what was announced, with these members in the detail."""
        return [
            event["detail-type"]
            for event in self._catcher.caught()
            if all(event["detail"].get(name) == value for name, value in named.items())
        ]

    def outcome(self, detail_type: str, seconds: float = EFFECT_SECONDS, **named: Any) -> JSON:
        """The detail of the one announcement of that type, awaited."""
        what = f"{detail_type} {named}"
        (detail,) = eventually(lambda: self.outcomes(detail_type, **named), seconds, what)
        return detail

    def ended(self, arn: str, seconds: float = EFFECT_SECONDS) -> JSON:
        """An execution that came to its end: `status`, `output`, `error`, `cause`."""

        def look() -> JSON | None:
            found = self.aws.client("stepfunctions").describe_execution(executionArn=arn)
            return found if found["status"] in ENDED else None

        found = eventually(look, seconds, f"the end of {arn}")
        output = json.loads(found["output"]) if found.get("output") else None
        told = {name: found.get(name) for name in ("error", "cause")}
        return {"arn": arn, "status": found["status"], "output": output} | told

    def run_arns(self, of: str) -> list[str]:
        """ARNs of the executions that events started for a customer or an API, oldest first."""
        name = re.compile(re.escape(of[:40]) + "-[0-9a-f]{20}")
        found = [
            item
            for machine in ("ReconcileCustomerArn", "ProtectApiArn")
            for item in self.aws.pages(
                "stepfunctions",
                "list_executions",
                "executions",
                stateMachineArn=self.aws.outputs[machine],
            )
            if name.fullmatch(item["name"])
        ]
        return [item["executionArn"] for item in sorted(found, key=lambda item: item["startDate"])]

    def runs_of(self, of: str) -> list[Execution]:
        """The same executions, with their histories."""
        return [self.aws.execution(arn) for arn in self.run_arns(of)]

    def settle(self, seconds: float = EFFECT_SECONDS) -> None:
        """Wait until nothing runs and nothing is on its way."""
        self.aws.settle(seconds)

    # keys

    def keys_of(self, customer_id: str) -> list[JSON]:
        """The keys that the gateway has for exactly this customer."""
        pages = self.aws.pages("apigateway", "get_api_keys", "items", limit=500)
        return [key for key in pages if key["name"].rpartition("/")[0] == customer_id]

    def plans_of(self, key_id: str) -> list[str]:
        """The names of the usage plans that a key is in."""
        found = self.gateway.get_usage_plans(keyId=key_id)["items"]
        return sorted(plan["name"] for plan in found)

    def invoke(self, function: str, payload: JSON) -> JSON:
        """What a function answers; `function` is an output of the stack."""
        answer = self.aws.client("lambda").invoke(
            FunctionName=self.aws.outputs[function], Payload=json.dumps(payload)
        )
        found: JSON = json.loads(answer["Payload"].read())
        return found

    def value_of(self, customer_id: str) -> str:
        """The value of the customer's one key, as RevealKey tells it."""
        (key,) = self.invoke("RevealKeyFunctionName", {"customer_id": customer_id})["keys"]
        return str(key["value"])

    def issued(self, customer_id: str, plan: str = "pro") -> str:
        """The value of the key of a customer that signs up now."""
        self.put_event("CustomerSignedUp", customer_id=customer_id, plan=plan)
        self.outcome("KeyIssued", customer_id=customer_id)
        return self.value_of(customer_id)

    # calls, tables, queues

    def mark(self) -> int:
        """Where the ledger of API Gateway calls ends now."""
        return len(self.aws.calls())

    def calls(self, since: int = 0, customer_id: str = "") -> tuple[list[str], list[str]]:
        """The reads and the writes since a mark, of Keyward's roles only, by operation. Those about
        keys of others than the customer are left out: due work of other tests goes on."""
        own = {key["id"] for key in self.keys_of(customer_id)} if customer_id else set()
        made = [c for c in self.aws.calls()[since:] if c["caller"] and _keys_in(c) <= own]
        names = [call["operation"] for call in made]
        return [n for n in names if n[:3] == "Get"], [n for n in names if n[:3] != "Get"]

    def writes_for(self, customer_id: str) -> list[str]:
        """All writes for a customer so far, by operation."""
        keys = {key["id"] for key in self.keys_of(customer_id)}
        made = (c for c in self.aws.calls() if c["caller"] and c["operation"][:3] != "Get")
        return [c["operation"] for c in made if keys & _keys_in(c) or _is_for(c, customer_id)]

    def tables(self) -> JSON:
        """Everything in every table but the ledger, which remembers what was said and done."""
        names = list(self.aws.pages("dynamodb", "list_tables", "TableNames"))
        names = [name for name in names if "LedgerTable" not in name]
        return {
            name: list(self.aws.pages("dynamodb", "scan", "Items", TableName=name))
            for name in names
        }

    def dead_letters(self, queue: str) -> list[JSON]:
        """The messages that reached a dead-letter queue (`CustomersDlq`, `ApisDlq`), each with
        `Body` and `MessageAttributes`; they stay there."""
        url = self.queue(queue)
        known = self._dead.setdefault(queue, {})
        while True:
            wanted = {"MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}
            answer = self.aws.client("sqs").receive_message(
                QueueUrl=url, VisibilityTimeout=1, **wanted
            )
            if not answer.get("Messages"):
                return list(known.values())
            known |= {message["MessageId"]: message for message in answer["Messages"]}

    def queue(self, name: str) -> str:
        """The URL of a queue of the stack, by its name in the template."""
        urls = self.aws.client("sqs").list_queues()["QueueUrls"]
        (url,) = (url for url in urls if f"-{name}-" in url)
        return str(url)

    # the policy and the emulator's test doors

    def policy(self) -> JSON:
        """The policy as the parameter has it."""
        name = self.aws.outputs["PolicyParameterName"]
        found = self.aws.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
        return dict(json.loads(found))

    def put_policy(self, text: str) -> None:
        """A new version of the policy parameter."""
        name = self.aws.outputs["PolicyParameterName"]
        self.aws.client("ssm").put_parameter(Name=name, Value=text, Overwrite=True)

    def fault(self, operation: str, kind: str, call: int = 1, about: str = "") -> int:
        """Let the next call of an operation fail, of those with the text `about` in a parameter.
        Returns a mark for `struck`."""
        return self.faults({"operation": operation, "call": call, "fault": kind, "about": about})

    def faults(self, *orders: JSON) -> int:
        """The same for several; whatever was ordered before is forgotten."""
        self.aws.order("faults", list(orders))
        return self.mark()

    def struck(self, operation: str, since: int, about: str = "") -> JSON:
        """The first such call of the operation since a mark, awaited: the one that the fault
        met."""

        def look() -> JSON | None:
            calls = [c for c in self.aws.calls()[since:] if about in json.dumps(c["params"])]
            return next((call for call in calls if call["operation"] == operation), None)

        return eventually(look, what=f"{operation} with a fault")


def _keys_in(call: JSON) -> set[str]:
    return {call["params"][name] for name in ("apiKey", "keyId") if name in call["params"]}


def _is_for(call: JSON, customer_id: str) -> bool:
    return str(call["params"].get("name")).startswith(f"{customer_id}/")
