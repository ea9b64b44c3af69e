"""The contracts: events in, events out, and checks of what a person types into a console run.

An event on the bus is an EventBridge envelope; its `detail` is checked here and nowhere else.
Whatever is wrong is an InvalidEventError that names the field and the remedy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from keyward.errors import InvalidEventError, InvalidInputError
from keyward.events.fields import CUSTOMER_ID, REST_API_ID, redacted
from keyward.events.incoming import (
    COMMON,
    CUSTOMER_EVENTS,
    DECISION_EVENTS,
    ENVELOPE_TIME,
    POLICY_EVENTS,
    REMOVALS_EVENTS,
    ROLLBACK,
    listed,
)
from keyward.events.key_value import refuse_values
from keyward.events.size import shortened
from keyward.values import JSON, frozen, stated

SOURCE = "keyward"
AHEAD_SECONDS = 300


@frozen
class CustomerEvent:
    """A change in a customer's life. `occurred_at` is epoch seconds, whole; `fields` are the
    checked members of `detail` that belong to the detail-type; `event_id` and `source` are the
    envelope's, and `recorded_at` (epoch seconds) is when the event was taken."""

    detail_type: str
    customer_id: str
    occurred_at: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    event_id: str | None = None
    source: str | None = None
    recorded_at: int = 0


@frozen
class Decision:
    """A person's answer to a held deployment: publish, or do not, exactly what `fingerprint`
    names."""

    approved: bool
    rest_api_id: str
    stage: str
    fingerprint: str


def customer_event(envelope: object, now: float) -> CustomerEvent:
    """The event in an EventBridge envelope. `now` is epoch seconds. Raises InvalidEventError."""
    body, detail = _parts(envelope)
    event = listed(body.get("detail-type"), CUSTOMER_EVENTS)
    customer_id = COMMON["customer_id"].read("customer_id", detail)["customer_id"]
    occurred_at = _occurred_at(detail, body, now)
    return CustomerEvent(
        str(body["detail-type"]),
        customer_id,
        occurred_at,
        event.read(detail, COMMON),
        event_id=_short(body.get("id")),
        source=_short(body.get("source")),
        recorded_at=int(now),
    )


def decision(envelope: object) -> Decision:
    """DeploymentApproved or DeploymentRejected. Raises InvalidEventError."""
    body, detail = _parts(envelope)
    members = listed(body.get("detail-type"), DECISION_EVENTS).read(detail)
    return Decision(approved=body["detail-type"] == "DeploymentApproved", **members)


def policy_answer(envelope: object) -> tuple[bool, str]:
    """Read PolicyApproved or PolicyRejected: whether it approves, and which fingerprint. Raises
    InvalidEventError."""
    body, detail = _parts(envelope)
    members = listed(body.get("detail-type"), POLICY_EVENTS).read(detail)
    return body["detail-type"] == "PolicyApproved", str(members["fingerprint"])


def removals_answer(envelope: object) -> bool:
    """Read RemovalsApproved or RemovalsRejected: whether it approves. Raises InvalidEventError."""
    body, detail = _parts(envelope)
    listed(body.get("detail-type"), REMOVALS_EVENTS).read(detail)
    return bool(body["detail-type"] == "RemovalsApproved")


def rollback(envelope: object) -> tuple[str, str]:
    """API and stage of RollbackRequested. Raises InvalidEventError."""
    _, detail = _parts(envelope)
    members = ROLLBACK.read(detail)
    return members["rest_api_id"], members["stage"]


def customer_named_in(envelope: object) -> str | None:
    """The customer that a malformed event is about, if one can be named."""
    detail = envelope.get("detail") if isinstance(envelope, dict) else None
    found = detail.get("customer_id") if isinstance(detail, dict) else None
    return found if isinstance(found, str) and CUSTOMER_ID.fullmatch(found) else None


def parse_customer_id(task: object) -> str:
    """`customer_id` of a console run or a task. Raises InvalidInputError."""
    return str(_input(task, "customer_id", CUSTOMER_ID))


def rest_api_id_of(task: object) -> str:
    """`rest_api_id` of a console run or a task. Raises InvalidInputError."""
    return str(_input(task, "rest_api_id", REST_API_ID))


def flag_of(task: Mapping[str, Any], name: str) -> bool:
    """An optional true/false of a console run. Raises InvalidInputError for anything else."""
    value = task.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise InvalidInputError(
        name, f"must be true or false, got {redacted(value)}", f'Write "{name}": true'
    )


def optional_of(task: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str | None:
    """An optional text of a console run. Raises InvalidInputError when it does not match."""
    return None if task.get(name) is None else str(_input(task, name, pattern))


def announcement(detail_type: str, **detail: Any) -> JSON:
    """Make an event out, ready for the outbox: without members that are None, and short enough for
    EventBridge. `reason` says what a long list leaves out."""
    return {"detail_type": detail_type, "detail": shortened(stated(detail))}


def entry(announced: JSON, bus_name: str) -> JSON:
    """The PutEvents entry of an announcement; `Detail` is an object, as the Step Functions
    integration of PutEvents takes it."""
    return {
        "Source": SOURCE,
        "DetailType": announced["detail_type"],
        "Detail": announced["detail"],
        "EventBusName": bus_name,
    }


def _short(value: object) -> str | None:
    return value[:256] if isinstance(value, str) else None


def _parts(envelope: object) -> tuple[JSON, JSON]:
    if not isinstance(envelope, dict):
        raise InvalidEventError("event", "must be a JSON object", "Send an EventBridge envelope")
    detail = envelope.get("detail")
    if not isinstance(detail, dict):
        raise InvalidEventError(
            "detail", "must be a JSON object", "Put the event's members into detail"
        )
    refuse_values(envelope, "")
    return envelope, detail


def _input(task: object, name: str, pattern: re.Pattern[str]) -> str:
    value = task.get(name) if isinstance(task, dict) else None
    remedy = f"Give a text that matches {pattern.pattern}"
    if value is None:
        raise InvalidInputError(name, "is missing", remedy)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidInputError(name, f"is malformed, got {redacted(value)}", remedy)
    refuse_values(value, name, InvalidInputError)
    return value


def _occurred_at(detail: JSON, envelope: JSON, now: float) -> int:
    field_name, found = "detail.occurred_at", COMMON["occurred_at"].read("occurred_at", detail)
    if not found:
        field_name, found = "time", ENVELOPE_TIME.read("time", envelope, where="")
    [epoch] = found.values()
    if epoch > now + AHEAD_SECONDS:
        raise InvalidEventError(
            field_name,
            "must be at most 5 minutes ahead",
            "Send the time at which it happened, in UTC",
        )
    return int(epoch)
