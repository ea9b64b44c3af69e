"""Map a key record to an item of the Keys table, whose attributes are flat, and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from keyward.customers.key import End, Grant, Journal, KeyRecord, Quota, Succession
from keyward.values import JSON, checked


def key_item(key: KeyRecord) -> JSON:
    """The item: `record` is `key#<number>`; what is None has no attribute."""
    journal, succession, end, grant = key.journal, key.succession, key.end, key.journal.grant
    item = {
        "customer_id": key.customer_id,
        "record": f"key#{key.number}",
        "state": key.state,
        "key_id": key.key_id,
        "called": key.custom_name,
        "created_at": key.created_at,
        "plan": key.plan,
        "attached_at": key.attached_at,
        "enabled": key.enabled,
        "reason": key.reason,
        "tried_at": journal.started_at,
        "moving_to": journal.plan,
        "switching": journal.enabled,
        "extending": grant.calls if grant else None,
        "extending_to": grant.upto if grant else None,
        "extending_for": grant.period if grant else None,
        "refused": journal.refused,
        "rotation": succession.rotation,
        "replaces": succession.replaces,
        "overlap": succession.overlap,
        "grace": succession.grace,
        "cause": succession.cause,
        "replaced_by": end.replaced_by,
        "retire_at": end.retire_at,
        "delete_at": end.delete_at,
        "stays": end.keeps_plan,
        "told_days": end.notice_days,
        "told_expiry": end.notice_expiry,
        "extended": key.quota.extended,
        "granted": key.quota.granted,
    }
    return {name: value for name, value in item.items() if value is not None}


def key_of(item: Mapping[str, Any]) -> KeyRecord:
    """The record of an item. DynamoDB's numbers are decimals; all of ours are whole. Raises
    KeyError, TypeError and ValueError for an item that Keyward did not write."""
    of: JSON = {name: int(v) if isinstance(v, Decimal) else v for name, v in item.items()}
    key = KeyRecord(
        customer_id=of["customer_id"],
        number=int(of["record"].removeprefix("key#")),
        state=of["state"],
        key_id=of.get("key_id"),
        custom_name=of.get("called"),
        created_at=of.get("created_at"),
        plan=of.get("plan"),
        attached_at=of.get("attached_at"),
        enabled=of.get("enabled", True),
        reason=of.get("reason"),
        journal=_journal(of),
        succession=Succession(
            of.get("rotation", 0),
            of.get("replaces"),
            of.get("overlap", 0),
            of.get("grace", 0),
            of.get("cause"),
        ),
        end=End(
            of.get("replaced_by"),
            of.get("retire_at"),
            of.get("delete_at"),
            of.get("stays", False),
            of.get("told_days"),
            of.get("told_expiry"),
        ),
        quota=Quota(of.get("extended", 0), of.get("granted")),
    )
    return checked(key)


def _journal(of: JSON) -> Journal:
    calls, upto, period = (of.get(name) for name in ("extending", "extending_to", "extending_for"))
    grant = None if period is None else Grant(calls or 0, upto or 0, period)
    return Journal(
        of.get("tried_at", 0), of.get("moving_to"), of.get("switching"), grant, of.get("refused")
    )
