"""Write the ledger's lines: who or what asked, what was done, the state before and after. Pure.

A line has named members only, so no key value can get into it. Lines of one subject
(`customer#acme`, `api#a1b2`) are in the order of time. The name of a line (`line`) comes from its
content, so that a replayed step writes the same line again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from keyward.aws.tables.ledger import NAMED, line_of, with_events
from keyward.customers.actions import ACTIONS
from keyward.customers.key import CREATED, DELETING, KeyRecord
from keyward.customers.key_item import key_item
from keyward.events.requester import AUDIT, CONSOLE, EVENT, RESUMED, UNASKED
from keyward.values import JSON

MAX_CHARACTERS = 1000
# Of a key record, what its history leaves out: times, and journals of what is about to be done.
UNRECORDED = {"customer_id", "record", "called", "reason", "tried_at", "attached_at", "created_at"}
UNRECORDED |= {"extended", "extending", "extending_to", "extending_for"}
UNRECORDED |= {"moving_to", "switching", "rotation", "overlap", "grace", "stays", "told_expiry"}
UNRECORDED |= {"due", "due_at", "by_hand", "fingerprint"}
UNRECORDED |= {"batch", "leaving", "awaited", "plans"}
# What an API's action changes, where the action itself does not say it.
CHANGES = {
    "attach_stage": ("not in the plan", "in the plan"),
    "require_key": ("asks for no key", "asks for a key"),
}
# What an announcement without actions says was done.
DONE = {
    "ApiHeld": "hold_stage",
    "ApiExposed": "report_exposure",
    "ApiWarned": "warn",
    "SourceOpen": "report_open_source",
}
NOT_DONE = ("ApiExposed", "ApiWarned", "ApiHeld")
FAILED = "fail"
CORRECT = "correct_record"


def requester_of_action(
    action: str, requester: JSON, record: JSON, by_hand: Iterable[str], begun: float
) -> JSON:
    """Who asked for an action of a run that `requester` had started at `begun` (epoch seconds).

    `record` is the customer's desired state, which names the event that each field came with;
    `by_hand` are the fields that a person put. A run starts over for what comes while it runs.
    """
    events = {name: e for name, e in (record.get("asked") or {}).items() if name not in by_hand}
    fields = [name for name in events if action not in ACTIONS or name in ACTIONS[action].answers]
    if not fields and requester == {"by": EVENT}:
        # A run that the table's stream started: its record says which event it was.
        fields = [*events]
    newest = max((events[name] for name in fields), key=_recorded_at, default=None)
    if newest and (requester["by"] == EVENT or _recorded_at(newest) >= begun):
        return {name: value for name, value in newest.items() if name != "recorded_at"}
    return requester


def asking_since(requester: JSON, begun: float, changed_at: int) -> float:
    """From when on (epoch seconds) an event counts as who asked for what a run does that began at
    `begun`. What the audit begins, or begins again, somebody may have asked for since Keyward
    `changed_at` a key last, in vain until now (`keyward stop`); so may whoever has no key yet."""
    waited = requester["by"] in (AUDIT, RESUMED)
    if waited or (requester["by"] in UNASKED and not changed_at):
        return min(begun, changed_at + 1)
    return begun


def key_line(
    task: Mapping[str, Any],
    before: KeyRecord | None,
    after: KeyRecord,
    now: float,
    reason: str | None = None,
    granted: Mapping[str, Any] | None = None,
) -> JSON | None:
    """What a run's `task` `{action, execution_arn, place?}` did with a key: the members of its
    record that changed, `before` None for one that was not there; None when nothing did, but for a
    correction, which tells what others did. `now` is epoch seconds; `granted` tells of an extension
    of the quota: the calls in `total`, and when its period ends."""
    was, is_now = _history_of(before), _history_of(after)
    changed = [name for name in was | is_now if was.get(name) != is_now.get(name)]
    action = task["action"]
    if not (changed or granted) and action["action"] != CORRECT:
        return None
    extension = {"granted": granted["total"]} if granted else {}
    return _line(
        f"customer#{after.customer_id}",
        now,
        task.get("execution_arn"),
        {
            "action": action["action"],
            "key": after.name,
            "before": {name: was[name] for name in changed if name in was},
            "after": {name: is_now[name] for name in changed if name in is_now} | extension,
            "until": granted["period_ends"] if granted else None,
            "reason": reason or action.get("reason") or after.reason,
            "asked": action.get("asked"),
        },
        int(task.get("place", 0)),
    )


def notice_line(task: Mapping[str, Any], now: float) -> JSON:
    """The line of a notice that a run's `task` announced."""
    action = task["action"]
    return _line(
        f"customer#{task['customer_id']}",
        now,
        task.get("execution_arn"),
        {"action": action["action"], "reason": action["notice"], "asked": action.get("asked")},
        int(task.get("place", 0)),
    )


