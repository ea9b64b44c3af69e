"""What lies in the stack's dead-letter queues, and where each message goes when it is sent again.

SQS cannot edit a message, and a redrive sends everything to one queue. So each message is read,
mended and sent to the queue or run that its content is for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from keyward.aws.client import Client
from keyward.aws.tables.ledger import OF_STACK
from keyward.cli.stack import Stack
from keyward.errors import KeywardError
from keyward.events.contracts import customer_named_in
from keyward.events.incoming import EVENTS_IN
from keyward.events.key_value import blotted
from keyward.values import JSON, counted, frozen, parse_json

# Dead-letter queues by their names in the template, with the queue that takes their messages.
# Nothing is sent again where a schedule makes up for it by itself.
SOURCES: dict[str, str | None] = {
    "CustomersDlq": "CustomersQueue",
    "ApisDlq": "ApisQueue",
    "RunsDlq": "RunsQueue",
    "AuditDlq": None,
    "DueDlq": None,
    "UsageDlq": None,
    "ReportDlq": "ReportQueue",
}
# What lies in CustomersDlq besides customers' events, by detail-type.
QUEUES = {
    "Object Created": "OnboardingQueue",
    "AWS API Call via CloudTrail": "KeyChangesQueue",
}
# What an event is called: its sender may have misspelt it.
NAME = "detail-type"
# The value of a field that is left out.
GONE = object()
AUDIT, START, INVOKE, NOTHING = "AuditAccount", "ReconcileCustomer", "ReadUsage", ""
# A message is hidden while it is looked at; one of them is looked at once.
HIDDEN_SECONDS, MOST = 60, 1000
LOST = "the stream gave up, and SQS keeps no record: the audit finds what is missing"


class LettersLeftError(KeywardError):
    """Messages that would come back were not sent. `left` says why, by their ids."""

    def __init__(self, left: Mapping[str, Exception]) -> None:
        why = "; ".join(f"{name}: {error}" for name, error in left.items())
        super().__init__(f"{counted(len(left), 'message is', 'messages are')} left. {why}")


@frozen
class DeadLetter:
    """A message: `body` is its JSON object (else {}), `age` in seconds."""

    queue: str
    id: str
    receipt: str
    text: str
    reason: str
    age: int

    @property
    def body(self) -> JSON:
        """The message as data; {} when it is no JSON object."""
        found = parse_json(self.text)
        return found if isinstance(found, dict) else {}

    @property
    def is_final(self) -> bool:
        """Whether it is an event that nothing brings back."""
        event = EVENTS_IN.get(str(self.body.get("detail-type")))
        return event is not None and event.is_final

    @property
    def detail(self) -> JSON:
        """The event's members; {} where `detail` is no JSON object."""
        found = self.body.get("detail")
        return found if isinstance(found, dict) else {}

    @property
    def customer(self) -> str | None:
        """The customer whom it is about, if it says one."""
        named = self.detail.get("customer_id") or self.body.get("customer_id")
        return str(named) if named else None

    @property
    def target(self) -> str:
        """Where it goes when it is sent again: a queue, machine or function by its name in the
        template, NOTHING where the next minute or day makes up for it."""
        body, detail_type = self.body, str(self.body.get("detail-type", ""))
        if "DDBStreamBatchInfo" in body or self.queue == "AuditDlq":
            return AUDIT
        if self.queue == "DueDlq":
            return "DueQueue" if "due" in body else NOTHING
        if self.queue == "UsageDlq":
            return INVOKE
        if self.queue == "CustomersDlq" and not detail_type:
            return START if self.customer else "OnboardingQueue" if "key" in body else NOTHING
        other = QUEUES.get(detail_type) if self.queue == "CustomersDlq" else None
        return other or SOURCES[self.queue] or NOTHING

    def mended(self, fields: Mapping[str, object]) -> DeadLetter:
        """Correct fields of the message, and leave out those whose value is GONE. The fields are
        those of `detail`, if the message has one; `detail-type` always stands beside it."""
        if not fields:
            return self
        body = self.body | {name: fields[name] for name in fields if name == NAME}
        rest = {name: value for name, value in fields.items() if name != NAME}
        inner = self.detail if "detail" in body else body
        inner = {name: value for name, value in (inner | rest).items() if value is not GONE}
        return replace(
            self, text=json.dumps(body | {"detail": inner} if "detail" in body else inner)
        )


