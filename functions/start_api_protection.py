"""Start API protection: deployments, decisions and findings of the audit start protect-api."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import Any

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from keyward.apis.model import APPROVED, REJECTED
from keyward.aws.bus import Bus
from keyward.aws.tables import Registry
from keyward.errors import InvalidInputError
from keyward.events import contracts
from keyward.events.caller import caller_of
from keyward.events.cloudtrail import DETAIL_TYPE, api_call
from keyward.runs import batch, runtime
from keyward.runs.ledger import SCHEDULE, asked_by_event

JSON = dict[str, Any]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A batch from the APIs queue; output: the messages that are to come again."""
    starter = Starter(
        runtime.registry(),
        runtime.bus(),
        runtime.setting("PROTECT_API_ARN"),
        runtime.setting("APIS_DLQ_URL"),
        runtime.setting("APIS_QUEUE_URL"),
        runtime.now(),
    )
    return batch.from_queue(event, context, starter.take)


@dataclass(frozen=True)
class Starter:
    """Takes the messages of one batch, at `now` (epoch seconds). `heard` are the APIs that it
    named: one run sees whatever happened before it, so a storm starts one run an API."""

    registry: Registry
    bus: Bus
    machine_arn: str
    dlq_url: str
    queue_url: str
    now: float
    heard: set[str] = field(default_factory=set)

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
            task = {"stage": stage, "rollback": True}
            self._start(rest_api_id, event_id, asked_by_event(envelope), **task)
        elif "detail-type" in envelope:
            self._decided(envelope, event_id)
        else:
            self._asked(envelope, contracts.rest_api_id_of(body), event_id)

    def _deployed(self, envelope: JSON, event_id: str) -> None:
        call = api_call(envelope)
        if call is None:
            return
        apis, made = self.registry.apis, call.deployment_id
        if made is not None and apis.deployment(call.rest_api_id, made):
            return
        caller = caller_of(envelope)
        if caller:
            self.registry.storms.moved(call.rest_api_id, caller)
        who = caller.words() if caller else None
        self._look_at(call.rest_api_id, event_id, asked_by_event(envelope, who=who))

    def _asked(self, body: JSON, rest_api_id: str, event_id: str) -> None:
        """`not_before` (epoch seconds): a queue delays a message by 15 minutes at most, so that one
        for later is passed on until it is due."""
        due = body.get("not_before", 0)
        if not isinstance(due, int | float):
            raise InvalidInputError("not_before", "is no number", "Give epoch seconds, or nothing")
        if due > self.now:
            self.bus.send_later(self.queue_url, body, math.ceil(due - self.now))
        else:
            self._look_at(rest_api_id, event_id, {"by": SCHEDULE})

    def _decided(self, envelope: JSON, event_id: str) -> None:
        """The decision is recorded with the hold, so that whichever run comes next knows of it."""
        decided = contracts.decision(envelope)
        word = APPROVED if decided.approved else REJECTED
        self.registry.apis.decide(decided.rest_api_id, decided.stage, decided.fingerprint, word)
        if decided.approved:
            task = {"stage": decided.stage, "approve": decided.fingerprint}
            self._start(decided.rest_api_id, event_id, asked_by_event(envelope), **task)

    def _look_at(self, rest_api_id: str, event_id: str, asked: JSON) -> None:
        """Have a run look at the API after this event: the one that is at work and starts over, the
        one of the storm that the event belongs to, or a new one."""
        if rest_api_id in self.heard:
            return
        storm = self.registry.storms.heard(rest_api_id, event_id, self.now)
        if not self._told_holder(rest_api_id) and not self._runs(rest_api_id, storm.first, asked):
            self.registry.storms.begin_anew(rest_api_id, event_id, self.now)
            self._start(rest_api_id, event_id, asked)
        self.heard.add(rest_api_id)

    def _told_holder(self, rest_api_id: str) -> bool:
        """Whether a run has the API, is alive, and knows now that it has to start over."""
        leases, name = self.registry.leases, f"api#{rest_api_id}"
        holder = leases.holder(name) if leases.request_rerun(name, self.now) else None
        return holder is not None and self.bus.is_running(holder.owner)

    def _runs(self, rest_api_id: str, first: str, asked: JSON) -> bool:
        """Whether the storm's run was started just now, or is still to look at what was heard. One
        that ended without a look, as somebody stopped it, is of no use."""
        return self._start(rest_api_id, first, asked) or self.bus.runs(
            self.machine_arn, _name(rest_api_id, first)
        )

    def _start(self, rest_api_id: str, event_id: str, asked: JSON, **more: Any) -> bool:
        task = {"rest_api_id": rest_api_id, **more, "asked": asked}
        return self.bus.start(self.machine_arn, _name(rest_api_id, event_id), task)


def _name(rest_api_id: str, event_id: str) -> str:
    """The name of the run comes from the event: a repeat starts nothing."""
    return f"{rest_api_id}-{hashlib.sha256(event_id.encode()).hexdigest()[:20]}"


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
