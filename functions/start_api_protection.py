"""Start API protection: deployments, decisions and findings of the audit start protect-api; what is
about the policy starts apply-policy.

An edit of a working copy starts nothing. Its editor is noted, to be named when a stage is held.
"""

from __future__ import annotations

import math
from typing import Any

from keyward.errors import InvalidInputError
from keyward.events import contracts
from keyward.events.caller import caller_of
from keyward.events.cloudtrail import (
    DETAIL_TYPE,
    MOVES_STAGE,
    PLANS,
    TAGS,
    Home,
    api_call,
    apis_of,
    edit,
    editor_of,
    is_about_plan,
)
from keyward.events.incoming import EVENTS_IN, POLICY_EVENTS, ROLLBACK_EVENT
from keyward.events.key_value import without_values
from keyward.events.requester import DRIFT, EVENT, SCHEDULE, requester_from_event
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.intake import Intake, Item
from keyward.runs.looks import Looks
from keyward.values import JSON, frozen, run_name

# What Parameter Store tells of a parameter (Systems Manager user guide, EventBridge events).
PARAMETER_CHANGE = "Parameter Store Change"
# What S3 tells of an object (S3 user guide, EventBridge): a policy larger than a parameter.
OBJECT_CREATED = "Object Created"
# Epoch seconds of the year 5138: whatever is later is no time that somebody means.
MAX_TIME = 10**11


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Take a batch from the APIs queue; output: the messages that come again."""
    machine_arn, queue_url = runtime.setting("PROTECT_API_ARN"), runtime.setting("APIS_QUEUE_URL")
    run = runtime.context()
    looks = Looks(run, machine_arn, run.registry.storms, "api", "rest_api_id")
    home, policy_machine = Home.of(run.stack, machine_arn), runtime.setting("APPLY_POLICY_ARN")
    starter = Starter(run, looks, home, policy_machine, queue_url)
    return Intake(runtime.setting("APIS_DLQ_URL"), starter.take).queue(event, context)


@frozen
class Starter:
    """Starts the runs that the messages of one batch ask for."""

    run: Context
    looks: Looks
    home: Home
    policy_machine_arn: str
    queue_url: str

    def take(self, item: Item) -> None:
        """Do what one message asks for. Raises InvalidInputError."""
        detail_type = item.body.get("detail-type")
        # An event of ours is refused for a key value. In all others people name themselves, stages
        # and sessions: they are taken without it.
        envelope = item.body if detail_type in EVENTS_IN else without_values(item.body)
        if detail_type == DETAIL_TYPE:
            self._called(envelope, item.id)
        elif detail_type == ROLLBACK_EVENT:
            rest_api_id, stage = contracts.rollback(envelope)
            task = {"stage": stage, "rollback": True}
            self.looks.start(rest_api_id, item.id, requester_from_event(envelope), **task)
        elif detail_type in (PARAMETER_CHANGE, OBJECT_CREATED, *POLICY_EVENTS):
            self._about_policy(envelope, item.id)
        elif "detail-type" in envelope:
            self._decided(envelope, item.id)
        else:
            self._requested(envelope, item.id)

    def _called(self, envelope: JSON, event_id: str) -> None:
        detail = envelope.get("detail")
        name = detail.get("eventName") if isinstance(detail, dict) else None
        if name in TAGS or name in PLANS:
            self._changed(envelope, event_id)
        elif name in MOVES_STAGE or name is None:
            self._deployed(envelope, event_id)
        else:
            self._edited(envelope)

    def _changed(self, envelope: JSON, event_id: str) -> None:
        """Look at what somebody else changed: an API's tag `keyward`, or a usage plan: its tag, its
        limits, the stages in it. With a plan all memberships are gone: the audit repairs them."""
        detail = self.home.record_in(envelope)
        if detail is None:
            return
        asked = requester_from_event(envelope, who=editor_of(detail).words())
        if is_about_plan(detail):
            asked |= {"by": DRIFT}
            self._apply_policy(event_id, asked)
        if detail["eventName"] == "DeleteUsagePlan":
            name = run_name("plan-deleted", event_id)
            self.run.bus.start(runtime.setting("AUDIT_ACCOUNT_ARN"), name, {"repair": True})
        for rest_api_id in apis_of(detail):
            self.looks.look_at(rest_api_id, event_id, asked)

    def _edited(self, envelope: JSON) -> None:
        """Note who, when and which call, by API and by method. An earlier edit changes nothing."""
        found, registry = edit(envelope, self.home), self.run.registry
        if found:
            registry.apis.note_editor(found.rest_api_id, found.editor)
        if found and found.resource_id:
            registry.edits.note(found.rest_api_id, found.resource_id, found.verb, found.editor)

    def _deployed(self, envelope: JSON, event_id: str) -> None:
        call = api_call(envelope, self.home)
        if call is None:
            return
        apis, made = self.run.registry.apis, call.deployment_id
        if made is not None and apis.deployment(call.rest_api_id, made):
            return
        caller = caller_of(envelope)
        if caller:
            moved_to = None if call.is_canary else made
            self.run.registry.storms.moved(call.rest_api_id, caller, moved_to)
        who = caller.words() if caller else None
        self.looks.look_at(call.rest_api_id, event_id, requester_from_event(envelope, who=who))

    def _requested(self, body: JSON, event_id: str) -> None:
        """Look at an API, not before `not_before` (epoch seconds); an event may stand behind it.

        A queue delays a message by 15 minutes at most, so one for later goes round until it is due.
        """
        about_policy, due = body.get("policy") is True, body.get("not_before", 0)
        rest_api_id = "" if about_policy else contracts.rest_api_id_of(body)
        if not isinstance(due, int | float) or not 0 <= due < MAX_TIME:
            raise InvalidInputError("not_before", "must be epoch seconds", "Give them, or nothing")
        if due > self.run.now:
            self.run.bus.send_later(self.queue_url, body, math.ceil(due - self.run.now))
            return
        asked = body.get("asked")
        if not isinstance(asked, dict) or asked.get("by") != EVENT:
            asked = {"by": SCHEDULE}
        if about_policy:
            self._apply_policy(event_id, asked)
        else:
            self.looks.look_at(rest_api_id, event_id, asked)

    def _about_policy(self, envelope: JSON, event_id: str) -> None:
        """An edit of the parameter or its object, or a person's answer to what is held of it."""
        task = {}
        if envelope["detail-type"] in POLICY_EVENTS:
            approved, mark = contracts.policy_answer(envelope)
            task = {"approve" if approved else "reject": mark}
        self._apply_policy(event_id, requester_from_event(envelope), **task)

    def _apply_policy(self, event_id: str, asked: JSON, **task: str) -> None:
        name = run_name("policy", event_id)
        self.run.bus.start(self.policy_machine_arn, name, task | {"asked": asked})

    def _decided(self, envelope: JSON, event_id: str) -> None:
        """The run notes the decision with the hold, or says that nothing is held so."""
        decided = contracts.decision(envelope)
        word = "approve" if decided.approved else "reject"
        task = {"stage": decided.stage, word: decided.fingerprint}
        self.looks.start(decided.rest_api_id, event_id, requester_from_event(envelope), **task)
