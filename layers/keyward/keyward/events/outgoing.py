"""The events out: the one list of what Keyward announces, each with the members of its `detail`.

README.md, docs/events.md, events/out and events/schemas/out are held to this list by
tests/events/test_catalogue.py, and so is everything that the tests announce. `make schemas` writes
the schemas and the document.
"""

from __future__ import annotations

from keyward.events.member_words import INNER, MEANINGS, described
from keyward.values import JSON, frozen

TEXT: JSON = {"type": "string"}
COUNT: JSON = {"type": "integer", "minimum": 0}
TIME: JSON = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z$"}
DAY: JSON = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
TEXTS: JSON = {"type": "array", "items": TEXT}
OBJECT: JSON = {"type": "object"}
OBJECTS: JSON = {"type": "array", "items": OBJECT}


def _inner(*names: str) -> JSON:
    """The texts within a member, with what they mean."""
    words = {**MEANINGS, **INNER}
    return {name: described(TEXT, words[name]) for name in names}


ACTIONS: JSON = {
    "type": "array",
    "items": {"type": "object", "required": ["action"], "properties": _inner("action")},
}
CAUSE: JSON = {
    "type": "object",
    "required": ["detail_type", "source"],
    "properties": _inner("event_id", "detail_type", "source"),
    "additionalProperties": False,
}

# What a member means, whichever event has it.
MEMBERS: dict[str, JSON] = {
    "actions": ACTIONS,
    "answers": OBJECT,
    "api": TEXT,
    "at": TIME,
    "by_hand": {"const": True},
    "cause": OBJECT,
    "caused_by": CAUSE,
    "changes": OBJECTS,
    "customer_id": TEXT,
    "days": COUNT,
    "differences": OBJECTS,
    "error": TEXT,
    "effective_by": TIME,
    "enforce_on": DAY,
    "execution_arn": TEXT,
    "exhausted_on": DAY,
    "expires": TEXT,
    "expires_at": TIME,
    "fingerprint": TEXT,
    "held_since": TIME,
    "key_id": TEXT,
    "key_ids": TEXTS,
    "last_editor": OBJECT,
    "last_used_on": DAY,
    "limit": COUNT,
    "lines": {"type": "object", "additionalProperties": TEXTS},
    "message": TEXT,
    "method": TEXT,
    "methods": OBJECTS,
    "next": OBJECT,
    "not_compared": TEXTS,
    "opens": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["rest_api_id", "stage"],
            "properties": _inner("rest_api_id", "stage"),
            "additionalProperties": False,
        },
    },
    "owner": TEXT,
    "path": TEXT,
    "period": {"enum": ["DAY", "WEEK", "MONTH"]},
    "period_ends": DAY,
    "period_start": DAY,
    "plan": TEXT,
    "plans": TEXTS,
    "ready_by": TIME,
    "reason": TEXT,
    "remaining": {"type": "integer"},
    "remedy": TEXT,
    "reminder": {"type": ["boolean", "integer", "string"]},
    "releases": OBJECTS,
    "replaces": TEXT,
    "report": OBJECT,
    "rest_api_id": TEXT,
    "retires_at": TIME,
    "since": TIME,
    "stage": TEXT,
    "threshold": COUNT,
    "total": COUNT,
    "unused_days": COUNT,
    "used": COUNT,
    "version": COUNT,
}


# Every event out may say what asked for what it tells (requester.py).
CAUSED_BY = "caused_by"


@frozen
class EventOut:
    """What an event says, for people; the members that it always has, and those that it may."""

    says: str
    always: tuple[str, ...]
    optional: tuple[str, ...] = ()


def _of_key(says: str, *optional: str) -> EventOut:
    """An event about one key of a customer."""
    return EventOut(says, ("customer_id", "key_id", "execution_arn", "actions"), optional)


def _of_stage(says: str, *always: str, optional: tuple[str, ...] = ()) -> EventOut:
    """An event about one stage of an API."""
    return EventOut(says, ("rest_api_id", "stage", "execution_arn", *always), optional)


_SWITCHED = ("plan", "plans", "reason", "effective_by")
_OPENING = (*_SWITCHED, "opens")
_PERIOD = ("limit", "used", "remaining", "period", "period_ends")
_REPORT = ("actions", "reason")
_TROUBLE = ("error", "reason", "remedy")

