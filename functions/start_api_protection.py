"""Start API protection: deployments, decisions and findings of the audit start protect-api."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyward import batches, contracts, runtime
from keyward.api import APPROVED, REJECTED
from keyward.bus import Bus
from keyward.cloudtrail import DETAIL_TYPE, api_call
from keyward.errors import InvalidInputError
from keyward.registry import Registry

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the APIs queue; output: the messages that are to come again."""
    starter = Starter(
        runtime.registry(),
        runtime.bus(),
        runtime.setting("PROTECT_API_ARN"),
        runtime.setting("APIS_DLQ_URL"),
    )
    return batches.from_queue(event, context, starter.take)


@dataclass(frozen=True)
class Starter:
    """Takes the messages of one batch. `started` are the APIs that a run was started for: one run
    sees whatever happened before it, so a storm of deployments starts one run an API."""

    registry: Registry
    bus: Bus
    machine_arn: str
    dlq_url: str
    started: set[str] = field(default_factory=set)

    def take(self, message: SQSRecord) -> None:
        """A message that cannot be right goes to the DLQ at once, with the reason; what cannot be
        done now raises, and SQS sends the message again."""
        try:
            self._take(_json(message.body), message.message_id)
        except InvalidInputError as error:
            self.bus.send(self.dlq_url, message.body, reason=str(error))

    def _take(self, body: object, message_id: str) -> None:
        envelope: JSON = body if isinstance(body, dict) else {}
        event_id = str(envelope.get("id") or message_id)
        if envelope.get("detail-type") == DETAIL_TYPE:
            self._deployed(envelope, event_id)
        elif envelope.get("detail-type") == contracts.ROLLBACK_EVENT:
            rest_api_id, stage = contracts.rollback(envelope)
            self._start(event_id, {"rest_api_id": rest_api_id, "stage": stage, "rollback": True})
        elif "detail-type" in envelope:
            self._decided(envelope, event_id)
        else:
            self._look_at(contracts.rest_api_id_of(body), event_id)

    def _deployed(self, envelope: JSON, event_id: str) -> None:
        call = api_call(envelope)
        if call is None:
            return
        apis, made = self.registry.apis, call.deployment_id
        if made is None or apis.deployment(call.rest_api_id, made) is None:
            self._look_at(call.rest_api_id, event_id)

    def _decided(self, envelope: JSON, event_id: str) -> None:
        """The decision is recorded with the hold, so that whichever run comes next knows of it."""
        decided = contracts.decision(envelope)
        word = APPROVED if decided.approved else REJECTED
        self.registry.apis.decide(decided.rest_api_id, decided.stage, decided.fingerprint, word)
        if decided.approved:
            task = {"rest_api_id": decided.rest_api_id, "stage": decided.stage}
            self._start(event_id, task | {"approve": decided.fingerprint})

    def _look_at(self, rest_api_id: str, event_id: str) -> None:
        if rest_api_id not in self.started:
            self._start(event_id, {"rest_api_id": rest_api_id})
            self.started.add(rest_api_id)

    def _start(self, event_id: str, task: JSON) -> None:
        """The name comes from the event: a repeat starts nothing."""
        digest = hashlib.sha256(event_id.encode()).hexdigest()[:20]
        self.bus.start(self.machine_arn, f"{task['rest_api_id']}-{digest}", task)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
