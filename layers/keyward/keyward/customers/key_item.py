"""Map a key record to its flat item in the Keys table, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from keyward.customers.key import DELETED, End, Grant, Journal, KeyRecord, Labels, Quota, Succession
from keyward.values import JSON, checked, stated

# The item's attribute by the field of each part of a record. Attributes of stored items stay.
RECORD = {
    "customer_id": "customer_id",
    "state": "state",
    "key_id": "key_id",
    "custom_name": "called",
    "created_at": "created_at",
    "attached_at": "attached_at",
    "enabled": "enabled",
    "reason": "reason",
    "by_hand": "by_hand",
    "adopted": "adopted",
    "fingerprint": "fingerprint",
}
# One plan stands as a text in `plan`, as it always did; several as a list in `plans`.
PLAN, PLANS = "plan", "plans"
AWAITED = "awaited"
NONE = ""
JOURNAL = {
    "started_at": "tried_at",
    "plan": "moving_to",
    "leaving": "leaving",
    "enabled": "switching",
    "refused": "refused",
    "batch": "batch",
}
GRANT = {"calls": "extending", "upto": "extending_to", "period": "extending_for"}
SUCCESSION = {name: name for name in ("rotation", "replaces", "overlap", "grace", "cause")}
END = {
    "replaced_by": "replaced_by",
    "retire_at": "retire_at",
    "delete_at": "delete_at",
    "keeps_plan": "stays",
    "notice_days": "told_days",
    "notice_expiry": "told_expiry",
}
LABELS = {"description": "description", "tags": "tags"}
QUOTA = {"extended": "extended", "granted": "granted", "spent": "spent"}

# The part of the table's index `due-index` that has the keys in their grace.
GRACE = "grace"


def key_item(key: KeyRecord) -> JSON:
    """The item: `record` is `key#<number>`; what is None has no attribute. `due` and `due_at` put a
    key in its grace into the index, and nothing reads them back."""
    parts = (
        (key, RECORD),
        (key.labels, LABELS),
        (key.journal, JOURNAL),
        (key.journal.grant, GRANT),
        (key.succession, SUCCESSION),
        (key.end, END),
        (key.quota, QUOTA),
    )
    item = {
        attribute: getattr(part, field)
        for part, attributes in parts
        if part is not None
        for field, attribute in attributes.items()
    }
    index: JSON = {"due": GRACE, "due_at": key.end.retire_at} if key.is_in_grace else {}
    plans: JSON = {PLANS: list(key.plans)} if len(key.plans) > 1 else {PLAN: key.plan}
    if key.journal.plan and not key.journal.leaving:
        plans["leaving"] = NONE
    item["spent"] = key.quota.spent or None
    plans[AWAITED] = list(key.journal.awaited) or None
    return stated({"record": f"key#{key.number}"} | item | plans | index)


def key_of(item: Mapping[str, Any]) -> KeyRecord:
    """The record of an item. DynamoDB's numbers are decimals; all of ours are whole. Raises
    KeyError, TypeError and ValueError for an item that Keyward did not write."""
    of: JSON = {name: int(v) if isinstance(v, Decimal) else v for name, v in item.items()}
    if "spent" in of:
        of["spent"] = {str(name): int(calls) for name, calls in of["spent"].items()}
    grant: JSON = {"calls": 0, "upto": 0} | _fields(of, GRANT)
    plans = of.get(PLANS) or ([of[PLAN]] if of.get(PLAN) else [])
    # The last edition wrote down only where a key was going: it left the plan that it was in.
    if plans and "moving_to" in of:
        of.setdefault("leaving", plans[0])
    if of.get("leaving") == NONE:
        del of["leaving"]
    key = KeyRecord(
        number=int(of["record"].removeprefix("key#")),
        plans=_texts(plans),
        labels=Labels(of.get("description"), of["tags"]) if "tags" in of else None,
        journal=Journal(
            grant=Grant(**grant) if "period" in grant else None,
            awaited=_texts(of.get(AWAITED, [])),
            **_fields(of, JOURNAL),
        ),
        succession=Succession(**_fields(of, SUCCESSION)),
        end=End(**_fields(of, END)),
        quota=Quota(**_fields(of, QUOTA)),
        **_fields(of, RECORD),
    )
    return checked(key)


def _texts(items: Any) -> tuple[str, ...]:
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise TypeError(f"plans: must be a list of texts, got {type(items).__name__}")
    return tuple(items)


def _fields(item: JSON, attributes: Mapping[str, str]) -> JSON:
    return {field: item[name] for field, name in attributes.items() if name in item}


def deleted_key_of(stone: JSON) -> KeyRecord:
    """The record of a deleted key, of which the tombstone kept the fingerprint."""
    return KeyRecord(
        stone["customer_id"],
        int(stone["number"]),
        DELETED,
        key_id=stone.get("key_id"),
        enabled=False,
        reason=stone.get("reason"),
        fingerprint=stone["fingerprint"],
        end=End(delete_at=int(stone["deleted_at"])),
    )
