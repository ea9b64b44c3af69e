"""The events in: the one list of detail-types, each with its members and its effect.

The rules of template.yaml, README.md, docs/events.md, events/in and events/schemas/in are held to
this list by tests/events/test_catalogue.py, in both directions. `make schemas` writes the schemas
and the document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from keyward.errors import InvalidEventError
from keyward.events.fields import (
    CUSTOMER_ID,
    FINGERPRINT,
    KEY_ID,
    MAX_CALLS,
    MAX_KEYS,
    MAX_NAME,
    MAX_OVERLAP_HOURS,
    MAX_PLAN,
    MAX_TEXT,
    NEVER_EXPIRES,
    NO_KEY,
    REST_API_ID,
    STAGE,
    STATES,
    WHAT,
    Field,
    choice,
    choices_hint,
    distance,
    flag,
    letters_of,
    matching,
    nearest_hint,
    number,
    redacted,
    shown,
    tags,
    text,
    texts,
    time,
    time_text,
)
from keyward.values import JSON, frozen, iso


@frozen
class EventIn:
    """A detail-type: what it does, for people, and the members of its `detail`.

    At most one of the members named in `alternatives` may be sent, and one of them has to be where
    `needs_one`. Nothing brings back what an event does that `is_final`.
    """

    effect: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    alternatives: tuple[str, ...] = ()
    needs_one: bool = False
    is_final: bool = False

    def read(self, detail: JSON, besides: Iterable[str] = ()) -> JSON:
        """Check the members and give those that were sent. Raises InvalidEventError, for a member
        too that is neither one of these nor `besides` them."""
        known = (*besides, *self.fields)
        unknown = [name for name in detail if name not in known]
        needed = {*self.alternatives} if self.needs_one else set()
        needed |= {name for name, member in self.fields.items() if member.required}
        # A misspelt member is missing under its right name.
        _refuse([n for n in unknown if nearest_hint(n, needed - {*detail})], known)
        self.check(detail)
        found: JSON = {}
        for name, member in self.fields.items():
            found |= member.read(name, detail)
        _refuse(unknown, known)
        return found

    def check(self, detail: JSON, where: str = "detail.") -> None:
        """Raise InvalidEventError where `alternatives` are not sent as they may be."""
        sent = [name for name in self.alternatives if detail.get(name) is not None]
        if len(sent) > 1:
            raise InvalidEventError(
                f"{where}{sent[-1]}", f"must not come with `{sent[0]}`", "Send one of the two"
            )
        if self.needs_one and not sent:
            either = " or ".join(f"`{name}`" for name in self.alternatives)
            name = where + self.alternatives[0]
            raise InvalidEventError(name, "is missing", f"Send {either}")


def _refuse(unknown: Sequence[str], known: Sequence[str]) -> None:
    """Raise InvalidEventError for the first unknown member."""
    for name in unknown[:1]:
        problem = f"must be a member that Keyward knows ({', '.join(known) or 'none'})"
        near = nearest_hint(name, known)
        remedy = f"{near}Rename it" if near else "Remove it"
        raise InvalidEventError(f"detail.{shown(name)}", problem, remedy)


_EXPIRY = time(iso, null=NEVER_EXPIRES)
_PLAN = text(MAX_PLAN, required=True)
_PLANS = {"plan": text(MAX_PLAN), "plans": texts(10, MAX_PLAN)}
_ONE_OF_PLANS = ("plan", "plans")
_REASON = text(256)
_KEY_ID = matching(KEY_ID, required=False, null=NO_KEY)

# About a customer: `customer_id` and, optionally, `occurred_at` come with each.
CUSTOMER_EVENTS: dict[str, EventIn] = {
    "CustomerSignedUp": EventIn(
        "creates a key in the plan, or in several",
        _PLANS
        | {"name": text(MAX_NAME), "description": text(MAX_TEXT)}
        | {"keys": number(1, MAX_KEYS, whole=True), "key_id": _KEY_ID}
        | {"tags": tags(), "expires_at": _EXPIRY},
        alternatives=_ONE_OF_PLANS,
        needs_one=True,
    ),
    "CustomerPlanChanged": EventIn(
        "moves the key to the plan, or gives a successor in it",
        _PLANS | {"key": choice("in_place", "successor"), "expires_at": _EXPIRY},
        alternatives=_ONE_OF_PLANS,
        needs_one=True,
    ),
    "PlanAdded": EventIn("puts the keys into one plan more", {"plan": _PLAN}),
    "PlanRemoved": EventIn("takes the keys out of one of their plans", {"plan": _PLAN}),
    "CustomerSuspended": EventIn("disables the keys", {"reason": _REASON}),
    "CustomerResumed": EventIn("enables the same keys", {"expires_at": _EXPIRY}),
    "CustomerClosed": EventIn("deletes the keys for good", {"reason": _REASON}, is_final=True),
    "CustomerExpiryChanged": EventIn(
        "changes when the keys stop, or that they never do",
        {"expires_at": time(iso, required=True, null=NEVER_EXPIRES)},
    ),
    "KeyRotationRequested": EventIn(
        "gives a successor, and retires the key after the overlap",
        {"overlap_hours": number(0, MAX_OVERLAP_HOURS), "reason": _REASON, "leaked": flag()},
    ),
    "QuotaExtensionRequested": EventIn(
        "allows more calls until the quota's period ends",
        {
            "by": number(1, MAX_CALLS, whole=True),
            "limit": number(1, MAX_CALLS, whole=True),
            "reason": _REASON,
        },
        alternatives=("by", "limit"),
    ),
    "PaymentFailed": EventIn("begins the ladder of an unpaid bill", {"subscription": text(128)}),
    "PaymentSucceeded": EventIn(
        "ends the ladder of an unpaid bill, of one subscription or of all",
        {"subscription": text(128)},
    ),
    "SubscriptionChanged": EventIn(
        "follows a subscription's plan, state and end",
        {
            "subscription": text(128, required=True),
            "state": choice(*STATES, required=True),
            "plan": text(MAX_PLAN),
            "ends_at": time(int),
        },
    ),
    "UndoRequested": EventIn(
        "undoes a plan change, suspension or rotation", {"what": choice(*WHAT)}
    ),
}

_PLACE = {"rest_api_id": matching(REST_API_ID), "stage": matching(STAGE)}
_HELD = _PLACE | {"fingerprint": matching(FINGERPRINT)}

# A person's decision about a stage.
DECISION_EVENTS: dict[str, EventIn] = {
    "DeploymentApproved": EventIn("publishes exactly what was held", _HELD),
    "DeploymentRejected": EventIn("keeps the hold, in silence, until the API changes", _HELD),
}
ROLLBACK_EVENT = "RollbackRequested"
ROLLBACK = EventIn("brings the deployment before Keyward's back, and holds the stage", _PLACE)

# A person's answer to what is held of an edit of the policy.
_MARK = {"fingerprint": matching(FINGERPRINT)}
POLICY_EVENTS: dict[str, EventIn] = {
    "PolicyApproved": EventIn("puts exactly what was held in force", _MARK),
    "PolicyRejected": EventIn("keeps the former policy, until the parameter changes", _MARK),
}

# A person's answer to removed records of customers that are held.
REMOVALS_EVENTS: dict[str, EventIn] = {
    "RemovalsApproved": EventIn("suspends the customers whose removed records are held"),
    "RemovalsRejected": EventIn("puts removed records of customers back that are held"),
}

EVENTS_IN: dict[str, EventIn] = CUSTOMER_EVENTS | DECISION_EVENTS | {ROLLBACK_EVENT: ROLLBACK}
EVENTS_IN |= POLICY_EVENTS | REMOVALS_EVENTS
# How many letters of a detail-type may be wrong for it to be taken for a mistake.
MOST_WRONG = 2

COMMON = {"customer_id": matching(CUSTOMER_ID), "occurred_at": time_text()}
# EventBridge's time of the envelope stands in where `occurred_at` is absent.
ENVELOPE_TIME = time_text(required=True)


def near_miss(detail_type: object) -> str | None:
    """Find the detail-type that a nearly right one means: the same but for case, spaces, `_` and
    `-`, or with at most two letters wrong, missing or too many."""
    if not isinstance(detail_type, str) or detail_type in EVENTS_IN:
        return None
    sent = letters_of(detail_type)
    wrong, name = min((distance(sent, letters_of(name), MOST_WRONG), name) for name in EVENTS_IN)
    return name if wrong <= MOST_WRONG else None


def is_unrelated(detail_type: object) -> bool:
    """Whether a detail-type is neither ours nor meant to be: other teams use the bus too."""
    if not isinstance(detail_type, str):
        return False
    return detail_type not in EVENTS_IN and near_miss(detail_type) is None


def listed(detail_type: object, events: Mapping[str, EventIn]) -> EventIn:
    """Look a detail-type up. Raises InvalidEventError, which names the nearest, or lists all."""
    found = events.get(detail_type) if isinstance(detail_type, str) else None
    near = near_miss(detail_type)
    if near:
        problem = f"must be {near}, got {shown(str(detail_type))}"
        raise InvalidEventError("detail-type", problem, "Send it again under that name")
    if found is None:
        problem = f"must be a detail-type that is taken here, got {redacted(detail_type)}"
        raise InvalidEventError("detail-type", problem, choices_hint(tuple(events)))
    return found


def members(detail_type: str) -> dict[str, Field]:
    """All members of a detail-type's `detail`, the common ones included."""
    common = COMMON if detail_type in CUSTOMER_EVENTS else {}
    return {**common, **EVENTS_IN[detail_type].fields}


def schema(detail_type: str) -> JSON:
    """The JSON Schema (draft 7) of a detail-type's `detail`, which has no other members."""
    # A function that checks an event needs no words about it.
    from keyward.events.member_words import MEANINGS_IN, described

    event, names = EVENTS_IN[detail_type], members(detail_type)
    found: JSON = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": detail_type,
        "description": f"`detail` of the event {detail_type}: {event.effect}.",
        "type": "object",
        "required": [name for name, member in names.items() if member.required],
        "properties": {
            name: described(member.json_schema(), MEANINGS_IN[name])
            for name, member in names.items()
        },
        "additionalProperties": False,
    }
    if event.alternatives:
        sent = {name: {"not": {"type": "null"}} for name in event.alternatives}
        found["not"] = {"required": list(event.alternatives), "properties": sent}
    if event.needs_one:
        found["anyOf"] = [
            {"required": [name], "properties": {name: {"not": {"type": "null"}}}}
            for name in event.alternatives
        ]
    return found
