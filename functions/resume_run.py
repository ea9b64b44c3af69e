"""Resume run: a run that was stopped, timed out, or failed beside its failure path starts over
nothing, so the word that somebody left with its lease is taken up here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyward.aws.bus import Bus
from keyward.aws.tables import Leases
from keyward.errors import InvalidEventError, InvalidInputError
from keyward.events import contracts
from keyward.runs import batch, runtime
from keyward.runs.ledger import RESUMED

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the runs queue; output: the messages that are to come again."""
    resumer = Resumer(
        runtime.registry().leases,
        runtime.bus(),
        {
            runtime.setting("RECONCILE_CUSTOMER_ARN"): CUSTOMER,
            runtime.setting("PROTECT_API_ARN"): API,
        },
        runtime.setting("RUNS_DLQ_URL"),
    )
    return batch.from_queue(event, context, resumer.take)


@dataclass(frozen=True)
class Subject:
    """What the runs of a machine are about: the field of their input, and the lease's prefix."""

    field: str
    prefix: str
    id_of: Callable[[object], str]


CUSTOMER = Subject("customer_id", "customer", contracts.parse_customer_id)
API = Subject("rest_api_id", "api", contracts.rest_api_id_of)


@dataclass(frozen=True)
class Resumer:
    """Takes the messages of one batch. `machines`: the subject of each by the machine's ARN."""

    leases: Leases
    bus: Bus
    machines: Mapping[str, Subject]
    dlq_url: str

    def take(self, message: SQSRecord) -> None:
        """A message that cannot be right goes to the DLQ at once, with the reason; what cannot be
        done now raises, and SQS sends the message again."""
        try:
            self._take(_json(message.body), message.message_id)
        except InvalidInputError as error:
            self.bus.send(self.dlq_url, message.body, reason=str(error))

    def _take(self, body: object, message_id: str) -> None:
        """A person who stops a run means it: it starts over only for somebody else's sake. The new
        run takes the lease over from the dead one."""
        envelope: JSON = body if isinstance(body, dict) else {}
        detail = envelope.get("detail")
        ended: JSON = detail if isinstance(detail, dict) else {}
        machine, execution = _arn(ended, "stateMachineArn"), _arn(ended, "executionArn")
        subject = self.machines.get(machine)
        if subject is None:
            raise InvalidEventError(
                "detail.stateMachineArn", "is none of Keyward's", "Look at the rule RunEventsRule"
            )
        # A text of JSON, null when longer than 248 KB (Step Functions developer guide, cw-events).
        task = _json(ended.get("input"))
        if ended.get("status") == "FAILED" and task is not None and not _names(subject, task):
            return  # It failed because of that, before it held anything.
        named = subject.id_of(task)
        if self.leases.rerun_requested(f"{subject.prefix}#{named}", execution):
            # The name comes from the event: a repeat starts nothing.
            digest = hashlib.sha256(str(envelope.get("id") or message_id).encode()).hexdigest()
            again = {subject.field: named, "asked": {"by": RESUMED}}
            self.bus.start(machine, f"{named[:40]}-{digest[:20]}", again)


def _names(subject: Subject, task: object) -> bool:
    try:
        subject.id_of(task)
    except InvalidInputError:
        return False
    return True


def _arn(ended: JSON, name: str) -> str:
    value = ended.get(name)
    if not isinstance(value, str) or not value.startswith("arn:"):
        raise InvalidEventError(
            f"detail.{name}",
            "is missing or no ARN",
            "Send the event Step Functions Execution Status Change as it came",
        )
    return value


def _json(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
