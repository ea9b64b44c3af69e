"""Lines of the ledger as text: what was done, who asked for it, and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from keyward.aws.tables.ledger import NAMED
from keyward.events.requester import (
    AUDIT,
    CONSOLE,
    DRIFT,
    EVENT,
    LINK,
    POLICY,
    RECORD,
    RESUMED,
    SCHEDULE,
)

REQUESTERS = {
    CONSOLE: "a person, by the console or the CLI",
    SCHEDULE: "the schedule",
    AUDIT: "the audit",
    POLICY: "the policy in force",
    LINK: "whoever opened the one-time link",
    RECORD: "a record put into the Customers table",
    RESUMED: "an event that came to a run which was stopped",
}
# What an action did, in words; `{...}` are members of its line, and of what was there after it. Of
# several the first counts of which the line has all members.
WORDS: Mapping[str, str | tuple[str, ...]] = {
    "create_key": "made key {key} ({key_id})",
    "attach_key": "put key {key} into plan {plan}",
    "move_key": "moved key {key} into plan {plan}",
    "detach_key": "took key {key} out of plan {plan}",
    "enable_key": "enabled key {key}",
    "disable_key": "disabled key {key}",
    "delete_key": "deleted key {key}",
    "restore_key": "gave key {key} its place back",
    "adopt_key": "adopted key {key} ({key_id})",
    "label_key": "wrote description and tags of key {key}",
    "carry_quota_over": "carried the quota of key {key} over",
    "extend_quota": (
        "extended the quota of key {key} to {granted} calls until {until}",
        "extended the quota of key {key}",
    ),
    "announce_expiry": "told that key {key} ends soon",
    "announce": "announced",
    "announce_notice": "announced",
    "fail": ("failed on stage {stage}", "failed"),
    "refuse_event": "refused an event",
    "hold_stage": "held stage {stage}",
    "attach_stage": "put stage {stage} into plan {plan}",
    "leave_plan": "left plan {plan} as it was, without stage {stage}",
    "require_key": "had {method} {path} ask for a key",
    "deploy_api": "deployed stage {stage}",
    "drop_message": "dropped {what} from {queue} (message {message})",
    "resend_message": "sent {what} from {queue} again (message {message})",
    "stop_writes": "{after} (before: {before})",
    "start_writes": "{after} (before: {before})",
}


def history_lines(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """Two lines of text for a line of the ledger: what was done, and who asked."""
    return [text for line in lines for text in (_action(line), f"{'':22}{_requester(line)}")]


def _action(line: Mapping[str, Any]) -> str:
    text = _in_words(line) or _in_names(line)
    return f"{line['at']}  {text}" + (f" ({line['reason']})" if line.get("reason") else "")


def _in_words(line: Mapping[str, Any]) -> str | None:
    """The action as a person tells it; None for one without words, or whose members lack."""
    before, after = (line.get(name) for name in ("before", "after"))
    members, words = {**_mapping(before), **_mapping(after), **line}, WORDS.get(line["action"], ())
    for text in (words,) if isinstance(words, str) else words:
        with suppress(KeyError):
            return text.format_map(members)
    return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _in_names(line: Mapping[str, Any]) -> str:
    about = " ".join(str(line[name]) for name in NAMED if line.get(name))
    change = _change(line.get("before"), line.get("after"))
    parts = [str(line["action"]).replace("_", " "), about, change]
    return " ".join(part for part in parts if part)


def _change(before: Any, after: Any) -> str:
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        was, now = before or {}, after or {}
        names = sorted({*was, *now})
        return ", ".join(f"{name} {_change(was.get(name), now.get(name))}" for name in names)
    return "" if before is None and after is None else f"{_word(before)} -> {_word(after)}"


def _word(value: Any) -> str:
    return "-" if value is None else str(value)


def _requester(line: Mapping[str, Any]) -> str:
    requester = line["asked"]
    run = str(line.get("execution_arn") or "").rpartition(":")[2]
    ending = f"; run {run}" if run else ""
    if requester["by"] == DRIFT:
        return f"after a change by {requester.get('who', 'somebody')}{ending}"
    if requester["by"] != EVENT:
        who = f": {requester['who']}" if requester.get("who") else ""
        return f"asked by {REQUESTERS.get(requester['by'], requester['by'])}{who}{ending}"
    source = f" from {requester['source']}" if requester.get("source") else ""
    who = f", {requester['who']}" if requester.get("who") else ""
    event = f" (event {requester['event_id']})" if requester.get("event_id") else ""
    return f"asked by {requester.get('detail_type', 'an event')}{source}{who}{event}{ending}"