def failed_line(
    subject: str, at: float, requester: JSON | None, announced: JSON, action: str = FAILED
) -> JSON:
    """The line of a run that failed, or (`action`) of an event that was refused, as `announced`
    tells it. `at` is when the step began (epoch seconds), so that a replay writes the same line."""
    detail = announced["detail"]
    members = {"action": action, "reason": detail["reason"], "stage": detail.get("stage")}
    line = _line(subject, at, detail.get("execution_arn"), members | {"asked": requester})
    return with_events([line], [announced], at)[0]


def api_lines(
    rest_api_id: str,
    announced: JSON,
    at: float,
    requester: JSON | None,
    deployed: Mapping[str, tuple[str, str]],
) -> list[JSON]:
    """The lines of what a run did for an API, one an action, by the announcement noted `at` (epoch
    seconds). `deployed` has by stage the deployment before and the one after."""
    detail_type, detail = announced["detail_type"], announced["detail"]
    actions = [] if detail_type in NOT_DONE else detail.get("actions") or []
    changes = [_change(action, deployed) for action in actions]
    if not changes:
        changes = [{"action": DONE.get(detail_type, FAILED), "reason": detail.get("reason")}]
    shared = {"stage": detail.get("stage"), "asked": requester}
    lines = [
        _line(f"api#{rest_api_id}", at, detail.get("execution_arn"), shared | one, order)
        for order, one in enumerate(changes)
    ]
    return with_events(lines, [announced], at)


def epoch_of(time: object) -> float:
    """Epoch seconds of a time in a state machine's context, 0 without one."""
    if isinstance(time, str) and time:
        return datetime.fromisoformat(time).timestamp()
    return float(time) if isinstance(time, int | float) else 0.0


def _change(action: JSON, deployed: Mapping[str, tuple[str, str]]) -> JSON:
    change: JSON = {name: action[name] for name in ("action", *NAMED) if action.get(name)}
    before, after = CHANGES.get(action["action"], (None, None))
    if action["action"] == "deploy_api":
        before, after = deployed.get(str(action.get("stage")), (None, None))
    if action["action"] == "roll_back_stage":
        after = action.get("deployment_id")
    return change | {"before": action.get("from", before), "after": action.get("to", after)}


def _line(
    subject: str, at: float, execution_arn: str | None, members: JSON, order: int | None = None
) -> JSON:
    members = members | {"asked": members.get("asked") or {"by": CONSOLE}}
    if members.get("reason"):
        members["reason"] = str(members["reason"])[:MAX_CHARACTERS]
    return line_of(subject, at, execution_arn, members, order)


def _history_of(record: KeyRecord | None) -> JSON:
    """The members that a key's history shows. A key in the making has none yet; a key that is being
    deleted still has them, until API Gateway has confirmed it."""
    if record is None or record.key_id is None:
        return {}
    confirmed = replace(record, state=CREATED) if record.state == DELETING else record
    item = key_item(confirmed) | ({"plan": ", ".join(record.plans)} if record.plans else {})
    # A key that has none of its tags is like one of which they are not known.
    return {n: value for n, value in item.items() if n not in UNRECORDED and value != {}}


def _recorded_at(requester: Mapping[str, Any]) -> float:
    return float(requester.get("recorded_at", 0))