EVENTS_OUT: dict[str, EventOut] = {
    "KeyIssued": _of_key("a key was made and is in its plan", *_OPENING, "remedy"),
    "KeyRotated": _of_key("a key took the place of another", *_OPENING, "replaces", "retires_at"),
    "KeyDisabled": _of_key(
        "a replaced key no longer works, or somebody disabled one", *_SWITCHED, "by_hand", "remedy"
    ),
    "KeyRetired": _of_key("a replaced key was deleted", *_SWITCHED),
    "KeyExpiring": _of_key("a key ends soon", "plan", "plans", "days", "expires_at", "reason"),
    "KeySuspended": _of_key("a key was disabled and can be enabled again", *_SWITCHED),
    "KeyResumed": _of_key("a suspended key works again", *_OPENING),
    "KeyRevoked": _of_key("a key was deleted for good", *_SWITCHED),
    "KeyUnused": EventOut(
        "a key was not used for long",
        ("customer_id", "key_id", "unused_days"),
        ("plan", "last_used_on"),
    ),
    "KeyClaimed": EventOut(
        "somebody took a key's value by its one-time link", ("customer_id", "key_id", "at")
    ),
    "PlanChanged": _of_key(
        "a key is in another plan", *_OPENING, "replaces", "retires_at", "remedy"
    ),
    "QuotaThresholdReached": EventOut(
        "a key has used up a part of its quota",
        ("customer_id", "key_id", "plan", "threshold", *_PERIOD, "period_start"),
        ("exhausted_on",),
    ),
    "QuotaExtended": _of_key(
        "a key may make more calls in this period", "plan", "total", *_PERIOD, "reason"
    ),
    "PaymentOverdue": EventOut(
        "a bill is not paid", ("customer_id", "since", "execution_arn", "actions"), ("plan", "next")
    ),
    "CustomerExpiring": EventOut(
        "a customer's keys stop soon",
        ("customer_id", "expires_at", "execution_arn", "actions"),
        ("plan",),
    ),
    "CustomerFailed": EventOut(
        "a request about a customer cannot be met",
        ("customer_id", "error", "reason", "remedy"),
        ("execution_arn", "stage"),
    ),
    "CustomerPending": EventOut(
        "a customer waits for its turn to call API Gateway",
        ("customer_id", "ready_by", "reason", "execution_arn"),
    ),
    # `reason` says what a list of actions that is too long leaves out.
    "ApiProtected": _of_stage(
        "every method asks for a key", "actions", "effective_by", optional=("reason",)
    ),
    "ApiExposed": _of_stage("mode observe found open methods", *_REPORT, optional=("report",)),
    "ApiWarned": _of_stage(
        "open methods are closed on a day", *_REPORT, "enforce_on", optional=("report",)
    ),
    "ApiHeld": _of_stage(
        "a person has to decide about a stage",
        "fingerprint",
        "held_since",
        "differences",
        "message",
        "error",
        "reason",
        "remedy",
        optional=("reminder", "last_editor", "not_compared", "key_ids", "answers"),
    ),
    "ApiRolledBack": _of_stage("a stage serves its former deployment", *_REPORT, "effective_by"),
    "ApiFailed": EventOut(
        "a request about an API cannot be met",
        ("rest_api_id", "error", "reason", "remedy"),
        ("execution_arn", "stage"),
    ),
    "ApiPending": EventOut(
        "an API waits for its turn to call API Gateway",
        ("rest_api_id", "ready_by", "reason", "execution_arn"),
    ),
    "SourceOpen": _of_stage(
        "a template opens methods again with each release",
        "error",
        "reason",
        "methods",
        "releases",
        "lines",
        "cause",
        "remedy",
    ),
    "ExemptionExpiring": EventOut(
        "an exemption ends within a week",
        ("api", "method", "path", "methods", "remedy"),
        ("reason", "owner", "expires"),
    ),
    "PolicyRefused": EventOut(
        "a version of the policy is not usable",
        ("error", "reason", "remedy", "version", "at"),
        ("plan", "execution_arn"),
    ),
    "PolicyHeld": EventOut(
        "a person has to decide about changes of the policy",
        (*_TROUBLE, "fingerprint", "changes", "version", "held_since", "execution_arn"),
    ),
    "WritesStopped": EventOut(
        "a person stopped writes to API Gateway more than an hour ago; daily",
        ("since", "reason", "remedy"),
    ),
    # `actions` of an API's run, `changes` of an edit.
    "PolicyApplied": EventOut(
        "what the policy wants holds now",
        ("execution_arn", "reason"),
        ("actions", "rest_api_id", "stage", "plan", "changes", "version", "effective_by"),
    ),
}


def schema(detail_type: str) -> JSON:
    """The JSON Schema (draft 7) of an event's `detail`, which has no other members."""
    event = EVENTS_OUT[detail_type]
    names = (*event.always, *event.optional, CAUSED_BY)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": detail_type,
        "description": f"`detail` of the event {detail_type}: {event.says}.",
        "type": "object",
        "required": list(event.always),
        "properties": {name: described(MEMBERS[name], MEANINGS[name]) for name in names},
        "additionalProperties": False,
    }
