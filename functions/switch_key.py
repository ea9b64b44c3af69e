"""Switch key: API Gateway takes the key again, or refuses it from now on; it keeps its value. Or
its description and tags become those of the record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keyward.aws.gateway import Gateway
from keyward.customers.key import KeyRecord, Labels
from keyward.errors import NotFoundError
from keyward.runs import runtime
from keyward.runs.context import Context
from keyward.runs.keys.step import KeyStep, gone
from keyward.values import JSON


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Task input `{customer_id, lease, action, execution_arn}`, where `action` is
    `enable_key {number}`, `disable_key {number, reason?, retire?, grace?, replaced_by?}` or
    `label_key {number, description, tags}`; output `{number, enabled}`."""
    act = label_key if event["action"]["action"] == "label_key" else switch_key
    return act(event, runtime.context())


def switch_key(task: JSON, run: Context) -> JSON:
    """Enable or disable the key. Idempotent, 1 write, none when API Gateway confirmed it before.

    The record says so before the call: an unanswered call may have had an effect, which a later run
    has to know. Raises KeyGoneError, TryUnderwayError and what the gateway raises.
    """
    step = KeyStep.begin(task, run, run.policy)
    enabled = step.action["action"] == "enable_key"
    if not enabled and step.find() is None:
        # It was looked up, and had never been made.
        return {"number": step.number, "enabled": False}
    before = step.created_record()
    record = _switched(step, before, enabled)
    if not enabled:
        record = _disabled(record, step.action, step.now)
    elif record != before:
        record = replace(record, reason=None)
    if record != before:
        step.save(record)
    return {"number": step.number, "enabled": enabled}


def label_key(task: JSON, run: Context) -> JSON:
    """Write the description and the tags on the key: 1 write for each of them that differs.
    Idempotent. Tags that others set stay. Raises KeyGoneError and what the gateway raises."""
    step = KeyStep.begin(task, run)
    record = step.created_record()
    wanted = Labels(step.action["description"] or None, {**step.action["tags"]})
    current = record.labels or Labels(None, {})
    try:
        _label(str(record.key_id), current, wanted, run.gateway)
    except NotFoundError:
        raise gone(record) from None
    step.save(replace(record, labels=wanted))
    return {"number": step.number, "enabled": record.enabled}


def _label(key_id: str, labels: Labels, wanted: Labels, gateway: Gateway) -> None:
    if wanted.description != labels.description:
        gateway.describe_key(key_id, wanted.description or "")
    new = {n: value for n, value in wanted.tags.items() if labels.tags.get(n) != value}
    old = [name for name in labels.tags if name not in wanted.tags]
    if new:
        gateway.tag_key(key_id, new)
    if old:
        gateway.untag_key(key_id, old)


def _switched(step: KeyStep, record: KeyRecord, enabled: bool) -> KeyRecord:
    under_way = record.journal.enabled
    if record.enabled == enabled and under_way is None:
        return record
    # The opposite call may land after this one, and win.
    if under_way not in (None, enabled):
        step.check_landed(record, "enable or disable")
    journal = record.with_journal(enabled=enabled, started_at=step.now)
    step.save(journal)
    try:
        step.run.gateway.set_enabled(str(record.key_id), enabled)
    except NotFoundError:
        raise gone(record) from None
    return replace(journal, enabled=enabled, by_hand=None).with_journal(enabled=None)


def _disabled(record: KeyRecord, action: JSON, now: int) -> KeyRecord:
    """With why, and with the end of a key that is to `retire` now: it leaked, or is one too
    many."""
    record = replace(record, reason=action.get("reason") or record.reason)
    if not action.get("retire") or record.end.retire_at is not None:
        return record
    delete_at = now + int(action.get("grace", 0))
    by = action.get("replaced_by")
    return record.with_end(retire_at=now, delete_at=delete_at, replaced_by=by)