def line(action: str, letter: DeadLetter) -> tuple[str, JSON]:
    """What the ledger keeps of a message that was dropped or sent again: its subject, and members.
    Nothing of what the sender wrote but names."""
    customer = customer_named_in(letter.body) or customer_named_in({"detail": letter.body})
    about: JSON = {"action": action, "message": letter.id, "queue": letter.queue}
    named = {"event_id": letter.body.get("id"), "what": letter.body.get(NAME) or "a message"}
    about |= {n: blotted(text)[:200] for n, text in named.items() if isinstance(text, str)}
    return f"customer#{customer}" if customer else OF_STACK, about


@frozen
class DeadLetters:
    """The dead-letter queues of a stack; `now` in epoch seconds."""

    stack: Stack
    now: float

    def read(self, queues: Iterable[str]) -> list[DeadLetter]:
        """Up to 1,000 messages of each of these queues, oldest first. They are hidden for a minute,
        until `show` gives them back."""
        found = [letter for queue in queues for letter in self._of(queue)]
        return sorted(found, key=lambda letter: -letter.age)

    def show(self, letters: Iterable[DeadLetter]) -> None:
        """Give messages back that were looked at."""
        for letter in letters:
            self._sqs.change_message_visibility(**self._place(letter), VisibilityTimeout=0)

    def drop(self, letter: DeadLetter) -> None:
        """Delete a message for good."""
        self._sqs.delete_message(**self._place(letter))

    def resend(self, letter: DeadLetter) -> None:
        """Send a message to where it belongs, then delete it here. A repeat does no harm, as every
        intake takes a message twice."""
        target = letter.target
        if target == AUDIT:
            self.stack.start(AUDIT, {"repair": True})
        elif target == START:
            self.stack.start(START, {"customer_id": letter.customer, "look": True})
        elif target == INVOKE:
            name = self.stack.resources[INVOKE]
            Client(self.stack.account.client("lambda")).invoke(
                FunctionName=name, InvocationType="Event", Payload=b"{}"
            )
        elif target:
            url = self.stack.resources[target]
            self._sqs.send_message(QueueUrl=url, MessageBody=letter.text)
        self.drop(letter)

    @property
    def _sqs(self) -> Client:
        return Client(self.stack.account.client("sqs"))

    def _place(self, letter: DeadLetter) -> JSON:
        return {"QueueUrl": self.stack.resources[letter.queue], "ReceiptHandle": letter.receipt}

    def _of(self, queue: str) -> Iterator[DeadLetter]:
        sqs, ids = self._sqs, set[str]()
        while len(ids) < MOST:
            answer = sqs.receive_message(
                QueueUrl=self.stack.resources[queue],
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_SECONDS,
                MessageAttributeNames=["All"],
                AttributeNames=["SentTimestamp"],
            )
            new = [one for one in answer.get("Messages", []) if one["MessageId"] not in ids]
            if not new:
                return
            ids |= {one["MessageId"] for one in new}
            yield from (self._letter(queue, one) for one in new)

    def _letter(self, queue: str, message: Any) -> DeadLetter:
        attributes = message.get("MessageAttributes", {})
        texts = {name: str(value.get("StringValue")) for name, value in attributes.items()}
        # EventBridge and its Scheduler say why by these (user guides, "dead-letter queues").
        reason = texts.get("reason") or texts.get("ERROR_MESSAGE") or texts.get("ERROR_CODE")
        if "DDBStreamBatchInfo" in message["Body"]:
            reason = LOST
        sent = int(message["Attributes"]["SentTimestamp"]) / 1000
        age = max(0, int(self.now - sent))
        text = reason or "its function failed for hours; its log says why"
        return DeadLetter(
            queue, message["MessageId"], message["ReceiptHandle"], message["Body"], text, age
        )
