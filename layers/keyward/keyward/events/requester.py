"""Who or what asked for an action: `asked` of a ledger's line, `caused_by` of an event out. Pure.

A requester is `{by}`, of an event also `{event_id, detail_type, source, who?}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keyward.events.contracts import announcement
from keyward.events.key_value import without_values
from keyward.values import JSON

# Who asked, when it was no event.
CONSOLE, SCHEDULE, AUDIT, RECORD, RESUMED = "console", "schedule", "audit", "record", "resumed"
# The policy in force, whoever set it.
POLICY = "policy"
EVENT = "event"
# Whoever opened a one-time link.
LINK = "link"
# Somebody changed a key on API Gateway, and Keyward saw it.
DRIFT = "drift"
# They start runs that nobody asked for.
UNASKED = (AUDIT, RESUMED, SCHEDULE, DRIFT)

# What of AWS, or of Keyward, stands behind a requester that is no event on the bus.
OTHER_CAUSES: Mapping[str, JSON] = {
    CONSOLE: {"detail_type": "Console run", "source": "aws.states"},
    SCHEDULE: {"detail_type": "Scheduled work", "source": "aws.scheduler"},
    AUDIT: {"detail_type": "Audit", "source": "keyward"},
    RECORD: {"detail_type": "Customers record", "source": "aws.dynamodb"},
    POLICY: {"detail_type": "Policy in force", "source": "keyward"},
    RESUMED: {"detail_type": "Resumed run", "source": "keyward"},
    LINK: {"detail_type": "One-time link", "source": "aws.lambda"},
}


def requester_from_event(envelope: Mapping[str, Any], **more: Any) -> JSON:
    """Who asked, from an event's EventBridge envelope: `{by, event_id, detail_type, source}`."""
    members = {
        "event_id": envelope.get("id"),
        "detail_type": envelope.get("detail-type"),
        "source": envelope.get("source"),
    }
    return {"by": EVENT} | {n: str(v)[:256] for n, v in (members | more).items() if v is not None}


def requester_of(task: JSON) -> JSON:
    """Who or what started a run, by its input: a person in the console, where nothing is said. A
    person may state any shape, which is not believed."""
    stated = task.get("asked")
    requester = stated if isinstance(stated, dict) else {}
    texts = {name: text for name, text in requester.items() if isinstance(text, str)}
    return dict(without_values(texts)) if "by" in texts else {"by": CONSOLE}


def caused_by(requester: Mapping[str, Any] | None) -> JSON | None:
    """`{event_id?, detail_type, source}` of a requester; None where it does not say enough."""
    named = requester or {}
    cause = {**OTHER_CAUSES.get(str(named.get("by")), {})}
    cause |= {n: named[n] for n in ("event_id", "detail_type", "source") if named.get(n)}
    return cause if {"detail_type", "source"} <= {*cause} else None


def requester_in(announced: JSON) -> JSON:
    """Read who asked for what an announcement tells from its `caused_by`; the schedule without
    one."""
    cause = announced["detail"].get("caused_by")
    if not cause:
        return {"by": SCHEDULE}
    kinds = [by for by, other in OTHER_CAUSES.items() if cause.items() >= other.items()]
    return {"by": kinds[0]} if kinds else {"by": EVENT} | cause


def with_cause(announced: JSON, requester: Mapping[str, Any] | None) -> JSON:
    """Add `caused_by` to the announcement, unless it has one."""
    detail = announced["detail"]
    cause = detail.get("caused_by") or caused_by(requester)
    return announcement(announced["detail_type"], **detail | {"caused_by": cause})
